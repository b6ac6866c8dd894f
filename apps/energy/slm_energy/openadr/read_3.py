"""An event of OpenADR 3, as the VTN sends it in JSON, to a `GridEvent`.

The shapes are checked by openadr3's raw models; what an interval inherits follows Definition.md 3.1.0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from slm_energy.openadr.signal import (
    BadEvent,
    GridEvent,
    Kind,
    Signal,
    after,
    build,
    delay,
    known,
    scale,
    signal,
)

_NOW = ("0000-", "0001-01-01")  # a start that means now (User Guide)
Span = tuple[datetime, datetime | None, float]


def read_3(
    found: Any, received: datetime, ven: str, program: str = "", descriptors: Iterable[Mapping[str, Any]] = ()
) -> GridEvent:
    """Return the event.

    Args:
        found: one element of the answer to `GET /events`.
        received: now, with a zone.
        ven: our name, which our share of `randomizeStart` is drawn from.
        program: name of its program, where it is known; otherwise the id stands for it.
        descriptors: payload descriptors of its program, which hold where the event has none of its own.

    Raises:
        BadEvent: something that is needed is missing or has no sense.
    """
    from openadr3.entities.raw import RawEvent

    id = str(found.get("id") or "") if isinstance(found, Mapping) else ""
    try:
        raw = RawEvent.model_validate(found)
        raw_type = found.get("objectType", "EVENT")
        if raw_type != "EVENT":
            raise BadEvent("shape", f"it is no EVENT but {str(raw_type)[:40]!r}")
        return _event(raw, id, received, ven, program, descriptors)
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(str(part) for part in fault["loc"])
        raise BadEvent("shape", f"{place}: {fault['msg']}", id[:200]) from error
    except BadEvent as error:
        error.id = error.id or id[:200]
        raise


def _event(
    raw: Any, id: str, received: datetime, ven: str, program: str, descriptors: Iterable[Mapping[str, Any]]
) -> GridEvent:
    units = {each.get("payloadType"): (each.get("units"), each.get("currency")) for each in descriptors}
    units |= {each.payload_type: (each.units, each.currency) for each in raw.payload_descriptors or ()}
    window = raw.interval_period.randomize_start if raw.interval_period else None
    late = delay((after(received, window) or received) - received, id, ven) if window else received - received
    spans: dict[str, list[Span]] = {}
    unread: dict[str, None] = {}
    texts: dict[str, str] = {}
    for start, end, payload in _payloads(raw, received):
        if payload.type not in known()["v3"]:
            unread[payload.type[:80]] = None
            continue
        value, text = _value(known()["v3"][payload.type], payload)
        texts.setdefault(payload.type, text)
        spans.setdefault(payload.type, []).append((start + late, end and end + late, value))
    if raw.duration and not _covered(raw, spans):
        unread[f"duration {raw.duration[:20]} (repetition)"] = None
    signals = [
        read for name, each in spans.items() if (read := _signal(name, each, units, texts[name], unread))
    ]
    return build(
        id,
        modification=_modified(raw),
        program=program or raw.program_id,
        name=(raw.event_name or "")[:500],
        signals=tuple(signals),
        priority=raw.priority,
        targets=tuple(raw.targets or ()),
        received=received,
        source="openadr3",
        delay_s=late.total_seconds(),
        unread=tuple(unread),
    )


def _signal(
    name: str, spans: list[Span], units: Mapping[Any, tuple[Any, Any]], text: str, unread: dict[str, None]
) -> Signal | None:
    kind: Kind = known()["v3"][name]
    unit, currency = units.get(name, (None, None))
    try:
        factor, ours = scale(kind, unit or "", currency or "", name)
    except BadEvent as error:
        unread[str(error)] = None
        return None
    return signal(kind, name, ours, [(start, end, value * factor) for start, end, value in spans], text)


def _payloads(raw: Any, received: datetime) -> Iterator[tuple[datetime, datetime | None, Any]]:
    """Yield begin, end and each payload; what an interval leaves out it takes from the event."""
    if not raw.intervals:
        raise BadEvent("shape", "it has no intervals")
    whole = raw.interval_period
    begins = _time(whole.start, received) if whole and whole.start else None
    for interval in raw.intervals:
        own = interval.interval_period
        start = _time(own.start, received) if own and own.start else begins
        length = (own and own.duration) or (whole and whole.duration)
        if start is None or not length:
            raise BadEvent("times", f"interval {interval.id} has no {'duration' if start else 'start'}")
        end = after(start, length)
        for payload in interval.payloads:
            yield start, end, payload
        # An endless one has no successor that could begin after it; one with a start of its own may follow.
        begins = end


def _covered(raw: Any, spans: Mapping[str, list[Span]]) -> bool:
    """Return whether the intervals fill the event; where they do not they repeat (User Guide)."""
    starts = [start for each in spans.values() for start, _, _ in each]
    ends = [end for each in spans.values() for _, end, _ in each]
    if not starts or None in ends:
        return True
    whole = after(min(starts), raw.duration)
    return whole is not None and whole <= max(end for end in ends if end)


def _value(kind: Kind, payload: Any) -> tuple[float, str]:
    if len(payload.values) != 1:
        raise BadEvent("value", f"{payload.type} has {len(payload.values)} values, 1 is expected")
    value = payload.values[0]
    if kind == "alert":
        return 1.0, str(value)[:500]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadEvent("value", f"{payload.type}: {str(value)[:40]!r} is no number")
    try:
        return float(value), ""
    except OverflowError as error:
        raise BadEvent("value", f"{payload.type}: a number beyond any measure") from error


def _modified(raw: Any) -> int:
    said = raw.modification_date_time or raw.created_date_time
    if not said:
        raise BadEvent("shape", "it has no modificationDateTime")
    return max(0, int(_moment(said).timestamp() * 1000))


def _time(said: str, received: datetime) -> datetime:
    return received if said.startswith(_NOW) else _moment(said)


def _moment(said: str) -> datetime:
    try:
        time = datetime.fromisoformat(said.strip())
    except ValueError as error:
        raise BadEvent("times", f"{said[:40]!r} is no time in RFC 3339") from error
    if time.tzinfo is None:
        raise BadEvent("times", f"{said[:40]!r} has no zone")
    try:
        return time.astimezone(UTC)
    except OverflowError as error:
        raise BadEvent("times", f"{said[:40]!r} lies outside the calendar") from error
