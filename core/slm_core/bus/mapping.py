"""A message of the user's own device to events, as `[[sources]]` says; or the reason why not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from slm_core.bus.envelope import (
    LIMIT,
    Clock,
    Message,
    Received,
    Refused,
    believed,
    decoded,
    parse_json,
    received,
)
from slm_core.bus.fields import Field, Path, Reading, Text, as_text
from slm_core.bus.filters import matches, wildcards
from slm_core.bus.place import OWN
from slm_core.bus.sources import Constant, Source

MOST_READINGS = 1000  # of one message; they are committed together
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_EPOCH = re.compile(r"\d{9,19}(\.\d+)?", re.ASCII)  # since 1970; ISO 8601 has no such run of digits
_LATEST_S = 1e11  # in seconds the year 5138, in milliseconds 1973: what is greater is a finer unit
Content = Received | Refused


def map_message(message: Message, sources: Sequence[Source], limit: int = LIMIT) -> tuple[Content, ...]:
    """Return the events that a message carries, and the reasons for which others could not be made.

    Several sources may read the same message. One that finds nothing in it is no fault as long as another
    does; a message that no source was meant for gives nothing at all.

    Args:
        message: what came, with its topic.
        sources: those of the domain.
        limit: bytes; a longer message is refused unread.
    """
    made: list[Content] = []
    for source in sources:
        if matches(source.topic, message.topic):
            made += _mapped(message, source, limit)
    events = [content for content in made if isinstance(content, Received)]
    others = [content for content in made if isinstance(content, Refused)]
    serious = [refused for refused in others if refused.reason != "no-value"]
    return (*events, *_distinct(serious if events or serious else others))


def _distinct(refusals: Sequence[Refused]) -> list[Refused]:
    """One for each reason: the message is put aside whole, so a thousand readings need no thousand copies."""
    return list({refused.reason: refused for refused in reversed(refusals)}.values())[::-1]


def _mapped(message: Message, source: Source, limit: int) -> Iterator[Content]:
    try:
        root = _root(message, source, limit)
        readings = list(_readings(root, message, source))
    except Refused as refused:
        yield _named(refused, source)
        return
    for reading in readings:
        try:
            yield _event(reading, message, source)
        except Refused as refused:
            yield _named(refused, source)


def _named(refused: Refused, source: Source) -> Refused:
    return Refused(refused.reason, f"{source.name}: {refused.detail}" if refused.detail else source.name)


def _root(message: Message, source: Source, limit: int) -> Any:
    """What the message says: JSON, or a bare text where no path looks into it."""
    said = decoded(message.payload, limit)
    try:
        return parse_json(said)
    except json.JSONDecodeError as error:
        if source.needs_json:
            raise Refused("not-json", f"line {error.lineno}, column {error.colno}: {error.msg}") from error
        return said.strip()


def _readings(root: Any, message: Message, source: Source) -> Iterator[Reading]:
    if source.when is not None and not _meant(root, source.when):
        return
    found = wildcards(source.topic, message.topic)
    if source.each is None:
        yield Reading(root, root, found)
        return
    items = list(source.each.walk(root, MOST_READINGS + 1))
    if len(items) > MOST_READINGS:
        raise Refused("too-many", f"more than {MOST_READINGS} readings in one message")
    if not items:
        raise Refused("no-value", f"{source.each.text} finds nothing")
    for key, item in items:
        yield Reading(root, item, {**found, "key": key})


def _meant(root: Any, when: Path) -> bool:
    return any(value is not None and value is not False for _, value in when.walk(root, MOST_READINGS))


def _event(reading: Reading, message: Message, source: Source) -> Received:
    payload = _payload(reading, source)
    stream = _stream(reading, source)
    fields: dict[str, Any] = {
        "kind": _needed("kind", _filled(source.kind, reading), source.table.kind),
        "source": _filled(source.source, reading) or stream[:200],
        "severity": _severity(source.severity, reading),
        "payload": payload,
    }
    fields["time"], clock = _time(reading, message, source)
    fields["id"] = _id(reading, source)
    return received(fields, stream, clock, retained=message.retained, part=_part(reading, clock, source))


def _stream(reading: Reading, source: Source) -> str:
    """A message may choose among the streams that are open to devices, and no other."""
    stream = _needed("stream", source.stream.fill(reading, level=True), source.table.stream)
    if stream in OWN or not any(matches(known, stream) for known in source.streams):
        raise Refused("not-listened-to", f"{source.table.domain} has no stream {stream[:60]!r}")
    return stream


def _needed(what: str, found: str | None, said: str) -> str:
    if not found:
        raise Refused(f"no-{what}", f"nothing at {said}")
    return found


def _filled(field: Field | None, reading: Reading) -> str | None:
    if isinstance(field, Path):
        return as_text(field.find(reading), field)
    return field.fill(reading) if field is not None else None


def _payload(reading: Reading, source: Source) -> dict[str, Any]:
    """The value must be there, a unit too where one is to be read; of further fields those that are."""
    payload: dict[str, Any] = {}
    for name, field in source.payload.items():
        found = _looked_up(field, reading)
        if name == "value":
            found = _value(found, source)
        if found is None and name in ("value", "unit"):
            raise Refused(f"no-{name}", f"nothing at {getattr(source.table, name)}")
        if name in ("unit", "place") and isinstance(field, Path):
            found = as_text(found, field)
        if found is not None:
            payload[name] = found
    sought = [name for name, field in source.payload.items() if _seeks(field)]
    if source.table.value is None and sought and not any(name in payload for name in sought):
        raise Refused("no-value", "none of the payload's paths finds anything")
    return payload


def _seeks(field: Field | Constant) -> bool:
    return isinstance(field, Path) or (isinstance(field, Text) and bool(field.paths))


def _looked_up(field: Field | Constant, reading: Reading) -> Any:
    if isinstance(field, Path):
        return field.find(reading)
    return field.fill(reading) if isinstance(field, Text) else field


def _value(found: Any, source: Source) -> Any:
    """A number where it is one or is written as one; what `values` says of it; else as it stands."""
    if isinstance(found, dict | list):
        raise Refused("wrong-type", f"{source.table.value} finds a {type(found).__name__}, no value")
    said = str(found).lower() if isinstance(found, bool) else str(found).strip()
    if found is not None and said in source.table.values:
        return source.table.values[said]
    if isinstance(found, str) and _NUMBER.fullmatch(said):
        return parse_json(_plain(said))
    if source.table.values and isinstance(found, str | bool):
        raise Refused("no-value", f"{said[:60]!r} is no number and not among values")
    return (said or None) if isinstance(found, str) else found


def _plain(number: str) -> str:
    """JSON has no leading plus and no leading zeros."""
    sign, digits = ("-" if number[0] == "-" else ""), number.lstrip("+-")
    return sign + (re.sub(r"^0+(?=\d)", "", digits))


def _severity(field: Field | int, reading: Reading) -> Any:
    if not isinstance(field, Path):
        return field
    found = field.find(reading)
    return 0 if found is None else found


def _id(reading: Reading, source: Source) -> str | None:
    """The sender's id; readings of one message that share it are told apart by their names or numbers."""
    found = _filled(source.id, reading)
    if found is None or source.each is None or source.id is None:
        return found
    own = _of_reading(source.id)
    return found if own else f"{found}/{reading.inserts['key']}"


def _part(reading: Reading, clock: Clock, source: Source) -> str:
    """Readings of one message that have no time of their own are told apart by their names or numbers; one
    that has is the same wherever it stands, for loggers send their last few again."""
    if source.each is None:
        return ""
    own = clock == "sender" and source.time is not None and _of_reading(source.time)
    return "" if own else str(reading.inserts["key"])


def _of_reading(field: Field) -> bool:
    if isinstance(field, Path):
        return field.of_reading
    return "key" in field.names or any(path.of_reading for path in field.paths)


def _time(reading: Reading, message: Message, source: Source) -> tuple[datetime, Clock]:
    found = _looked_up(source.time, reading) if source.time is not None else None
    if found is None:
        return message.at, "receipt"
    return believed(_moment(found, source), found, message.at, live=True)


def _moment(said: Any, source: Source) -> datetime | None:
    """ISO 8601, in the table's zone where it names none, or seconds since 1970 or a thousandth, millionth or
    billionth of them; None where no calendar has that moment."""
    if isinstance(said, bool) or not isinstance(said, str | int | float):
        raise Refused("wrong-type", f"{source.table.time} finds a {type(said).__name__}, expected a time")
    if isinstance(said, str) and not _EPOCH.fullmatch(said.strip()):
        return _calendar(said.strip(), source)
    seconds = float(said)
    while abs(seconds) > _LATEST_S:
        seconds /= 1000
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return None


def _calendar(said: str, source: Source) -> datetime | None:
    try:
        time = datetime.fromisoformat(said)
    except ValueError as error:
        raise Refused("bad-time", f"{said[:60]!r} is not ISO 8601") from error
    if time.tzinfo is None and source.zone is None:
        raise Refused("time-without-zone", f"{said[:60]!r}; set zone, e.g. zone = 'Asia/Seoul'")
    try:
        return (time if time.tzinfo else time.replace(tzinfo=source.zone)).astimezone(UTC)
    except OverflowError:
        return None
