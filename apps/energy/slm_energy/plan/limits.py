"""The limits that can make a plan impossible, by name, and the same problem with some of them relaxed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from math import ceil
from typing import Any

from slm_core.errors import UserError, did_you_mean
from slm_energy.plan.problem import Limit, Problem
from slm_energy.plan.rooms import start_of
from slm_energy.site import Battery, Car, Deferrable, Room, Site

UNLIMITED_KW = 1e6  # what site.py puts where the connection has no limit
_DAY_H = 24.0


def limits(problem: Problem) -> tuple[Limit, ...]:
    """Return every limit that can make the problem infeasible; ids are stable."""
    site = problem.site
    found = _grid(site)
    if problem.request is not None and min(problem.request.values) < UNLIMITED_KW:
        found.append(Limit("grid.request", "grid", min(problem.request.values), "kW", "raise"))
    if site.battery is not None:
        found += _battery(problem, site.battery)
    for car in site.cars:
        found += [
            Limit(f"car.{car.name}.energy", car.name, car.needs_kwh, "kWh", "lower"),
            Limit(f"car.{car.name}.power", car.name, car.charge_kw, "kW", "raise"),
        ]
    for load in site.deferrables:
        found += [
            Limit(f"load.{load.name}.window", load.name, window_hours(load), "h", "raise"),
            Limit(f"load.{load.name}.hours", load.name, load.hours, "h", "lower"),
        ]
    for room in site.rooms:
        comfort = (room.low, "lower") if room.mode == "heat" else (room.high, "raise")
        found += [
            Limit(f"room.{room.name}.comfort", room.name, comfort[0], "°C", comfort[1]),  # type: ignore[arg-type]
            Limit(f"room.{room.name}.power", room.name, room.kw, "kW", "raise"),
        ]
    return tuple(found)


def end_kwh(problem: Problem, battery: Battery) -> float:
    """Return the least energy that the battery must hold at the end: by default as at the start."""
    return problem.soc_start_kwh if battery.end is None else battery.end * battery.capacity_kwh


def window_hours(load: Deferrable) -> float:
    """Return the length of a load's daily window in hours of the clock."""
    day = date(2000, 1, 1)
    length = datetime.combine(day, load.latest) - datetime.combine(day, load.earliest)
    return (length / timedelta(hours=1)) % _DAY_H or _DAY_H


def size(problem: Problem, limit: Limit) -> float:
    """Return what counts as one natural unit of a limit: its own value; for comfort the width of the band.

    What hangs on hardware or a contract (power, connection) weighs ten times: a person can wait for a car,
    and cannot have a stronger charger by tonight.
    """
    owner, _, what = limit.id.rpartition(".")
    if what == "comfort":
        return next(r.high - r.low for r in problem.site.rooms if f"room.{r.name}" == owner)
    value = max(limit.value, 0.1)
    return value / 10 if what in ("import", "export", "request", "power") else value


def apply(problem: Problem, amounts: Mapping[str, float]) -> Problem:
    """Return the problem with limits relaxed by so much each, in the limit's own unit; `relaxed` says so.

    Raises:
        UserError: there is no such limit, or an amount is negative.
    """
    known = {limit.id: limit for limit in limits(problem)}
    for name, amount in amounts.items():
        if name not in known:
            raise UserError(
                f"no limit {name!r}", expected="one of the plan's", mend=did_you_mean(name, known)
            )
        if not amount >= 0:
            raise UserError(f"{name}: a limit is relaxed by {amount}", expected="0 or more")
        if name == "grid.request" and problem.request is not None:
            raised = problem.request.with_values([kw + amount for kw in problem.request.values])
            problem = replace(problem, request=raised)
        else:
            problem = replace(problem, site=_relaxed(problem, name, amount))
    relaxed = {**problem.relaxed}
    for name, amount in amounts.items():
        relaxed[name] = relaxed.get(name, 0.0) + amount
    return replace(problem, relaxed=relaxed)


def _grid(site: Site) -> list[Limit]:
    given = [
        ("import", site.import_kw if site.import_kw < UNLIMITED_KW else None),
        ("export", site.export_kw if site.export_kw < UNLIMITED_KW else None),
        ("peak", site.peak_kw),
    ]
    return [Limit(f"grid.{what}", "grid", value, "kW", "raise") for what, value in given if value is not None]


def _battery(problem: Problem, battery: Battery) -> list[Limit]:
    power = min(battery.charge_kw, battery.discharge_kw)
    found = [Limit("battery.power", battery.name, power, "kW", "raise")]
    if problem.end_value is None:
        found.insert(0, Limit("battery.end", battery.name, end_kwh(problem, battery), "kWh", "lower"))
    return found


def _relaxed(problem: Problem, name: str, amount: float) -> Site:
    site = problem.site
    owner, _, what = name.rpartition(".")
    kind, _, part = owner.partition(".")
    if kind == "grid":
        key = f"{what}_kw"
        return site.model_copy(update={key: getattr(site, key) + amount})
    if kind == "battery":
        assert site.battery is not None
        return site.model_copy(update={"battery": _relaxed_battery(problem, site.battery, what, amount)})
    key = {"car": "cars", "load": "deferrables", "room": "rooms"}[kind]
    parts = [_relaxed_part(each, what, amount) if each.name == part else each for each in getattr(site, key)]
    return site.model_copy(update={key: tuple(parts)})


def _relaxed_battery(problem: Problem, battery: Battery, what: str, amount: float) -> Battery:
    if what == "end":
        end = max(0.0, end_kwh(problem, battery) - amount)
        return battery.model_copy(update={"end": end / battery.capacity_kwh})
    power = {key: getattr(battery, key) + amount for key in ("charge_kw", "discharge_kw")}
    return battery.model_copy(update=power)


def _relaxed_part(part: Car | Deferrable | Room, what: str, amount: float) -> Any:
    if isinstance(part, Car):
        if what == "energy":
            return part.model_copy(update={"needs_kwh": max(0.0, part.needs_kwh - amount)})
        return part.model_copy(update={"charge_kw": part.charge_kw + amount})
    if isinstance(part, Deferrable):
        if what == "hours":
            return part.model_copy(update={"hours": max(0.0, part.hours - amount)})
        return part.model_copy(update={"latest": _later(part, amount)})
    if what == "power":
        return part.model_copy(update={"kw": part.kw + amount})
    side = {"low": part.low - amount} if part.mode == "heat" else {"high": part.high + amount}
    # Where nobody measured, the room starts in the middle of its band: of the one that was meant.
    return part.model_copy(update=side | {"now": start_of(part)})


def _later(load: Deferrable, amount_h: float) -> Any:
    """Return the end of the window, later by whole minutes, at most a day after its beginning."""
    minutes = ceil(amount_h * 60 - 1e-3)
    length = timedelta(hours=min(_DAY_H, window_hours(load) + minutes / 60))
    return (datetime.combine(date(2000, 1, 1), load.earliest) + length).time()
