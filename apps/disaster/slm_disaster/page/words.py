"""The words of the page in one language; what the situation report has words for comes from there."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from slm_core.ui.frame import Lang
from slm_disaster.alerts.message import KST
from slm_disaster.alerts.wording import guidance
from slm_disaster.situation.brief import brief_words
from slm_disaster.situation.notes import noted


@dataclass(frozen=True)
class Words:
    """Words by key: `words["approve"]`, `words.of("order", "evacuation")`."""

    lang: Lang

    def __getitem__(self, key: str) -> str:
        found: str = _table(self.lang)[key]
        return found

    def of(self, group: str, key: str) -> str:
        """Return the word of a group, or the key in plain letters where the group lacks it."""
        table: Mapping[str, Any] = _table(self.lang)
        return str(table[group].get(key, key.replace("_", " ")))

    def note(self, said: str) -> str:
        """Return what our code notes of a draft in this language."""
        return noted(said, self.lang, self.of)

    def hazard(self, name: str) -> str:
        """Return the name of a hazard."""
        entry = guidance()["hazard"].get(name)
        return str((entry or {}).get(self.lang) or _table(self.lang)["hazard"].get(name, name))

    def clock(self, time: datetime) -> str:
        """Return a moment in Korean time."""
        return f"{time.astimezone(KST):%m-%d %H:%M:%S}"


@cache
def _table(lang: Lang) -> dict[str, Any]:
    own = tomllib.loads((Path(__file__).parent / "words.toml").read_text(encoding="utf-8"))[lang]
    brief: dict[str, Any] = brief_words()[lang]
    fields = {key: brief[key] for key in ("dead", "missing", "injured", "level")}
    # `status` is a group in the one and a word in the other.
    return {
        **{key: value for key, value in brief.items() if key != "status"},
        **own,
        "standing": brief["status"],
        "order": brief["orders"],
        "field": {**fields, **own["field"]},
    }
