"""What to do without a new plan: the last good one as far as it reaches, then the rule. It always says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from slm_energy.plan.baseline import baseline, flows_of
from slm_energy.plan.check import violations
from slm_energy.plan.cost import cost_of
from slm_energy.plan.following import follow
from slm_energy.plan.problem import Problem
from slm_energy.plan.rolling import carried
from slm_energy.plan.schedule import Flows, Schedule
from slm_energy.said import Said
from slm_energy.series import Series

_KINDS = ("cars", "loads", "rooms", "temperature")
_SITE = ("buy", "sell", "pv_used", "charge", "discharge", "soc")
LATE = Said("계획이 제때 나오지 않음", "the plan did not come in time")
DOWN = Said("계획 프로그램이 멈춤", "the planner is down")
_FAILED = {
    "infeasible": Said("모든 제한을 지키는 계획이 없음", "no plan keeps every limit"),
    "failed": Said("계획 계산에 실패함", "the solver failed"),
}


@dataclass(frozen=True)
class Fallback:
    """A schedule to follow when there is no new one.

    Args:
        schedule: the new plan itself where it is good, else of status `fallback`.
        reason: what was done and why; None where the new plan is good.
        until: end of what the last plan still says; None where only the rule is left.
    """

    schedule: Schedule
    reason: Said | None
    until: datetime | None = None


def is_good(schedule: Schedule | None) -> bool:
    """Whether somebody may follow it: solved, and every limit recomputed in plain numbers."""
    if schedule is None or schedule.flows is None or schedule.status not in ("optimal", "feasible"):
        return False
    return not violations(schedule.problem, schedule.flows, schedule.cost)


def failed(schedule: Schedule) -> Said:
    """Return why a schedule has no flows."""
    return _FAILED.get(schedule.status, DOWN)


def safe(problem: Problem, new: Schedule | None, last: Schedule | None, why: Said | None = None) -> Fallback:
    """Return what to follow for the hours of a problem.

    Args:
        problem: the hours ahead, with charge and temperatures as they are.
        new: the plan that was just made; None where there is none.
        last: the last good one.
        why: there is no new plan (`LATE`, `DOWN`); None takes the reason from `new`.
    """
    if new is not None and is_good(new):
        return Fallback(new, None)
    cause = why or (failed(new) if new else DOWN)
    steps = _reach(problem, last)
    if last is None or last.flows is None or steps == 0:
        flows = baseline(problem)
        gone = _too_old(problem, last)
        return Fallback(_fallback(problem, flows, cause), _said(cause, gone))
    problem = carried(problem, last.problem, last.flows)
    flows = _joined(problem, last.problem, last.flows, steps)
    until, whole = problem.load.at(steps), steps == len(problem.load)
    clock = _clock(problem, until)
    ko = f"{clock}까지 마지막 안전 계획" + ("을 따름" if whole else ", 그 뒤는 기본 규칙")
    en = f"the last safe plan holds until {clock}" + ("" if whole else ", then the rule")
    return Fallback(_fallback(problem, flows, cause), _said(cause, Said(ko, en)), until)


def _reach(problem: Problem, last: Schedule | None) -> int:
    """Return for how many steps of a problem an older schedule still says something."""
    if last is None or not is_good(last) or last.problem.step != problem.step:
        return 0
    past = last.problem.steps_to(problem.start)
    if past < 0 or last.problem.load.at(past) != problem.start or _parts(problem) != _parts(last.problem):
        return 0
    return max(0, min(len(problem.load), len(last.problem.load) - past))


def _parts(problem: Problem) -> tuple[object, ...]:
    """Return what must be the same for an old plan to fit: the parts and what they draw."""
    site = problem.site
    rooms = tuple(room.model_copy(update={"now": None}) for room in site.rooms)
    return (site.battery, site.cars, site.deferrables, rooms)


def _joined(problem: Problem, earlier: Problem, planned: Flows, steps: int) -> Flows:
    first = earlier.steps_to(problem.start)
    near = problem.part(0, steps)
    old = follow(part_of(planned, first, steps), near)
    if steps == len(problem.load):
        return old
    rest = carried(
        replace(problem.part(steps, len(problem.load) - steps), soc_kwh=None, done={}, running=frozenset()),
        near,
        old,
    )
    return _appended(problem, old, baseline(rest))


def part_of(flows: Flows, first: int, count: int) -> Flows:
    """Return some of the steps of flows, from number `first` on."""

    def cut(named: Mapping[str, Series]) -> dict[str, Series]:
        return {name: series.from_step(first, first + count) for name, series in named.items()}

    whole = cut({name: getattr(flows, name) for name in _SITE})
    return Flows(**whole, **{kind: cut(getattr(flows, kind)) for kind in _KINDS})  # type: ignore[arg-type]


def _appended(problem: Problem, old: Flows, new: Flows) -> Flows:
    def both(first: Mapping[str, Series], then: Mapping[str, Series]) -> dict[str, tuple[float, ...]]:
        return {name: (*first[name].values, *then[name].values) for name in first}

    site = both({name: getattr(old, name) for name in _SITE}, {name: getattr(new, name) for name in _SITE})
    parts = {kind: both(getattr(old, kind), getattr(new, kind)) for kind in _KINDS}
    warm = parts.pop("temperature")
    return flows_of(problem, site, parts, warm)


def _fallback(problem: Problem, flows: Flows, cause: Said) -> Schedule:
    before, battery = baseline(problem), problem.site.battery
    if battery is not None and battery.end is None:
        problem = replace(
            problem, end_value=0.0
        )  # "as at the start" is how a plan is made, not what a site needs
    broken = "; ".join(violations(problem, flows)[:5])
    found = Schedule(problem, "fallback", before, cost_of(problem, before), flows, cost_of(problem, flows))
    return replace(found, said=cause.en + (f"; not kept: {broken}" if broken else ""))


def _too_old(problem: Problem, last: Schedule | None) -> Said:
    rule = Said("기본 규칙(자가소비)을 따름", "the rule (self-consumption) holds")
    if last is None:
        return Said(f"안전 계획이 없어 {rule.ko}", f"there is no safe plan, {rule.en}")
    if last.problem.load.end <= problem.start:
        end = _clock(problem, last.problem.load.end)
        ko, en = f"마지막 안전 계획은 {end}에 끝나", f"the last safe plan ended {end}"
    else:
        ko, en = "마지막 안전 계획은 이 사이트에 맞지 않아", "the last safe plan does not fit this site"
    return Said(f"{ko} {rule.ko}", f"{en}, {rule.en}")


def _clock(problem: Problem, moment: datetime) -> str:
    return f"{moment.astimezone(ZoneInfo(problem.site.zone)):%m-%d %H:%M}"


def _said(cause: Said, what: Said) -> Said:
    return Said(f"{cause.ko}: {what.ko}", f"{cause.en}: {what.en}")
