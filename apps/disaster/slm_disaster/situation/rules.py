"""Rules for sensors as data: thresholds with unit, source and validity, and units converted by code."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from slm_core.errors import did_you_mean
from slm_disaster.schema import Hazard

Measure = Literal["value", "rise", "sum", "stuck", "silent"]


class Rule(BaseModel):
    """One rule of sensors.toml; `at` and `clear` are in `unit`, `minutes` is the window looked at."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(min_length=1, max_length=60)
    kind: str
    measure: Measure
    at: float
    clear: float | None = None
    unit: str = ""
    minutes: float = Field(default=0, ge=0)
    severity: int = Field(default=0, ge=0, le=3)
    hazard: Hazard | None = None
    sensors: tuple[str, ...] = ()
    gas: str = ""
    ko: str
    en: str
    source: str
    valid_from: date
    valid_to: date | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kind != "quake" and (self.unit or self.measure in ("value", "rise", "sum")):
            dimension(self.unit)
        if self.measure != "value" and self.minutes <= 0:
            raise ValueError(f"rule {self.id}: measure {self.measure} needs minutes")
        if self.clear is not None and self.clear > self.at:
            raise ValueError(f"rule {self.id}: clear {self.clear} lies above at {self.at}")
        return self

    def holds_for(self, kind: str, sensor: str, gas: str, day: date) -> bool:
        """Whether the rule is meant for a sensor on a day."""
        fits = self.kind in ("*", kind) and (not self.sensors or sensor in self.sensors)
        valid = self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)
        return fits and valid and (not self.gas or self.gas == gas.casefold())


@dataclass(frozen=True)
class Quantity:
    """A value in the base unit of its dimension, or why it is none, in Korean and English."""

    value: float = 0.0
    dimension: str = ""
    refused_ko: str = ""
    refused: str = ""


def rules() -> tuple[Rule, ...]:
    """Return the rules that come with the package."""
    return _packaged()


def convert(kind: str, value: float, unit: str) -> Quantity:
    """Return a reading in the base unit of its dimension; what cannot be is refused with a clear reason."""
    table = _table()
    allowed: Mapping[str, Any] | None = table["kinds"].get(kind)
    if allowed is None:
        known = ", ".join(table["kinds"])
        return _refused(
            f"모르는 센서 종류 {kind!r} (아는 것: {known})",
            f"unknown kind of sensor {kind!r}; known are {known}",
        )
    name = table["units_of"].get(kind, {}).get(spelling(unit), spelling(unit))
    if name not in table["units"] or table["units"][name][0] not in allowed:
        known = ", ".join(each for each, (dim, *_) in table["units"].items() if dim in allowed)
        given = (f"{kind} 센서의 단위가 아님: {unit!r}", f"{unit!r} is no unit of a {kind} sensor")
        ko, en = given if unit else ("단위가 없음", "no unit is given")
        return _refused(f"{ko} (아는 것: {known})", f"{en}; known are {known}")
    dim, factor, offset = table["units"][name]
    base = value * factor + offset
    low, high = allowed[dim]
    if not low <= base <= high:
        span = f"{low:g} ~ {high:g} {base_unit(dim)}"
        return _refused(f"{value:g} {unit}: 있을 수 없는 값 ({span})", f"{value:g} {unit} cannot be ({span})")
    return Quantity(base, dim)


def _refused(ko: str, en: str) -> Quantity:
    return Quantity(refused_ko=ko, refused=en)


def in_base(value: float, unit: str, *, difference: bool = False) -> float:
    """Return a figure of a rule in the base unit; a difference has no offset (a rise of 15 °F is 8.3 °C)."""
    _, factor, offset = _table()["units"][spelling(unit)]
    return float(value * factor + (0 if difference else offset))


def dimension(unit: str) -> str:
    """Return what a unit measures.

    Raises:
        ValueError: there is no such unit.
    """
    units = _table()["units"]
    if spelling(unit) not in units:
        near = did_you_mean(unit, units)
        raise ValueError(f"unknown unit {unit!r}; {near or 'known are ' + ', '.join(units)}")
    return str(units[spelling(unit)][0])


def base_unit(dim: str) -> str:
    """Return the unit in which values of a dimension are kept."""
    return next(
        str(name)
        for name, (each, factor, offset) in _table()["units"].items()
        if each == dim and (factor, offset) == (1, 0)
    )


def spelling(unit: str) -> str:
    """Return the unit as the table writes it."""
    plain = unit.strip()
    spellings: dict[str, str] = _table()["spellings"]
    return spellings.get(plain, spellings.get(plain.casefold(), plain))


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "sensors.toml").read_text(encoding="utf-8"))


@cache
def _packaged() -> tuple[Rule, ...]:
    return tuple(Rule.model_validate(each) for each in _table()["rule"])
