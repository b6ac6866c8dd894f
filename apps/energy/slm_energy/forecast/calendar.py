"""Days of a kind: each weekday for itself, public holidays as Sundays."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, datetime
from functools import cache

SUNDAY = 6
_COUNTRIES = {"Asia/Seoul": "KR"}


def country_of(zone: str) -> str | None:
    """Return the country whose holidays hold in a time zone, where the zone alone says it."""
    return _COUNTRIES.get(zone)


@cache
def public_holidays(country: str | None, years: tuple[int, ...]) -> frozenset[date]:
    """Return the public holidays of a country (`KR`, `AU-VIC`) in these years; none for no country."""
    if country is None:
        return frozenset()
    import holidays

    code, _, part = country.partition("-")
    return frozenset(holidays.country_holidays(code, subdiv=part or None, years=years))


def day_kinds(times: Iterable[datetime], country: str | None) -> list[int]:
    """Return the kind of the day of each time: 0 Monday to 6 Sunday or a holiday."""
    days = [time.date() for time in times]
    off: Collection[date] = public_holidays(country, tuple(sorted({day.year for day in days})))
    return [SUNDAY if day in off else day.weekday() for day in days]
