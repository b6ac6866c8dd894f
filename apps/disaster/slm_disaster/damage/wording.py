"""How numbers, money, places and times are written in a report, in Korean and English."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from slm_disaster.alerts.message import KST
from slm_disaster.alerts.romanised import romanised_place
from slm_disaster.damage.figures import Series
from slm_disaster.damage.row import GRADES

_WON = {"KRW": "원", "USD": "달러", "EUR": "유로", "JPY": "엔", "CNY": "위안", "GBP": "파운드"}


@dataclass(frozen=True)
class Wording:
    """The words of one language: `words["title"]`, `words.sentence("counted", ...)`."""

    lang: str

    def __getitem__(self, key: str) -> str:
        found: str = _table()[self.lang][key]
        return found

    def of(self, group: str, key: str) -> str:
        """Return a word of a group; what the group lacks stays as it is."""
        return str(_table()[self.lang][group].get(key, key))

    def sentence(self, key: str, **parts: str) -> str:
        """Return a sentence with its parts."""
        template: str = _table()[self.lang]["s"][key]
        return template.format(**parts)

    def counted(self, kind: str, number: int) -> str:
        """Return a number with what it counts: `1 row`, `2 rows`, `2행`."""
        one, many = _table()[self.lang]["of_counted"][kind]
        return str(one if number == 1 else many).format(n=f"{number:,}")

    def grades(self) -> dict[int, str]:
        """Return the names of the classes."""
        return {grade: self.of("grade", str(grade)) for grade in GRADES}

    def money(self, currency: str, amount: Decimal) -> str:
        """Return an amount with its currency, no digit lost."""
        shown = f"{amount:,f}"
        shown = shown.rstrip("0").rstrip(".") if "." in shown else shown
        return f"{shown}{_WON.get(currency, currency)}" if self.lang == "ko" else f"{currency} {shown}"

    def facility(self, kind: str) -> str:
        """Return the name of a kind of facility."""
        return self.of("of_facility", kind) if kind else self["not_said"]

    def place(self, name: str) -> str:
        """Return a place; for English readers in Latin letters beside the Korean name."""
        if not name:
            return self["not_said"]
        if self.lang == "ko" or name.isascii():
            return name
        romanised = romanised_place(name)
        return name if romanised == name else f"{romanised} ({name})"

    def note(self, text: str) -> str:
        """Return a note, its fixed words in this language."""
        for english, own in _table()[self.lang]["of_note"].items():
            text = text.replace(english, own)
        return text

    def people(self, counts: Mapping[str, int]) -> str:
        """Return counts of people: `사망 3명, 세대 12세대`."""
        parts = []
        for field, number in counts.items():
            kind = "household" if field == "households" else "person"
            name = "" if kind == "household" and self.lang == "ko" else f"{self.of('of_people', field)} "
            parts.append(f"{name}{self.counted(kind, number)}")
        return ", ".join(parts)

    def bucket(self, start: datetime, series: Series) -> str:
        """Return an hour or day of a series."""
        local = start.astimezone(KST)
        if series.step == "day":
            return f"{local:%Y-%m-%d}"
        return f"{local:%Y-%m-%d} {local.hour}시" if self.lang == "ko" else f"{local:%Y-%m-%d %H}:00"


def clock(time: datetime, *, day_only: bool = False) -> str:
    """Return a time in Korea."""
    local = time.astimezone(KST)
    return f"{local:%Y-%m-%d}" if day_only else f"{local:%Y-%m-%d %H:%M}"


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "words.toml").read_text(encoding="utf-8"))
