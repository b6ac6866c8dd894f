"""Few starts: among plans that cost nearly the same, the one that switches cars and loads on less often.

A start more must save what the part's `start_cost` says, else `START_SHARE` of what the part's energy costs
at the mean price. That is a wish and no part of the cost: the plan without it can be cheaper by no more than
the start costs that were kept down. The rule starts everything once and runs it as short as it can, so that
it stays dearer or equal.

    start[t] >= on[t] - on[t-1],  start >= 0      (Rajan and Takriti 2005: no binaries of its own)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from slm_energy.plan.problem import Problem
from slm_energy.plan.schedule import Flows
from slm_energy.site import Car, Deferrable

if TYPE_CHECKING:
    from slm_energy.plan.model import Model

SWITCHING = "switching"  # what of a model can be left out: no limit, a wish
START_SHARE = 0.005  # of the energy's cost: below what a person would notice on the bill
_LONG = 0.002  # of a start for each step that it is on: a trickle is no way to avoid a pause
ON_KW = 1e-3


def start_cost(problem: Problem, part: Car | Deferrable) -> float:
    """Return what one more start of a part must save, in the site's currency."""
    if part.start_cost is not None:
        return part.start_cost
    kwh = part.needs_kwh / part.efficiency if isinstance(part, Car) else part.kw * part.hours
    mean = sum(problem.price.values) / len(problem.price.values)
    return START_SHARE * kwh * max(0.0, mean)


def counted(model: Model) -> bool:
    """Whether starts count: not where only limits are asked about, nor where the wish left no plan."""
    return not model.elastic and SWITCHING not in model.without


def few_starts(model: Model, part: Car | Deferrable, on: Any, needed: Sequence[Sequence[int]]) -> None:
    """Charge the starts of a part in the objective.

    Args:
        model: to which it is added; nothing is added where only limits are asked about.
        part: of the site.
        on: 0 or 1 for each step.
        needed: steps of each window within which it must be on at least once.
    """
    import cvxpy as cp

    cost = start_cost(model.asked, part)
    if cost <= 0 or not counted(model):
        return
    was_on = 1.0 if part.name in model.asked.running else 0.0
    start = cp.Variable(len(model.asked.load), nonneg=True, name=f"starts:{part.name}")
    model.state("physics", start[0] >= on[0] - was_on, start[1:] >= on[1:] - on[:-1])
    for steps in needed:  # so much is sure: it keeps the solver from dreaming of halves
        if steps and not (was_on and steps[0] == 0):
            before = 0 if steps[0] == 0 else on[steps[0] - 1]
            model.state("physics", cp.sum(start[list(steps)]) >= 1 - before)
    model.switching += cost * (cp.sum(start) + _LONG * cp.sum(on))


def running_in(flows: Flows, step: int) -> frozenset[str]:
    """Return the names of the cars and loads that are on in a step."""
    kinds = (flows.cars, flows.loads)
    return frozenset(name for kind in kinds for name, kw in kind.items() if kw.values[step] > ON_KW)
