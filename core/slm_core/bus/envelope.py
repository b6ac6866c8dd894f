"""The JSON form of an event on the wire, and the reasons for which a message is refused.

    {"id", "time", "kind", "severity", "source", "payload", "simulated"}

`kind` and `payload` (an object) must be there. Left out, `source` is the stream, `severity` 0, `time` that of
the receipt, and `id` is derived from what was said.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NoReturn

from pydantic import ValidationError

from slm_core.errors import did_you_mean
from slm_core.event import Event

LIMIT = 256 * 1024  # bytes of one message
DEPTH = 32  # objects and lists inside one another
ID_LENGTH = 200
EMPTY = "empty"
FUTURE = timedelta(seconds=60)
PAST = timedelta(days=1)
FIELDS = ("id", "time", "kind", "severity", "source", "payload", "simulated")
Clock = Literal["sender", "receipt", "distrusted"]


class Refused(ValueError):
    """A message that is no event. `reason` is a short fixed name, `detail` says what was found."""

    def __init__(self, reason: str, detail: str = "") -> None:
        self.reason, self.detail = reason, detail
        super().__init__(f"{reason}: {detail}" if detail else reason)


@dataclass(frozen=True)
class Received:
    """An event and whose clock its time is: the sender's, ours, or ours because the sender's was absurd."""

    event: Event
    clock: Clock


@dataclass(frozen=True)
class Message:
    """What came off the wire: the topic, its stream below the domain's place, the bytes, when they came.

    `inside` marks what never was on the wire: an answer of the model, a tick.
    """

    topic: str
    stream: str
    payload: bytes
    at: datetime
    retained: bool = False
    inside: bool = False


def read(message: Message, *, live: bool = True, text: bool = False, limit: int = LIMIT) -> Received:
    """Return the event that a message carries.

    Args:
        message: what came.
        live: distrust a sender's clock that is more than 60 s ahead or a day behind; a replay keeps its own.
        text: take what is no JSON object as `{"text": ...}`, of the kind `text`.
        limit: bytes; a longer message is refused unread.

    Raises:
        Refused: it carries none; for any bytes whatever, nothing else is raised.
    """
    said = decoded(message.payload, limit)
    fields = _object(said, text)
    unknown = next((name for name in fields if name not in FIELDS), None)
    if unknown is not None:
        near = did_you_mean(unknown, FIELDS) or f"known are {', '.join(FIELDS)}"
        raise Refused("unknown-field", f"{unknown[:60]!r}; {near}")
    missing = next((name for name in ("kind", "payload") if name not in fields), None)
    if missing is not None:
        raise Refused("missing-field", missing)
    time, clock = _time(fields.get("time"), message.at, live)
    fields = {"source": message.stream[:200], **fields, "time": time}
    return received(fields, message.stream, clock, retained=message.retained)


def received(
    fields: dict[str, Any], stream: str, clock: Clock, *, retained: bool, part: str = ""
) -> Received:
    """Return the event of these fields, with an id of its own where there is none.

    Args:
        fields: of the event.
        stream: which it came on.
        clock: whose time it has.
        retained: the broker kept it.
        part: tells events of one message apart that are equal in everything else.

    Raises:
        Refused: a field has a wrong type or length.
    """
    fields = fields | {"id": _id(fields, stream, clock, part), "stream": stream, "retained": retained}
    return Received(_event(fields), clock)


def write(event: Event, limit: int = LIMIT) -> bytes:
    """Return the wire form, which `read` with the same limit accepts again.

    Raises:
        ValueError: it holds what JSON cannot carry, or is too long or nested too deeply to be read again.
    """
    fields = {name: getattr(event, name) for name in FIELDS} | {"time": event.time.isoformat()}
    data = json.dumps(fields, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    if len(data) > limit:
        raise ValueError(f"an event of {len(data)} bytes; the limit is {limit}")
    if not 0 < len(event.id) <= ID_LENGTH:
        raise ValueError(f"an id of {len(event.id)} characters; the limit is {ID_LENGTH}")
    try:
        _check_depth(fields)
    except Refused as error:
        raise ValueError(f"an event that nobody could read: {error}") from error
    return data


def decoded(payload: bytes, limit: int) -> str:
    """Return the text of a message.

    Raises:
        Refused: it is too large, empty, or no UTF-8.
    """
    if len(payload) > limit:
        raise Refused("too-large", f"{len(payload)} bytes; the limit is {limit}")
    if not payload.strip():
        raise Refused(EMPTY)
    try:
        return payload.decode()
    except UnicodeDecodeError as error:
        raise Refused("not-utf8", f"byte {error.start}") from error


def _object(said: str, text: bool) -> dict[str, Any]:
    """The JSON object, or the text wrapped into one."""
    as_text = {"kind": "text", "payload": {"text": said}}
    if text and not said.lstrip().startswith("{"):
        return as_text
    try:
        found = parse_json(said)
    except json.JSONDecodeError as error:
        if text:
            return as_text
        raise Refused("not-json", f"line {error.lineno}, column {error.colno}: {error.msg}") from error
    if not isinstance(found, dict):
        raise Refused("not-an-object", f"this is a JSON {type(found).__name__}")
    return found


def parse_json(said: str) -> Any:
    """Return what a JSON text says, within what other languages hold exactly.

    Raises:
        json.JSONDecodeError: it is no JSON.
        Refused: it is nested too deeply, or holds a number, a name or a character that nobody could use.
    """
    found = _parsed(said)
    _check_depth(found)
    return found


def _parsed(said: str) -> Any:
    try:
        return json.loads(
            said, parse_constant=_no_constant, parse_float=_float, parse_int=_int, object_pairs_hook=_unique
        )
    except RecursionError as error:
        raise Refused("too-deep", f"more than {DEPTH} levels") from error


def _no_constant(name: str) -> NoReturn:
    raise Refused("not-a-number", name)


def _float(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise Refused("out-of-range", digits[:40])
    return value


def _int(digits: str) -> int:
    if len(digits) > 20 or abs(int(digits)) >= 1 << 63:  # what other languages hold exactly
        raise Refused("out-of-range", f"{digits[:40]}: no integer of 64 bits")
    return int(digits)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two values under one name: which of them a reader takes is an accident, so neither counts."""
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise Refused("repeated-field", repr(next(name for name in names if names.count(name) > 1)[:60]))
    return found


def _check_depth(root: Any) -> None:
    """Bound the nesting, without recursion, and refuse half characters, which no UTF-8 can carry."""
    waiting: list[tuple[Any, int]] = [(root, 1)]
    while waiting:
        value, depth = waiting.pop()
        if depth > DEPTH:
            raise Refused("too-deep", f"more than {DEPTH} levels")
        if isinstance(value, dict):
            waiting += [(name, depth) for name in value]
            waiting += [(inner, depth + isinstance(inner, dict | list)) for inner in value.values()]
        elif isinstance(value, list):
            waiting += [(inner, depth + isinstance(inner, dict | list)) for inner in value]
        elif isinstance(value, str) and not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
            raise Refused("half-character", "a lone surrogate, which is no text")


def _time(said: Any, now: datetime, live: bool) -> tuple[datetime, Clock]:
    if said is None:
        return now, "receipt"
    return believed(_moment(said), said, now, live)


def believed(time: datetime | None, said: Any, now: datetime, live: bool) -> tuple[datetime, Clock]:
    """Return the sender's time, or ours where its clock is absurd.

    Args:
        time: of the sender; None where no calendar has it.
        said: how it was given, for the error.
        now: when the message came.
        live: distrust a clock that is more than 60 s ahead or a day behind.

    Raises:
        Refused: no calendar has it, and a replay has no other.
    """
    if time is not None and (not live or now - PAST <= time <= now + FUTURE):
        return time, "sender"
    if time is None and not live:
        raise Refused("bad-time", f"{said!r} is no time of this calendar")
    return now, "distrusted"


def _moment(said: Any) -> datetime | None:
    """ISO 8601 with a zone, or seconds since 1970; None where no calendar has that second."""
    if isinstance(said, bool) or not isinstance(said, str | int | float):
        raise Refused("wrong-type", f"time is a {type(said).__name__}, expected a text or seconds")
    try:
        if not isinstance(said, str):
            return datetime.fromtimestamp(said, UTC)
        time = datetime.fromisoformat(said)
    except (OverflowError, OSError):
        return None
    except ValueError as error:
        if not isinstance(said, str):
            return None
        raise Refused("bad-time", f"{said[:60]!r} is not ISO 8601") from error
    if time.tzinfo is None:
        raise Refused("time-without-zone", f"{said[:60]!r}; give Z or an offset")
    try:
        return time.astimezone(UTC)
    except OverflowError:
        return None


def _id(fields: dict[str, Any], stream: str, clock: Clock, part: str) -> str:
    """The sender's id. Without one it is derived from the content and, so that two equal readings stay two,
    from the time: the sender's where it can be trusted (then a repeat is known), else ours."""
    given = fields.get("id")
    if given is None:
        said = [
            stream,
            fields["kind"],
            fields["source"],
            fields["time"].isoformat(),
            clock,
            fields["payload"],
            *([part] if part else []),
        ]
        text = json.dumps(said, ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:24]
    if not isinstance(given, str):
        raise Refused("wrong-type", f"id is a {type(given).__name__}, expected a text")
    if not 0 < len(given) <= ID_LENGTH:
        raise Refused("wrong-length", f"id has {len(given)} characters, expected 1 to {ID_LENGTH}")
    return given


def _event(fields: dict[str, Any]) -> Event:
    try:
        return Event.model_validate(fields, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Refused(_REASONS.get(first["type"], "wrong-type"), f"{where}: {first['msg']}") from error


_REASONS = {
    "string_too_short": "wrong-length",
    "string_too_long": "wrong-length",
    "greater_than_equal": "out-of-range",
    "less_than_equal": "out-of-range",
}
