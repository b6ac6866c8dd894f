"""`--replay FILE`: recorded readings as events with their own clock, each marked `replay`.

| file | becomes |
|---|---|
| a building of CityLearn, its schema.json beside it | `config/site`, `price/in`, `meter/<quantity>/<name>` |
| any meter file (docs/energy-data.md), with or without a `site.toml` beside it | `config/site`, `meter/...` |
| JSONL with `stream`, `time` and `payload` | that stream |

What cannot be read comes as `Rejected` with file and row, in its place.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from math import isnan
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from slm_core.dataset.records import Record, read_records
from slm_core.dataset.source import Rejected
from slm_core.errors import UserError
from slm_core.event import Event
from slm_energy.replay import citylearn
from slm_energy.replay.saying import reading
from slm_energy.series import Series
from slm_energy.site import Site, read_site

KIND = "replay"
SITE = "site.toml"


def read_replay(path: Path) -> Iterator[Event | Rejected]:
    """Yield the events of a recorded file in the order of its clock.

    Raises:
        UserError: no such file, or one in none of the known forms.
    """
    if path.suffix.lower() in (".jsonl", ".ndjson"):
        yield from _jsonl(path)
    elif citylearn.is_citylearn(path):
        yield from citylearn.events(citylearn.read_home(path))
    else:
        yield from _meters(path)


def _meters(path: Path) -> Iterator[Event | Rejected]:
    from slm_energy.meter.reading import read_meters

    beside = path.parent / SITE
    site = read_site(beside) if beside.is_file() else None
    metered = read_meters(path, site=site)
    for each in metered.values():
        for finding in each.findings:
            yield Rejected(f"{path.name}:{finding.rows}", finding.line("en"))
    series = {quantity: each.series for quantity, each in metered.items()}
    first = min(each.start for each in series.values())
    shown = site or _bare(path, next(iter(series.values())))
    yield _event("config/site", shown.model_dump(mode="json", by_alias=True), first, path)
    yield from sorted(
        (event for quantity, each in series.items() for event in _readings(quantity, each, path)),
        key=lambda event: event.time,
    )


def _bare(path: Path, series: Series) -> Site:
    """A site of which nothing is known but its readings: what can be said of them, without a plan."""
    minutes = round(series.step / timedelta(minutes=1))
    fits = next((each for each in (15, 30, 60) if minutes <= each), 60)
    return Site.model_validate(
        {"name": path.stem[:40], "zone": str(series.start.tzinfo), "step_minutes": fits}
    )


def _readings(quantity: str, series: Series, path: Path) -> Iterator[Event]:
    for at, value in zip(series.times(), series.values, strict=True):
        if not isnan(value):
            payload, when = reading(value, series.unit, at, series.step)
            yield _event(f"meter/{quantity}/main", payload, when, path)


def _jsonl(path: Path) -> Iterator[Event | Rejected]:
    found: list[Event] = []
    for entry in read_records(path):
        if isinstance(entry, Rejected):
            yield entry
            continue
        try:
            found.append(_recorded(entry))
        except (ValueError, KeyError, TypeError) as error:
            reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else f"{error}"
            yield Rejected(
                entry.where, f"no event: {reason}", json.dumps(entry.columns, ensure_ascii=False)[:200]
            )
    if not found:
        raise UserError("no event can be read", where=path, expected="a line: stream, time and payload")
    yield from sorted(found, key=lambda event: event.time)


def _recorded(entry: Record) -> Event:
    columns: Mapping[str, Any] = entry.columns
    return Event(
        stream=columns["stream"],
        kind=KIND,
        source=str(columns.get("source") or "replay"),
        time=columns["time"],
        payload=columns["payload"],
        simulated=columns.get("simulated") is True,
        id=str(columns.get("id") or ""),
    )


def _event(stream: str, payload: Mapping[str, Any], at: Any, path: Path) -> Event:
    return Event(stream=stream, kind=KIND, source=f"replay:{path.name}"[:200], time=at, payload=dict(payload))
