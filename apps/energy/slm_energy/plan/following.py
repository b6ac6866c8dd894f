"""What comes of a plan when the hours turn out otherwise: the battery makes up for what was not foreseen."""

from __future__ import annotations

from dataclasses import dataclass

from slm_energy.plan.baseline import flows_of
from slm_energy.plan.cost import export_prices
from slm_energy.plan.problem import Problem
from slm_energy.plan.rooms import thermal
from slm_energy.plan.schedule import Flows
from slm_energy.site import Battery

_NOTHING_KW = 1e-3


@dataclass(frozen=True)
class _Step:
    """One step of a plan: kW of the battery (in: positive) and of the grid (bought: positive)."""

    battery: float
    grid: float


def follow(planned: Flows, actual: Problem) -> Flows:
    """Return the flows when planned parts run as planned while load, panels and weather are the actual ones.

    Where the plan leaves the grid alone, or feeds in what nobody pays for, the battery balances the site.
    While it buys, the battery does what was planned, but never feeds the grid unpaid and takes surplus that
    comes.

    Args:
        planned: begins with the first step of `actual`; it may be longer.
        actual: what turned out, with the charge at its start.
    """
    count, hours = len(actual.load), actual.load.hours
    parts = {
        kind: {name: series.values[:count] for name, series in getattr(planned, kind).items()}
        for kind in ("cars", "loads", "rooms")
    }
    wanted = [
        load + sum(values[step] for kind in parts.values() for values in kind.values())
        for step, load in enumerate(actual.load.values)
    ]
    site: dict[str, list[float]] = {
        name: [] for name in ("buy", "sell", "pv_used", "charge", "discharge", "soc")
    }
    at, paid = actual.soc_start_kwh, export_prices(actual)
    for step in range(count):
        net = wanted[step] - actual.pv.values[step]
        into = planned.charge.values[step] - planned.discharge.values[step]
        goal = _Step(into, planned.buy.values[step] - planned.sell.values[step])
        into = _battery_kw(goal, net, paid[step])
        if actual.site.battery is not None:
            into, at = _moved(actual.site.battery, into, at, hours)
        grid = net + into
        over = max(0.0, -grid - actual.site.export_kw)
        now = (grid + over, -grid - over, actual.pv.values[step] - over, into, -into, at)
        for name, value in zip(site, now, strict=True):
            site[name].append(max(0.0, value))
    rooms = {room.name: thermal(actual, room).path(parts["rooms"][room.name]) for room in actual.site.rooms}
    return flows_of(actual, site, parts, rooms)


def _battery_kw(goal: _Step, net_kw: float, paid: float) -> float:
    """Return what the battery should do for a net load that turned out."""
    unpaid = paid <= 0
    if abs(goal.grid) <= _NOTHING_KW or (goal.grid < 0 and unpaid):
        return -net_kw
    if unpaid and net_kw + goal.battery < 0:
        return -net_kw
    return goal.battery


def _moved(battery: Battery, into: float, at: float, hours: float) -> tuple[float, float]:
    """Return the power that the battery can really give or take, and its charge afterwards."""
    full = max(battery.full * battery.capacity_kwh, at)
    low = min(battery.reserve * battery.capacity_kwh, at)
    if into >= 0:
        into = min(into, battery.charge_kw, (full - at) / battery.charge_efficiency / hours)
        return into, at + into * battery.charge_efficiency * hours
    out = min(-into, battery.discharge_kw, (at - low) * battery.discharge_efficiency / hours)
    return -out, at - out / battery.discharge_efficiency * hours
