"""What a step did and what a day cost: the plan as it was run, beside the same day by rule."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from energy_memory import site

from slm_core.errors import CouldNot
from slm_core.event import Scratch
from slm_energy.ems.account import accounts, close_day
from slm_energy.ems.book import Book
from slm_energy.ems.planning import due, mark_made, want
from slm_energy.ems.pricing import pricing
from slm_energy.ems.running import outdoor_at, run_step, state
from slm_energy.plan.problem import Problem
from slm_energy.plan.safe import part_of
from slm_energy.plan.solve import solve
from slm_energy.series import HOUR, Series

KST = ZoneInfo("Asia/Seoul")
DAY = date(2026, 7, 1)
MIDNIGHT = datetime(2026, 7, 1, tzinfo=KST)
BATTERY = {"capacity_kwh": 10, "charge_kw": 5, "discharge_kw": 5}
CHEAP_NIGHT = [100.0] * 8 + [250.0] * 16


def book_of(**more: object) -> Book:
    book = Book(Scratch())
    book.learn(site(step_minutes=60, **more))
    book.put_all("price", "given", MIDNIGHT, CHEAP_NIGHT * 2)
    return book


def planned(book: Book, load: list[float]) -> Problem:
    def series(name: str, unit: str, values: list[float]) -> Series:
        return Series(name, unit, MIDNIGHT, HOUR, tuple(values))

    assert book.site is not None
    zero = [0.0] * len(load)
    return Problem(
        book.site, series("load", "kW", load), series("pv", "kW", zero),
        series("price", "원/kWh", CHEAP_NIGHT[: len(load)]), soc_kwh=0.0,
    )  # fmt: skip


def test_a_day_that_follows_its_plan_costs_less_than_the_same_day_by_rule() -> None:
    book = book_of(battery=BATTERY)
    book.keep("state", {"soc_kwh": 0.0})
    book.keep("rule/charge", 0.0)
    flows = solve(planned(book, [2.0] * 24)).flows
    assert flows is not None
    for hour in range(24):
        book.put("load", "main", MIDNIGHT + hour * HOUR, 2.0)
        assert run_step(book, MIDNIGHT + hour * HOUR, part_of(flows, hour, 1), CHEAP_NIGHT[hour]) is not None
    account = close_day(book, DAY)
    assert account is not None and account.missing == 0
    assert account.cost_before == pytest.approx(2.0 * sum(CHEAP_NIGHT)), (
        "without surplus the rule leaves it empty"
    )
    assert account.cost < account.cost_before - 500
    assert [each.day for each in accounts(book)] == [DAY]


def test_a_load_that_was_not_foreseen_is_met_and_the_battery_never_gives_what_it_has_not() -> None:
    book = book_of(battery=BATTERY)
    book.keep("state", {"soc_kwh": 1.0})
    flows = solve(planned(book, [2.0] * 24)).flows
    assert flows is not None
    evening = 9
    book.put("load", "main", MIDNIGHT + evening * HOUR, 8.0)
    ran = run_step(book, MIDNIGHT + evening * HOUR, part_of(flows, evening, 1), 250.0)
    assert ran is not None and ran.discharge.values[0] <= 0.95 + 1e-9
    assert ran.buy.values[0] == pytest.approx(8.0 - ran.discharge.values[0] + ran.charge.values[0])
    assert state(book, MIDNIGHT + 10 * HOUR).soc_kwh == pytest.approx(ran.soc.values[0])


def test_without_a_reading_of_the_load_nothing_is_said_of_the_step() -> None:
    book = book_of()
    assert run_step(book, MIDNIGHT, None, 100.0) is None
    assert close_day(book, DAY) is None


def test_the_battery_s_own_meter_is_believed_and_a_silent_thermometer_tells_its_last_word() -> None:
    book = book_of(battery=BATTERY)
    assert state(book, MIDNIGHT).soc_kwh == 5.0, "in the middle while nobody knows"
    book.put("soc", "bms", MIDNIGHT, 7.5)
    assert state(book, MIDNIGHT + HOUR).soc_kwh == 7.5
    book.put("outdoor", "roof", MIDNIGHT, 21.5)
    later = outdoor_at(book, MIDNIGHT + 3 * HOUR)
    assert later is not None and later.values == (21.5,)
    assert outdoor_at(book, MIDNIGHT + timedelta(days=2)) is None


def test_hours_without_a_price_are_named_and_a_tariff_s_peak_is_that_of_the_month() -> None:
    book = book_of()
    with pytest.raises(CouldNot, match="no price was sent for 2026-07-03 00:00"):
        pricing(book, MIDNIGHT + 47 * HOUR, 3)
    book.learn(site(step_minutes=60, tariff="general-b-hv-a-2", contract_kw=100))
    book.keep("peak/2026-07-01", 42.0)
    found = pricing(book, MIDNIGHT, 24)
    assert found.demand_price == 8320 and found.peak_so_far_kw == 42.0
    assert len(set(found.price.values)) == 3, "off, mid and peak"
    book.keep("peak/2026-07-01", 12.0)
    assert pricing(book, MIDNIGHT, 1).peak_so_far_kw == 30.0, "30 % of the contract at least"


def test_a_home_pays_by_the_step_that_its_month_has_reached() -> None:
    book = book_of(tariff="residential-low")
    before = pricing(book, MIDNIGHT, 1).price.values[0]
    book.put_all("load", "main", MIDNIGHT, [60.0] * 10)  # of a history: nothing was run yet
    assert pricing(book, MIDNIGHT + 12 * HOUR, 1).price.values[0] > before
    book.put_all("buy", "main", MIDNIGHT, [40.0] * 10)
    assert pricing(book, MIDNIGHT + 12 * HOUR, 1).price.values[0] > before


def test_a_plan_is_due_when_there_is_none_when_it_is_old_and_when_somebody_wants_one() -> None:
    book = Book(Scratch())
    assert due(book, MIDNIGHT, recorded=False) is None, "no site"
    book = book_of()
    assert due(book, MIDNIGHT, recorded=False) == "there is none"
    mark_made(book, MIDNIGHT)
    assert due(book, MIDNIGHT + timedelta(minutes=45), recorded=False) is None
    assert due(book, MIDNIGHT + HOUR, recorded=False) == "the last is 1 h old"
    assert due(book, MIDNIGHT + HOUR, recorded=True) is None
    want(book, "new prices")
    assert due(book, MIDNIGHT, recorded=True) == "new prices"
