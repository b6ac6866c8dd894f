"""Cars and rooms in the optimisation; what only a person may switch runs as it would without planning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from slm_energy.plan.baseline import baseline
from slm_energy.plan.deferring import add_load
from slm_energy.plan.rooms import Thermal, thermal
from slm_energy.plan.schedule import Flows
from slm_energy.plan.switching import SWITCHING, counted, few_starts, start_cost
from slm_energy.plan.tasks import Stay, stays
from slm_energy.site import Car, Room

if TYPE_CHECKING:
    from slm_energy.plan.model import Model

_ON_SHARE = 0.05  # of a car's power


def add_parts(model: Model) -> None:
    """Add the power of every car, load and room, with their limits."""
    problem, safety = model.asked, model.asked.site.safety
    if safety:
        _as_they_run(model, baseline(problem))
    for car in problem.site.cars:
        if car.name not in safety:
            _car(model, car, stays(problem, car))
    for load in problem.site.deferrables:
        if load.name not in safety:
            add_load(model, load)
    for room in problem.site.rooms:
        if room.name not in safety:
            _room(model, room, thermal(problem, room))


def _as_they_run(model: Model, before: Flows) -> None:
    import cvxpy as cp
    import numpy as np

    for kind in ("cars", "loads", "rooms", "temperature"):
        for name, series in getattr(before, kind).items():
            if name in model.asked.site.safety:
                getattr(model, kind)[name] = cp.Constant(np.array(series.values))


def _car(model: Model, car: Car, found: Sequence[Stay]) -> None:
    import cvxpy as cp
    import numpy as np

    h, power_id, energy_id = model.asked.load.hours, f"car.{car.name}.power", f"car.{car.name}.energy"
    power = cp.Variable(len(model.asked.load), nonneg=True, name=f"car:{car.name}")
    present = np.sum([stay.share for stay in found], axis=0) if found else np.zeros(len(model.asked.load))
    model.cars[car.name] = power
    model.state("physics", power[present <= 0] == 0) if (present <= 0).any() else None
    more = model.room_in(power_id)
    model.state(power_id, power <= present * car.charge_kw + cp.multiply(present, more))
    for stay in found:
        inside = np.array(stay.share) > 0
        got = h * car.efficiency * cp.sum(power[inside])
        model.state(energy_id, got >= stay.least_kwh - model.room_in(energy_id))
        model.state("physics", got <= stay.most_kwh)
    must = [stay for stay in found if stay.least_kwh > 0]
    few = bool(must) and counted(model) and start_cost(model.asked, car) > 0
    if car.least_kw > 0 or few:
        on = _off_or_more(model, car, power, present)
    if few:
        if (present <= 0).any():
            model.state(SWITCHING, on[present <= 0] == 0)
        if car.least_kw == 0:
            model.state(SWITCHING, power >= cp.multiply(_least_on(car, must, h) * present, on))
        needed = [[n for n, share in enumerate(stay.share) if share > 0] for stay in must]
        few_starts(model, car, on, needed)


def _least_on(car: Car, found: Sequence[Stay], hours: float) -> float:
    """Return the power below which a car that is on counts as off, so that a pause is one."""
    return min(_ON_SHARE * car.charge_kw, *(stay.least_kwh / car.efficiency / hours for stay in found))


def _off_or_more(model: Model, car: Car, power: Any, present: Any) -> Any:
    """Bind power to being on, and return for each step whether it is."""
    import cvxpy as cp

    on = cp.Variable(len(model.asked.load), boolean=True, name=f"on:{car.name}")
    wide = 10.0 if model.elastic or f"car.{car.name}.power" in model.without else 1.0
    model.state("physics", power <= cp.multiply(wide * car.charge_kw * present, on))
    if car.least_kw > 0:
        model.state("physics", power >= cp.multiply(car.least_kw * present, on))
    least_said = f" or takes at least {car.least_kw:g} kW" if car.least_kw > 0 else " or on: few starts"
    model.binaries.append(f"{car.name} is off{least_said}")
    return on


def _room(model: Model, room: Room, found: Thermal) -> None:
    import cvxpy as cp
    import numpy as np

    n, comfort, power_id = len(model.asked.load), f"room.{room.name}.comfort", f"room.{room.name}.power"
    power = cp.Variable(n, nonneg=True, name=f"room:{room.name}")
    warm = cp.Variable(n, name=f"temperature:{room.name}")
    model.rooms[room.name], model.temperature[room.name] = power, warm
    before = cp.hstack([found.start, warm[:-1]])
    model.state("physics", warm == found.keep * before + np.array(found.drive) + found.gain * power)
    model.state(power_id, power <= room.kw + model.room_in(power_id))
    near, far = (found.low, found.high) if room.mode == "heat" else (found.high, found.low)
    sign = 1.0 if room.mode == "heat" else -1.0
    bound = [step for step, value in enumerate(near) if value is not None]
    if bound:
        least = sign * np.array([near[step] for step in bound], dtype=float)
        model.state(comfort, sign * warm[bound] >= least - model.room_in(comfort))
    model.state("physics", sign * warm <= sign * np.array(far, dtype=float))
