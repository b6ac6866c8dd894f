"""A day planned: what charges, runs and heats when, what it costs, and what a plan keeps."""

from __future__ import annotations

import math
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from energy_plan_sites import BATTERY, HOUR, MIDNIGHT, SEOUL, hours

from slm_energy.plan.check import violations
from slm_energy.plan.model import build
from slm_energy.plan.solve import solve
from slm_energy.plan.tasks import runs, stays
from slm_energy.plan.windows import occupied, windows
from slm_energy.series import Series

CHEAP_NIGHT = [80.0] * 8 + [150.0] * 7 + [220.0] * 6 + [150.0] + [80.0] * 2
EV = {"name": "전기차", "charge_kw": 7.0, "needs_kwh": 20.0, "arrives": "18:00", "leaves": "07:00"}
WASHER = {"name": "세탁기", "kw": 2.0, "hours": 2.0, "earliest": "09:00", "latest": "21:00"}
PUMP = {"name": "pump", "kw": 1.0, "hours": 3.0, "unbroken": False}
ROOM = {
    "name": "사무실", "kw": 3.0, "mode": "cool", "low": 20.0, "high": 26.0, "from": "09:00", "to": "18:00",
    "loss_kw_per_k": 0.2, "capacity_kwh_per_k": 2.0, "now": 25.0,
}  # fmt: skip
QUARTER = timedelta(minutes=15)


def never_both(one: Series, other: Series) -> bool:
    return all(min(pair) == 0 for pair in zip(one.values, other.values, strict=True))


def test_energy_function_01_a_day_of_96_steps_is_planned_with_cost_and_peak_before_and_after() -> None:
    quarter = [price for price in CHEAP_NIGHT for _ in range(4)]
    sun = [max(0.0, 6 * math.sin((step / 4 - 6) / 12 * math.pi)) for step in range(96)]
    problem = hours(
        quarter,
        pv=sun,
        outdoor=30.0,
        step=QUARTER,
        battery=BATTERY,
        cars=[EV],
        deferrables=[WASHER, PUMP],
        rooms=[ROOM],
        asked={"demand_price": 250.0},
    )
    plan = solve(problem, seconds=60, gap=2e-3)
    assert plan.status in ("optimal", "feasible")
    assert plan.cost is not None
    assert plan.flows is not None
    assert plan.cost.total < plan.cost_before.total
    assert plan.cost.peak_kw < plan.cost_before.peak_kw
    assert violations(problem, plan.flows, plan.cost) == ()
    night = [*range(28), *range(72, 96)]
    assert sum(plan.flows.cars["전기차"].values[step] for step in night) / 4 * 0.92 >= 20 - 1e-3
    ran = [step / 4 for step, kw in enumerate(plan.flows.loads["세탁기"].values) if kw > 0]
    assert len(ran) == 8
    assert ran[-1] - ran[0] == 1.75  # in one piece
    assert 9 <= ran[0] <= ran[-1] < 21
    office = plan.flows.temperature["사무실"].values
    assert max(office[9 * 4 : 18 * 4]) <= 26.001


def test_a_battery_charges_at_the_cheap_hour_and_ends_as_it_began() -> None:
    plan = solve(hours([50, 200], battery=BATTERY, asked={"soc_kwh": 2.0}))
    assert plan.flows is not None
    assert plan.flows.charge.values[0] == pytest.approx(1 / 0.95**2, abs=1e-4)
    assert plan.flows.discharge.values[1] == pytest.approx(1.0, abs=1e-4)
    assert plan.flows.soc.values[-1] == pytest.approx(2.0, abs=1e-4)


def test_wear_that_costs_more_than_it_saves_leaves_the_battery_alone() -> None:
    plan = solve(hours([100, 130], battery={**BATTERY, "wear_per_kwh": 40.0}))
    assert plan.flows is not None
    assert sum(plan.flows.charge.values) == 0


def test_a_linear_problem_has_no_binaries_and_says_why_others_have() -> None:
    assert build(hours([100, 200], battery=BATTERY)).binaries == []
    (why,) = build(hours([-10, 200], battery=BATTERY)).binaries[:1]
    assert "negative prices" in why
    (why,) = build(hours([100, 100], pv=2.0, export_price=120.0)).binaries
    assert "feeding in pays more" in why


def test_negative_prices_burn_nothing_in_the_battery() -> None:
    plan = solve(hours([-50.0, -50.0, 100.0], battery=BATTERY))
    assert plan.status == "optimal"
    assert plan.flows is not None
    assert never_both(plan.flows.charge, plan.flows.discharge)


def test_surplus_that_nobody_pays_for_is_not_burnt_by_cycling() -> None:
    plan = solve(hours([100, 100, 100, 200], pv=[8, 8, 8, 0], battery=BATTERY))
    assert plan.flows is not None
    assert never_both(plan.flows.charge, plan.flows.discharge)


def test_power_is_not_bought_and_sold_at_once_where_feeding_in_pays_more() -> None:
    plan = solve(hours([100, 100], pv=[0, 4], export_price=300.0, battery=BATTERY))
    assert plan.status == "optimal"
    assert plan.flows is not None
    assert never_both(plan.flows.buy, plan.flows.sell)


def test_panels_are_throttled_where_export_is_limited() -> None:
    plan = solve(hours([100, 100], pv=6.0, export_kw=2.0))
    assert plan.flows is not None
    assert plan.flows.sell.values == (2.0, 2.0)
    assert plan.flows.pv_used.values == (3.0, 3.0)
    assert plan.before.pv_used.values == (3.0, 3.0)


def test_a_demand_price_flattens_the_peak_only_above_what_was_already_reached() -> None:
    asked = {"demand_price": 1000.0}
    plan = solve(hours([100] * 4, load=[0, 6, 0, 0], battery=BATTERY, asked=asked))
    assert plan.cost is not None
    assert plan.cost.peak_kw == pytest.approx(6 / (1 + 0.95**2), abs=1e-3)
    asked = {"demand_price": 1000.0, "peak_so_far_kw": 6.0}
    known = solve(hours([100] * 4, load=[0, 6, 0, 0], battery=BATTERY, asked=asked))
    assert known.cost is not None
    assert known.cost.demand == 0
    assert known.cost.peak_kw == pytest.approx(6, abs=1e-3)


def test_hours_that_are_not_billed_may_be_the_highest() -> None:
    asked = {"demand_price": 1000.0, "billed": (False, True, True)}
    plan = solve(hours([50, 100, 100], load=[1, 4, 4], battery=BATTERY, asked=asked))
    assert plan.flows is not None
    assert plan.cost is not None
    assert plan.flows.buy.values[0] > plan.cost.peak_kw


def test_the_peak_of_five_minute_steps_is_the_mean_of_the_quarter_by_the_clock() -> None:
    load, step = [9, 0, 0, 3, 3, 3], timedelta(minutes=5)
    plan = solve(hours([100] * 6, load=load, step=step, peak_kw=3.0))
    assert plan.status == "optimal"
    assert plan.cost is not None
    assert plan.cost.peak_kw == pytest.approx(3)
    shifted = hours([100] * 6, load=load, step=step, start=MIDNIGHT + step, peak_kw=3.0)
    assert solve(shifted).status == "infeasible"  # now 9 and 0 share a quarter


def test_a_charger_is_off_or_above_its_least_power() -> None:
    car = {**EV, "least_kw": 4.0, "needs_kwh": 10.0, "arrives": "00:00", "leaves": "04:00"}
    plan = solve(hours([100] * 4, pv=2.0, cars=[car]))
    assert plan.flows is not None
    assert all(kw == 0 or kw >= 4 - 1e-6 for kw in plan.flows.cars["전기차"].values)


def test_a_car_over_midnight_asks_for_what_is_missing_now_and_leaves_the_evening_to_the_next_plan() -> None:
    problem = hours([100] * 24, cars=[EV], asked={"done": {"전기차": 8.0}})
    morning, evening = stays(problem, problem.site.cars[0])
    assert morning.least_kwh == 12
    assert sum(morning.share) == 7
    assert evening.least_kwh == 0  # 7 h at 7 kW remain after midnight
    plan = solve(problem)
    assert plan.flows is not None
    assert sum(plan.flows.cars["전기차"].values) * 0.92 == pytest.approx(12, abs=1e-3)
    assert sum(plan.before.cars["전기차"].values) * 0.92 == pytest.approx(12, abs=1e-3)


def test_what_cannot_be_made_up_after_the_plan_is_charged_within_it() -> None:
    problem = hours([100] * 24, cars=[{**EV, "needs_kwh": 60.0}], asked={"done": {"전기차": 60.0}})
    (evening,) = stays(problem, problem.site.cars[0])
    assert evening.least_kwh == pytest.approx(60 - 7 * 0.92 * 7)


def test_a_load_that_fits_after_the_plan_is_left_to_the_next_one() -> None:
    late = {**WASHER, "earliest": "22:00", "latest": "06:00"}
    problem = hours([100] * 24, deferrables=[late], asked={"done": {"세탁기": 2.0}})
    assert runs(problem, problem.site.deferrables[0]) == []


def test_a_load_too_long_for_either_side_runs_on_after_the_plan() -> None:
    late = {**WASHER, "hours": 3.0, "earliest": "22:00", "latest": "02:00"}
    problem = hours([100] * 24, deferrables=[late], asked={"done": {"세탁기": 3.0}})
    (run,) = runs(problem, problem.site.deferrables[0])
    assert run.starts == (22, 23)
    plan = solve(problem)
    assert plan.status == "optimal"


def test_a_load_that_has_begun_in_one_piece_goes_on_at_once() -> None:
    price = [300.0] + [50.0] * 9
    problem = hours(price, start=MIDNIGHT + 10 * HOUR, deferrables=[WASHER], asked={"done": {"세탁기": 1.0}})
    plan = solve(problem)
    assert plan.flows is not None
    assert plan.flows.loads["세탁기"].values[:3] == (2.0, 0.0, 0.0)


def test_a_load_of_an_hour_and_a_half_fills_one_step_and_half_of_the_next() -> None:
    plan = solve(hours([100] * 12, start=MIDNIGHT + 9 * HOUR, deferrables=[{**WASHER, "hours": 1.5}]))
    assert plan.flows is not None
    assert sorted(plan.flows.loads["세탁기"].values)[-2:] == [1.0, 2.0]


def test_a_load_in_pieces_takes_the_cheapest_hours_wherever_they_are() -> None:
    price = [10.0, 90, 90, 10, 90, 10] + [90.0] * 18
    plan = solve(hours(price, deferrables=[PUMP]))
    assert plan.flows is not None
    assert [step for step, kw in enumerate(plan.flows.loads["pump"].values) if kw] == [0, 3, 5]


def test_a_safety_load_is_not_moved() -> None:
    price = [300.0] * 12 + [10.0] * 12
    pump = {**WASHER, "earliest": "00:00", "latest": "00:00"}
    plan = solve(hours(price, deferrables=[pump], safety=["세탁기"]))
    assert plan.flows is not None
    assert plan.flows.loads == plan.before.loads
    assert plan.flows.loads["세탁기"].values[:2] == (2.0, 2.0)


def test_a_room_is_cooled_ahead_while_power_is_cheap() -> None:
    price = [50.0] * 9 + [300.0] * 9 + [50.0] * 6
    plan = solve(hours(price, outdoor=32.0, rooms=[ROOM]))
    assert plan.flows is not None
    kwh, warm = plan.flows.rooms["사무실"].values, plan.flows.temperature["사무실"].values
    assert warm[8] < 26 - 0.5
    assert max(warm[8:18]) <= 26.001
    assert sum(kwh[9:18]) < sum(plan.before.rooms["사무실"].values[9:18])


def test_the_temperature_is_the_exact_answer_to_constant_power() -> None:
    room = {**ROOM, "from": "00:00", "to": "00:00"}
    problem = hours([100] * 3, outdoor=32.0, rooms=[room])
    plan = solve(problem)
    assert plan.flows is not None
    at, many = 25.0, 3600
    power, ends = plan.flows.rooms["사무실"].values, plan.flows.temperature["사무실"].values
    for kw, end in zip(power, ends, strict=True):
        for _ in range(many):  # a second each
            at += ((32.0 - at) * 0.2 - 3.0 * kw) / 2.0 / many
        assert at == pytest.approx(end, abs=2e-3)


def test_a_room_that_starts_too_warm_is_brought_in_as_fast_as_it_can() -> None:
    hot = {**ROOM, "now": 33.0, "from": "00:00", "to": "00:00"}
    plan = solve(hours([100] * 8, outdoor=33.0, rooms=[hot]))
    assert plan.status == "optimal"
    assert plan.flows is not None
    assert plan.flows.rooms["사무실"].values[0] == pytest.approx(3.0, abs=1e-3)
    weak = {**hot, "kw": 0.1}
    assert solve(hours([100] * 8, outdoor=33.0, rooms=[weak])).status == "infeasible"


def test_a_battery_below_its_reserve_is_no_reason_to_give_up() -> None:
    plan = solve(hours([100, 200], battery={**BATTERY, "reserve": 0.2}, asked={"soc_kwh": 1.9}))
    assert plan.status == "optimal"


def test_an_impossible_plan_is_infeasible_and_still_tells_the_day_without_planning() -> None:
    plan = solve(hours([100] * 24, load=5.0, import_kw=4.0))
    assert (plan.status, plan.flows, plan.cost) == ("infeasible", None, None)
    assert plan.cost_before.total == 24 * 5 * 100


def test_time_that_runs_out_gives_a_checked_answer_or_none() -> None:
    quarter = [price for price in CHEAP_NIGHT for _ in range(4)]
    car = {**EV, "least_kw": 1.4}
    plan = solve(hours(quarter, step=QUARTER, cars=[car], deferrables=[WASHER, PUMP]), seconds=0.0)
    assert plan.status in ("optimal", "feasible", "failed")
    assert (plan.flows is None) == (plan.status == "failed")


@pytest.mark.parametrize(("day", "length"), [((2026, 3, 29), 23), ((2026, 10, 25), 25)])
def test_a_window_keeps_its_wall_clock_when_summer_time_begins_and_ends(
    day: tuple[int, int, int], length: int
) -> None:
    berlin, car = ZoneInfo("Europe/Berlin"), {**EV, "arrives": "01:00", "leaves": "06:00"}
    problem = hours([100] * length, start=datetime(*day, tzinfo=berlin), zone="Europe/Berlin", cars=[car])
    (window,) = windows(problem, problem.site.cars[0].arrives, problem.site.cars[0].leaves)
    assert sum(window.share) == (4 if length == 23 else 6)
    local = [at.astimezone(berlin).hour for at in problem.load.times()]
    assert {local[step] for step in window.steps} == ({1, 3, 4, 5} if length == 23 else {1, 2, 3, 4, 5})
    assert sum(window.share) == len(window.steps)


def test_the_hours_of_a_building_are_its_own_zone_whatever_zone_the_data_has() -> None:
    problem = hours([100] * 24, start=datetime(2026, 7, 1, tzinfo=ZoneInfo("UTC")))
    inside = occupied(problem, time(9), time(18))
    # 09:00 in Seoul is midnight in UTC.
    assert [step for step, here in enumerate(inside) if here] == list(range(9))
    assert problem.load.start.astimezone(SEOUL).hour == 9


def test_a_plan_refuses_hours_without_a_value() -> None:
    with pytest.raises(ValueError, match="every step"):
        hours([100, math.nan])
