"""Anomalies of the day that is over."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from slm_energy.ems.book import Book
from slm_energy.ems.made import Made


def look(book: Book, now: datetime) -> Iterable[Made]:
    """Return what was found in the readings of a day, once it is over."""
    return []
