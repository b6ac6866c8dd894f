"""`simulate`: four weeks of history and a day of meters, questions and orders, all marked simulated."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from math import pi, sin
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from slm_core.event import Event
from slm_energy.replay.saying import reading

DAY = date(2026, 7, 15)
HISTORY_DAYS = 28
_KST = ZoneInfo("Asia/Seoul")
_STEP_H = 0.25
_STEPS = 96
_AFTER = 3  # of the next day, so that the day is closed and accounted for


def simulate(seed: int, day: date = DAY) -> Iterator[Event]:
    """Yield the stream in the order of its clock; the same seed gives the same events.

    A factory with panels, a battery, two electric cars, loads that can wait and a cooled office: a compressor
    left on overnight, a thermometer that sticks, a surge towards the contract's peak, a meter in an unknown
    unit, questions and orders in Korean and English.
    """
    rng = random.Random(seed)
    script = _script()
    start = datetime.combine(day, time(0), _KST).astimezone(UTC)
    yield _event("config/site", script["site"], start)
    yield _event(
        "config/devices",
        {"confirm_above_kw": 20, "areas": script["areas"], "devices": script["devices"]},
        start,
    )
    days = {
        quantity: [
            _values(quantity, day + timedelta(days=back), back, rng) for back in range(-HISTORY_DAYS, 2)
        ]
        for quantity in ("load", "pv", "outdoor")
    }
    for quantity, values in days.items():
        yield _history(quantity, [each for one in values[:-2] for each in one], start)
    told = {quantity: [*values[-2], *values[-1][:_AFTER]] for quantity, values in days.items()}
    events = [*_readings(told, start), *_said(start)]
    yield from sorted(events, key=lambda event: event.time)


def _readings(told: Mapping[str, Sequence[float]], start: datetime) -> Iterator[Event]:
    """Energy of each quarter of an hour when it is over, temperatures at once, as meters do."""
    step = timedelta(hours=_STEP_H)
    for number in range(_STEPS + _AFTER):
        for quantity, unit in (("load", "kW"), ("pv", "kW"), ("outdoor", "°C")):
            payload, when = reading(told[quantity][number], unit, start + step * number, step)
            yield _event(f"meter/{quantity}/main", payload, when)
    yield _event("meter/load/annex", {"value": 3, "unit": "hp"}, start + 41 * step)


def _history(quantity: str, values: Sequence[float], end: datetime) -> Event:
    payload = {
        "quantity": quantity,
        "name": "main",
        "unit": "°C" if quantity == "outdoor" else "kW",
        "start": (end - timedelta(hours=_STEP_H * len(values))).isoformat(),
        "step_minutes": 15,
        "values": list(values),
    }
    return _event("meter/history", payload, end)


def _said(start: datetime) -> Iterator[Event]:
    for each in _script()["say"]:
        yield _event(each["stream"], {"text": each["text"]}, start + timedelta(hours=each["at"]))


def _values(quantity: str, day: date, back: int, rng: random.Random) -> list[float]:
    make: Callable[[float, date, int, random.Random], float] = {
        "load": _load,
        "pv": _pv,
        "outdoor": _outdoor,
    }[quantity]
    return [round(make(step * _STEP_H, day, back, rng), 2) for step in range(_STEPS)]


def _load(hour: float, day: date, back: int, rng: random.Random) -> float:
    script = _script()["load"]
    value = _on(script["off"] if day.weekday() >= 5 else script["work"], hour) + rng.gauss(0, script["noise"])
    for name, when in (("left_on", script["left_on"]["day"]), ("surge", 0)):
        extra = script[name]
        value += extra["kw"] if back == when and extra["from"] <= hour < extra["to"] else 0.0
    return max(0.0, value)


def _pv(hour: float, day: date, back: int, rng: random.Random) -> float:
    sun, kwp = _script()["sun"], _script()["site"]["panels"]["kwp"]
    if not sun["rise"] < hour < sun["set"]:
        return 0.0
    height = sin(pi * (hour - sun["rise"]) / (sun["set"] - sun["rise"])) ** 1.4
    clouds = sun["clouds"][back % len(sun["clouds"])] * (1 - 0.08 * rng.random())
    return float(kwp * sun["share"] * height * clouds)


def _outdoor(hour: float, day: date, back: int, rng: random.Random) -> float:
    script = _script()["outdoor"]
    stuck = script["stuck"]
    if back == 0 and stuck["from"] <= hour < stuck["to"]:
        return float(script["low"] + 4)
    wave = (1 + sin(pi * (hour - 9) / 12)) / 2
    return float(script["low"] + (script["high"] - script["low"]) * wave + rng.gauss(0, 0.2))


def _on(curve: Sequence[Sequence[float]], hour: float) -> float:
    for (left, low), (right, high) in pairwise(curve):
        if left <= hour <= right:
            return low + (high - low) * (hour - left) / (right - left)
    return curve[-1][1]


def _event(stream: str, payload: dict[str, Any], time: datetime) -> Event:
    kind = stream.partition("/")[0]
    return Event(stream=stream, kind=kind, source="simulation", time=time, payload=payload, simulated=True)


@cache
def _script() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "stream.toml").read_text(encoding="utf-8"))
