"""Which planned loads may be shed in a step, and in which order: first those that lose nothing by it."""

from __future__ import annotations

from dataclasses import dataclass

from slm_energy.plan.problem import Problem
from slm_energy.plan.schedule import Flows
from slm_energy.plan.tasks import runs, stays
from slm_energy.said import Said

_ON_KW = 0.01


@dataclass(frozen=True)
class Sheddable:
    """A load that draws now and may be shed; `rank` says when (0 first), `why` what it costs nobody."""

    name: str
    kw: float
    rank: int
    why: Said


def sheddable(problem: Problem, flows: Flows, step: int) -> tuple[Sheddable, ...]:
    """Return the planned loads that draw in a step and may be shed, first those that lose nothing by it.

    0 a car or the battery that can make up for it later, 1 a load in pieces that has time left, 2 a room (it
    has inertia), 3 a car that has no time left, 4 a load in one piece that would have to begin again. Safety
    loads are never among them.
    """
    found = []
    if flows.charge.values[step] > _ON_KW and problem.site.battery:
        why = Said("배터리 충전은 나중에 할 수 있음", "the battery can be charged later")
        found.append(Sheddable(problem.site.battery.name, flows.charge.values[step], 0, why))
    found += [*_cars(problem, flows, step), *_loads(problem, flows, step)]
    for room in problem.site.rooms:
        why = Said("실내 온도는 천천히 변함", "the room keeps its temperature for a while")
        found.append(Sheddable(room.name, flows.rooms[room.name].values[step], 2, why))
    allowed = [each for each in found if each.name not in problem.site.safety and each.kw > _ON_KW]
    return tuple(sorted(allowed, key=lambda each: (each.rank, -each.kw, each.name)))


def _cars(problem: Problem, flows: Flows, step: int) -> list[Sheddable]:
    found = []
    for car in problem.site.cars:
        power = flows.cars[car.name].values
        for stay in stays(problem, car):
            if stay.share[step] > 0:
                later = sum(stay.share[step + 1 :]) * car.charge_kw
                need = sum(kw for kw, share in zip(power[step:], stay.share[step:], strict=True) if share > 0)
                spare = later >= need
                why = (
                    Said("출발 전까지 다시 충전할 수 있음", "there is time to charge it before it leaves")
                    if spare
                    else Said("출발까지 시간이 모자람", "it would leave with less")
                )
                found.append(Sheddable(car.name, power[step], 0 if spare else 3, why))
    return found


def _loads(problem: Problem, flows: Flows, step: int) -> list[Sheddable]:
    found = []
    for load in problem.site.deferrables:
        power = flows.loads[load.name].values
        for run in runs(problem, load):
            if step not in run.steps:
                continue
            after = [power[later] for later in run.steps if later > step]
            spare = not load.unbroken and any(kw <= _ON_KW for kw in after)
            why = (
                Said("나중에 돌릴 시간이 남음", "there is time to run it later")
                if spare
                else Said(
                    "중단하면 처음부터 다시 돌려야 함", "stopped, it has to begin again or misses its time"
                )
            )
            found.append(Sheddable(load.name, power[step], 1 if spare else 4, why))
    return found
