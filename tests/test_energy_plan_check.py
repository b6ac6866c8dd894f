"""The check that every plan passes before anybody may follow it finds what is wrong with a plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from energy_plan_sites import BATTERY, MIDNIGHT, hours

from slm_energy.plan.check import violations
from slm_energy.plan.schedule import Flows, Schedule
from slm_energy.plan.solve import solve
from slm_energy.series import Series

EV = {
    "name": "전기차",
    "charge_kw": 7.0,
    "least_kw": 2.0,
    "needs_kwh": 10.0,
    "arrives": "00:00",
    "leaves": "06:00",
}
WASHER = {"name": "세탁기", "kw": 2.0, "hours": 2.0, "earliest": "02:00", "latest": "08:00"}
ROOM = {
    "name": "office", "kw": 3.0, "mode": "heat", "low": 20.0, "high": 24.0, "now": 21.0,
    "loss_kw_per_k": 0.2, "capacity_kwh_per_k": 2.0,
}  # fmt: skip


@pytest.fixture(scope="module")
def plan() -> Schedule:
    price = [80, 90, 100, 110, 120, 130, 140, 150.0]
    return solve(
        hours(
            price, outdoor=5.0, pv=[0, 0, 1, 2, 3, 2, 1, 0], battery=BATTERY, cars=[EV], deferrables=[WASHER],
            rooms=[ROOM], peak_kw=12.0, import_kw=12.0, export_kw=1.0, asked={"soc_kwh": 2.0},
        )
    )  # fmt: skip


def more(series: Series, step: int, by: float) -> Series:
    return series.with_values([value + by * (k == step) for k, value in enumerate(series.values)])


def with_part(flows: Flows, kind: str, name: str, series: Series) -> Flows:
    return replace(flows, **{kind: {**getattr(flows, kind), name: series}})


def moved(flows: Flows) -> Flows:
    """The washer an hour too early, with what is bought moved along."""
    washer = flows.loads["세탁기"].with_values([0, 2, 2, 0, 0, 0, 0, 0])
    delta = [new - old for new, old in zip(washer.values, flows.loads["세탁기"].values, strict=True)]
    buy = flows.buy.with_values([kw + by for kw, by in zip(flows.buy.values, delta, strict=True)])
    return with_part(replace(flows, buy=buy), "loads", "세탁기", washer)


TAMPERED: list[tuple[str, Callable[[Flows], Flows]]] = [
    ("what comes in is not what is used", lambda f: replace(f, buy=more(f.buy, 0, 1.0))),
    ("buys and sells at once", lambda f: replace(f, buy=more(f.buy, 0, 1.0), sell=more(f.sell, 0, 1.0))),
    ("more from the panels", lambda f: replace(f, pv_used=more(f.pv_used, 0, 0.5))),
    ("the battery holds", lambda f: replace(f, soc=more(f.soc, 3, 0.5))),
    (
        "charges and discharges at once",
        lambda f: replace(f, charge=more(f.charge, 0, 2), discharge=more(f.discharge, 0, 2)),
    ),
    ("battery.power", lambda f: replace(f, discharge=more(f.discharge, 0, 9))),
    ("grid.peak", lambda f: replace(f, buy=more(f.buy, 0, 20))),
    ("grid.import", lambda f: replace(f, buy=more(f.buy, 0, 20))),
    ("grid.export", lambda f: replace(f, sell=more(f.sell, 0, 2))),
    ("car.전기차.energy", lambda f: with_part(f, "cars", "전기차", f.cars["전기차"].with_values([0.0] * 8))),
    ("car.전기차.power", lambda f: with_part(f, "cars", "전기차", more(f.cars["전기차"], 7, 3))),
    ("below what its charger can", lambda f: with_part(f, "cars", "전기차", more(f.cars["전기차"], 5, 0.5))),
    ("load.세탁기", moved),
    (
        "room.office.comfort",
        lambda f: with_part(f, "rooms", "office", f.rooms["office"].with_values([0.0] * 8)),
    ),
    ("is below zero", lambda f: replace(f, charge=more(f.charge, 7, -9.0))),
    ("other steps", lambda f: replace(f, buy=replace(f.buy, start=MIDNIGHT.replace(hour=1)))),
    ("other names", lambda f: replace(f, cars={})),
]


@pytest.mark.parametrize(("named", "tamper"), TAMPERED, ids=[named for named, _ in TAMPERED])
def test_what_a_plan_breaks_is_named(plan: Schedule, named: str, tamper: Callable[[Flows], Flows]) -> None:
    assert plan.flows is not None
    assert violations(plan.problem, plan.flows, plan.cost) == ()
    assert any(named in line for line in violations(plan.problem, tamper(plan.flows)))


def test_a_cost_that_does_not_come_out_is_named(plan: Schedule) -> None:
    assert plan.flows is not None
    assert plan.cost is not None
    (line,) = violations(plan.problem, plan.flows, replace(plan.cost, energy=plan.cost.energy - 50))
    assert line.startswith("cost: ")
