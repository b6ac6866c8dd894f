"""A schedule recomputed in plain numbers, without the optimiser: what does not hold is named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil

from slm_energy.plan.cost import billing_windows, cost_of
from slm_energy.plan.limits import UNLIMITED_KW, end_kwh
from slm_energy.plan.problem import Problem
from slm_energy.plan.rooms import thermal
from slm_energy.plan.schedule import Cost, Flows
from slm_energy.plan.tasks import Run, runs, stays
from slm_energy.series import Series
from slm_energy.site import Battery, Car, Deferrable, Room

NEAR = 1e-3  # kW, kWh, K, or a thousandth of a large value: below what a meter tells apart


def violations(problem: Problem, flows: Flows, cost: Cost | None = None) -> tuple[str, ...]:
    """Return what flows break, one line each; none where they keep everything.

    Args:
        problem: with the limits.
        flows: to be checked, of a plan or of the hours without one.
        cost: what they are said to cost; None where nothing is said.
    """
    found = list(_shapes(problem, flows))
    if found:
        return tuple(found)
    found += [*_balance(problem, flows), *_grid(problem, flows)]
    if problem.site.battery is not None:
        found += _battery(problem, problem.site.battery, flows)
    elif any(flows.charge.values) or any(flows.discharge.values):
        found.append("there is no battery, yet it moves")
    for car in problem.site.cars:
        found += _car(problem, car, flows.cars[car.name].values)
    for load in problem.site.deferrables:
        found += _load(problem, load, flows.loads[load.name].values)
    for room in problem.site.rooms:
        found += _room(problem, room, flows)
    if cost is not None and not _same(cost.total, cost_of(problem, flows).total):
        found.append(f"cost: {cost.total:g} is said, {cost_of(problem, flows).total:g} comes out")
    return tuple(found)


def _same(one: float, other: float) -> bool:
    return abs(one - other) <= NEAR * max(1.0, abs(one), abs(other))


def _above(value: float, most: float) -> bool:
    return value > most + NEAR * max(1.0, abs(most))


def _all(flows: Flows) -> Iterator[Series]:
    yield from (flows.buy, flows.sell, flows.pv_used, flows.charge, flows.discharge, flows.soc)
    for kind in (flows.cars, flows.loads, flows.rooms, flows.temperature):
        yield from kind.values()


def _shapes(problem: Problem, flows: Flows) -> Iterator[str]:
    wanted = (problem.start, problem.step, len(problem.load))
    for series in _all(flows):
        if (series.start, series.step, len(series)) != wanted:
            yield f"{series.name} has other steps than the problem"
    site = problem.site
    for kind, named in (("cars", site.cars), ("loads", site.deferrables), ("rooms", site.rooms)):
        if set(getattr(flows, kind)) != {part.name for part in named}:
            yield f"{kind}: other names than the site has"


def _balance(problem: Problem, flows: Flows) -> Iterator[str]:
    signed = set(map(id, flows.temperature.values()))
    for series in _all(flows):
        if id(series) not in signed and min(series.values) < -NEAR:
            yield f"{series.name} is below zero"
    parts = [*flows.cars.values(), *flows.loads.values(), *flows.rooms.values()]
    for step, load in enumerate(problem.load.values):
        used = load + flows.charge.values[step] + sum(part.values[step] for part in parts)
        given = flows.pv_used.values[step] + flows.discharge.values[step]
        if not _same(flows.buy.values[step] - flows.sell.values[step], used - given):
            yield f"step {step}: what comes in is not what is used"
        if min(flows.buy.values[step], flows.sell.values[step]) > NEAR:
            yield f"step {step}: buys and sells at once"
        if _above(flows.pv_used.values[step], max(0.0, problem.pv.values[step])):
            yield f"step {step}: more from the panels than they give"


def _grid(problem: Problem, flows: Flows) -> Iterator[str]:
    site = problem.site
    if site.import_kw < UNLIMITED_KW and _above(max(flows.buy.values), site.import_kw):
        yield f"grid.import: {max(flows.buy.values):.3f} kW > {site.import_kw:g} kW"
    if site.export_kw < UNLIMITED_KW and _above(max(flows.sell.values), site.export_kw):
        yield f"grid.export: {max(flows.sell.values):.3f} kW > {site.export_kw:g} kW"
    for step, most in enumerate(problem.request.values if problem.request else ()):
        if _above(flows.buy.values[step], most):
            yield f"grid.request: step {step}: {flows.buy.values[step]:.3f} kW > {most:g} kW"
    if site.peak_kw is None:
        return
    for steps in billing_windows(problem):
        mean = sum(flows.buy.values[step] for step in steps) / len(steps)
        if _above(mean, site.peak_kw):
            yield f"grid.peak: step {steps[0]}: {mean:.3f} kW > {site.peak_kw:g} kW"


def _battery(problem: Problem, battery: Battery, flows: Flows) -> Iterator[str]:
    at, hours = problem.soc_start_kwh, problem.load.hours
    low = min(battery.reserve * battery.capacity_kwh, at)
    high = max(battery.full * battery.capacity_kwh, at)
    least = min(end_kwh(problem, battery), high)
    for step, (into, out, said) in enumerate(
        zip(flows.charge.values, flows.discharge.values, flows.soc.values, strict=True)
    ):
        at += hours * (battery.charge_efficiency * into - out / battery.discharge_efficiency)
        if not _same(at, said):
            yield f"step {step}: the battery holds {at:.3f} kWh, {said:.3f} is said"
        if _above(at, high) or at < low - NEAR * max(1.0, low):
            yield f"step {step}: the battery holds {at:.3f} kWh, out of {low:g} to {high:g}"
        if _above(into, battery.charge_kw) or _above(out, battery.discharge_kw):
            yield f"battery.power: step {step}"
        if min(into, out) > NEAR:
            yield f"step {step}: charges and discharges at once"
    if problem.end_value is None and at < least - NEAR * max(1.0, least):
        yield f"battery.end: {at:.3f} kWh < {least:g} kWh"


def _car(problem: Problem, car: Car, power: Sequence[float]) -> Iterator[str]:
    found, hours = stays(problem, car), problem.load.hours
    for step, kw in enumerate(power):
        present = sum(stay.share[step] for stay in found)
        if _above(kw, car.charge_kw * present):
            yield f"car.{car.name}.power: step {step}"
        planned = car.name not in problem.site.safety
        if planned and NEAR < kw < car.least_kw * present - NEAR:
            yield f"{car.name}: step {step}: {kw:.3f} kW is below what its charger can"
    for stay in found:
        inside = [kw for kw, share in zip(power, stay.share, strict=True) if share > 0]
        got = sum(inside) * hours * car.efficiency
        if got < stay.least_kwh - NEAR * max(1.0, stay.least_kwh):
            yield f"car.{car.name}.energy: {got:.3f} kWh < {stay.least_kwh:g} kWh"
        if _above(got, stay.most_kwh):
            yield f"{car.name}: {got:.3f} kWh > {stay.most_kwh:g} kWh"


def _load(problem: Problem, load: Deferrable, power: Sequence[float]) -> Iterator[str]:
    left = [kw / load.kw for kw in power]
    for run in runs(problem, load):
        if load.unbroken:
            ran = _piece(run, left)
        else:
            ran = run.steps if _enough(run.steps, run.hours, left, problem) else None
        if ran is None:
            yield f"load.{load.name}: does not run {run.hours:g} h in its window"
        for step in ran or ():
            left[step] = 0.0
    if any(abs(share) > NEAR for share in left):
        yield f"load.{load.name}.window: runs outside of it"


def _piece(run: Run, left: Sequence[float]) -> Sequence[int] | None:
    for start in run.starts:
        steps = range(start, min(len(left), start + len(run.profile)))
        if all(abs(left[step] - share) <= NEAR for step, share in zip(steps, run.profile, strict=False)):
            return steps
    return None


def _enough(steps: Sequence[int], hours: float, left: Sequence[float], problem: Problem) -> bool:
    on = [left[step] for step in steps if left[step] > NEAR]
    need = hours / problem.load.hours
    return _same(sum(on), need) and len(on) <= ceil(need - NEAR) and all(share <= 1 + NEAR for share in on)


def _room(problem: Problem, room: Room, flows: Flows) -> Iterator[str]:
    found, power = thermal(problem, room), flows.rooms[room.name].values
    path, said = found.path(power), flows.temperature[room.name].values
    for step, (kw, at, told) in enumerate(zip(power, path, said, strict=True)):
        low, high = found.low[step], found.high[step]
        if not _same(at, told):
            yield f"{room.name}: step {step}: {at:.3f} °C, {told:.3f} is said"
        if _above(kw, room.kw):
            yield f"room.{room.name}.power: step {step}"
        if (low is not None and at < low - NEAR) or (high is not None and at > high + NEAR):
            yield f"room.{room.name}.comfort: step {step}: {at:.3f} °C"
