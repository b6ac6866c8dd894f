"""Time-of-use bills, the demand that is billed, and one load under two tables."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slm_core.errors import UserError
from slm_energy.series import Series
from slm_energy.tariff import Metered, bill, billing_demand, find_tariff, replay, running_month
from slm_energy.tariff.days import KOREA, next_month

QUARTER = timedelta(minutes=15)
JULY, MARCH = date(2026, 7, 1), date(2026, 3, 1)


def metered(
    month: date,
    kw: Callable[[datetime], float] = lambda time: 400,
    contract: float | None = 1000,
    peaks: dict[date, float] | None = None,
) -> Metered:
    """Return a month of quarter hours at that power."""
    start = datetime(month.year, month.month, 1, tzinfo=KOREA)
    times = [start + QUARTER * count for count in range((next_month(month) - month).days * 96)]
    steps = tuple((time, Decimal(str(kw(time))) / 4) for time in times)
    return Metered(steps, QUARTER, contract, peaks or {})


def flat(value: float) -> Callable[[datetime], float]:
    return lambda time: value


# --- bills


def test_a_flat_july_is_billed_as_worked_out_by_hand() -> None:
    # 31 days: 22 weekdays, 4 Saturdays, 4 Sundays and Constitution day. Quarter hours of 100 kWh a day:
    # weekday 40 off, 32 mid, 24 peak; Saturday 40 and 56; holiday 96 off. So 152,000, 92,800 and 52,800 kWh.
    found = bill("general-b-hv-a-1", JULY, metered(JULY))
    assert (
        "경부하 152,000 kWh × 92.8 + 중간부하 92,800 kWh × 145.7 + 최대부하 52,800 kWh × 227.8"
        in found.text("ko")
    )
    assert [line.won for line in found.lines] == [
        2_888_000,  # 400 kW × 7,220
        39_654_400,  # 14,105,600 + 13,520,960 + 12,027,840
        2_678_400,  # 297,600 kWh × 9
        1_488_000,  # 297,600 kWh × 5
        46_708_800,
        4_670_880,
        1_261_130,  # 2.7 %: 1,261,137.6, cut to tens
        52_640_810,
    ]
    assert found.total == 52_640_810


def test_a_month_in_which_the_table_changes_is_billed_day_by_day() -> None:
    april = bill("industrial-b-hv-a-2", date(2026, 4, 1), metered(date(2026, 4, 1)))
    text = april.text("en")
    for rate in ("110.9", "116", "164.1", "150.9"):
        assert f"kWh × {rate}" in text
    # Weekends from the 16th: two Saturdays and two Sundays, three hours each at 400 kW.
    assert "2,400 kWh × -66.7 + 2,400 kWh × -58" in text


def test_a_night_peak_does_not_set_the_base_charge_but_costs_energy() -> None:
    night = metered(JULY, lambda time: 900 if time.hour == 23 else 400)
    found = bill("general-b-hv-a-1", JULY, night)
    assert found.won("base") == 400 * 7220
    assert found.won("energy") > bill("general-b-hv-a-1", JULY, metered(JULY)).won("energy")


def test_an_earlier_winter_peak_and_the_floor_of_the_contract_set_the_base_charge() -> None:
    january = metered(JULY, peaks={date(2026, 1, 1): 650, date(2026, 5, 1): 990})
    assert bill("general-b-hv-a-1", JULY, january).won("base") == 650 * 7220
    large = bill("general-b-hv-a-1", JULY, metered(JULY, contract=2000))
    assert large.won("base") == 600 * 7220
    assert "600 kW (계약전력 하한)" in large.text("ko")


def test_a_bill_says_what_it_leaves_out_and_what_it_was_not_told() -> None:
    start = datetime(2026, 7, 1, tzinfo=KOREA)
    hours = tuple((start + timedelta(hours=count), Decimal(1200)) for count in range(24))
    text = bill("general-b-hv-a-1", JULY, Metered(hours, timedelta(hours=1), 1000)).text("en")
    assert "power factor (terms, article 43)" in text
    assert "24 of 744 steps were metered: this is not the bill of the whole month" in text
    assert "a mean of 60 minutes" in text
    assert "peak of 1,200 kW exceeds the contract power of 1000 kW" in text
    assert "5 months without a known peak: 2026-02, 2026-01, 2025-12, 2025-09, 2025-08" in text
    residential = bill("residential-low", JULY, Decimal("350.9"))
    assert "of 350.9 kWh the whole 350 are billed" in residential.text("en")
    assert "복지할인" in residential.text("ko")


def test_both_languages_say_the_same_figures() -> None:
    for found in (
        bill("residential-low", date(2023, 5, 1), 420),
        bill("general-b-hv-b-2", JULY, metered(JULY)),
    ):
        korean, english = (
            [
                re.findall(r"\d[\d,.]*", line)
                for line in found.text(lang).splitlines()
                if line.startswith("- ")
            ]
            for lang in ("ko", "en")
        )
        assert [row[0] for row in korean] == [row[0] for row in english]
        # "10원 미만" is "to tens" in English.
        assert [row[:4] for row in korean[:4]] == [row[:4] for row in english[:4]]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda: bill("general-b-hv-a-1", JULY, 1000), "billed by hour and demand"),
        (lambda: bill("residential-low", JULY, metered(JULY)), "billed by the kWh of a month"),
        (lambda: bill("residential-low", JULY, -1), "zero or more"),
        (lambda: bill("residential-low", JULY, float("nan")), "zero or more"),
        (lambda: bill("residential-low", date(2026, 7, 15), 300), "begins no month"),
        (lambda: bill("general-b-hv-a-1", MARCH, metered(JULY)), "the use is of 2026-07"),
    ],
)
def test_use_of_the_wrong_kind_or_month_is_refused(wrong: Callable[[], object], says: str) -> None:
    with pytest.raises(UserError, match=says):
        wrong()


# --- what was metered


def series(values: tuple[float, ...], unit: str = "kW", minutes: int = 15) -> Series:
    return Series("load", unit, datetime(2026, 7, 1, tzinfo=KOREA), timedelta(minutes=minutes), values)


def test_power_and_energy_of_a_series_are_told_apart_by_its_unit() -> None:
    assert Metered.from_series(series((400.0, 400.0))).kwh == Decimal(200)
    assert Metered.from_series(series((100.0, 100.0), "kWh")).kwh == Decimal(200)


@pytest.mark.parametrize(
    ("load", "says"),
    [
        (series((1.0, float("nan"))), "1 of 2 steps of load are empty, first 2026-07-01T00:15"),
        (series((20.0,), "°C"), "in °C"),
        (series((1.0, -2.0)), "zero or more"),
        (series((1.0,), minutes=50), "does not divide an hour"),
        (series(()), "nothing was metered"),
        (series((1.0,) * (31 * 24 + 1), minutes=60), "2026-08-01T00:00:00\\+09:00 lies outside 2026-07"),
    ],
)
def test_a_series_that_cannot_be_billed_is_refused_with_its_first_fault(load: Series, says: str) -> None:
    with pytest.raises(UserError, match=says):
        Metered.from_series(load)


def test_a_time_that_is_there_twice_is_refused() -> None:
    time = datetime(2026, 7, 1, tzinfo=KOREA)
    with pytest.raises(UserError, match="is there twice"):
        Metered(((time, Decimal(1)), (time, Decimal(1))), QUARTER)


# --- billing demand

PEAKS = {
    date(2025, 8, 1): 700,  # the thirteenth month back from August 2026
    date(2025, 9, 1): 310,
    date(2025, 10, 1): 600,  # not a month that is carried on
    date(2025, 12, 1): 330,
    date(2026, 1, 1): 420,
    date(2026, 2, 1): 400,
    date(2026, 6, 1): 500,  # neither
    date(2026, 7, 1): 390,
    date(2026, 8, 1): 380,
}


@pytest.mark.parametrize(
    ("month", "contract", "kw", "set_by", "holds_to"),
    [
        (date(2026, 8, 1), 1000, 420, date(2026, 1, 1), date(2027, 7, 1)),
        (date(2026, 6, 1), 1000, 700, date(2025, 8, 1), date(2026, 6, 1)),
        (date(2026, 7, 1), 1000, 700, date(2025, 8, 1), date(2027, 6, 1)),
        (date(2025, 10, 1), 1000, 700, date(2025, 8, 1), date(2025, 10, 1)),
        (date(2026, 8, 1), 1500, 450, None, date(2027, 7, 1)),
        (date(2026, 8, 1), None, 420, date(2026, 1, 1), date(2027, 7, 1)),
    ],
)
def test_the_highest_of_the_month_and_of_six_months_of_the_year_is_billed(
    month: date, contract: int | None, kw: int, set_by: date | None, holds_to: date
) -> None:
    found = billing_demand(PEAKS, contract, month)
    assert (found.kw, found.set_by, found.holds_to) == (kw, set_by, holds_to)


def test_the_billing_demand_names_the_months_it_was_not_told() -> None:
    found = billing_demand({JULY: 300}, None, JULY)
    assert [f"{each:%Y-%m}" for each in found.missing] == [
        "2026-02",
        "2026-01",
        "2025-12",
        "2025-09",
        "2025-08",
    ]
    assert "계약전력이 없어 하한을 적용하지 않음" in found.text("ko")
    assert "no contract power given, so no floor applied" in found.text("en")
    assert "제68조" in found.source.ko


@pytest.mark.parametrize(
    ("peaks", "says"),
    [
        ({MARCH: 300}, "no peak of 2026-07 itself"),
        ({JULY: -1}, "peak of 2026-07 is -1"),
        ({date(2026, 7, 2): 300}, "begins no month"),
    ],
)
def test_peaks_that_say_nothing_are_refused(peaks: dict[date, float], says: str) -> None:
    with pytest.raises(UserError, match=says):
        billing_demand(peaks, 1000, JULY)


def test_a_month_for_which_no_demand_rule_is_known_is_refused() -> None:
    with pytest.raises(UserError, match="no demand rule 'kepco-68' is known for 2024-01-01"):
        billing_demand({date(2024, 1, 1): 300}, 1000, date(2024, 1, 1))


@given(st.dictionaries(st.sampled_from(sorted(PEAKS)), st.integers(0, 2000)), st.integers(0, 2000))
def test_a_higher_peak_never_lowers_the_billing_demand(peaks: dict[date, float], own: int) -> None:
    month = date(2026, 8, 1)
    lower = billing_demand({**peaks, month: own}, 1000, month).kw
    assert billing_demand({**peaks, month: own + 1}, 1000, month).kw >= lower >= max(own, 300)


# --- the functions of the field


def test_energy_function_04_one_load_of_march_under_the_tables_of_march_and_may_shows_the_reform() -> None:
    works = metered(MARCH, lambda time: 800 if 9 <= time.hour < 18 and time.weekday() < 5 else 200)
    found = replay("산업용(을) 고압A 선택Ⅱ", works, (date(2026, 3, 1), date(2026, 5, 1)))
    assert (found.before.month, found.after.month) == (MARCH, MARCH)
    assert found.before.won("base") == found.after.won("base") == 800 * 8320
    assert found.before.won("discount") == 0 > found.after.won("discount")
    assert found.after.won("energy") < found.before.won("energy")
    assert found.difference == found.after.total - found.before.total < 0
    for lang, line in (("ko", "청구금액"), ("en", "To pay")):
        row = next(row for row in found.text(lang).splitlines() if row.startswith(f"- {line}"))  # type: ignore[arg-type]
        assert f"{found.before.total:,} -> {found.after.total:,}" in row
        assert f"({found.difference:+,})" in row
    evening = metered(MARCH, lambda time: 800 if 18 <= time.hour < 21 else 200)
    assert replay("industrial-b-hv-a-2", evening, (date(2026, 3, 1), date(2026, 5, 1))).difference > 0
    deferred = replay("industrial-b-hv-a-2-deferred", works, (date(2026, 3, 1), date(2026, 5, 1)))
    assert deferred.difference == 0


def test_energy_function_04_a_replay_under_a_date_without_a_table_is_refused() -> None:
    with pytest.raises(UserError, match="2027-03-01"):
        replay("industrial-b-hv-a-2", metered(MARCH), (date(2026, 3, 1), date(2027, 3, 1)))


def test_energy_function_05_a_running_month_tells_the_demand_it_will_be_billed_for() -> None:
    peaks = {date(2026, 1, 1): 420.0, date(2025, 8, 1): 300.0}
    found = running_month("general-b-hv-a-1", JULY, 380, 460, peaks, 1000)
    assert (found.so_far.kw, found.so_far.set_by) == (420, date(2026, 1, 1))
    assert (found.expected.kw, found.expected.set_by) == (460, JULY)
    assert found.room_kw == 40
    assert found.rise_won == 40 * 7220
    assert "여유 40 kW, 예상 증가 기본요금 월 288,800원" in found.text("ko")
    assert "this month's peak counts to 2027-06" in found.text("en")


def test_energy_function_05_a_peak_outside_the_ratchet_months_counts_once() -> None:
    found = running_month("general-b-hv-a-1", date(2026, 5, 1), 300, 500, {date(2026, 1, 1): 420.0}, 1000)
    assert found.expected.holds_to == date(2026, 5, 1)
    assert billing_demand({date(2026, 5, 1): 500, date(2026, 6, 1): 300}, 1000, date(2026, 6, 1)).kw == 300


@settings(max_examples=20)
@given(st.lists(st.integers(0, 500), min_size=24, max_size=24), st.integers(0, 23), st.integers(0, 300))
def test_more_load_in_any_hour_never_makes_a_bill_cheaper(day: list[int], hour: int, more: int) -> None:
    start = datetime(2026, 5, 2, tzinfo=KOREA)

    def total(values: list[int]) -> int:
        steps = tuple((start + timedelta(hours=n), Decimal(value)) for n, value in enumerate(values))
        return bill("industrial-b-hv-b-3", date(2026, 5, 1), Metered(steps, timedelta(hours=1), 100)).total

    raised = [value + (more if n == hour else 0) for n, value in enumerate(day)]
    assert total(day) <= total(raised)
    assert total(day) % 10 == 0


def test_the_selector_shows_the_table_of_each_date() -> None:
    spans = [find_tariff("일반용(을) 고압A 선택Ⅰ", day).span for day in (date(2026, 5, 31), date(2026, 6, 1))]
    assert spans == ["2024-10-24..2026-05-31", "2026-06-01..2026-12-31"]
