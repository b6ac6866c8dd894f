"""A meter that was taken away: told once, and the sum goes on without it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from math import isnan
from zoneinfo import ZoneInfo

from energy_memory import site

from slm_core.event import Scratch
from slm_energy.ems.book import GONE_DAYS, Book
from slm_energy.ems.readings import holes

KST = ZoneInfo("Asia/Seoul")
FIRST = date(2026, 7, 1)
DAY = timedelta(days=1)


def read(book: Book, name: str, days: range, kw: float) -> None:
    for number in days:
        book.put_all("load", name, book.midnight(FIRST + number * DAY), [kw] * 24)


def load_at(book: Book, number: int) -> float:
    start = book.midnight(FIRST + number * DAY)
    return book.history("load", start, start + timedelta(hours=1)).values[0]


def book_of_two() -> Book:
    book = Book(Scratch())
    book.learn(site(step_minutes=60))
    read(book, "main", range(10), 5.0)
    read(book, "annex", range(10), 2.0)
    return book


def test_a_meter_that_is_silent_for_some_days_leaves_the_sum_without_a_value() -> None:
    book = book_of_two()
    read(book, "main", range(10, 9 + GONE_DAYS), 5.0)
    assert load_at(book, 9) == 7.0 and isnan(load_at(book, 12)), "a sum with a hole is no sum"
    assert book.gone_since("load") == {}
    assert [each for each in holes(book, FIRST + 12 * DAY) if each.payload["code"] == "gone"] == []


def test_after_a_clear_time_it_counts_as_gone_is_told_once_and_the_sum_goes_on() -> None:
    book = book_of_two()
    read(book, "main", range(10, 11 + GONE_DAYS), 5.0)
    assert book.gone_since("load") == {"annex": FIRST + 9 * DAY}
    assert (load_at(book, 9), load_at(book, 10), load_at(book, 15)) == (7.0, 5.0, 5.0)
    assert not book.history("load", book.midnight(FIRST), book.midnight(FIRST + 15 * DAY)).missing
    told = holes(book, FIRST + (10 + GONE_DAYS) * DAY)
    assert [(each.stream, each.payload["code"]) for each in told] == [("meter/fault/load/annex", "gone")]
    assert "떼어 낸 것으로" in told[0].payload["ko"] and "sums leave it out" in told[0].payload["en"]
    assert holes(book, FIRST + (10 + GONE_DAYS) * DAY) == []


def test_one_that_comes_back_counts_again_and_a_single_silent_meter_is_never_gone() -> None:
    book = book_of_two()
    read(book, "main", range(10, 21), 5.0)
    read(book, "annex", range(20, 21), 2.0)
    assert book.gone_since("load") == {} and load_at(book, 20) == 7.0 and isnan(load_at(book, 15))
    alone = Book(Scratch())
    alone.learn(site(step_minutes=60))
    read(alone, "main", range(3), 5.0)
    assert alone.gone_since("load") == {}
    start = datetime(2026, 8, 1, tzinfo=KST)
    assert isnan(alone.history("load", start, start + timedelta(hours=1)).values[0])
