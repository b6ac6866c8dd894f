"""The same hours without planning: what cars, loads, rooms and battery do when nobody looks ahead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from slm_energy.plan.problem import Problem
from slm_energy.plan.rooms import thermal
from slm_energy.plan.schedule import Flows
from slm_energy.plan.tasks import runs, stays
from slm_energy.plan.windows import occupied
from slm_energy.series import Series
from slm_energy.site import Car, Deferrable, Room

Values = list[float]


def baseline(problem: Problem) -> Flows:
    """Return the flows without planning.

    Cars charge on arrival at full power until they have what they need, loads run at their earliest, rooms
    are kept by a thermostat while occupied, the battery takes surplus and gives it back to the site as soon
    as it can (self-consumption). Of the connection's limits only export is looked at: panels throttle.
    """
    site = problem.site
    cars = {car.name: charged_on_arrival(problem, car) for car in site.cars}
    loads = {load.name: run_at_earliest(problem, load) for load in site.deferrables}
    heated = {room.name: by_thermostat(problem, room) for room in site.rooms}
    rooms = {name: power for name, (power, _) in heated.items()}
    parts = [*cars.values(), *loads.values(), *rooms.values()]
    wanted = [sum(values) for values in zip(problem.load.values, *parts, strict=True)]
    charge, discharge, soc = self_consumption(problem, wanted)
    return _flows(problem, wanted, (charge, discharge, soc), cars, loads, rooms, heated)


def charged_on_arrival(problem: Problem, car: Car) -> Values:
    """Return kW in each step of a car that takes all it can from its arrival on."""
    hours, power = problem.load.hours, [0.0] * len(problem.load)
    for stay in stays(problem, car):
        left = stay.least_kwh / car.efficiency
        for step, share in enumerate(stay.share):
            kwh = min(left, car.charge_kw * share * hours)
            power[step] += kwh / hours
            left -= kwh
    return power


def run_at_earliest(problem: Problem, load: Deferrable) -> Values:
    """Return kW in each step of a load that starts as soon as its window opens."""
    power = [0.0] * len(problem.load)
    for run in runs(problem, load):
        steps: Sequence[int] = run.steps
        if load.unbroken and run.starts:
            steps = range(run.starts[0], len(power))
        left = run.hours / problem.load.hours
        for step in steps:
            power[step] += load.kw * min(1.0, left)
            left -= min(1.0, left)
    return power


def by_thermostat(problem: Problem, room: Room) -> tuple[Values, Values]:
    """Return kW in each step and degrees Celsius at its end: just enough while occupied, nothing else."""
    found = thermal(problem, room)
    target = room.low if room.mode == "heat" else room.high
    inside = occupied(problem, room.from_, room.to)
    at, power, path = found.start, [], []
    for drive, here in zip(found.drive, inside, strict=True):
        free = found.keep * at + drive
        kw = min(room.kw, max(0.0, (target - free) / found.gain)) if here else 0.0
        at = free + found.gain * kw
        power.append(kw)
        path.append(at)
    return power, path


def self_consumption(problem: Problem, wanted: Sequence[float]) -> tuple[Values, Values, Values]:
    """Return charge and discharge in kW and kWh at the end of each step for kW wanted by the site."""
    battery, hours = problem.site.battery, problem.load.hours
    if battery is None:
        return ([0.0] * len(wanted), [0.0] * len(wanted), [0.0] * len(wanted))
    at = problem.soc_start_kwh
    full = max(battery.full * battery.capacity_kwh, at)
    reserve = min(battery.reserve * battery.capacity_kwh, at)
    charge, discharge, soc = [], [], []
    for kw, pv in zip(wanted, problem.pv.values, strict=True):
        room_kw = (full - at) / battery.charge_efficiency / hours
        held_kw = (at - reserve) * battery.discharge_efficiency / hours
        into = max(0.0, min(pv - kw, battery.charge_kw, room_kw))
        out = max(0.0, min(kw - pv, battery.discharge_kw, held_kw))
        at += (into * battery.charge_efficiency - out / battery.discharge_efficiency) * hours
        charge.append(into)
        discharge.append(out)
        soc.append(at)
    return charge, discharge, soc


def _flows(
    problem: Problem,
    wanted: Sequence[float],
    battery: tuple[Values, Values, Values],
    cars: Mapping[str, Values],
    loads: Mapping[str, Values],
    rooms: Mapping[str, Values],
    heated: Mapping[str, tuple[Values, Values]],
) -> Flows:
    charge, discharge, soc = battery
    net = [kw - pv + c - d for kw, pv, c, d in zip(wanted, problem.pv.values, charge, discharge, strict=True)]
    over = [max(0.0, -kw - problem.site.export_kw) for kw in net]
    used = [max(0.0, pv - kw) for pv, kw in zip(problem.pv.values, over, strict=True)]
    net = [kw + pv - u for kw, pv, u in zip(net, problem.pv.values, used, strict=True)]
    return flows_of(
        problem,
        {"pv_used": used, "charge": charge, "discharge": discharge, "soc": soc}
        | {"buy": [max(0.0, kw) for kw in net], "sell": [max(0.0, -kw) for kw in net]},
        {"cars": cars, "loads": loads, "rooms": rooms},
        {name: path for name, (_, path) in heated.items()},
    )


def flows_of(
    problem: Problem,
    site: Mapping[str, Sequence[float]],
    parts: Mapping[str, Mapping[str, Sequence[float]]],
    temperature: Mapping[str, Sequence[float]],
) -> Flows:
    """Return plain numbers as flows: `site` by field of Flows, `parts` of cars, loads and rooms by name."""

    def series(name: str, unit: str, values: Sequence[float]) -> Series:
        return Series(name, unit, problem.start, problem.step, tuple(float(value) for value in values))

    whole = {name: series(name, "kWh" if name == "soc" else "kW", values) for name, values in site.items()}
    by_name = {
        kind: {name: series(name, "kW", values) for name, values in found.items()}
        for kind, found in parts.items()
    }
    warm = {name: series(name, "°C", values) for name, values in temperature.items()}
    return Flows(**whole, **by_name, temperature=warm)  # type: ignore[arg-type]
