"""The guard of the 15-minute peak: where the window is heading, what to shed, what to give back."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from energy_plan_sites import BATTERY, MIDNIGHT, SEOUL, hours
from hypothesis import given
from hypothesis import strategies as st

from slm_energy.plan.baseline import baseline
from slm_energy.plan.guard import (
    Reading,
    advise,
    begin_of,
    peak_of_month,
    running_window,
    target,
    window_means,
)
from slm_energy.plan.shedding import Sheddable, sheddable
from slm_energy.said import Said

NOON = datetime(2026, 7, 1, 12, 0, tzinfo=SEOUL)
CAR = {"name": "전기차", "charge_kw": 7.0, "needs_kwh": 20.0, "arrives": "00:00", "leaves": "08:00"}
LATE_CAR = {"name": "late car", "charge_kw": 3.0, "needs_kwh": 20.0, "arrives": "00:00", "leaves": "07:00"}
PUMP = {"name": "pump", "kw": 1.0, "hours": 3.0, "unbroken": False}
WASHER = {"name": "세탁기", "kw": 2.0, "hours": 2.0}
LIFT = {"name": "lift", "kw": 4.0, "hours": 2.0}


def every_minute(kw: list[float], start: datetime = NOON) -> list[Reading]:
    return [Reading(start + timedelta(minutes=number), value) for number, value in enumerate(kw)]


def load(name: str, kw: float, rank: int = 0) -> Sheddable:
    return Sheddable(name, kw, rank, Said("", ""))


def test_energy_function_05_the_guard_names_what_to_shed_before_the_quarter_is_over() -> None:
    readings = every_minute([90] + [90] * 5 + [130] * 4)
    window = running_window(readings, NOON + timedelta(minutes=9), 100.0)
    assert window.used_kwh == pytest.approx((90 * 5 + 130 * 4) / 60)
    assert window.projected_kw == pytest.approx((90 * 5 + 130 * 10) / 15)
    assert window.room_kw == pytest.approx((100 * 15 - 90 * 5 - 130 * 4) / 6)
    advice = advise(window, 100.0, [load("세탁기", 20, rank=4), load("전기차", 40), load("pump", 15, rank=1)])
    assert [each.name for each in advice.shed] == ["전기차", "pump"]
    assert advice.excess_kw == 0
    heading = "이 15분의 예상 평균 116.7 kW, 목표 100.0 kW"
    assert advice.said.ko == f"{heading}: 6분 동안 차단할 부하 전기차 40.0 kW, pump 15.0 kW"
    assert "shed for 6 min 전기차 40.0 kW, pump 15.0 kW" in advice.said.en


def test_what_cannot_be_avoided_is_said() -> None:
    window = running_window(every_minute([150] * 10), NOON + timedelta(minutes=9), 100.0)
    advice = advise(window, 100.0, [load("전기차", 5)])
    assert advice.excess_kw == pytest.approx(150 - 5 * 6 / 15 - 100)
    assert "차단해도 48.0 kW 초과" in advice.said.ko
    assert "still 48.0 kW above it" in advice.said.en


def test_between_the_two_thresholds_nothing_flutters() -> None:
    window = running_window(every_minute([92] * 6), NOON + timedelta(minutes=5), 100.0)
    advice = advise(window, 100.0, [load("전기차", 40)], [load("pump", 5)])
    assert (advice.shed, advice.restore) == ((), ())
    low = running_window(every_minute([70] * 6), NOON + timedelta(minutes=5), 100.0)
    assert advise(low, 100.0, [], [load("pump", 5), load("전기차", 40)]).restore == ("pump",)


def test_a_new_quarter_starts_from_the_power_that_is_drawn() -> None:
    window = running_window(every_minute([120] * 16), NOON + timedelta(minutes=15), 100.0)
    assert (window.begin, window.used_kwh, window.projected_kw) == (NOON + timedelta(minutes=15), 0, 120)


def test_the_order_is_what_loses_least_first_and_safety_loads_are_never_in_it() -> None:
    room = {
        "name": "office", "kw": 3.0, "mode": "heat", "low": 20.0, "high": 24.0, "now": 20.0,
        "loss_kw_per_k": 0.2, "capacity_kwh_per_k": 2.0,
    }  # fmt: skip
    problem = hours(
        [100] * 24, outdoor=10.0, pv=20.0, battery=BATTERY, cars=[CAR, LATE_CAR],
        deferrables=[PUMP, WASHER, LIFT], rooms=[room], safety=["lift"],
    )  # fmt: skip
    found = sheddable(problem, baseline(problem), 0)
    assert [each.name for each in found] == ["전기차", "battery", "pump", "office", "late car", "세탁기"]


def test_the_target_is_the_site_peak_until_a_higher_one_was_billed() -> None:
    assert target(hours([100], peak_kw=80.0))[0] == 80
    kw, why = target(hours([100], peak_kw=80.0, asked={"peak_so_far_kw": 95.0}))
    assert kw == 95
    assert "이미 기록된 피크 95 kW" in why.ko
    assert target(hours([100]))[0] is None


def test_the_peak_of_the_month_is_its_highest_whole_quarter_in_local_time() -> None:
    start = datetime(2026, 6, 30, 23, 30, tzinfo=SEOUL)
    means = window_means(every_minute([50.0] + [200.0] * 30 + [60.0] * 30 + [90.0] * 15 + [300.0] * 5, start))
    assert sorted(means.values()) == pytest.approx([60, 60, 90, 200, 200])
    peak = peak_of_month(means, start + timedelta(minutes=80), "Asia/Seoul")
    assert peak == (pytest.approx(90), MIDNIGHT + timedelta(minutes=30))


def test_a_quarter_with_a_gap_says_nothing() -> None:
    readings = [*every_minute([10] * 5), *every_minute([10] * 16, NOON + timedelta(minutes=12))]
    assert list(window_means(readings)) == []


def test_a_guard_without_readings_says_so() -> None:
    with pytest.raises(ValueError, match="no reading"):
        running_window(every_minute([10], NOON), NOON - timedelta(minutes=1), 100.0)


@given(st.lists(st.floats(0, 500), min_size=1, max_size=40), st.integers(0, 39), st.floats(1, 500))
def test_drawing_what_is_left_meets_the_target_exactly(kw: list[float], minute: int, goal: float) -> None:
    now = NOON + timedelta(minutes=minute, seconds=30)
    window = running_window(every_minute(kw), now, goal)
    assert begin_of(now) == window.begin
    hours_left = window.left / timedelta(hours=1)
    mean = (window.used_kwh + window.room_kw * hours_left) / 0.25
    assert mean == pytest.approx(goal, rel=1e-6) or (window.room_kw == 0 and mean >= goal)
