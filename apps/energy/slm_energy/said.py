"""A sentence in both languages, so that neither is forgotten."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Said:
    """The same sentence in Korean and English."""

    ko: str
    en: str

    def of(self, lang: str) -> str:
        """Return it in one language; what is not Korean is English."""
        return self.ko if lang == "ko" else self.en

    def filled(self, **facts: object) -> Said:
        """Return it with its holes filled."""
        return Said(self.ko.format(**facts), self.en.format(**facts))
