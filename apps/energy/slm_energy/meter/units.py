"""Units as headers and messages write them, with the factor to ours."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

Kind = Literal["power", "energy", "temperature", "fahrenheit", "irradiance", "share", "price"]
_KINDS: tuple[Kind, ...] = ("power", "energy", "temperature", "fahrenheit", "irradiance", "share")
_OURS = {
    "power": "kW",
    "energy": "kWh",
    "temperature": "°C",
    "fahrenheit": "°C",
    "irradiance": "W/m2",
    "share": "",
}
_BRACKETS = re.compile(r"[(\[（](?P<unit>[^()\[\]（）]*)[)\]）]\s*$")
_TAIL = re.compile(r"(?:^|[ _.-])(?P<unit>[kmg]?wh?|kwh|degc|℃|°c)$", re.IGNORECASE)


@dataclass(frozen=True)
class Unit:
    """A unit.

    Args:
        name: as it was written.
        kind: what it measures.
        factor: to ours.
        ours: the unit after conversion: kW (also for energy within a step), °C, W/m2, `원/kWh`.
    """

    name: str
    kind: Kind
    factor: float
    ours: str

    def convert(self, value: float) -> float:
        """Return a value in our unit: kWh for energy."""
        return (value - 32) / 1.8 if self.kind == "fahrenheit" else value * self.factor


def find_unit(text: str) -> Unit | None:
    """Return a unit by its name, or None where there is none such."""
    plain = re.sub(r"\s+", "", text).lower()
    known = _table()
    for kind in _KINDS:
        if plain in known[kind]:
            return Unit(text.strip(), kind, float(known[kind][plain]), _OURS[kind])
    return _price(plain, text.strip())


def header_unit(name: str) -> Unit | None:
    """Return the unit that the name of a column ends with: `사용량(kWh)`, `load_kw`, `Pricing [$/kWh]`."""
    found = _BRACKETS.search(name) or _TAIL.search(name.strip())
    return find_unit(found["unit"]) if found else None


def without_unit(name: str) -> str:
    """Return the name of a column as it is compared: lower case, no unit, no spaces, `_` and `-`."""
    bare = _TAIL.sub("", _BRACKETS.sub("", name).strip())
    return re.sub(r"[\s_.-]+", "", bare or name).lower()


def _price(plain: str, name: str) -> Unit | None:
    known = _table()
    money, slash, energy = plain.partition("/")
    if not slash or money not in known["currency"] or f"/{energy}" not in known["price"]:
        return None
    currency, factor = known["currency"][money]
    return Unit(name, "price", factor * known["price"][f"/{energy}"], f"{currency}/kWh")


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "units.toml").read_text(encoding="utf-8"))
