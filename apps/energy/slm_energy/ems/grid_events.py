"""Events of the grid operator that were accepted, as far as the hours ahead feel them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from slm_energy.ems.book import Book
from slm_energy.ems.publishing import currency_code
from slm_energy.plan.limits import UNLIMITED_KW
from slm_energy.series import Series


def standing(book: Book, now: datetime) -> list[Any]:
    """Return the accepted events that are neither cancelled nor over."""
    from slm_energy.openadr.signal import GridEvent

    found = []
    for _, kept in book.kept("grid_event/"):
        over = kept["end"] is not None and datetime.fromisoformat(kept["end"]) <= now.astimezone(UTC)
        if kept["accept"] and kept["status"] == "active" and not over:
            found.append(GridEvent.model_validate_json(kept["event"]))
    return found


def priced(book: Book, price: Series) -> tuple[Series, tuple[dict[str, str], ...]]:
    """Return prices with those that accepted events state, and which events those are."""
    unit, values, notes = (
        f"{currency_code(book.site.currency if book.site else '')}/kWh",
        list(price.values),
        [],
    )
    times = [at.astimezone(UTC) for at in price.times()]
    for event in standing(book, price.start):
        told = list(_stated(event, "price", unit))
        hit = [number for number, at in enumerate(times) if any(start <= at < end for start, end, _ in told)]
        for number in hit:
            values[number] = next(value for start, end, value in told if start <= times[number] < end)
        if hit:
            name = event.name or event.id
            notes.append({"ko": f"전력망 가격 이벤트: {name}", "en": f"price event of the grid: {name}"})
    return price.with_values(values), tuple(notes)


def capped(book: Book, steps: Series) -> tuple[Series | None, tuple[dict[str, str], ...]]:
    """Return kW in each step that accepted events ask not to pass, and which events; None where none does.

    Args:
        book: of the site.
        steps: any series over the steps that are asked about.
    """
    values, notes = [UNLIMITED_KW] * len(steps), []
    times = [at.astimezone(UTC) for at in steps.times()]
    for event in standing(book, steps.start):
        told = list(_stated(event, "import_limit", "kW"))
        asked = [
            (number, kw)
            for number, at in enumerate(times)
            for start, end, kw in told
            if start < at + steps.step and at < end
        ]
        for number, kw in asked:
            values[number] = min(values[number], kw)
        if asked:
            name = event.name or event.id
            notes.append({"ko": f"전력망 요청: {name}", "en": f"request of the grid operator: {name}"})
    if not notes:
        return None, ()
    return Series("request", "kW", steps.start, steps.step, tuple(values)), tuple(notes)


def _stated(event: Any, kind: str, unit: str) -> Iterator[tuple[datetime, datetime, float]]:
    for signal in event.signals:
        if signal.kind == kind and signal.unit == unit:
            for interval in signal.intervals:
                end = interval.end or datetime.max.replace(tzinfo=UTC)
                yield interval.start.astimezone(UTC), end.astimezone(UTC), interval.value
