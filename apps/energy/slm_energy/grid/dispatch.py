"""Redispatch: the least change of set values that brings a network back into its limits.

A linear programme on sensitivities that are measured by power flows, one for each unit (Wood, Wollenberg and
Sheble 2014, ch. 8: security-constrained redispatch). Its answer is a proposal: what it does is verified by a
new power flow like every other measure. The slack balances what the units change.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slm_energy.grid.flow import Flow
from slm_energy.grid.limits import Limits, Violation, band_of, loading_limits
from slm_energy.grid.measure import Action, Bench, Kind, Step, heaviest
from slm_energy.grid.network import Element, Network
from slm_energy.grid.switching import FAR, buses_of
from slm_energy.grid.topology import distances, graph

if TYPE_CHECKING:
    import numpy as np

MOST_UNITS = 60
ROUNDS = 6
VOLTAGE_MARGIN, LOADING_MARGIN = 0.0004, 0.2  # per unit, percent: room for what is not linear
POWER_FACTOR = 0.95  # what an inverter can hold at any output (VDE-AR-N 4105:2018, 4110)
# What the programme weighs: a percent past a limit in MISS times the network's load, a set value moved by one
# MW or Mvar, and by one per unit in shares of the load (0.01 pu is as dear as 0.5 % of the load in MW).
MISS = 10.0
# Actions that each kind of measure may use; a later kind may use the earlier ones too.
TIERS: dict[Kind, tuple[Action, ...]] = {
    "reactive": ("voltage", "reactive"),
    "redispatch": ("voltage", "reactive", "redispatch"),
    "curtailment": ("voltage", "reactive", "redispatch", "curtail"),
    "load": ("voltage", "reactive", "redispatch", "curtail", "shed"),
}
_COST: dict[Action, float] = {
    "voltage": 0.5,
    "reactive": 0.2,
    "redispatch": 1.0,
    "curtail": 3.0,
    "shed": 30.0,
}


Known = dict[tuple[Action, Element], Any]  # the change of every watched value for one unit of change


@dataclass(frozen=True)
class Unit:
    """A set value that can be moved between `low` and `high`, from `now`, in `unit`."""

    step: Step
    low: float
    high: float

    @property
    def nudge(self) -> float:
        """A small change, towards where there is room."""
        size = (self.high - self.low) * 0.05
        return size if self.high - self.step.before >= self.step.before - self.low else -size

    def to(self, value: float) -> Step:
        """Return the step that sets it to a value."""
        return Step(
            self.step.action, self.step.element, self.step.before, value, self.step.unit, self.step.at
        )


def units(network: Network, allowed: Sequence[Action], found: Sequence[Violation]) -> list[Unit]:
    """Return what can be moved: of each action the `MOST_UNITS` nearest to what is broken."""
    near = distances(graph(network.net), buses_of(network.net, found))

    def order(unit: Unit) -> tuple[int, float]:
        return near.get(unit.step.at.id, FAR) if unit.step.at else FAR, unit.low - unit.high

    return [unit for action in allowed for unit in sorted(_every(network, action), key=order)[:MOST_UNITS]]


def _every(network: Network, action: Action) -> Iterator[Unit]:
    if action == "voltage":
        return _voltages(network)
    if action == "reactive":
        return _reactive(network)
    if action == "redispatch":
        return _generators(network)
    return _reducible(network, "sgen" if action == "curtail" else "load", action)


def _rows(network: Network, kind: str) -> Iterator[Any]:
    table = network.net[kind]
    table = table[table.in_service.astype(bool) & network.net.bus.in_service.loc[table.bus].to_numpy(bool)]
    if kind == "gen" and "slack" in table:
        table = table[~table.slack.astype(bool)]
    yield from table.itertuples()


def _unit(
    network: Network, action: Action, kind: str, row: Any, now: float, low: float, high: float, unit: str
) -> Unit:
    step = Step(action, network.element(kind, row.Index), now, now, unit, network.element("bus", row.bus))
    return Unit(step, min(low, now), max(high, now))


def _voltages(network: Network) -> Iterator[Unit]:
    bus = network.net.bus
    for row in _rows(network, "gen"):
        low, high = (
            float(bus.at[row.bus, each]) if each in bus else math.nan for each in ("min_vm_pu", "max_vm_pu")
        )
        if not 0.5 <= low < high <= 1.5:
            low, high = 0.95, 1.05
        yield _unit(network, "voltage", "gen", row, float(row.vm_pu), low, high, "pu")


def _reactive(network: Network) -> Iterator[Unit]:
    share = math.tan(math.acos(POWER_FACTOR))
    for row in _rows(network, "sgen"):
        room = abs(row.p_mw * row.scaling) * share
        if room > 0:
            yield _unit(
                network, "reactive", "sgen", row, float(row.q_mvar * row.scaling), -room, room, "Mvar"
            )


def _generators(network: Network) -> Iterator[Unit]:
    for row in _rows(network, "gen"):
        low, high = (float(getattr(row, each, math.nan)) for each in ("min_p_mw", "max_p_mw"))
        if math.isfinite(low) and math.isfinite(high) and low < high and row.scaling > 0:
            yield _unit(network, "redispatch", "gen", row, float(row.p_mw * row.scaling), low, high, "MW")


def _reducible(network: Network, kind: str, action: Action) -> Iterator[Unit]:
    for row in _rows(network, kind):
        power = float(row.p_mw * row.scaling)
        if power > 0:
            yield _unit(network, action, kind, row, power, 0.0, power, "MW")


def proposal(network: Network, bench: Bench, kind: Kind, limits: Limits, known: Known) -> tuple[Step, ...]:
    """Return the steps of one kind of measure, () where nothing can be moved or moving does not help.

    Args:
        network: as it stands on the bench.
        bench: where power flows are run.
        kind: the heaviest kind of measure that the steps may be; the answer is of this kind or empty.
        limits: those in force.
        known: sensitivities measured so far on this bench; more are put in.
    """
    movable = units(network, TIERS[kind], bench.before)
    if not movable or not any(heaviest((unit.step,)) == kind for unit in movable):
        return ()
    watched = _Watched.of(network, bench.flow, limits)
    now = watched.values(bench.flow)
    moves = watched.sensitivities(bench, movable, now, known)
    steps: tuple[Step, ...] = ()
    values, best = now, watched.excess(now)
    set_to = [unit.step.before for unit in movable]
    for _ in range(ROUNDS):
        set_to = _programme(movable, moves, values, set_to, watched, max(bench.flow.load_mw, 1e-3))
        tried = tuple(
            unit.to(value)
            for unit, value in zip(movable, _rounded(movable, set_to), strict=True)
            if value != unit.step.before
        )
        flow, _after = bench.outcome(tried)
        if not flow.converged or not tried:
            break
        values = watched.values(flow)
        if watched.excess(values) < best:
            steps, best = tried, watched.excess(values)
        if best == 0:
            break
    return steps if steps and heaviest(steps) == kind else ()


def _rounded(movable: Sequence[Unit], values: Sequence[float]) -> list[float]:
    """Round set values to what can be set: 0.001 of nominal voltage, 1/1000 of the largest unit's range."""
    largest = max(unit.high - unit.low for unit in movable)
    places = max(0, 3 - math.floor(math.log10(largest)))
    found = []
    for unit, value in zip(movable, values, strict=True):
        digits = 3 if unit.step.unit == "pu" else places
        small = abs(value - unit.step.before) < 0.5 * 10**-digits
        found.append(unit.step.before if small else min(unit.high, max(unit.low, round(value, digits))))
    return found


@dataclass(frozen=True)
class _Watched:
    """What the programme keeps in its limits: voltages in percent of nominal and loadings in percent."""

    buses: tuple[int, ...]
    branches: tuple[tuple[str, int], ...]
    low: np.ndarray[Any, Any]
    high: np.ndarray[Any, Any]

    @classmethod
    def of(cls, network: Network, flow: Flow, limits: Limits) -> _Watched:
        import numpy as np

        bands, own = band_of(flow, network.net, limits), loading_limits(network.net, limits)
        buses = tuple(bus.element.id for bus in flow.buses if bus.vm_pu is not None)
        keys = (
            (each.element.kind, each.element.id) for each in flow.branches if each.loading_percent is not None
        )
        branches = tuple(keys)
        highest = [own.get(key, (limits.loading_percent, ""))[0] - LOADING_MARGIN for key in branches]
        low = [(bands[each][0] + VOLTAGE_MARGIN) * 100 for each in buses] + [-1e9] * len(branches)
        high = [(bands[each][1] - VOLTAGE_MARGIN) * 100 for each in buses] + highest
        return cls(buses, branches, np.array(low), np.array(high))

    def values(self, flow: Flow) -> np.ndarray[Any, Any]:
        import numpy as np

        volts = {bus.element.id: (bus.vm_pu or 0.0) * 100 for bus in flow.buses}
        loads = {(each.element.kind, each.element.id): each.loading_percent or 0.0 for each in flow.branches}
        return np.array([volts[each] for each in self.buses] + [loads[each] for each in self.branches])

    def excess(self, values: np.ndarray[Any, Any]) -> float:
        """How far values are past their limits together, the margin not counted."""
        import numpy as np

        margin = np.array([VOLTAGE_MARGIN * 100] * len(self.buses) + [LOADING_MARGIN] * len(self.branches))
        over = np.maximum(0, values - self.high - margin) + np.maximum(0, self.low - margin - values)
        return float(np.where(over < 1e-6, 0, over).sum())

    def sensitivities(
        self, bench: Bench, movable: Sequence[Unit], now: np.ndarray[Any, Any], known: Known
    ) -> np.ndarray[Any, Any]:
        """Return change of value for change of unit, a column a unit; a power flow for each not `known`."""
        import numpy as np

        for unit in movable:
            key, nudge = (unit.step.action, unit.step.element), unit.nudge
            if key not in known:
                flow = bench.outcome((unit.to(unit.step.before + nudge),))[0] if nudge else bench.flow
                changed = self.values(flow) - now if flow.converged and nudge else np.zeros_like(now)
                known[key] = changed / nudge if nudge else changed
        return np.column_stack([known[unit.step.action, unit.step.element] for unit in movable])


def _programme(
    movable: Sequence[Unit],
    moves: np.ndarray[Any, Any],
    values: np.ndarray[Any, Any],
    set_to: Sequence[float],
    watched: _Watched,
    load_mw: float,
) -> list[float]:
    """Return the set values of least cost: |change| weighed by action, and a percent past a limit `MISS`.

    Variables: up and down of each unit from where it was at first, then the miss of each watched value that
    could be past its limit.
    """
    import numpy as np
    from scipy.optimize import linprog
    from scipy.sparse import eye, hstack

    first = np.array([unit.step.before for unit in movable])
    offset = moves @ (np.array(set_to) - first)
    base = values - offset  # what is measured, taken back to the first set values along the straight line
    reach = np.abs(moves) @ np.array([unit.high - unit.low for unit in movable])
    over, under = np.flatnonzero(base + reach > watched.high), np.flatnonzero(base - reach < watched.low)
    signed = np.vstack([moves[over], -moves[under]])
    room = np.concatenate([watched.high[over] - base[over], base[under] - watched.low[under]])
    rows, count = len(room), len(movable)
    cost = np.array(
        [_COST[unit.step.action] * (load_mw if unit.step.unit == "pu" else 1) for unit in movable]
    )
    found = linprog(
        np.concatenate([cost, cost, np.full(rows, MISS * load_mw)]),
        A_ub=hstack([signed, -signed, -eye(rows)], format="csr"),
        b_ub=room,
        bounds=[
            *((0, unit.high - unit.step.before) for unit in movable),
            *((0, unit.step.before - unit.low) for unit in movable),
            *(((0, None),) * rows),
        ],
        method="highs",
    )
    if found.x is None:
        return list(set_to)
    change = found.x[:count] - found.x[count : 2 * count]
    return [float(value) for value in first + change]
