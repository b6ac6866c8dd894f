"""What came of a plan: who draws how much in each step, what it costs, and the same without planning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from slm_energy.plan.problem import Problem
from slm_energy.series import Series

Status = Literal["optimal", "feasible", "infeasible", "failed", "fallback"]


@dataclass(frozen=True)
class Flows:
    """Mean power of each step in kW, energy and temperature at the END of each step.

    `buy - sell = load - pv_used + charge - discharge + sum(cars) + sum(loads) + sum(rooms)`.

    Args:
        buy, sell: from and to the grid.
        pv_used: of the panels; the rest is curtailed.
        charge, discharge: of the battery, at its terminals (zeros where there is none).
        soc: energy in the battery in kWh.
        cars, loads, rooms: electrical power by name of the part.
        temperature: of each room in degrees Celsius.
    """

    buy: Series
    sell: Series
    pv_used: Series
    charge: Series
    discharge: Series
    soc: Series
    cars: Mapping[str, Series]
    loads: Mapping[str, Series]
    rooms: Mapping[str, Series]
    temperature: Mapping[str, Series]


@dataclass(frozen=True)
class Cost:
    """What the hours cost, in the site's currency: bought less sold, wear, and what the peak adds.

    `total = energy - export + wear + demand`; `peak_kw` is the highest mean power bought in a step that
    counts for the demand (in a quarter of an hour where steps are shorter).
    """

    energy: float
    export: float
    wear: float
    demand: float
    peak_kw: float

    @property
    def total(self) -> float:
        """All of it."""
        return self.energy - self.export + self.wear + self.demand


@dataclass(frozen=True)
class Schedule:
    """A solved problem, or the reason why there is none.

    Args:
        problem: that was asked.
        status: `optimal`; `feasible` where time ran out with an answer that keeps every limit; `infeasible`;
            `failed` where the solver broke; `fallback` where an older plan or the rule stands in (safe.py).
        flows, cost: None where infeasible or failed.
        before, cost_before: the same hours without planning: cars charge on arrival, loads run at their
            earliest, rooms by thermostat, the battery by the rule of self-consumption (charge from surplus,
            discharge to load).
        gap: proven distance to the optimum as a share; 0 where it is exact.
        seconds: that the solver took.
        said: in the solver's words, for the log; of a fallback also which limits it does not keep.
    """

    problem: Problem
    status: Status
    before: Flows
    cost_before: Cost
    flows: Flows | None = None
    cost: Cost | None = None
    gap: float = 0.0
    seconds: float = 0.0
    said: str = ""
