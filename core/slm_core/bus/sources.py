"""The user's own devices: which messages of any topic become events of a domain.

`open_sources` reads the `[[sources]]` tables of slm.toml once, at the start, and refuses what could not work;
`slm_core.bus.mapping` applies them to each message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import PurePath
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from slm_core.bus.fields import BadPath, Field, Path, Text, parse_field, parse_path
from slm_core.bus.filters import is_filter, meet
from slm_core.bus.place import ROOT, Place
from slm_core.errors import UserError, did_you_mean
from slm_core.source_table import SourceTable

Constant = str | int | float | bool
_OWN_FIELDS = ("value", "unit", "place")


@dataclass(frozen=True)
class Source:
    """A `[[sources]]` table, read: see `SourceTable` for what each part says."""

    table: SourceTable
    streams: tuple[str, ...]  # what the domain listens to, which the filled `stream` must be one of
    stream: Text
    kind: Field
    payload: Mapping[str, Field | Constant]  # with value, unit and place among them
    time: Field | None
    zone: ZoneInfo | None
    id: Field | None
    source: Field | None
    severity: Field | int
    each: Path | None
    when: Path | None

    @property
    def topic(self) -> str:
        """The filter to subscribe to."""
        return self.table.topic

    @property
    def name(self) -> str:
        """What a dead letter calls it: the file's name and the line."""
        where = PurePath(self.table.where())
        return f"[[sources]] at {where.name}"

    @property
    def needs_json(self) -> bool:
        """Whether a path looks into the message, so that a bare text cannot be one."""
        return any(not path.whole for path in _paths(self))


def open_sources(tables: Sequence[SourceTable], place: Place, streams: Sequence[str]) -> tuple[Source, ...]:
    """Return the sources of one domain, ready to map.

    Args:
        tables: all of slm.toml's; those of other domains are passed over.
        place: site and domain.
        streams: what the domain listens to.

    Raises:
        UserError: a table that could not work, with its line.
    """
    sources = tuple(_open(table, place, streams) for table in tables if table.domain == place.domain)
    for one, other in combinations(sources, 2):
        _check_pair(one.table, other.table)
    return sources


def _open(table: SourceTable, place: Place, streams: Sequence[str]) -> Source:
    _check_topic(table, place)
    if table.value is None and not table.payload:
        raise _wrong(table, "", "a source without value or payload", "value, e.g. value = '$.temperature'")
    source = Source(
        table=table,
        streams=tuple(streams),
        stream=_stream(table, streams),
        kind=_field(table, "kind", table.kind),
        payload=_payload(table),
        time=_optional(table, "time"),
        zone=_zone(table),
        id=_optional(table, "id"),
        source=_optional(table, "source"),
        severity=_severity(table),
        each=_path(table, "each"),
        when=_path(table, "when"),
    )
    _check_ever_new(source)
    _check_inserts(source)
    return source


def _check_topic(table: SourceTable, place: Place) -> None:
    if not is_filter(table.topic) or table.topic.startswith("$share/"):
        expected = "an MQTT filter, e.g. zigbee2mqtt/+ or tele/+/SENSOR"
        raise _wrong(table, "topic", f"{table.topic!r} is no topic to listen to", expected)
    if meet(table.topic, f"{ROOT}/{place.site}/#"):
        raise _wrong(
            table, "topic", f"{table.topic!r} reaches into slm/{place.site}/, where events are events",
            "topics of other devices", "narrow it; on their own topics, devices send docs/bus.md's form",
        )  # fmt: skip


def _stream(table: SourceTable, streams: Sequence[str]) -> Text:
    field = _field(table, "stream", table.stream)
    if not isinstance(field, Text):
        expected = "a text, with paths in braces where needed: sensor/level/{$.id}"
        raise _wrong(table, "stream", "a stream that the message alone chooses", expected)
    if any(set(part) & set("+#") for part in field.parts[::2] if isinstance(part, str)):
        expected = "{1} for what stands in the topic's first +, {#} for what stands in its #"
        raise _wrong(table, "stream", f"{table.stream!r} has a wildcard", expected)
    shape = _shape(field)
    if not is_filter(shape) or not any(meet(shape, known) for known in streams):
        raise _wrong(
            table, "stream", f"{table.domain} does not listen to {table.stream!r}", ", ".join(streams),
            did_you_mean(shape, streams),
        )  # fmt: skip
    return field


def _shape(field: Text) -> str:
    """The filter of all streams that the text may become."""
    signs = (
        part if isinstance(part, str) and not number % 2 else "#" if part == "#" else "+"
        for number, part in enumerate(field.parts)
    )
    levels = "".join(signs).split("/")
    return "/".join("#" if "#" in level else "+" if "+" in level else level for level in levels)


def _payload(table: SourceTable) -> dict[str, Field | Constant]:
    clash = next((name for name in table.payload if name in _OWN_FIELDS), None)
    if clash is not None:
        raise _wrong(table, "payload", f"payload.{clash} is the key {clash} of the table", f"{clash} = ...")
    given = {name: getattr(table, name) for name in _OWN_FIELDS} | table.payload
    return {
        name: _field(table, name if name in _OWN_FIELDS else "payload", value)
        if isinstance(value, str)
        else value
        for name, value in given.items()
        if value is not None
    }


def _severity(table: SourceTable) -> Field | int:
    if isinstance(table.severity, str):
        return _path(table, "severity") or 0
    if not 0 <= table.severity <= 3:
        raise _wrong(table, "severity", f"{table.severity}", "0 (routine) to 3 (life and limb), or a path")
    return table.severity


def _zone(table: SourceTable) -> ZoneInfo | None:
    if table.zone is None:
        return None
    try:
        return ZoneInfo(table.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        zones = available_timezones()
        mend = did_you_mean(table.zone, zones) if zones else "pip install tzdata"
        raise _wrong(table, "zone", f"unknown time zone {table.zone!r}", "e.g. Asia/Seoul", mend) from error


def _optional(table: SourceTable, key: str) -> Field | None:
    text = getattr(table, key)
    return None if text is None else _field(table, key, text)


def _field(table: SourceTable, key: str, text: str) -> Field:
    try:
        return parse_field(text)
    except BadPath as error:
        raise _bad_path(table, key, error) from error


def _path(table: SourceTable, key: str) -> Path | None:
    text = getattr(table, key)
    try:
        return None if text is None else parse_path(text)
    except BadPath as error:
        raise _bad_path(table, key, error) from error


def _bad_path(table: SourceTable, key: str, error: BadPath) -> UserError:
    pointer = f"{error.text}\n            {' ' * (error.column - 1)}^"
    return _wrong(table, key, f"{key} cannot be read, {error}", pointer)


def _check_ever_new(source: Source) -> None:
    """An id or a time that is the same in every message would make all but the first a repeat."""
    for key in ("id", "time"):
        field = getattr(source, key)
        if isinstance(field, Text) and not field.paths:
            what = f"{key} = {getattr(source.table, key)!r} is the same in every message"
            raise _wrong(source.table, key, what, f"a path, e.g. {key} = '$.{key}'")


def _check_inserts(source: Source) -> None:
    table = source.table
    pluses = table.topic.split("/").count("+")
    known = {str(number) for number in range(1, pluses + 1)}
    known |= {"#"} if table.topic.endswith("#") else set()
    known |= {"key"} if source.each else set()
    for key, field in _fields(source):
        for name in field.names if isinstance(field, Text) else ():
            if name not in known:
                expected = ", ".join(f"{{{each}}}" for each in [*sorted(known), "$.path"])
                raise _wrong(table, key, f"there is no {{{name}}} in {table.topic!r}", expected)
    lost = next((path.text for path in _paths(source) if path.of_reading), None)
    if source.each is None and lost is not None:
        raise _wrong(table, "", f"{lost!r} looks into one of several readings", "each, the path to them")
    if (source.each and source.each.of_reading) or (source.when and source.when.of_reading):
        raise _wrong(table, "each", "each and when look into the whole message", "a path that begins with $")


def _fields(source: Source) -> list[tuple[str, Any]]:
    keys = ("stream", "kind", "time", "id", "source", "severity", "each", "when")
    return [(key, getattr(source, key)) for key in keys] + [
        (name if name in _OWN_FIELDS else "payload", field) for name, field in source.payload.items()
    ]


def _paths(source: Source) -> list[Path]:
    found: list[Path] = []
    for _, field in _fields(source):
        found += [field] if isinstance(field, Path) else field.paths if isinstance(field, Text) else []
    return found


def _check_pair(one: SourceTable, other: SourceTable) -> None:
    if one.topic != other.topic:
        if meet(one.topic, other.topic):
            what = f"{other.topic!r} overlaps {one.topic!r} of {one.where('topic')}"
            expected = "topics that never meet, for a broker may send it twice; or the very same topic"
            raise _wrong(other, "topic", what, expected)
        return
    if _identity(one) == _identity(other):
        expected = "another stream, source or id for the other reading of a message"
        raise _wrong(other, "topic", f"the same topic and stream as the source of {one.where()}", expected)


def _identity(table: SourceTable) -> tuple[Any, ...]:
    """Where it is the same for two tables, their events would be taken for one another's repeats."""
    said = table.id or (table.kind, table.value, table.payload)
    return table.stream, table.source, table.each, said


def _wrong(
    table: SourceTable, key: str, what: str, expected: str | None = None, mend: str | None = None
) -> UserError:
    return UserError(what, where=table.where(key), expected=expected, mend=mend)
