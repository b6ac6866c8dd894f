"""The runtime parameters that EMHASS takes with a plan, read from JSON.

EMHASS passes over a key that it does not know; here that is an error, and so is a list of the wrong length.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from math import isfinite
from pathlib import Path
from typing import Any, TypeVar

from slm_core.errors import UserError, did_you_mean

MAX_BYTES = 1_000_000
MAX_STEPS = 10_000
WHERE = "EMHASS runtime parameters"
_WATTS = 1000.0
_T = TypeVar("_T")


@dataclass(frozen=True)
class Grid:
    """The steps that a plan has: its start with a zone, the length of a step, and how many there are."""

    start: datetime
    step: timedelta
    steps: int


@dataclass(frozen=True)
class Runtime:
    """What was given; None where it was not. Power is kW, shares lie within 0 and 1.

    Args:
        horizon: number of steps; the length of every series.
        pv_kw, load_kw: one value a step. price, sell_price: per kWh.
        soc_init, soc_final: charge at start and end. soc_target: least charge after step `soc_target_step`.
        peak_kw: highest mean power of this billing period so far.
        soc_least, soc_most, charge_kw, discharge_kw: of the battery.
        loads: number of deferrable loads; the tuples have one value for each.
        load_kw_each, load_steps_each, load_from_each, load_until_each: power, steps that each runs, the first
            step it may run in, and the step before which it must have run (0: the end).
    """

    horizon: int
    pv_kw: tuple[float, ...] | None = None
    load_kw: tuple[float, ...] | None = None
    price: tuple[float, ...] | None = None
    sell_price: tuple[float, ...] | None = None
    soc_init: float | None = None
    soc_final: float | None = None
    soc_target: float | None = None
    soc_target_step: int | None = None
    peak_kw: float | None = None
    soc_least: float | None = None
    soc_most: float | None = None
    charge_kw: float | None = None
    discharge_kw: float | None = None
    loads: int | None = None
    load_kw_each: tuple[float, ...] | None = None
    load_steps_each: tuple[int, ...] | None = None
    load_from_each: tuple[int, ...] | None = None
    load_until_each: tuple[int, ...] | None = None


def read_runtime(text: str | bytes, grid: Grid, loads: int = 0, where: str = WHERE) -> Runtime:
    """Read runtime parameters.

    Args:
        text: a JSON object.
        grid: the steps of the plan, which `prediction_horizon` may shorten or lengthen.
        loads: how many deferrable loads the site has, where `number_of_deferrable_loads` does not say.
        where: what an error names.

    Raises:
        UserError: no JSON object, an unknown key, a wrong length, a value out of its range.
    """
    found = _parse(text, where)
    for key in found:
        _check_key(key, where)
    reader = _Reader(found, grid, loads, where)
    if "operating_hours_of_each_deferrable_load" in found and (
        "operating_timesteps_of_each_deferrable_load" in found
    ):
        raise reader.fault(
            "operating_timesteps_of_each_deferrable_load", "hours are given too", "one of the two"
        )
    if "soc_target_timestep" in found and "soc_target" not in found:
        raise reader.fault("soc_target_timestep", "there is no soc_target", "both or neither")
    return reader.runtime()


class _Reader:
    """Takes one value after another out of the object."""

    def __init__(self, found: Mapping[str, Any], grid: Grid, loads: int, where: str) -> None:
        self.found, self.where = found, where
        self.horizon = self.number("prediction_horizon", 1, MAX_STEPS, whole=True) or grid.steps
        self.grid = Grid(grid.start, grid.step, int(self.horizon))
        given = self.number("number_of_deferrable_loads", 0, 1000, whole=True)
        self.loads = loads if given is None else int(given)
        self.given_loads = None if given is None else int(given)

    def runtime(self) -> Runtime:
        """Return all of it."""
        return Runtime(
            horizon=self.grid.steps,
            pv_kw=self.series("pv_power_forecast", _WATTS, least=0.0),
            load_kw=self.series("load_power_forecast", _WATTS),
            price=self.series("load_cost_forecast", 1.0),
            sell_price=self.series("prod_price_forecast", 1.0),
            soc_init=self.share("soc_init"),
            soc_final=self.share("soc_final"),
            soc_target=self.share("soc_target"),
            soc_target_step=_whole(self.number("soc_target_timestep", 0, self.grid.steps - 1, whole=True)),
            peak_kw=_kw(self.number("current_period_peak", 0, 1e9)),
            soc_least=self.share("battery_minimum_state_of_charge"),
            soc_most=self.share("battery_maximum_state_of_charge"),
            charge_kw=_kw(self.number("battery_charge_power_max", 0, 1e9)),
            discharge_kw=_kw(self.number("battery_discharge_power_max", 0, 1e9)),
            loads=self.given_loads,
            load_kw_each=self.each("nominal_power_of_deferrable_loads", lambda value: value / _WATTS),
            load_steps_each=self.each("operating_timesteps_of_each_deferrable_load", int, whole=True)
            or self.each("operating_hours_of_each_deferrable_load", self.steps),
            load_from_each=self.each("start_timesteps_of_each_deferrable_load", int, whole=True),
            load_until_each=self.each("end_timesteps_of_each_deferrable_load", int, whole=True),
        )

    def fault(self, key: str, what: str, expected: str, mend: str | None = None) -> UserError:
        """Return the error of a key."""
        return UserError(f"{key}: {what}", where=self.where, expected=expected, mend=mend)

    def steps(self, hours: float) -> int:
        """Return the hours as steps."""
        steps = hours * timedelta(hours=1) / self.grid.step
        if abs(steps - round(steps)) > 1e-6:
            raise self.fault(
                "operating_hours_of_each_deferrable_load", f"{hours:g} h is no whole number of steps",
                f"multiples of {self.grid.step / timedelta(hours=1):g} h",
            )  # fmt: skip
        return round(steps)

    def number(self, key: str, least: float, most: float, *, whole: bool = False) -> float | None:
        """Return a number within its range, or None where it is not given."""
        return self.within(key, self.found[key], least, most, whole=whole) if key in self.found else None

    def share(self, key: str) -> float | None:
        """Return a share of 1."""
        value: Any = self.found.get(key)
        if _is_number(value) and 1 < value <= 100:
            mend = f"give {value / 100:g}"
            raise self.fault(key, f"{value:g} looks like percent", "a share of 0 to 1", mend)
        return self.number(key, 0, 1)

    def within(self, key: str, value: Any, least: float, most: float, *, whole: bool = False) -> float:
        """Return the value as a number.

        Raises:
            UserError: it is none or lies elsewhere.
        """
        kind = "a whole number" if whole else "a number"
        if not _is_number(value) or not least <= value <= most or (whole and value != int(value)):
            said = json.dumps(value, ensure_ascii=False)[:60]
            raise self.fault(key, f"{said} does not fit", f"{kind} from {least:g} to {most:g}")
        return float(value)

    def each(self, key: str, read: Callable[[float], _T], *, whole: bool = False) -> tuple[_T, ...] | None:
        """Return a list with one value for each deferrable load."""
        if key not in self.found:
            return None
        given = self.found[key]
        if not isinstance(given, list) or len(given) != self.loads:
            said = f"{len(given)} values" if isinstance(given, list) else "no list"
            raise self.fault(key, said, f"a list of {self.loads} values, one for each deferrable load")
        checked = (self.within(f"{key}[{n}]", value, 0, 1e9, whole=whole) for n, value in enumerate(given))
        return tuple(read(value) for value in checked)

    def series(self, key: str, divisor: float, least: float = -1e9) -> tuple[float, ...] | None:
        """Return one value a step, from a list or from times and values."""
        given = self.found.get(key)
        if key not in self.found:
            return None
        if isinstance(given, dict):
            given = self.held(key, given, least)
        if not isinstance(given, list) or len(given) != self.grid.steps:
            said = f"{len(given)} values" if isinstance(given, list) else "no list"
            minutes = self.grid.step / timedelta(minutes=1)
            raise self.fault(key, said, f"{self.grid.steps} values, one for each step of {minutes:g} minutes")
        return tuple(self.within(f"{key}[{n}]", value, least, 1e9) / divisor for n, value in enumerate(given))

    def held(self, key: str, given: Mapping[str, Any], least: float) -> list[float]:
        """Return the mean of the points of each step; a step without one keeps what was before."""
        points = sorted(
            (self.time(key, at), self.within(f"{key}[{at}]", value, least, 1e9))
            for at, value in given.items()
        )
        start = self.grid.start.astimezone(UTC)
        held: float | None = None
        inside: dict[int, list[float]] = {}
        for at, value in points:
            if at < start:
                held = value
            else:
                inside.setdefault((at - start) // self.grid.step, []).append(value)
        values: list[float] = []
        for number in range(self.grid.steps):
            here = inside.get(number)
            held = sum(here) / len(here) if here else held
            if held is None:
                what = "the first steps have no value"
                raise self.fault(key, what, f"a time at or before {start.isoformat()}")
            values.append(held)
        return values

    def time(self, key: str, said: str) -> datetime:
        """Return a time in UTC."""
        try:
            time = datetime.fromisoformat(said)
        except ValueError:
            time = datetime.min
        if time.tzinfo is None:
            raise self.fault(key, f"{said[:40]!r} is no time with a zone", "2026-01-01T00:00:00+09:00")
        return time.astimezone(UTC)


def _parse(text: str | bytes, where: str) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"{twice[0][:60]} stands there twice")
        return dict(pairs)

    def refuse(constant: str) -> Any:
        raise ValueError(f"{constant} is no number")

    if len(text) > MAX_BYTES:
        raise UserError(f"{len(text):,} bytes", where=where, expected=f"at most {MAX_BYTES:,}")
    try:
        found = json.loads(text, object_pairs_hook=once, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise UserError(f"cannot be parsed: {error}", where=where, expected="a JSON object") from error
    if not isinstance(found, dict):
        raise UserError("is no object", where=where, expected='{"load_cost_forecast": [...], ...}')
    return found


@cache
def _keys() -> dict[str, dict[str, str]]:
    found = tomllib.loads((Path(__file__).parent / "runtime.toml").read_text(encoding="utf-8"))
    return {"taken": found["taken"], "not_taken": found["not_taken"]}


def _check_key(key: str, where: str) -> None:
    taken, not_taken = _keys()["taken"], _keys()["not_taken"]
    if key in not_taken:
        raise UserError(
            f"{key}: EMHASS has it, it means nothing here", where=where, mend=f"use {not_taken[key]}"
        )
    if key not in taken:
        raise UserError(
            f"unknown key {key[:60]!r}",
            where=where,
            expected="see docs/energy-protocols.md",
            mend=did_you_mean(key, taken),
        )


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return isfinite(value)
    except OverflowError:
        return False


def _kw(watts: float | None) -> float | None:
    return None if watts is None else watts / _WATTS


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
