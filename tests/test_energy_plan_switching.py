"""Few starts: what may wait runs in one piece where that costs nothing, and a pause must pay for itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from energy_plan_sites import hours

from slm_core.errors import UserError
from slm_energy.plan.check import violations
from slm_energy.plan.comparing import peaks
from slm_energy.plan.problem import Problem
from slm_energy.plan.rolling import carried
from slm_energy.plan.schedule import Schedule
from slm_energy.plan.solve import solve
from slm_energy.plan.switching import start_cost
from slm_energy.site import parse_site

QUARTER = timedelta(minutes=15)
EV = {"name": "전기차", "charge_kw": 22.0, "needs_kwh": 40.0, "arrives": "18:30", "leaves": "07:00"}
PUMP = {"name": "급수 펌프", "kw": 12.0, "hours": 3.0, "unbroken": False}
CHEAP_NIGHT = [100.0] * 32 + [150.0] * 20 + [200.0] * 32 + [150.0] * 4 + [100.0] * 8


def day(price: list[float], **site: object) -> Problem:
    wavy = [60.0 + (step * 7) % 5 for step in range(len(price))]
    return hours(price, load=wavy, step=QUARTER, **site)  # type: ignore[arg-type]


def runs(kw: tuple[float, ...]) -> list[int]:
    """Steps of each time that a part was on."""
    found, last = list[int](), False
    for on in (value > 1e-3 for value in kw):
        if on and last:
            found[-1] += 1
        elif on:
            found.append(1)
        last = on
    return found


def planned(problem: Problem) -> Schedule:
    plan = solve(problem)
    assert plan.flows is not None and plan.cost is not None, plan.said
    assert violations(problem, plan.flows, plan.cost) == ()
    return plan


def test_a_car_and_a_pump_run_in_one_piece_where_no_hour_is_better_than_another() -> None:
    plan = planned(day(CHEAP_NIGHT, cars=[EV], deferrables=[PUMP], asked=None))
    assert plan.flows is not None and plan.cost is not None
    assert len(runs(plan.flows.cars["전기차"].values)) == 1
    assert runs(plan.flows.loads["급수 펌프"].values) == [12]
    assert plan.cost.total <= plan.cost_before.total


def test_a_pause_is_made_where_it_saves_more_than_a_start_and_not_where_it_saves_less() -> None:
    tiny, real = list(CHEAP_NIGHT), list(CHEAP_NIGHT)
    pump = PUMP | {"earliest": "00:00", "latest": "04:00"}
    tiny[4:8], real[4:8] = [101.0] * 4, [180.0] * 4  # an hour in the middle is dearer
    assert runs(planned(day(tiny, deferrables=[pump])).flows.loads["급수 펌프"].values) == [12]  # type: ignore[union-attr]
    assert runs(planned(day(real, deferrables=[pump])).flows.loads["급수 펌프"].values) == [4, 8]  # type: ignore[union-attr]


def test_a_site_says_what_a_start_must_save() -> None:
    real = list(CHEAP_NIGHT)
    real[4:8] = [180.0] * 4
    pump = PUMP | {"earliest": "00:00", "latest": "04:00", "start_cost": 5000}
    problem = day(real, deferrables=[pump])
    assert start_cost(problem, problem.site.deferrables[0]) == 5000
    assert runs(planned(problem).flows.loads["급수 펌프"].values) == [12]  # type: ignore[union-attr]
    with pytest.raises(UserError, match="start_cost"):
        parse_site({"name": "x", "deferrables": [PUMP | {"start_cost": -1}]}, "site.toml")


def test_a_plan_that_follows_goes_on_with_what_runs() -> None:
    problem = day(CHEAP_NIGHT, deferrables=[PUMP])
    plan = planned(problem)
    assert plan.flows is not None
    first = next(step for step, kw in enumerate(plan.flows.loads["급수 펌프"].values) if kw > 0)
    later = carried(problem.part(first + 4, 92 - first), problem, plan.flows)
    assert later.running == {"급수 펌프"}
    after = planned(later)
    assert after.flows is not None
    assert runs(after.flows.loads["급수 펌프"].values) == [8]
    assert after.flows.loads["급수 펌프"].values[0] == 12.0, "going on is no new start"


def test_few_starts_are_a_wish_and_never_the_reason_of_no_plan() -> None:
    """Only 0.4 kW are left for the car: less than what counts as being on."""
    car = EV | {"needs_kwh": 2.0}
    tight = hours([100.0] * 96, load=10.0, step=QUARTER, cars=[car], import_kw=10.4)
    assert len(planned(tight).flows.cars["전기차"].values) == 96  # type: ignore[union-attr]


def test_of_plans_that_cost_the_same_the_one_with_the_lower_peak_is_taken() -> None:
    evening = PUMP | {"earliest": "18:00", "latest": "00:00"}
    plan = planned(day([100.0] * 96, cars=[EV], deferrables=[evening]))
    assert plan.cost is not None
    assert plan.cost.total == pytest.approx(plan.cost_before.total)
    assert plan.cost.peak_kw < plan.cost_before.peak_kw - 9


def test_the_peak_of_the_month_so_far_does_not_hide_what_a_plan_could_still_save() -> None:
    """The gap of the solver is a share of the whole cost: a month's demand charge is no part of it."""
    problem = replace(
        day(CHEAP_NIGHT, cars=[EV], deferrables=[PUMP]), demand_price=8320.0, peak_so_far_kw=500.0
    )
    plan = planned(problem)
    assert plan.flows is not None
    assert [len(runs(each["급수 펌프"].values)) for each in (plan.flows.loads,)] == [1]
    assert len(runs(plan.flows.cars["전기차"].values)) == 1


def test_a_day_on_which_no_power_is_billed_is_kept_even_and_its_peak_is_shown_all_the_same() -> None:
    sunday = replace(
        day([100.0] * 96, cars=[EV], deferrables=[PUMP | {"earliest": "18:00", "latest": "00:00"}]),
        billed=(False,) * 96,
        demand_price=8320.0,
    )
    plan = planned(sunday)
    assert plan.cost is not None and plan.cost.peak_kw == plan.cost.demand == 0
    found = peaks(plan)
    assert not found.billed and 60 < found.after < found.before - 9
