"""Why there is no plan: the limits that cannot all be kept, and by how little to relax which of them.

A conflict is a minimal set: together these limits leave no plan, without any one of them the rest of the set
does. It is found by an elastic filter (each round the limits that must be passed are taken into the set and
made hard, until nothing is left) followed by a deletion filter (each limit is tried to be left out), after
J. W. Chinneck, "Feasibility and Infeasibility in Optimization" (Springer 2008), chapters 6 and 7. It works
with binaries too, where a solver's own irreducible set covers the linear relaxation alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from slm_core.errors import CouldNot
from slm_energy.plan.limits import apply, limits
from slm_energy.plan.model import Model, build
from slm_energy.plan.problem import Limit, Problem
from slm_energy.plan.schedule import Schedule
from slm_energy.plan.switching import SWITCHING

Extra = Callable[[Model], list[Any]]
_UNITS = {"kW": 0.1, "kWh": 0.1, "h": 0.25, "°C": 0.1}
_NOTHING = 1e-5
_SOLVER_S = 20.0
_TRIES = 8


@dataclass(frozen=True)
class Conflict:
    """What stands in the way of a plan.

    Args:
        sets: minimal conflicting sets of limits that share none, in the order of the plan's limits.
        relaxation: by limit id how much to relax, all of it together makes a plan; rounded up to a sensible
            step and tried. Empty where nothing that can be relaxed helps.
        alone: by limit id how much that one limit has to be relaxed, all others kept; None: not by it alone.
    """

    sets: tuple[tuple[Limit, ...], ...]
    relaxation: Mapping[str, float] = field(default_factory=dict)
    alone: Mapping[str, float | None] = field(default_factory=dict)

    @property
    def limits(self) -> tuple[Limit, ...]:
        """The limits of all sets."""
        return tuple(limit for found in self.sets for limit in found)


def explain_conflict(problem: Problem, extra: Extra | None = None, *, alone: bool = True) -> Conflict | None:
    """Return why a problem has no plan; None where it has one.

    Args:
        problem: that was asked.
        extra: further constraints on its model that must hold (an hour that is forced).
        alone: whether to find for each limit what relaxing it alone would take.
    """
    found = conflicting_sets(problem, extra)
    if found is None:
        return None
    relaxation = smallest_relaxation(problem, extra) if found else {}
    single: dict[str, float | None] = {}
    if alone:
        single = {limit.id: relaxed_alone(problem, limit.id, extra) for each in found for limit in each}
    return Conflict(found, relaxation, single)


def what_if(problem: Problem, amounts: Mapping[str, float]) -> Schedule:
    """Return the plan with limits relaxed by so much each, in the limit's own unit.

    Raises:
        UserError: there is no such limit, or an amount is negative.
    """
    from slm_energy.plan.solve import solve

    return solve(apply(problem, amounts))


def conflicting_sets(problem: Problem, extra: Extra | None = None) -> tuple[tuple[Limit, ...], ...] | None:
    """Return minimal conflicting sets that share no limit; None where there is a plan.

    An empty tuple means that no plan exists even without all limits: physics or `extra` forbid it.
    """
    known = {limit.id: limit for limit in limits(problem)}
    if feasible(problem, frozenset(), extra):
        return None
    if not feasible(problem, frozenset(known), extra):
        return ()
    found: list[tuple[Limit, ...]] = []
    gone: frozenset[str] = frozenset()
    while not feasible(problem, gone, extra):
        ids = _minimal(problem, frozenset(known), gone, extra)
        found.append(tuple(limit for limit in known.values() if limit.id in ids))
        gone |= ids
    return tuple(found)


def feasible(problem: Problem, without: Iterable[str] = (), extra: Extra | None = None) -> bool:
    """Whether a plan keeps all limits but those left out."""
    import cvxpy as cp

    model = build(problem, without=frozenset({*without, SWITCHING}))
    return _solved(cp.Minimize(0), model, extra) is not None


def smallest_relaxation(problem: Problem, extra: Extra | None = None) -> dict[str, float]:
    """Return by how much to relax which limits: least in sum, each weighed by its natural size."""
    import cvxpy as cp

    model = build(problem, elastic=True)
    if _solved(cp.Minimize(model.violation), model, extra) is None:
        return {}
    passed = {
        name: float(slack.value) for name, slack in model.slack.items() if float(slack.value) > _NOTHING
    }
    return _rounded_up(problem, passed, extra)


def relaxed_alone(problem: Problem, name: str, extra: Extra | None = None) -> float | None:
    """Return by how much this limit has to be relaxed where all others are kept; None: that is not enough."""
    import cvxpy as cp

    model = build(problem, elastic=True)
    kept = [slack == 0 for other, slack in model.slack.items() if other != name]
    if _solved(cp.Minimize(model.slack[name]), model, extra, kept) is None:
        return None
    return _rounded_up(problem, {name: float(model.slack[name].value)}, extra).get(name)


def _minimal(
    problem: Problem, known: frozenset[str], gone: frozenset[str], extra: Extra | None
) -> frozenset[str]:
    kept = set(_elastic_filter(problem, gone, extra) or known - gone)
    for name in sorted(kept):
        if not feasible(problem, known - (kept - {name}), extra):
            kept.remove(name)
    return frozenset(kept)


def _elastic_filter(problem: Problem, gone: frozenset[str], extra: Extra | None) -> set[str]:
    import cvxpy as cp

    model = build(problem, without=gone, elastic=True)
    least, hard = cp.Minimize(model.violation), set[str]()
    while _solved(least, model, extra, [model.slack[name] == 0 for name in sorted(hard)]) is not None:
        passed = {name for name, slack in model.slack.items() if float(slack.value) > _NOTHING} - hard
        if not passed:
            return set()  # numerically at the edge: the deletion filter begins with all
        hard |= passed
    return hard


def _rounded_up(problem: Problem, amounts: Mapping[str, float], extra: Extra | None) -> dict[str, float]:
    """Round up to whole steps and try; what is still short by a rounding gets a step more."""
    known = {limit.id: limit for limit in limits(problem)}
    steps = {name: max(1, ceil(amount / _UNITS[known[name].unit] - 1e-6)) for name, amount in amounts.items()}
    for _ in range(_TRIES):
        tried = {name: round(count * _UNITS[known[name].unit], 3) for name, count in steps.items()}
        if feasible(apply(problem, tried), (), extra):
            return tried
        steps = {name: count + 1 for name, count in steps.items()}
    return {}


def _solved(objective: Any, model: Model, extra: Extra | None, more: Iterable[Any] = ()) -> float | None:
    """Solve; return the objective, or None where it is infeasible.

    Raises:
        CouldNot: the solver neither found a solution nor proved that there is none.
    """
    import cvxpy as cp

    from slm_energy.plan.solve import run

    added = [*(extra(model) if extra else []), *more]
    model.problem = cp.Problem(objective, [c for some in model.constraints.values() for c in some] + added)
    status, _, said = run(model, seconds=_SOLVER_S)
    if status in ("optimal", "feasible"):
        return float(model.problem.value)
    if status == "infeasible":
        return None
    raise CouldNot(f"the solver found no answer: {said}")
