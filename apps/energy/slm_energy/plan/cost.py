"""What flows cost, and which mean power is billed."""

from __future__ import annotations

from collections.abc import Sequence

from slm_energy.plan.problem import Problem
from slm_energy.plan.schedule import Cost, Flows


def cost_of(problem: Problem, flows: Flows) -> Cost:
    """Return what flows cost by the prices of a problem."""
    hours = problem.load.hours
    energy = sum(p * kw for p, kw in zip(problem.price.values, flows.buy.values, strict=True)) * hours
    export = sum(p * kw for p, kw in zip(export_prices(problem), flows.sell.values, strict=True)) * hours
    wear = problem.site.battery.wear_per_kwh if problem.site.battery else 0.0
    peak = peak_kw(problem, flows.buy.values)
    above = max(0.0, peak - problem.peak_so_far_kw)
    return Cost(
        energy, export, wear * sum(flows.discharge.values) * hours, problem.demand_price * above, peak
    )


def export_prices(problem: Problem) -> tuple[float, ...]:
    """Return what one kWh fed in earns in each step."""
    if problem.export_price is None:
        return (problem.site.export_price,) * len(problem.load)
    return problem.export_price.values


def peak_kw(problem: Problem, buy: Sequence[float]) -> float:
    """Return the highest mean power bought in a window that counts for the demand (`billing_windows`)."""
    windows = [window for window in billing_windows(problem) if counts(problem, window)]
    return max((sum(buy[step] for step in window) / len(window) for window in windows), default=0.0)


def billing_windows(problem: Problem) -> list[list[int]]:
    """Return the steps of each window whose mean power is billed: 15 minutes by the clock, or a longer step.

    KEPCO bills the mean of 15 minutes from 00, 15, 30, 45 (기본공급약관 제68조). Of a window that the plan
    cuts, the part within it counts.
    """
    if problem.load.hours >= 0.25:
        return [[step] for step in range(len(problem.load))]
    grouped: dict[int, list[int]] = {}
    for step, time in enumerate(problem.load.times()):
        grouped.setdefault(int(time.timestamp() // 900), []).append(step)
    return list(grouped.values())


def counts(problem: Problem, window: Sequence[int]) -> bool:
    """Whether the mean power of these steps counts for the demand."""
    return problem.billed is None or any(problem.billed[step] for step in window)
