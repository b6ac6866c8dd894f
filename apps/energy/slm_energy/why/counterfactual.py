"""A plan solved again with one thing changed: an hour forbidden or asked for, a car that leaves earlier."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import time
from typing import Any, Literal

from slm_core.errors import CouldNot
from slm_energy.plan.cost import peak_kw
from slm_energy.plan.model import Model, build
from slm_energy.plan.problem import Problem
from slm_energy.plan.schedule import Schedule
from slm_energy.plan.solve import run
from slm_energy.plan.switching import SWITCHING
from slm_energy.why.conflict import Conflict, Extra, explain_conflict
from slm_energy.why.parts import NOTHING_KW, Act, Part, Span, hours_of, local, mean, power

How = Literal["forbid", "force", "until"]

GAP = 1e-4  # of the solver, on both sides
SECONDS = 10.0
_MORE_KW = 0.2  # below this nothing is said to have moved


@dataclass(frozen=True)
class Counterfactual:
    """What came of the change.

    Args:
        how, act: what was changed, for which doing of the part.
        solved: whether there is a plan; where not, `conflict` says why.
        cost: money by which the plan becomes dearer; 0 where that is below what the solver tells apart.
        peak_kw: by which the highest power bought becomes higher.
        instead: the hour to which the part moves most of it; None where nothing moves.
    """

    how: How
    act: Act
    solved: bool
    cost: float = 0.0
    peak_kw: float = 0.0
    instead: Span | None = None
    conflict: Conflict | None = None


def forbid(schedule: Schedule, part: Part, act: Act, span: Span) -> Counterfactual:
    """Return what changes where the part may not do it in the span."""

    def still(model: Model) -> list[Any]:
        return [_variable(model, part, act)[span.first : span.last] == 0]

    return _of_part(schedule, part, "forbid", act, span, schedule.problem, still)


def force(schedule: Schedule, part: Part, act: Act, span: Span) -> Counterfactual:
    """Return what changes where the part has to do it in the span, as much as in its busiest hour.

    A part that does nothing in the plan does it at full power then, a battery at half.
    """
    kw = _usual_kw(schedule, part, act)

    def moved(model: Model) -> list[Any]:
        import cvxpy as cp

        wanted = _variable(model, part, act)[span.first : span.last]
        if part.kind == "load":  # it has to be on then, not throughout
            return [wanted[0] >= kw]
        return [cp.sum(wanted) >= kw * len(span.steps)]

    return _of_part(schedule, part, "force", act, span, schedule.problem, moved)


def until(schedule: Schedule, part: Part, span: Span) -> Counterfactual:
    """Return what changes where a car leaves, or the window of a load ends, at the beginning of the span."""
    at = local(schedule.problem, span.first).time().replace(tzinfo=None)
    problem = schedule.problem.with_site(_ends(schedule, part, at))
    return _of_part(schedule, part, "until", part.acts[0], span, problem, None)


def lower_peak(schedule: Schedule, kw: float) -> Counterfactual:
    """Return what changes where the peak has to be `kw` lower than it is in the plan."""
    assert schedule.cost is not None
    most = schedule.cost.peak_kw - kw
    if most <= 0:
        return Counterfactual("force", "run", solved=False)
    site = schedule.problem.site.model_copy(update={"peak_kw": most})
    return _again(schedule, "force", "run", schedule.problem.with_site(site))


def _ends(schedule: Schedule, part: Part, at: time) -> Any:
    site = schedule.problem.site
    if part.kind == "car":
        cars = [
            each.model_copy(update={"leaves": at}) if each.name == part.name else each for each in site.cars
        ]
        return site.model_copy(update={"cars": tuple(cars)})
    if part.kind == "load":
        loads = [
            each.model_copy(update={"latest": at}) if each.name == part.name else each
            for each in site.deferrables
        ]
        return site.model_copy(update={"deferrables": tuple(loads)})
    raise CouldNot(f"{part.name} has no end that could be earlier")


def _usual_kw(schedule: Schedule, part: Part, act: Act) -> float:
    site = schedule.problem.site
    if part.kind == "load":
        return next(each.kw for each in site.deferrables if each.name == part.name)
    if schedule.flows is not None:
        values = power(schedule.flows, part, act)
        hours = hours_of(schedule.problem, [True] * len(values))
        most = max(mean(values, hour) for hour in hours)
        if most > NOTHING_KW:
            return most
    if part.kind == "battery":
        assert site.battery is not None
        return 0.5 * min(site.battery.charge_kw, site.battery.discharge_kw)
    if part.kind == "car":
        return next(each.charge_kw for each in site.cars if each.name == part.name)
    return next(each.kw for each in site.rooms if each.name == part.name)


def _variable(model: Model, part: Part, act: Act) -> Any:
    if part.kind == "battery":
        return model.charge if act == "charge" else model.discharge
    return {"car": model.cars, "load": model.loads, "room": model.rooms}[part.kind][part.name]


def _of_part(
    schedule: Schedule, part: Part, how: How, act: Act, span: Span, problem: Problem, extra: Extra | None
) -> Counterfactual:
    model = _solved(problem, extra)
    found = _again(schedule, how, act, problem, extra, model)
    return replace(found, instead=_instead(schedule, model, part, act, span)) if found.solved else found


def _solved(problem: Problem, extra: Extra | None) -> Model:
    """Return the solved model; without its wish for few starts where that leaves none."""
    import cvxpy as cp

    for without in (frozenset[str](), frozenset({SWITCHING})):
        model = build(problem, without=without)
        added = extra(model) if extra else []
        model.problem = cp.Problem(model.problem.objective, [*model.problem.constraints, *added])
        status, _, said = run(model, seconds=SECONDS, gap=GAP)
        if status != "infeasible" or SWITCHING not in model.constraints:
            break
    if status == "failed":
        raise CouldNot(f"the changed plan could not be solved: {said}")
    return model


def _again(
    schedule: Schedule,
    how: How,
    act: Act,
    problem: Problem,
    extra: Extra | None = None,
    model: Model | None = None,
) -> Counterfactual:
    """Solve the changed problem and hold it against the plan."""
    assert schedule.cost is not None and schedule.flows is not None
    model = model or _solved(problem, extra)
    if model.buy.value is None:
        return Counterfactual(how, act, solved=False, conflict=explain_conflict(problem, extra, alone=False))
    worth = problem.end_value or 0.0
    was = schedule.cost.total - worth * schedule.flows.soc.values[-1]
    cost = float(model.cost.value) - worth * float(model.soc.value[-1]) - was
    # What is cheaper by no more than its starts is what the plan left for fewer of them.
    kept = float(model.switching.value)
    if abs(cost) <= 2 * GAP * abs(was) or (how == "forbid" and cost < 0) or -kept <= cost < 0:
        cost = 0.0
    peak = peak_kw(problem, [float(kw) for kw in model.buy.value]) - schedule.cost.peak_kw
    return Counterfactual(how, act, solved=True, cost=cost, peak_kw=peak)


def _instead(schedule: Schedule, model: Model, part: Part, act: Act, span: Span) -> Span | None:
    """Return the hour in which the part does most more than before, but for the span itself."""
    assert schedule.flows is not None
    was, now = power(schedule.flows, part, act), _variable(model, part, act).value
    more = [float(after) - before for after, before in zip(now, was, strict=True)]
    hours = [hour for hour in hours_of(schedule.problem, [True] * len(more)) if hour.first not in span.steps]
    best = max(hours, key=lambda hour: mean(more, hour), default=None)
    return best if best is not None and mean(more, best) > _MORE_KW else None
