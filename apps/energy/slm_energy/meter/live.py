"""A meter that speaks over MQTT: its messages to finished steps, one after another.

What is remembered is small and plain JSON, so that it can be kept in a domain's memory: samples of the last
half minute, which may still come out of order, and the sums of the step that is under way. Nothing is counted
twice and nothing is invented: a step of which less than 95 % is known is left out and counted as a hole.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import isnan
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from slm_energy.meter.counter import used
from slm_energy.meter.finding import Finding, limit
from slm_energy.meter.units import find_unit

GRACE_S = 30.0  # within which samples may come in any order
MOST_WAITING = 600
Kind = Literal["mean", "counter", "energy"]
_COUNTED = ("total", "total_increasing")


class Payload(BaseModel):
    """What a message on `meter/<quantity>/<id>` says.

    Args:
        value: in `unit`.
        unit: W, kW, kWh, °C, ...
        state_class: Home Assistant's word: `total_increasing` or `total` for a counter.
        minutes: for energy, the time that it flowed in, up to now; without it energy is a counter's reading.
    """

    model_config = ConfigDict(extra="ignore")

    value: float = Field(allow_inf_nan=False)
    unit: str = Field(max_length=20)
    state_class: str = Field(default="", max_length=30)
    minutes: float | None = Field(default=None, gt=0, le=1440)


@dataclass(frozen=True)
class Sample:
    """One value in our unit at a time.

    Args:
        kind: a `mean` that holds until the next, a `counter` in kWh, or the `energy` of the minutes before.
    """

    at: datetime
    value: float
    kind: Kind
    unit: str
    minutes: float = 0.0


class Live(BaseModel):
    """What is remembered of a meter.

    Args:
        kind: of its samples.
        waiting: (seconds since 1970, value, minutes) that may still be overtaken.
        last: the newest counted: up to when, its value, and when it was said.
        open: sums of steps under way: start -> (value times seconds, seconds).
        told: end of the last step that was finished or given up.
        late, twice, contradicting, holes, resets: samples and steps that did not count.
    """

    kind: Kind = "mean"
    waiting: list[tuple[float, float, float]] = []
    last: tuple[float, float, float] | None = None
    open: dict[int, tuple[float, float]] = {}
    told: float = 0.0
    late: int = 0
    twice: int = 0
    contradicting: int = 0
    holes: int = 0
    resets: int = 0


@dataclass(frozen=True)
class Step:
    """A finished step: kW, or the mean of another quantity."""

    start: datetime
    value: float


@dataclass(frozen=True)
class Taken:
    """What follows from a sample: the meter as it is now, finished steps, and faults of its counter."""

    live: Live
    steps: tuple[Step, ...] = ()
    findings: tuple[Finding, ...] = ()


def read_sample(payload: Mapping[str, Any], at: datetime) -> Sample:
    """Return the sample that a message carries.

    Raises:
        ValueError: no number, or a unit that no meter has.
    """
    if isinstance(payload.get("value"), bool):
        raise ValueError("value: a number is expected, not true or false")
    said = Payload.model_validate(payload)
    unit = find_unit(said.unit)
    if unit is None:
        raise ValueError(f"unit {said.unit!r} is not known; expected W, kW, Wh, kWh, MWh, °C, W/m2, 원/kWh")
    value = unit.convert(said.value)
    if unit.kind != "energy":
        return Sample(at, value, "mean", "kW" if unit.kind == "power" else unit.ours)
    counted = said.state_class in _COUNTED or said.minutes is None
    return Sample(at, value, "counter" if counted else "energy", "kW", said.minutes or 0.0)


def take(live: Live, sample: Sample, step: timedelta) -> Taken:
    """Count a sample in.

    Args:
        live: the meter so far; a new one begins with `Live()`.
        sample: may be late, a repeat or out of order.
        step: length of a step; steps begin at whole multiples of it since 1970, as quarters and hours do.
    """
    if sample.kind != live.kind and (live.last or live.waiting):
        live = Live(told=live.told)  # another device, or another setting: what it said before does not go on
    live = live.model_copy(update={"kind": sample.kind})
    at, value = sample.at.timestamp(), sample.value
    known = next((other for time, other, _ in live.waiting if time == at), None)
    if known is not None:
        word = "twice" if known == value else "contradicting"
        return Taken(live.model_copy(update={word: getattr(live, word) + 1}))
    if live.last is not None and at <= live.last[2]:
        word = "twice" if (at, value) == (live.last[2], live.last[1]) else "late"
        return Taken(live.model_copy(update={word: getattr(live, word) + 1}))
    waiting = list(live.waiting)
    insort(waiting, (at, value, sample.minutes))
    newest = waiting[-1][0]
    live = live.model_copy(update={"waiting": waiting})
    return _settled(live, newest - GRACE_S, step.total_seconds())


def tick(live: Live, now: datetime, step: timedelta) -> Taken:
    """Count in what has waited long enough; a mean holds on, an hour at most."""
    until, width = now.timestamp() - GRACE_S, step.total_seconds()
    taken = _settled(live, until, width)
    live = taken.live
    if live.kind != "mean" or live.last is None or live.waiting:
        return taken
    since, value, said = live.last
    end = min(until, said + limit("hold_hours") * 3600)
    if end <= since:
        return taken
    sums = dict(live.open)
    _add(sums, since, end, value, width, live.told)
    live = live.model_copy(update={"open": sums, "last": (end, value, said)})
    finished = _finished(live, width)
    return Taken(finished.live, (*taken.steps, *finished.steps), taken.findings)


def _settled(live: Live, until: float, width: float) -> Taken:
    """Count in the samples up to a time; those that wait are kept in order."""
    over = max(0, len(live.waiting) - MOST_WAITING)
    ready = [each for n, each in enumerate(live.waiting) if each[0] <= until or n < over]
    sums, last, resets = dict(live.open), live.last, live.resets
    findings: list[Finding] = []
    for at, value, minutes in ready:
        start, mean, told = _between(live.kind, last, at, value, minutes)
        findings += told
        resets += bool(told)
        if not isnan(mean):
            _add(sums, start, at if live.kind != "mean" else _held(last, at), mean, width, live.told)
        last = (at, value, at)
    update = {"waiting": live.waiting[len(ready) :], "open": sums, "last": last, "resets": resets}
    finished = _finished(live.model_copy(update=update), width)
    return Taken(finished.live, finished.steps, tuple(findings))


def _between(
    kind: Kind, last: tuple[float, float, float] | None, at: float, value: float, minutes: float
) -> tuple[float, float, list[Finding]]:
    """Return from when to `at` which mean held; NaN where nobody knows."""
    if kind == "energy":
        return at - minutes * 60, value * 60 / minutes, []
    if last is None:
        return at, float("nan"), []
    since, before, said = last
    if kind == "mean":
        return since, before, []
    energy, told = used(before, value, 0)
    known = at - said <= limit("hold_hours") * 3600 * 1.01
    return since, energy / (at - said) * 3600 if known and at > said else float("nan"), told


def _held(last: tuple[float, float, float] | None, at: float) -> float:
    """Until when a mean held that was said before `at`."""
    return at if last is None else min(at, last[2] + limit("hold_hours") * 3600)


def _add(
    sums: dict[int, tuple[float, float]], start: float, end: float, mean: float, width: float, told: float
) -> None:
    start = max(start, told)
    place = int(start // width * width)
    while place < end:
        seconds = min(end, place + width) - max(start, place)
        total, covered = sums.get(place, (0.0, 0.0))
        sums[place] = (total + mean * seconds, covered + seconds)
        place += int(width)


def _finished(live: Live, width: float) -> Taken:
    """Tell the steps that lie wholly before what was counted last."""
    if live.last is None:
        return Taken(live)
    ripe = live.last[0] // width * width
    first = live.told or min(live.open, default=ripe)
    steps, holes = [], live.holes
    for place in sorted(live.open):
        total, covered = live.open[place]
        if place >= ripe:
            break
        if covered >= limit("covered") * width - 1e-3:
            steps.append(Step(datetime.fromtimestamp(place, UTC), total / covered))
    holes += max(0, round((ripe - first) / width) - len(steps))
    rest = {place: sums for place, sums in live.open.items() if place >= ripe}
    update = {"open": rest, "told": max(live.told, ripe), "holes": holes}
    return Taken(live.model_copy(update=update), tuple(steps))
