"""What kind of day it is for the tariff, and in which season and band an hour lies. All in Korean time."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from slm_core.errors import UserError
from slm_energy.tariff.reading import Book, read_book
from slm_energy.tariff.table import Band, DayType, Hours, Tariff, TimeOfUse, hours_of

KOREA = ZoneInfo("Asia/Seoul")


def day_type(day: date, folder: Path | None = None) -> DayType:
    """Return what the tariff takes a day for.

    A Sunday is a holiday, a substitute holiday is one, a temporary holiday is none (KEPCO terms, annex 3,
    provisos 1 and 3). Public holidays come from the library `holidays`.
    """
    return day_type_in(read_book(folder), day)


def day_type_in(book: Book, day: date) -> DayType:
    """Return the type of `day` with the temporary holidays of `book`; see `day_type`."""
    if day.weekday() == 6 or (day in _public(day.year) and day not in book.temporary_holidays):
        return "holiday"
    return "saturday" if day.weekday() == 5 else "weekday"


@cache
def _public(year: int) -> frozenset[date]:
    import holidays

    return frozenset(holidays.country_holidays("KR", years=year))


def season(tariff: Tariff, day: date, folder: Path | None = None) -> str:
    """Return the season of a day in a tariff, as its table names it."""
    return season_in(read_book(folder), tariff, day)


def season_in(book: Book, tariff: Tariff, day: date) -> str:
    """Return the season of `day`; see `season`."""
    seasons = book.hours[tariff.hours].seasons if isinstance(tariff, TimeOfUse) else tariff.seasons
    return next(name for name, months in seasons.items() if day.month in months)


def local(time: datetime) -> datetime:
    """Return a time on Korean clocks.

    Raises:
        UserError: a time without zone.
    """
    if time.tzinfo is None:
        raise UserError(f"{time.isoformat()} names no zone", expected="a time such as 2026-05-01T09:00+09:00")
    return time.astimezone(KOREA)


def band_at(book: Book, hours: Hours, when: str, kind: DayType, hour: int) -> Band:
    """Return the band that prices an hour of a day of that kind in the season `when`.

    Raises:
        UserError: the season has no bands with a source.
    """
    if when not in hours.bands:
        raise UserError(
            f"no band hours with a source are known for {when!r} in {hours.id!r}",
            expected="one of " + ", ".join(sorted(hours.bands)),
            mend="add a TOML with hours of your own and their source (docs/tariffs.md)",
        )
    found = next(name for name, spans in hours.bands[when].items() if hour in hours_of(spans))
    if kind == "holiday" and hours.holiday == "off":
        return "off"
    if kind == "saturday" and hours.saturday == "peak-is-mid" and found == "peak":
        return "mid"
    return found


def next_month(month: date) -> date:
    """Return the first day of the month after."""
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1)


def first_of_month(month: date) -> date:
    """Return the month, or refuse a day that does not begin one.

    Raises:
        UserError: it is not the first.
    """
    if month.day != 1:
        raise UserError(
            f"{month} begins no month",
            expected="the first day of a calendar month",
            mend="bills are of calendar months; a period by the reading day is not computed",
        )
    return month
