"""The words of the page in one language, and how it writes money, power and moments."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from slm_core.ui.frame import Lang
from slm_energy.why.wording import rounded, shown


@dataclass(frozen=True)
class Words:
    """Words by key: `words["resolve"]`, `words.of("phase", "sent")`."""

    lang: Lang

    def __getitem__(self, key: str) -> str:
        found: str = _table()[self.lang][key]
        return found

    def of(self, group: str, key: str) -> str:
        """Return the word of a group, or the key in plain letters where the group lacks it."""
        table: Mapping[str, Any] = _table()[self.lang]
        return str(table[group].get(key, key.replace("_", " ")))

    def amount(self, value: float, unit: str, *, signed: bool = False) -> str:
        """Return a number with its unit as it is read: `1,234원`, `-3.0 kW`; what is no amount is a dash."""
        if value != value:
            return "–"
        number = rounded(value, unit)
        sign = "-" if number < 0 else "+" if signed and number > 0 else ""
        return sign + shown(number, unit, self.lang)

    def clock(self, at: datetime) -> str:
        """Return a moment in the zone that it carries."""
        return f"{at:%m-%d %H:%M}"


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "words.toml").read_text(encoding="utf-8"))
