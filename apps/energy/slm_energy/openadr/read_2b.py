"""An event of OpenADR 2.0b, as openleadr parses its XML, to a `GridEvent`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from slm_energy.openadr.signal import BadEvent, GridEvent, Kind, Signal, build, delay, known, scale, signal

# A duration of nothing is open-ended in 2.0b (profile specification).
_ENDLESS = timedelta(days=9000 * 365)
_PRICES = {"currencyPerKWh": "KWH", "currencyPerKW": "KW", "currencyPerThm": "THERMS"}
_SCALES = {"k": "K", "M": "M", "G": "G", "none": "", None: ""}


def read_2b(found: Mapping[str, Any], received: datetime, ven: str) -> GridEvent:
    """Return the event.

    Args:
        found: one of the `events` of an oadrDistributeEvent.
        received: now, with a zone.
        ven: our name, which our share of `startafter` is drawn from.

    Raises:
        BadEvent: something that is needed is missing or has no sense.
    """
    descriptor = _mapping(found.get("event_descriptor"), "event_descriptor")
    id = str(descriptor.get("event_id") or "")
    try:
        return _event(found, descriptor, id, received, ven)
    except BadEvent as error:
        error.id = error.id or id[:200]
        raise
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise BadEvent("shape", f"{type(error).__name__}: {str(error)[:200]}", id[:200]) from error


def _event(
    found: Mapping[str, Any], descriptor: Mapping[str, Any], id: str, received: datetime, ven: str
) -> GridEvent:
    period = _mapping(found.get("active_period"), "active_period")
    start = _time(period.get("dtstart"))
    window = period.get("tolerance", {}).get("tolerate", {}).get("startafter") or timedelta(0)
    late = delay(window, id, ven)
    cancelled = descriptor.get("event_status") == "cancelled"
    signals: list[Signal] = []
    unread: list[str] = []
    for sent in () if cancelled else _list(found.get("event_signals")):
        read = _signal(sent, start + late, period.get("duration"), unread)
        signals.extend([read] if read else [])
    return build(
        id,
        modification=int(descriptor.get("modification_number") or 0),
        status="cancelled" if cancelled else "active",
        program=str(descriptor.get("market_context") or ""),
        name=str(descriptor.get("vtn_comment") or "")[:500],
        signals=tuple(signals),
        priority=int(descriptor.get("priority") or 0) or None,
        test=descriptor.get("test_event") is True,
        targets=tuple(str(value) for target in found.get("targets") or () for value in target.values()),
        received=received,
        source="openadr2.0b",
        answer=found.get("response_required") != "never",
        delay_s=late.total_seconds(),
        unread=tuple(unread),
    )


def _signal(
    sent: Mapping[str, Any], start: datetime, whole: timedelta | None, unread: list[str]
) -> Signal | None:
    """Return the signal, or None where it means nothing to us and was added to `unread`."""
    sent_as = f"{sent['signal_name']} {sent['signal_type']}"
    kind: Kind | None = known()["v2b"].get(sent_as)
    if kind is None:
        unread.append(sent_as)
        return None
    try:
        factor, unit = scale(kind, *_unit(sent.get("measurement")), sent_as)
    except BadEvent as error:
        unread.append(str(error))
        return None
    return signal(kind, sent_as, unit, list(_spans(sent["intervals"], start, whole, factor)))


def _spans(
    intervals: Iterable[Mapping[str, Any]], start: datetime, whole: timedelta | None, factor: float
) -> Iterable[tuple[datetime, datetime | None, float]]:
    """Yield the intervals, which follow each other from the start of the event."""
    listed = _list(intervals)
    begins = start
    for number, interval in enumerate(listed):
        length = interval.get("duration")
        if length is None and len(listed) == 1:
            length = whole
        if length is None:
            raise BadEvent("times", f"interval {number} has no duration")
        last = number == len(listed) - 1
        endless = length == timedelta(0) or length >= _ENDLESS
        if endless and not last:
            raise BadEvent("times", f"interval {number} does not end, yet another follows")
        end = None if endless else begins + length
        yield begins, end, float(interval["signal_payload"]) * factor
        begins = end or begins


def _unit(measurement: Mapping[str, Any] | None) -> tuple[str, str]:
    """Return unit and currency of a measurement as signals.toml writes them."""
    if not measurement:
        return "", ""
    unit = str(measurement.get("unit") or "")
    if measurement.get("name") in _PRICES:
        return _PRICES[measurement["name"]], unit
    prefix = _SCALES.get(measurement.get("scale"), "?")
    return f"{prefix}{unit}", ""


def _time(value: Any) -> datetime:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise BadEvent("times", f"{str(value)[:40]!r} is no time in UTC")
    return value.astimezone(UTC)


def _mapping(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise BadEvent("shape", f"it has no {name}")
    return value


def _list(value: Any) -> list[Mapping[str, Any]]:
    listed = value if isinstance(value, list) else [value]
    if not listed or not all(isinstance(each, Mapping) for each in listed):
        raise BadEvent("shape", "a list is empty or holds what is no object")
    return listed
