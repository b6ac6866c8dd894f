"""What is unusual in the readings of the days that are over, looked for once a day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from hashlib import sha256

from slm_energy.ems.book import Book
from slm_energy.ems.made import Made

LOOKS_BACK_DAYS = 35
KEPT_DAYS = 30
LEAST_DAYS = 7


def look(book: Book, today: date) -> Iterable[Made]:
    """Yield what was found in the days before `today`, each once."""
    from slm_energy.anomaly.finding import find_anomalies
    from slm_energy.anomaly.note import note

    assert book.site is not None
    days = book.days("load")
    if not days or (today - days[0]).days < LEAST_DAYS:
        return
    end = book.midnight(today)
    first = max(days[0], today - timedelta(days=LOOKS_BACK_DAYS))
    load = book.history("load", book.midnight(first), end)
    pv = book.history("pv", book.midnight(first), end) if book.meters("pv") else None
    found = find_anomalies(book.site, load, pv=pv)
    yesterday = book.midnight(today - timedelta(days=1))
    for each in found:
        if each.end <= yesterday:
            continue
        said = note(each)
        key = sha256(f"{each.kind}/{each.start.isoformat()}".encode()).hexdigest()[:12]
        if book.get(f"anomaly/{key}") is not None:
            continue
        kept = {
            "kind": each.kind,
            "start": each.start.isoformat(),
            "end": each.end.isoformat(),
            "ko": said.ko,
            "en": said.en,
            "severity": each.severity,
        }
        book.keep(f"anomaly/{key}", kept)
        yield Made(f"anomaly/{key}", kept, each.severity)
    _forget(book, today)


def _forget(book: Book, today: date) -> None:
    oldest = book.midnight(today - timedelta(days=KEPT_DAYS)).isoformat()
    for key, kept in list(book.kept("anomaly/")):
        if kept["end"] < oldest:
            book.keep(key, None)
