"""Sensor readings to crossings and faults, by rule: threshold, rise, sum, stuck and silent.

The newest reading decides; one that comes late joins the window of its own time, and counts as a crossing of
the past where it was over a threshold that nobody knew of. Between `at` and `clear` nothing changes, so one
crossing is one event. Everything is kept in base units and epoch seconds.

A site's own rules come as an event on `config/sensors` with the payload `{"rules": [...]}` in the form of
sensors.toml; a rule with the id of another takes its place.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from math import inf
from statistics import median
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from slm_core.event import Event
from slm_disaster.situation.rules import Rule, base_unit, convert, dimension, in_base, rules
from slm_disaster.situation.scope import Scoped

MOST_SAMPLES = 400
_GAPS = 4  # times the usual gap, after which a sensor is silent
_SAME_S = 3600  # a late reading this near to a crossing belongs to it
_OWN = "sensor-rules"
_DUE = "sensors/due"
State = Literal["over", "clear", "past", "stuck", "silent", "refused", "well"]


class Reading(BaseModel):
    """The payload of `sensor/<kind>/<id>`."""

    model_config = ConfigDict(extra="ignore")

    value: float = Field(allow_inf_nan=False)
    unit: str = Field(default="", max_length=20)
    gas: str = Field(default="", max_length=40)
    place: str | None = Field(default=None, max_length=200)
    lat: float | None = Field(default=None, ge=-90, le=90)
    lon: float | None = Field(default=None, ge=-180, le=180)


class Gauge(BaseModel):
    """What is remembered of one sensor: its last readings, what is over, and its fault."""

    kind: str
    sensor: str
    dimension: str = ""
    gas: str = ""
    place: str | None = None
    lat: float | None = None
    lon: float | None = None
    samples: list[tuple[float, float]] = []
    over: dict[str, float] = {}  # rule -> since
    episodes: dict[str, tuple[float, float]] = {}  # rule -> the last one, from and until
    flat_since: float | None = None
    fault: str = ""
    late: int = 0


class Change(BaseModel):
    """Something to tell: a rule was crossed or is clear again, or a sensor is at fault or well again."""

    model_config = ConfigDict(frozen=True)

    state: State
    gauge: Gauge
    time: datetime
    rule: Rule | None = None
    value: float | None = None
    reason: dict[str, str]


def sense(event: Event, memory: Scoped) -> list[Change]:
    """Return what follows from one reading.

    Raises:
        ValueError: the topic or the payload is no reading.
    """
    kind, sensor = _topic(event.stream)
    reading = _reading(event.payload)
    key = f"sensor/{kind}/{sensor}"
    gauge = Gauge.model_validate(memory.get(key) or {"kind": kind, "sensor": sensor})
    gauge.gas, gauge.place = reading.gas or gauge.gas, reading.place or gauge.place
    gauge.lat, gauge.lon = (reading.lat, reading.lon) if reading.lat is not None else (gauge.lat, gauge.lon)
    quantity = convert(kind, reading.value, reading.unit)
    if quantity.refused:
        changes = _fault(gauge, "refused", event.time, quantity.refused_ko, quantity.refused)
    else:
        if gauge.dimension and gauge.dimension != quantity.dimension:
            gauge = gauge.model_copy(update={"samples": [], "over": {}, "episodes": {}, "flat_since": None})
        gauge.dimension = quantity.dimension
        changes = _take(gauge, event.time.timestamp(), quantity.value, _rules_for(gauge, event, memory))
    memory.put(key, gauge.model_dump(mode="json", exclude_defaults=True) | {"kind": kind, "sensor": sensor})
    _expect_next(gauge, event, memory)
    return changes


def silences(now: datetime, memory: Scoped) -> list[Change]:
    """Return the sensors that should have spoken by now; each is told of once."""
    due: dict[str, float] = memory.get(_DUE) or {}
    late = [key for key, at in due.items() if at < now.timestamp()]
    if not late:
        return []
    memory.put(_DUE, {key: at for key, at in due.items() if key not in late})
    changes = []
    for key in late:
        gauge = Gauge.model_validate(memory.get(f"sensor/{key}"))
        last = datetime.fromtimestamp(gauge.samples[-1][0], UTC).isoformat(timespec="seconds")
        changes += _fault(gauge, "silent", now, f"{last} 이후 측정값이 없음", f"no reading since {last}")
        memory.put(
            f"sensor/{key}", gauge.model_dump(mode="json", exclude_defaults=True) | {"kind": gauge.kind}
        )
    return changes


def learn_rules(event: Event, memory: Scoped) -> int:
    """Take the site's own rules from `config/sensors` and return how many there are.

    Raises:
        ValueError: a rule cannot be read; none is taken then.
    """
    given = event.payload.get("rules")
    if not isinstance(given, list) or len(given) > 500:
        raise ValueError("rules: expected a list of at most 500 rules")
    try:
        own = [Rule.model_validate(each) for each in given]
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"rules.{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    quakes = [rule.id for rule in own if rule.kind == "quake"]
    if quakes:
        raise ValueError(f"rules: {', '.join(quakes)}: rules for quakes come with the package only")
    memory.put(_OWN, [rule.model_dump(mode="json") for rule in own])
    return len(own)


def rules_in_force(memory: Scoped) -> list[Rule]:
    """Return the package's rules with the site's own in their place."""
    own = [Rule.model_validate(each) for each in memory.get(_OWN) or []]
    return list(({rule.id: rule for rule in rules()} | {rule.id: rule for rule in own}).values())


def _topic(stream: str) -> tuple[str, str]:
    parts = stream.split("/")
    if len(parts) != 3 or not all(parts):
        raise ValueError(f"{stream}: expected sensor/<kind>/<id>")
    return parts[1], parts[2]


def _reading(payload: dict[str, Any]) -> Reading:
    if isinstance(payload.get("value"), bool):
        raise ValueError("value: a number is expected, not true or false")
    try:
        return Reading.model_validate(payload)
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def _rules_for(gauge: Gauge, event: Event, memory: Scoped) -> list[Rule]:
    known = rules() if memory.get(_OWN) is None else rules_in_force(memory)
    day = event.time.date()
    return [
        rule
        for rule in known
        if rule.holds_for(gauge.kind, gauge.sensor, gauge.gas, day)
        and (not rule.unit or dimension(rule.unit) == gauge.dimension)
    ]


def _take(gauge: Gauge, at: float, value: float, known: Sequence[Rule]) -> list[Change]:
    if any(time == at for time, _ in gauge.samples):
        return []
    window = max([0.0, *(rule.minutes * 60 for rule in known if rule.measure in ("rise", "sum"))])
    newest = gauge.samples[-1][0] if gauge.samples else at
    if at < newest:
        return _take_late(gauge, at, value, known, window)
    changes = _well(gauge, at) if gauge.fault in ("silent", "refused") else []
    if not gauge.samples or gauge.samples[-1][1] != value:
        changes += _well(gauge, at) if gauge.fault == "stuck" else []
        gauge.flat_since = at
    gauge.samples.append((at, value))
    recent = [sample for sample in gauge.samples if sample[0] > at - window]
    gauge.samples = (recent if len(recent) > 1 else gauge.samples[-6:])[-MOST_SAMPLES:]
    for rule in known:
        changes += _judge(gauge, rule, at, value)
    return changes


def _take_late(gauge: Gauge, at: float, value: float, known: Sequence[Rule], window: float) -> list[Change]:
    """A reading older than the newest: it completes the window, and may tell of a crossing nobody knew of."""
    gauge.late += 1
    if at > gauge.samples[-1][0] - window:
        insort(gauge.samples, (at, value))
        gauge.samples = gauge.samples[-MOST_SAMPLES:]
    changes = []
    for rule in known:
        if rule.measure != "value" or value < in_base(rule.at, rule.unit):
            continue
        since = gauge.over.get(rule.id)
        start, end = gauge.episodes.get(rule.id, (inf, inf))
        if (since is None or at < since - _SAME_S) and not start - _SAME_S <= at <= end + _SAME_S:
            gauge.episodes[rule.id] = (at, at)
            changes.append(_crossing(gauge, rule, "past", at, value))
    return changes


def _judge(gauge: Gauge, rule: Rule, at: float, value: float) -> list[Change]:
    if rule.measure == "silent":
        return []
    if rule.measure == "stuck":
        flat = at - (gauge.flat_since if gauge.flat_since is not None else at)
        if flat < rule.minutes * 60 or gauge.fault == "stuck":
            return []
        time = datetime.fromtimestamp(at, UTC)
        return _fault(gauge, "stuck", time, rule.ko, rule.en, rule)
    measured = _measure(gauge, rule, at, value)
    relative = rule.measure == "rise"
    high = in_base(rule.at, rule.unit, difference=relative)
    low = in_base(rule.clear, rule.unit, difference=relative) if rule.clear is not None else high
    if rule.id not in gauge.over and measured >= high:
        gauge.over[rule.id] = at
        return [_crossing(gauge, rule, "over", at, measured)]
    if rule.id in gauge.over and measured < low:
        gauge.episodes[rule.id] = (gauge.over.pop(rule.id), at)
        return [_crossing(gauge, rule, "clear", at, measured)]
    return []


def _measure(gauge: Gauge, rule: Rule, at: float, value: float) -> float:
    window = [each for time, each in gauge.samples if time > at - rule.minutes * 60 - 1]
    if rule.measure == "rise":
        return round(value - min(window), 6)
    return round(sum(window), 6) if rule.measure == "sum" else value


def _crossing(gauge: Gauge, rule: Rule, state: State, at: float, value: float) -> Change:
    unit = base_unit(gauge.dimension)
    limit = in_base(rule.at, rule.unit, difference=rule.measure == "rise")
    sign = "<" if state == "clear" else "≥"
    figures = f"{gauge.sensor}: {value:g} {unit} {sign} {limit:g} {unit}"
    late = {"past": (" (늦게 도착)", " (arrived late)")}.get(state, ("", ""))
    reason = {"ko": f"{figures}, {rule.ko}{late[0]}", "en": f"{figures}, {rule.en}{late[1]}"}
    time = datetime.fromtimestamp(at, UTC)
    return Change(state=state, gauge=gauge, time=time, rule=rule, value=value, reason=reason)


def _fault(
    gauge: Gauge,
    state: Literal["stuck", "silent", "refused"],
    time: datetime,
    ko: str,
    en: str,
    rule: Rule | None = None,
) -> list[Change]:
    if gauge.fault == state:
        return []
    gauge.fault = state
    reason = {"ko": f"{gauge.sensor}: {ko}", "en": f"{gauge.sensor}: {en}"}
    return [Change(state=state, gauge=gauge, time=time, rule=rule, reason=reason)]


def _well(gauge: Gauge, at: float) -> list[Change]:
    gauge.fault = ""
    reason = {"ko": f"{gauge.sensor}: 다시 정상", "en": f"{gauge.sensor}: well again"}
    return [Change(state="well", gauge=gauge, time=datetime.fromtimestamp(at, UTC), reason=reason)]


def _expect_next(gauge: Gauge, event: Event, memory: Scoped) -> None:
    if not gauge.samples:
        return
    minutes = [rule.minutes for rule in _rules_for(gauge, event, memory) if rule.measure == "silent"]
    if not minutes:
        return
    times = [time for time, _ in gauge.samples[-6:]]
    usual = median([b - a for a, b in pairwise(times)]) if len(times) > 1 else 0.0
    due: dict[str, float] = memory.get(_DUE) or {}
    due[f"{gauge.kind}/{gauge.sensor}"] = times[-1] + max(min(minutes) * 60, _GAPS * usual)
    memory.put(_DUE, due)
