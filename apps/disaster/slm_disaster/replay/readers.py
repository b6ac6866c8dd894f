"""`--replay FILE`: recorded data as events with their own clock, each marked `replay`.

| file | becomes |
|---|---|
| CSV with a time column and value columns | `sensor/<kind>/<column>` |
| GeoJSON feed of the USGS | `quake/in` |
| JSONL with `text` and `time` | `report/in` |
| 재난문자 rows, CSV or JSON (MSG_CN, msg or text; CRT_DT, create_date or created) | `report/in`, official |
| JSONL with `stream`, `time` and `payload` | that stream |

What cannot be read comes as `Rejected` with file and line, in its place.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from slm_core.dataset.records import Record, read_records
from slm_core.dataset.source import Rejected
from slm_core.errors import UserError
from slm_core.event import Event
from slm_disaster.replay.series import read_series
from slm_disaster.replay.timestamps import parse_time

KIND = "replay"
_MESSAGE_TEXT = ("msg_cn", "msg", "text")
_MESSAGE_TIME = ("crt_dt", "create_date", "created", "reg_ymd")
_EXPECTED = "a CSV series, a USGS GeoJSON feed, JSONL reports (text, time), 재난문자 rows, or JSONL events"
_Columns = Mapping[str, Any]


def read_replay(path: Path, columns: Path | None = None) -> Iterator[Event | Rejected]:
    """Yield the events of a recorded file; `columns` is a column map for a CSV series.

    Raises:
        UserError: there is no such file, or it is in none of the known forms.
    """
    if not path.exists():
        raise UserError("no such file", where=path, expected=_EXPECTED)
    if _is_geojson(path):
        yield from _by_time(_quakes(path))
        return
    entries = read_records(path)
    first = next((entry for entry in entries if isinstance(entry, Record)), None)
    if first is None:
        raise UserError("no record can be read", where=path, expected=_EXPECTED)
    make = _maker(first.columns)
    if make is not None:
        yield from _by_time(_made(path, make))
    elif path.suffix.lower() in (".csv", ".tsv", ".txt"):
        yield from read_series(path, columns)
    else:
        known = ", ".join(list(first.columns)[:8])
        raise UserError(f"cannot tell what the fields {known} are", where=path, expected=_EXPECTED)


def _maker(columns: _Columns) -> Callable[[_Columns, str], Event] | None:
    names = {name.lower() for name in columns}
    if {"stream", "payload", "time"} <= names:
        return _event
    if names & set(_MESSAGE_TEXT) and names & set(_MESSAGE_TIME):
        return _message
    return _report if {"text", "time"} <= names else None


def _made(path: Path, make: Callable[[_Columns, str], Event]) -> Iterator[Event | Rejected]:
    for entry in read_records(path):
        if isinstance(entry, Rejected):
            yield entry
            continue
        try:
            yield make({name.lower(): value for name, value in entry.columns.items()}, entry.where)
        except (ValueError, KeyError, TypeError) as error:
            yield Rejected(entry.where, _reason(error), json.dumps(entry.columns, ensure_ascii=False)[:200])


def _by_time(entries: Iterable[Event | Rejected]) -> Iterator[Event | Rejected]:
    """Rejected lines first, then the events in the order of their clock: feeds have the newest on top."""
    events: list[Event] = []
    for entry in entries:
        if isinstance(entry, Rejected):
            yield entry
        else:
            events.append(entry)
    yield from sorted(events, key=lambda event: event.time)


def _message(columns: _Columns, where: str) -> Event:
    text = _filled(columns, *_MESSAGE_TEXT)
    region = str(_first(columns, "rcptn_rgn_nm", "location_name", "region") or "")
    names = [name.strip().removesuffix("전체").strip() for name in region.split(",")]
    payload = {"text": text, "lang": "ko", "official": True, "region": ",".join(filter(None, names))[:500]}
    number = _first(columns, "sn", "md101_sn")
    return Event(
        stream="report/in",
        kind=KIND,
        source=f"replay:{Path(where).name.partition(':')[0]}",
        time=parse_time(_filled(columns, *_MESSAGE_TIME)),
        payload=payload,
        id=f"sms-{number}" if number else "",
    )


def _report(columns: _Columns, where: str) -> Event:
    given = {key: columns[key] for key in ("lang", "reporter", "place", "region") if columns.get(key)}
    numbers = {key: float(columns[key]) for key in ("lat", "lon") if columns.get(key) not in (None, "")}
    official = columns.get("official") in (True, "true", "True", "1", 1)
    return Event(
        stream="report/in",
        kind=KIND,
        source=str(columns.get("source") or f"replay:{Path(where).name.partition(':')[0]}")[:200],
        time=parse_time(_filled(columns, "time")),
        payload={"text": _filled(columns, "text"), "official": official, **given, **numbers},
        simulated=_is_simulated(columns),
        id=str(columns.get("id") or ""),
    )


def _event(columns: _Columns, where: str) -> Event:
    payload = columns["payload"]
    return Event(
        stream=str(columns["stream"]),
        kind=KIND,
        source=str(columns.get("source") or "replay"),
        time=parse_time(str(columns["time"])),
        payload=payload if isinstance(payload, dict) else json.loads(payload),
        simulated=_is_simulated(columns),
        id=str(columns.get("id") or ""),
    )


def _is_simulated(columns: _Columns) -> bool:
    """Whether a record says so: what was invented stays marked when it comes back as a recording."""
    return columns.get("simulated") in (True, "true", "True", "1", 1)


def _is_geojson(path: Path) -> bool:
    if path.suffix.lower() not in (".json", ".geojson") or not path.is_file():
        return False
    with path.open(encoding="utf-8", errors="replace") as file:
        return "FeatureCollection" in file.read(2000)


def _quakes(path: Path) -> Iterator[Event | Rejected]:
    try:
        features = json.loads(path.read_text(encoding="utf-8-sig"))["features"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError(
            f"no GeoJSON feed: {_reason(error)}", where=path, expected='"features": [...]'
        ) from error
    if not isinstance(features, list):
        raise UserError("features is no list", where=path, expected='"features": [...]')
    for number, feature in enumerate(features):
        where = f"{path}:features[{number}]"
        try:
            yield _quake(feature, path.name)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
            yield Rejected(where, _reason(error), json.dumps(feature, ensure_ascii=False)[:200])


def _quake(feature: dict[str, Any], name: str) -> Event:
    properties = feature["properties"]
    if properties["mag"] is None:
        raise ValueError("no magnitude")
    lon, lat, depth = (*(feature.get("geometry") or {}).get("coordinates", ()), None, None, None)[:3]
    payload = {
        "id": str(feature.get("id") or properties.get("code") or ""),
        "mag": float(properties["mag"]),
        "place": str(properties.get("place") or ""),
        "type": str(properties.get("type") or "earthquake"),
        "tsunami": int(properties.get("tsunami") or 0),
        "alert": properties.get("alert"),
        "status": properties.get("status"),
    }
    known = {
        key: value for key, value in (("lat", lat), ("lon", lon), ("depth_km", depth)) if value is not None
    }
    return Event(
        stream="quake/in",
        kind=KIND,
        source=f"replay:{name}",
        time=datetime.fromtimestamp(properties["time"] / 1000, UTC),
        payload=payload | known,
    )


def _first(columns: _Columns, *names: str) -> Any:
    return next((columns[name] for name in names if columns.get(name) not in (None, "")), None)


def _filled(columns: _Columns, *names: str) -> str:
    value = _first(columns, *names)
    if value is None or not str(value).strip():
        raise ValueError(f"none of the fields {', '.join(names)} is filled")
    return str(value)


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return f"field {error} is missing" if isinstance(error, KeyError) else str(error)
