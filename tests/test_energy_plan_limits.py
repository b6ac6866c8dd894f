"""Limits by name: which there are, what a plan without them is, and by how little they can be relaxed."""

from __future__ import annotations

import pytest
from energy_plan_sites import BATTERY, hours

from slm_core.errors import UserError
from slm_energy.plan.limits import apply, limits
from slm_energy.plan.model import Model, build
from slm_energy.plan.problem import Problem
from slm_energy.plan.solve import run, solve

EV = {"name": "전기차", "charge_kw": 7.0, "needs_kwh": 40.0, "arrives": "00:00", "leaves": "04:00"}
WASHER = {"name": "세탁기", "kw": 2.0, "hours": 3.0, "earliest": "01:00", "latest": "03:00"}
ROOM = {
    "name": "office", "kw": 0.2, "mode": "heat", "low": 20.0, "high": 24.0, "now": 21.0,
    "loss_kw_per_k": 0.2, "capacity_kwh_per_k": 2.0,
}  # fmt: skip


def elastic(problem: Problem) -> tuple[Model, dict[str, float]]:
    model = build(problem, elastic=True)
    assert run(model, seconds=10)[0] == "optimal"
    return model, {name: float(slack.value) for name, slack in model.slack.items() if slack.value > 1e-6}


def test_every_limit_has_a_stable_name_with_its_value_and_unit() -> None:
    problem = hours(
        [100] * 24, outdoor=10.0, import_kw=9.0, peak_kw=8.0, battery={**BATTERY, "end": 0.5},
        cars=[EV], deferrables=[WASHER], rooms=[ROOM],
    )  # fmt: skip
    assert [(each.id, each.value, each.unit) for each in limits(problem)] == [
        ("grid.import", 9.0, "kW"),
        ("grid.peak", 8.0, "kW"),
        ("battery.end", 5.0, "kWh"),
        ("battery.power", 5.0, "kW"),
        ("car.전기차.energy", 40.0, "kWh"),
        ("car.전기차.power", 7.0, "kW"),
        ("load.세탁기.window", 2.0, "h"),
        ("load.세탁기.hours", 3.0, "h"),
        ("room.office.comfort", 20.0, "°C"),
        ("room.office.power", 0.2, "kW"),
    ]
    assert set(build(problem, elastic=True).slack) == {each.id for each in limits(problem)}


CASES = [
    (hours([100] * 24, cars=[EV]), {"car.전기차.energy": 40 - 4 * 7 * 0.92}),
    (hours([100] * 24, deferrables=[WASHER]), {"load.세탁기.hours": 1.0}),
    (hours([100] * 24, load=5.0, peak_kw=4.0), {"grid.peak": 1.0}),
    (hours([100] * 2, battery={**BATTERY, "end": 1.0}), {"battery.end": 10 - 2 * 5 * 0.95}),
    (hours([100] * 24, outdoor=10.0, rooms=[ROOM]), {"room.office.comfort": 6.274256}),
]


@pytest.mark.parametrize(("problem", "least"), CASES)
def test_the_least_relaxation_makes_the_plan_possible(problem: Problem, least: dict[str, float]) -> None:
    assert solve(problem).status == "infeasible"
    _, found = elastic(problem)
    assert found == pytest.approx(least, abs=1e-4)
    relaxed = apply(problem, {name: amount + 1e-6 for name, amount in found.items()})
    assert solve(relaxed).status == "optimal"
    assert set(relaxed.relaxed) == set(found)


@pytest.mark.parametrize(("problem", "least"), CASES)
def test_a_plan_without_the_limit_in_the_way_is_possible(problem: Problem, least: dict[str, float]) -> None:
    model = build(problem, without=frozenset(least))
    assert run(model, seconds=10)[0] == "optimal"


def test_a_longer_window_lets_the_load_run_to_its_end() -> None:
    problem = hours([100] * 24, deferrables=[WASHER])
    plan = solve(apply(problem, {"load.세탁기.window": 1.0}))
    assert plan.flows is not None
    assert [step for step, kw in enumerate(plan.flows.loads["세탁기"].values) if kw] == [1, 2, 3]
    kept = build(problem, elastic=True)
    kept.problem = kept.problem.__class__(
        kept.problem.objective, [*kept.problem.constraints, kept.slack["load.세탁기.hours"] == 0]
    )
    assert run(kept, seconds=10)[0] == "optimal"
    assert float(kept.slack["load.세탁기.window"].value) == pytest.approx(1.0)


def test_a_possible_plan_needs_no_relaxation() -> None:
    model, found = elastic(hours([100] * 24, battery=BATTERY, deferrables=[{**WASHER, "hours": 2.0}]))
    assert found == {}
    assert model.problem.value == pytest.approx(0, abs=1e-9)


def test_a_limit_that_is_not_there_is_refused_with_the_nearest() -> None:
    with pytest.raises(UserError, match="did you mean car"):
        apply(hours([100], cars=[EV]), {"car.전기차.enrgy": 1.0})
    with pytest.raises(UserError, match="0 or more"):
        apply(hours([100], cars=[EV]), {"car.전기차.energy": -1.0})


def test_relaxing_twice_adds_up() -> None:
    problem = hours([100], load=5.0, import_kw=4.0)
    twice = apply(apply(problem, {"grid.import": 0.5}), {"grid.import": 0.5})
    assert twice.relaxed == {"grid.import": 1.0}
    assert solve(twice).status == "optimal"
