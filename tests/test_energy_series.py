"""Series and the book of a site: steps by elapsed time, days by the local clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from math import isnan, nan
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from energy_memory import site

from slm_core.errors import UserError
from slm_core.event import Scratch
from slm_energy.ems.book import Book
from slm_energy.series import HOUR, Series
from slm_energy.site import parse_site

SEOUL, BERLIN = ZoneInfo("Asia/Seoul"), ZoneInfo("Europe/Berlin")
BEFORE_SUMMER_TIME = datetime(2026, 3, 29, 0, 0, tzinfo=BERLIN)  # the clock goes from 02:00 to 03:00


def test_steps_are_hours_that_pass_and_not_hours_of_the_clock() -> None:
    series = Series("load", "kW", BEFORE_SUMMER_TIME, HOUR, (1.0, 2.0, 3.0, 4.0))
    assert [time.hour for time in series.times()] == [0, 1, 3, 4]
    assert (series.end - series.start.astimezone(UTC)) == 4 * HOUR
    three = series.between(datetime(2026, 3, 29, 3, tzinfo=BERLIN), datetime(2026, 3, 29, 5, tzinfo=BERLIN))
    assert three.values == (3.0, 4.0) and three.start.hour == 3


def test_a_start_without_zone_and_a_wrong_length_are_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        Series("load", "kW", datetime(2026, 1, 1), HOUR, ())
    series = Series("load", "kW", datetime(2026, 1, 1, tzinfo=SEOUL), HOUR, (1.0, nan))
    assert (series.missing, series.hours) == (1, 1.0)
    with pytest.raises(ValueError, match="3 values for 2 steps"):
        series.with_values([1, 2, 3])


def test_what_a_book_keeps_comes_back_over_midnight_and_over_summer_time() -> None:
    for zone, start in (
        ("Europe/Berlin", BEFORE_SUMMER_TIME),
        ("Asia/Seoul", datetime(2026, 7, 1, 9, tzinfo=SEOUL)),
    ):
        book = Book(Scratch())
        book.learn(site(zone=zone, step_minutes=60))
        values = [float(number) for number in range(60)]
        book.put_all("load", "main", start, values)
        found = book.history("load", start, start.astimezone(UTC) + 60 * HOUR)
        assert list(found.values) == values
    assert book.days("load") == [date(2026, 7, 1), date(2026, 7, 2), date(2026, 7, 3)]


def test_a_sum_with_a_hole_is_no_sum() -> None:
    book, at = Book(Scratch()), datetime(2026, 7, 1, tzinfo=SEOUL)
    book.learn(site())
    book.put_all("load", "a", at, [1.0, 2.0])
    book.put_all("load", "b", at, [10.0, nan])
    whole = book.history("load", at, at + timedelta(minutes=30))
    assert whole.values[0] == 11.0 and isnan(whole.values[1])
    assert book.history("load", at, at + timedelta(minutes=30), "a").values == (1.0, 2.0)


def test_a_reading_that_comes_later_fills_the_hole_and_one_that_is_none_leaves_what_was_there() -> None:
    book, at = Book(Scratch()), datetime(2026, 7, 1, tzinfo=SEOUL)
    book.put("load", "a", at, 5.0)
    book.put("load", "a", at, nan)
    assert book.history("load", at, at + book.step).values == (5.0,)


def test_readings_of_another_step_are_kept_apart_and_serve_again_when_it_comes_back() -> None:
    book, at = Book(Scratch()), datetime(2026, 7, 1, tzinfo=SEOUL)
    book.learn(site())
    book.put("load", "a", at, 5.0)
    book.learn(site(step_minutes=60))
    assert book.days("load") == [] and Book(book._memory).site == book.site
    book.learn(site())
    assert book.history("load", at, at + book.step).values == (5.0,)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"batery": {}}, ("batery", "did you mean battery")),
        ({"cars": [{"name": "차", "charge_kw": 7, "needs": 3}]}, ("cars.0", "did you mean needs_kwh")),
        ({"zone": "Asia/Soul"}, ("no time zone 'Asia/Soul'",)),
        ({"battery": {"capacity_kwh": -1, "charge_kw": 1, "discharge_kw": 1}}, ("battery.capacity_kwh",)),
        (
            {"panels": {"kwp": 3}, "deferrables": [{"name": "a/b", "kw": 1, "hours": 1}]},
            ("deferrables.0.name",),
        ),
    ],
)
def test_a_wrong_site_is_told_with_its_place_and_how_to_mend(
    given: dict[str, Any], told: tuple[str, ...]
) -> None:
    with pytest.raises(UserError) as raised:
        parse_site({"name": "집", **given}, "site.toml")
    assert str(raised.value).startswith("site.toml: ")
    for each in told:
        assert each in str(raised.value)
