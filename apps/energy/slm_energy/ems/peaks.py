"""The highest mean power of each month that a bill goes by."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from math import isnan

from slm_core.errors import SlmError
from slm_energy.ems.book import Book
from slm_energy.ems.pricing import COUNTED, GIVEN


def note_peak(book: Book, at: datetime, kw: float) -> bool:
    """Keep the mean of a step where it is the highest billed one of its month; say whether it is."""
    if isnan(kw) or not _counts(book, at):
        return False
    key = f"peak/{book.today(at).replace(day=1).isoformat()}"
    if kw <= (book.get(key) or 0.0):
        return False
    book.keep(key, round(kw, 3))
    return True


def peaks_of_history(book: Book, start: datetime, end: datetime) -> None:
    """Take the peaks of readings that were bought before anything was planned: load less panels.

    They are found anew whenever more history comes, for load alone says more than load and panels.
    """
    load = book.history("load", start, end)
    pv = book.history("pv", start, end) if book.meters("pv") else load.with_values([0.0] * len(load))
    highest: dict[str, float] = {}
    for at, used, given in zip(load.times(), load.values, pv.values, strict=True):
        kw = used - (0.0 if isnan(given) else given)
        if not isnan(kw) and _counts(book, at):
            month = book.today(at).replace(day=1).isoformat()
            highest[month] = max(kw, highest.get(month, 0.0))
    for month, kw in highest.items():
        book.keep(f"past_peak/{month}", round(kw, 3))


def _counts(book: Book, at: datetime) -> bool:
    assert book.site is not None
    if book.site.tariff == GIVEN:
        return True
    return _band_counts(book.site.tariff, at.replace(minute=0, second=0, microsecond=0))


@lru_cache(maxsize=20_000)
def _band_counts(tariff: str, hour: datetime) -> bool:
    from slm_energy.tariff import Progressive, find_tariff, prices

    try:
        if isinstance(find_tariff(tariff, hour.date()), Progressive):
            return True
        return prices(tariff, [hour])[0].band in COUNTED
    except SlmError:
        return True  # no table says otherwise
