"""What the hours ahead are expected to bring: load, panels, weather, each with how it was forecast."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import isnan
from typing import TYPE_CHECKING, Any

from slm_core.errors import CouldNot
from slm_energy.ems.book import Book
from slm_energy.series import Series

if TYPE_CHECKING:
    from slm_energy.forecast.outcome import Forecast

NO_LOAD = "no load was measured yet; send meter/load/<name> or meter/history"
LEARN_DAYS = 35
AHEAD = timedelta(hours=54)  # what a plan sees, and the age at which a forecast is made anew
FRESH = timedelta(hours=6)


@dataclass(frozen=True)
class Expected:
    """Load, panels and outdoor temperature of the steps ahead; the last is None where nobody measures it."""

    load: Series
    pv: Series
    outdoor: Series | None
    notes: tuple[Mapping[str, str], ...]


def expected(book: Book, start: datetime, steps: int) -> Expected:
    """Return what is expected from `start` on; a forecast serves for six hours before it is made anew.

    Raises:
        CouldNot: nothing was measured yet.
    """
    kept = book.get("forecast")
    if kept is None or not _covers(kept, book, start, steps):
        kept = _forecast(book, start, max(steps, AHEAD // book.step))
        book.keep("forecast", kept)
    first = datetime.fromisoformat(kept["start"])
    offset = (start.astimezone(UTC) - first.astimezone(UTC)) // book.step

    def cut(name: str, unit: str) -> Series:
        values = tuple(float(each) for each in kept[name][offset : offset + steps])
        return Series(name, unit, start.astimezone(book.zone), book.step, values)

    outdoor = cut("outdoor", "°C") if kept["outdoor"] else None
    return Expected(cut("load", "kW"), cut("pv", "kW"), outdoor, tuple(kept["notes"]))


def _covers(kept: Any, book: Book, start: datetime, steps: int) -> bool:
    first = datetime.fromisoformat(kept["start"])
    inside = start >= first and start + book.step * steps <= first + book.step * len(kept["load"])
    return bool(inside and start - first < FRESH)


def _forecast(book: Book, start: datetime, steps: int) -> dict[str, Any]:
    from slm_energy.forecast.load import forecast_load

    load = _history(book, "load", start)
    if load is None:
        raise CouldNot(NO_LOAD)
    outdoor = _outdoor(book, start, steps)
    made = forecast_load(load, steps, temperature=_warmth(book, load, outdoor))
    notes = [_note("부하", "load", made)]
    values = {"load": made.mean.values, "pv": (0.0,) * steps, "outdoor": outdoor}
    site = book.site
    assert site is not None
    pv = _history(book, "pv", start)
    if site.panels is not None or pv is not None:
        from slm_energy.forecast.pv import Weather, forecast_pv

        ghi = book.history("ghi", start, start + book.step * steps)
        weather = None if ghi.missing else Weather(ghi=ghi)
        sun = forecast_pv(site, start, steps, book.step, weather=weather, history=pv)
        values["pv"] = tuple(max(0.0, value) for value in sun.mean.values)
        notes.append(_note("태양광", "pv", sun))
    return {**values, "notes": notes, "start": start.astimezone(UTC).isoformat()}


def _warmth(book: Book, load: Series, ahead: list[float]) -> Series | None:
    """The temperature over the readings of the load and the hours ahead; None where nobody measures it."""
    if not ahead:
        return None
    past = book.history("outdoor", load.start, load.end)
    return replace(past, values=(*past.values, *ahead))


def _note(ko: str, en: str, made: Forecast) -> dict[str, str]:
    return {"ko": f"{ko}: {made.method} ({made.reason.ko})", "en": f"{en}: {made.method} ({made.reason.en})"}


def _history(book: Book, quantity: str, until: datetime) -> Series | None:
    """The readings of four weeks, from the first that there is."""
    series = book.history(quantity, until - timedelta(days=LEARN_DAYS), until)
    first = next((number for number, value in enumerate(series.values) if not isnan(value)), None)
    if first is None:
        return None
    return series.from_step(first)


def _outdoor(book: Book, start: datetime, steps: int) -> list[float]:
    """What a weather service sent; where it says nothing, the same hour of the last days."""
    if not book.meters("outdoor"):
        return []
    day, values, start = timedelta(days=1), list[float](), start.astimezone(UTC)
    ahead = book.history("outdoor", start, start + book.step * steps).values
    before = book.history("outdoor", start - 3 * day, start).values
    per_day = day // book.step
    last = next((value for value in reversed(before) if not isnan(value)), 20.0)
    for number, value in enumerate(ahead):
        same = [
            before[-back * per_day + number % per_day] for back in (1, 2, 3) if back * per_day <= len(before)
        ]
        values.append(next((each for each in (value, *same) if not isnan(each)), last))
    return values
