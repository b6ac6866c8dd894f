"""Plans that follow each other, and what comes of them when the hours turn out otherwise."""

from __future__ import annotations

import importlib.util
import sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from energy_plan_sites import BATTERY, HOUR, MIDNIGHT, hours

from slm_energy.plan.check import violations
from slm_energy.plan.following import follow
from slm_energy.plan.problem import Problem
from slm_energy.plan.rolling import next_plan, roll, worth_of_charge
from slm_energy.plan.solve import solve

HERE = Path(__file__).parent
CITYLEARN = HERE.parents[1] / "shared" / "data" / "energy_citylearn" / "citylearn_challenge_2022_phase_1"
EV = {"name": "전기차", "charge_kw": 7.0, "needs_kwh": 20.0, "arrives": "18:00", "leaves": "07:00"}
WASHER = {"name": "세탁기", "kw": 2.0, "hours": 2.0, "earliest": "09:00", "latest": "21:00"}
ROOM = {
    "name": "office", "kw": 3.0, "mode": "heat", "low": 20.0, "high": 24.0, "now": 21.0,
    "loss_kw_per_k": 0.2, "capacity_kwh_per_k": 2.0,
}  # fmt: skip
PRICE = [80.0] * 8 + [150.0] * 7 + [220.0] * 6 + [150.0] + [80.0] * 2


def three_days(**site: object) -> Problem:
    return hours(
        PRICE * 3, load=[0.5, 1.0, 2.0] * 24, outdoor=5.0, battery=BATTERY, asked={"soc_kwh": 3.0}, **site
    )


def test_rolled_plans_keep_every_limit_of_the_whole_time_and_cost_little_more_than_its_optimum() -> None:
    actual = three_days(cars=[EV], deferrables=[WASHER], rooms=[ROOM], import_kw=12.0)
    rolled = roll(actual, actual.part, horizon=24, every=6)
    assert (rolled.plans, rolled.by_rule) == (12, 0)
    assert violations(actual, rolled.flows, rolled.cost) == ()
    best = solve(actual)
    assert best.cost is not None
    assert best.cost.total - 0.01 <= rolled.cost.total <= best.cost.total * 1.02
    assert rolled.cost.total < best.cost_before.total


def test_a_plan_that_others_follow_does_not_empty_the_battery_at_its_end() -> None:
    actual = three_days()
    worth, why = worth_of_charge(actual)
    assert worth == pytest.approx(80 / 0.95)
    assert "cheapest hour ahead" in why
    cheap_end = replace(actual, soc_kwh=8.0, end_value=0.0).part(20, 4)
    emptied, kept = solve(cheap_end), next_plan(replace(cheap_end, end_value=None))
    assert emptied.flows is not None
    assert kept.flows is not None
    assert kept.flows.soc.values[-1] > emptied.flows.soc.values[-1] + 2


def test_a_charge_that_the_site_wants_at_the_end_holds_for_every_plan() -> None:
    plan = next_plan(hours([100.0] * 4, load=1.0, battery={**BATTERY, "end": 0.5}))
    assert plan.flows is not None
    assert plan.flows.soc.values[-1] == pytest.approx(5.0, abs=1e-3)


def test_the_demand_that_was_reached_is_known_to_the_next_plan() -> None:
    actual = hours(
        [100.0] * 8, load=[6, 0, 0, 0, 6, 0, 0, 0], battery=BATTERY, asked={"demand_price": 1000.0}
    )
    rolled = roll(actual, actual.part, horizon=4, every=4)
    # The first hour cannot be avoided with an empty battery, so that the fifth costs no more.
    assert rolled.cost.demand == pytest.approx(6000)
    assert sum(rolled.flows.charge.values) == pytest.approx(0, abs=1e-3)


def test_a_car_and_a_load_go_on_where_the_last_plan_left_them() -> None:
    first = solve(hours(PRICE, cars=[EV], deferrables=[WASHER]))
    assert first.flows is not None
    at = 3
    had = sum(first.flows.cars["전기차"].values[:at]) * 0.92
    assert had > 0
    ahead = hours(PRICE[at:], start=MIDNIGHT + at * HOUR, cars=[EV], deferrables=[WASHER])
    then = next_plan(ahead, first)
    assert then.flows is not None
    assert sum(then.flows.cars["전기차"].values[:4]) * 0.92 == pytest.approx(20 - had, abs=1e-3)


def test_while_the_plan_leaves_the_grid_alone_the_battery_follows_the_load_that_comes() -> None:
    expected = hours([300.0] * 2, load=2.0, battery=BATTERY, asked={"soc_kwh": 8.0, "end_value": 0.0})
    plan = solve(expected)
    assert plan.flows is not None
    actual = hours([300.0] * 2, load=[3.0, 1.0], battery=BATTERY, asked={"soc_kwh": 8.0})
    flows = follow(plan.flows, actual)
    assert flows.discharge.values == pytest.approx((3.0, 1.0))
    assert flows.buy.values == pytest.approx((0.0, 0.0))


def test_surplus_that_nobody_foresaw_goes_into_the_battery_and_never_out_unpaid() -> None:
    expected = hours([80.0, 300.0], load=2.0, battery=BATTERY, asked={"soc_kwh": 0.0})
    plan = solve(expected)
    assert plan.flows is not None
    actual = hours([80.0, 300.0], load=0.5, pv=[6.0, 0.0], battery=BATTERY, asked={"soc_kwh": 0.0})
    flows = follow(plan.flows, actual)
    assert flows.charge.values[0] == pytest.approx(5.0)
    assert flows.discharge.values[1] == pytest.approx(0.5)
    assert flows.sell.values == pytest.approx((0.5, 0.0))
    assert violations(actual, flows) == ()


def citylearn() -> ModuleType:
    path = HERE.parent / "benchmarks" / "energy_citylearn.py"
    spec = importlib.util.spec_from_file_location("energy_citylearn", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["energy_citylearn"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.skipif(not CITYLEARN.is_dir(), reason="needs the CityLearn 2022 data")
def test_a_month_of_a_real_home_meets_both_bars() -> None:
    bench = citylearn()
    args = Namespace(folder=CITYLEARN, forecast="perfect", month=4, horizon=48, every=None, json=True)
    (row,) = bench.measure(args, 3)
    assert row.plan <= row.rule
    assert row.plan - row.optimum <= 0.02 * row.without
    year, months = bench.read(CITYLEARN, 3)
    days = [31, 30, 31, 30, 31, 31, 28, 31, 30, 31, 30, 31]
    assert [count for _, count in months.values()] == [*(24 * day for day in days[:-1]), 743]
    assert year.site.battery.charge_efficiency == pytest.approx(0.9**0.5)
