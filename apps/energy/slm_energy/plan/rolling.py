"""Plans that follow each other: each looks some hours ahead, only its first steps are carried out.

What a plan leaves in the battery at its end is worth something, or it would empty it there. Here one kWh is
worth what it costs to put it back at the cheapest price ahead, and nothing where the sun will refill it
anyway (`worth_of_charge`): the marginal value of stored energy, the "water value" of hydro scheduling
(Stage and Larsson 1961, Pereira and Pinto 1991). The plan then gives energy away only where that saves more
than refilling costs. The further the horizon, the less this matters: it is long enough when the first
decisions are the same for an empty and for a full battery at its end (Prat et al. 2024, arXiv:2411.17463);
two days are for a battery that is cycled daily.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from datetime import time as clock
from math import ceil

from slm_energy.plan.baseline import baseline, flows_of
from slm_energy.plan.cost import cost_of, export_prices, peak_kw
from slm_energy.plan.following import follow
from slm_energy.plan.limits import end_kwh
from slm_energy.plan.problem import Problem
from slm_energy.plan.schedule import Cost, Flows, Schedule
from slm_energy.plan.solve import solve
from slm_energy.plan.switching import running_in
from slm_energy.plan.windows import windows
from slm_energy.site import Room, Site

Expect = Callable[[int, int], Problem]
_SITE = ("buy", "sell", "pv_used", "charge", "discharge", "soc")
_PARTS = ("cars", "loads", "rooms", "temperature")


@dataclass(frozen=True)
class Rolled:
    """What came of plans that followed each other.

    Args:
        flows, cost: of what happened, not of what was planned.
        plans: how many were made.
        by_rule: steps for which there was no plan, so that the rule of self-consumption held.
    """

    flows: Flows
    cost: Cost
    plans: int
    by_rule: int


def worth_of_charge(problem: Problem) -> tuple[float, str]:
    """Return the worth of one kWh left in the battery at the end, and why."""
    battery = problem.site.battery
    if battery is None:
        return 0.0, "there is no battery"
    day = min(len(problem.load), round(timedelta(days=1) / problem.step))
    last = zip(problem.pv.values[-day:], problem.load.values[-day:], strict=True)
    surplus = sum(max(0.0, pv - load) for pv, load in last) * problem.load.hours
    usable = (battery.full - battery.reserve) * battery.capacity_kwh
    if surplus * battery.charge_efficiency >= usable / 2 and max(export_prices(problem)) <= 0:
        return 0.0, f"the sun refills it for nothing: {surplus:.1f} kWh of surplus on the last day ahead"
    cheapest = max(0.0, min(problem.price.values))
    worth = cheapest / battery.charge_efficiency
    return worth, f"refilling costs {cheapest:g} a kWh at the cheapest hour ahead"


def next_plan(problem: Problem, previous: Schedule | None = None, *, seconds: float = 10.0) -> Schedule:
    """Return the plan that follows another one.

    What the problem does not say (charge, temperatures, what the windows that run have had) is taken from
    where the previous plan meant to be by then; measured values in the problem go first. The charge at its
    end is worth something instead of fixed, unless the site says what it must be.
    """
    if previous is not None and previous.flows is not None:
        problem = carried(problem, previous.problem, previous.flows)
    battery = problem.site.battery
    if problem.end_value is None and battery is not None and battery.end is None:
        problem = replace(problem, end_value=worth_of_charge(problem)[0])
    return solve(problem, seconds=seconds)


def carried(problem: Problem, earlier: Problem, flows: Flows) -> Problem:
    """Return a problem with what earlier flows left behind at its start, where it does not say so itself."""
    steps = earlier.steps_to(problem.start)
    if not 0 <= steps <= len(earlier.load):
        return problem
    soc = flows.soc.values[steps - 1] if steps else earlier.soc_kwh
    site = problem.site.model_copy(
        update={"rooms": tuple(_warm(room, flows, steps) for room in problem.site.rooms)}
    )
    done = {**done_by(earlier, flows, steps), **problem.done}
    running = problem.running or (running_in(flows, steps - 1) if steps else earlier.running)
    if problem.soc_kwh is not None or problem.site.battery is None:
        soc = problem.soc_kwh
    return replace(problem, site=site, soc_kwh=soc, done=done, running=running)


def done_by(earlier: Problem, flows: Flows, steps: int) -> dict[str, float]:
    """Return by name what the window that runs after so many steps has had: kWh of a car, hours of a load."""
    site, at = earlier.site, earlier.load.at(steps)
    found = {}
    for car in site.cars:
        kwh = [kw * earlier.load.hours * car.efficiency for kw in flows.cars[car.name].values[:steps]]
        found[car.name] = _within(earlier, car.name, (car.arrives, car.leaves), kwh, at)
    for load in site.deferrables:
        hours = [kw / load.kw * earlier.load.hours for kw in flows.loads[load.name].values[:steps]]
        found[load.name] = _within(earlier, load.name, (load.earliest, load.latest), hours, at)
    return {name: amount for name, amount in found.items() if amount > 0}


def roll(actual: Problem, expect: Expect, *, horizon: int, every: int, seconds: float = 10.0) -> Rolled:
    """Plan, carry out, and plan again until the hours are over.

    The last plans reach the end of the hours; there the charge that the problem asks for holds.

    Args:
        actual: what turns out, with the charge at the start.
        expect: what is expected when a plan is made, by the number of its first step and how many it sees.
        horizon: steps that a plan sees. every: steps of it that are carried out.
        seconds: for one plan.
    """
    count, site_values = len(actual.load), {name: list[float]() for name in _SITE}
    parts = {kind: {name: list[float]() for name in _names(actual.site, kind)} for kind in _PARTS}
    plans = by_rule = 0
    for first in range(0, count, every):
        seen = min(horizon, count - first)
        state = _so_far(actual, site_values, parts, first)
        asked = _asked(actual, expect(first, seen), state, last=first + seen == count)
        now = replace(
            actual.part(first, min(every, seen)), soc_kwh=state.soc_kwh, done=state.done, site=asked.site
        )
        plan = solve(asked, seconds=seconds)
        plans += 1
        if plan.flows is None:
            by_rule += len(now.load)
        happened = baseline(now) if plan.flows is None else follow(plan.flows, now)
        _append(site_values, parts, happened)
    kinds = {kind: parts[kind] for kind in ("cars", "loads", "rooms")}
    flows = flows_of(actual, site_values, kinds, parts["temperature"])
    return Rolled(flows, cost_of(actual, flows), plans, by_rule)


def _asked(actual: Problem, expected: Problem, state: Problem, *, last: bool) -> Problem:
    site = state.site
    asked = replace(
        expected,
        site=site,
        soc_kwh=state.soc_kwh,
        done=state.done,
        running=state.running,
        peak_so_far_kw=state.peak_so_far_kw,
    )
    if not last:
        return replace(asked, end_value=worth_of_charge(asked)[0])
    if site.battery is not None and actual.end_value is None:
        end = end_kwh(actual, site.battery) / site.battery.capacity_kwh
        asked = replace(
            asked, site=site.model_copy(update={"battery": site.battery.model_copy(update={"end": end})})
        )
    return replace(asked, end_value=actual.end_value)


def _so_far(
    actual: Problem,
    site: Mapping[str, list[float]],
    parts: Mapping[str, Mapping[str, list[float]]],
    first: int,
) -> Problem:
    """Return how things stand after `first` steps, as a problem of one step (of all where none is past)."""
    if first == 0:
        return replace(actual, soc_kwh=actual.soc_start_kwh)
    # No window is longer than a day, so that the last day says all.
    kept = max(0, first - ceil(timedelta(hours=26) / actual.step))
    past = replace(actual.part(kept, first - kept), done={} if kept else actual.done)
    late = {kind: {name: values[kept:] for name, values in named.items()} for kind, named in parts.items()}
    warm = late.pop("temperature")
    flows = flows_of(past, {name: values[kept:] for name, values in site.items()}, late, warm)
    ahead = replace(actual.part(first, 1), soc_kwh=None, done={}, running=frozenset())
    rooms = tuple(room.model_copy(update={"now": None}) for room in actual.site.rooms)
    peak = peak_kw(actual.part(0, first), site["buy"])
    ahead = replace(ahead, peak_so_far_kw=max(actual.peak_so_far_kw, peak))
    return carried(ahead.with_site(actual.site.model_copy(update={"rooms": rooms})), past, flows)


def _warm(room: Room, flows: Flows, steps: int) -> Room:
    if room.now is not None or not steps or room.name not in flows.temperature:
        return room
    return room.model_copy(update={"now": flows.temperature[room.name].values[steps - 1]})


def _within(
    problem: Problem, name: str, hours: tuple[clock, clock], amounts: Sequence[float], at: datetime
) -> float:
    for window in windows(problem, *hours):
        if window.begin < at < window.end:
            inside = [a for a, share in zip(amounts, window.share, strict=False) if share > 0]
            return sum(inside) + (problem.done.get(name, 0.0) if window.running else 0.0)
    return 0.0


def _names(site: Site, kind: str) -> list[str]:
    found = {
        "cars": [car.name for car in site.cars],
        "loads": [load.name for load in site.deferrables],
    }
    return found.get(kind, [room.name for room in site.rooms])


def _append(
    site: Mapping[str, list[float]], parts: Mapping[str, Mapping[str, list[float]]], happened: Flows
) -> None:
    for name, values in site.items():
        values.extend(getattr(happened, name).values)
    for kind, named in parts.items():
        for name, values in named.items():
            values.extend(getattr(happened, kind)[name].values)
