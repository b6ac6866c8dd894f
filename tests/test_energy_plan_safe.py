"""No new plan: the last safe one as far as it reaches, then the rule, said in both languages."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path

import pytest
from energy_plan_sites import BATTERY, HOUR, MIDNIGHT, hours
from hypothesis import given, settings
from hypothesis import strategies as st

from slm_core.errors import UserError
from slm_energy.plan.check import violations
from slm_energy.plan.problem import Problem
from slm_energy.plan.safe import DOWN, LATE, is_good, safe
from slm_energy.plan.schedule import Schedule
from slm_energy.plan.solve import solve
from slm_energy.plan.store import from_json, keep, kept, to_json

EV = {"name": "전기차", "charge_kw": 7.0, "needs_kwh": 20.0, "arrives": "18:00", "leaves": "07:00"}
PUMP = {"name": "pump", "kw": 1.0, "hours": 3.0, "earliest": "08:00", "latest": "20:00", "unbroken": False}
PRICE = [80.0] * 8 + [150.0] * 7 + [220.0] * 6 + [150.0] + [80.0] * 2


def day(first: int = 0, price: list[float] | None = None, **asked: object) -> Problem:
    price = price or PRICE
    start = MIDNIGHT + first * HOUR
    return hours(price, start=start, battery=BATTERY, cars=[EV], deferrables=[PUMP], asked=asked)


@pytest.fixture(scope="module")
def last() -> Schedule:
    return solve(day())


def test_energy_function_12_the_last_safe_plan_holds_until_it_ends_then_the_rule_and_both_are_said(
    last: Schedule,
) -> None:
    problem = day(20, PRICE[20:] + PRICE[:10])
    found = safe(problem, None, last)
    assert found.schedule.status == "fallback"
    assert found.reason is not None
    assert found.reason.ko == "계획 프로그램이 멈춤: 07-02 00:00까지 마지막 안전 계획, 그 뒤는 기본 규칙"
    assert found.reason.en == "the planner is down: the last safe plan holds until 07-02 00:00, then the rule"
    assert found.until == MIDNIGHT + 24 * HOUR
    assert last.flows is not None
    assert found.schedule.flows is not None
    assert found.schedule.flows.cars["전기차"].values[:4] == last.flows.cars["전기차"].values[20:]
    given, planned = found.schedule.flows.discharge.values, last.flows.discharge.values
    assert given[:2] == pytest.approx(planned[20:22], abs=1e-3)
    # What the old plan left to the night is done by the rule: the car charges at once.
    assert found.schedule.flows.cars["전기차"].values[4] == 7.0
    assert sum(found.schedule.flows.cars["전기차"].values[:11]) * 0.92 == pytest.approx(20, abs=1e-3)
    assert violations(found.schedule.problem, found.schedule.flows) == ()


def test_a_good_new_plan_is_followed_without_a_word(last: Schedule) -> None:
    found = safe(last.problem, last, None)
    assert found.schedule is last
    assert found.reason is None


def test_a_late_plan_is_replaced_by_the_last_one_as_a_whole_where_it_still_reaches(last: Schedule) -> None:
    found = safe(day(2, PRICE[2:]), None, last, LATE)
    assert found.reason is not None
    assert found.reason.ko == "계획이 제때 나오지 않음: 07-02 00:00까지 마지막 안전 계획을 따름"
    assert last.flows is not None
    assert found.schedule.flows is not None
    assert found.schedule.flows.cars["전기차"].values == last.flows.cars["전기차"].values[2:]


def test_a_plan_that_has_ended_is_too_old(last: Schedule) -> None:
    found = safe(day(30), None, last)
    assert found.reason is not None
    rule = "the rule (self-consumption) holds"
    assert found.reason.en == f"the planner is down: the last safe plan ended 07-02 00:00, {rule}"
    assert "07-02 00:00에 끝나 기본 규칙(자가소비)을 따름" in found.reason.ko
    assert found.until is None
    assert found.schedule.flows == found.schedule.before


def test_the_hour_is_told_in_the_time_of_the_site_whatever_zone_the_data_has(last: Schedule) -> None:
    start = (MIDNIGHT + 20 * HOUR).astimezone(UTC)
    problem = hours(PRICE, start=start, battery=BATTERY, cars=[EV], deferrables=[PUMP])
    found = safe(problem, None, last)
    assert found.reason is not None
    assert "until 07-02 00:00" in found.reason.en


def test_a_plan_of_another_site_is_not_followed(last: Schedule) -> None:
    other = hours(PRICE, battery={**BATTERY, "capacity_kwh": 2.0})
    found = safe(other, None, last, DOWN)
    assert found.reason is not None
    assert "does not fit this site" in found.reason.en
    assert "이 사이트에 맞지 않아" in found.reason.ko


def test_an_infeasible_plan_gives_its_reason_and_names_what_the_fallback_does_not_keep(
    last: Schedule,
) -> None:
    problem = replace(day(), site=day().site.model_copy(update={"import_kw": 0.5}))
    new = solve(problem)
    assert new.status == "infeasible"
    found = safe(problem, new, last)
    assert found.reason is not None
    assert found.reason.ko.startswith("모든 제한을 지키는 계획이 없음")
    assert "not kept: grid.import" in found.schedule.said


def test_a_plan_that_was_tampered_with_is_not_good(last: Schedule) -> None:
    assert is_good(last)
    assert last.flows is not None
    forged = replace(last, flows=replace(last.flows, buy=last.flows.buy.with_values([0.0] * 24)))
    assert not is_good(forged)
    assert safe(day(2, PRICE[2:]), None, forged).until is None


def test_the_last_plan_outlives_a_restart(tmp_path: Path, last: Schedule) -> None:
    path = tmp_path / "plan.json"
    assert kept(path) is None
    keep(path, last)
    assert kept(path) == last


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text('{"status": "optimal"}', encoding="utf-8")
    with pytest.raises(UserError, match="expected: a schedule"):
        kept(path)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.floats(-100, 500), min_size=1, max_size=12),
    st.floats(0, 10),
    st.sampled_from([5, 15, 30, 60]),
    st.dictionaries(st.sampled_from(["전기차", "pump"]), st.floats(0, 5)),
)
def test_a_schedule_survives_json_whole(
    price: list[float], soc: float, minutes: int, done: dict[str, float]
) -> None:
    problem = hours(
        price, load=soc, step=timedelta(minutes=minutes), battery=BATTERY, cars=[EV], deferrables=[PUMP],
        asked={"soc_kwh": soc, "done": done, "relaxed": {"grid.peak": soc}},
    )  # fmt: skip
    schedule = safe(problem, None, None).schedule
    assert from_json(to_json(schedule)) == schedule
