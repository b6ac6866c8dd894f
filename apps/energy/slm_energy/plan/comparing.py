"""The same hours with and without a plan, made comparable: what is left in the battery is worth something."""

from __future__ import annotations

from dataclasses import dataclass

from slm_energy.plan.cost import billing_windows, counts
from slm_energy.plan.problem import Problem
from slm_energy.plan.rolling import worth_of_charge
from slm_energy.plan.schedule import Flows, Schedule
from slm_energy.series import Series


@dataclass(frozen=True)
class Comparison:
    """Costs in the site's currency.

    `before` and `after` are the costs less the credit of what the battery holds more at the end than at the
    start (a debit where it holds less), at the price of refilling it at the cheapest hour ahead.
    `demand_before` and `demand_after` are what a month's demand charge would rise by: in them, and paid once.
    """

    before: float
    after: float | None
    credit_before: float
    credit_after: float
    demand_before: float
    demand_after: float

    @property
    def saved(self) -> float | None:
        """What the plan saves; None without one."""
        return None if self.after is None else self.before - self.after


def compare(schedule: Schedule) -> Comparison:
    """Return what a schedule costs beside the same hours without planning."""
    worth = worth_of_charge(schedule.problem)[0]
    first = worth * _gained(schedule.problem, schedule.before)
    then = worth * _gained(schedule.problem, schedule.flows) if schedule.flows else 0.0
    after = schedule.cost.total - then if schedule.cost else None
    demand = schedule.cost.demand if schedule.cost else 0.0
    before = schedule.cost_before
    return Comparison(before.total - first, after, first, then, before.demand, demand)


@dataclass(frozen=True)
class Peaks:
    """Highest mean powers bought, kW; `billed` is False where no hour of the plan counts for the demand."""

    before: float
    after: float
    billed: bool


def peaks(schedule: Schedule) -> Peaks:
    """Return the highest means without and with the plan: those that count, else of all hours."""
    problem, flows = schedule.problem, schedule.flows or schedule.before
    windows = billing_windows(problem)
    counting = [window for window in windows if counts(problem, window)]

    def most(buy: Series) -> float:
        means = (sum(buy.values[step] for step in window) / len(window) for window in counting or windows)
        return max(means, default=0.0)

    return Peaks(most(schedule.before.buy), most(flows.buy), bool(counting))


def _gained(problem: Problem, flows: Flows) -> float:
    return flows.soc.values[-1] - problem.soc_start_kwh if problem.site.battery else 0.0
