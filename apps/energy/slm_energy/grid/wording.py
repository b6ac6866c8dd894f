"""How elements, numbers and steps are written, in Korean and English."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from slm_energy.grid.network import Element, Lang

_PLACES = {"pu": 3, "%": 1, "Mvar": 3, "tap": 0, "id": 0, "count": 0, "times": 2}


@dataclass(frozen=True)
class Wording:
    """The words of one language."""

    lang: Lang

    def __getitem__(self, key: str) -> str:
        found: str = _table()[self.lang][key]
        return found

    def of(self, group: str, key: str) -> str:
        """Return a word of a group; what the group lacks stays as it is."""
        return str(_table()[self.lang][group].get(key, key))

    def element(self, element: Element) -> str:
        """Return an element with its id and, where it has one of its own, its name: `line 9 (Line 3-4)`."""
        named = element.name if element.name != str(element.id) else ""
        return f"{self.of('kind', element.kind)} {element.id}" + (f" ({named})" if named else "")


def number(value: float, unit: str) -> str:
    """Return a value as it is written: 0.947, 111.8, 4 significant digits of MW, whole counts."""
    if unit == "MW":
        places = 4 if value == 0 else 3 - math.floor(math.log10(abs(value)))
        return _plain(f"{value:.{min(6, max(0, places))}f}")
    places = _PLACES[unit]
    shown = f"{value:,.{places}f}" if unit == "count" else f"{value:.{places}f}"
    return _plain(shown) if unit in ("times", "Mvar") else shown


def _plain(shown: str) -> str:
    shown = shown.rstrip("0").rstrip(".") if "." in shown else shown
    return "0" if shown == "-0" else shown


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "words.toml").read_text(encoding="utf-8"))
