"""`simulate`: three minutes of reports and gauges, invented, every event marked simulated."""

from __future__ import annotations

import json
import random
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from slm_core.event import Event

START = datetime(2026, 7, 15, 5, 0, tzinfo=UTC)
LENGTH = 180


def simulate(seed: int, start: datetime = START) -> Iterator[Event]:
    """Yield the stream in the order of its clock; the same seed gives the same events.

    Reports in Korean and English, a rising river, a stuck gauge and one in an unknown unit, a forwarded
    report, counts that contradict each other, releases, and a hostile report.
    """
    rng = random.Random(seed)
    rules = json.loads(json.dumps(_script()["rule"], default=str))
    yield _event("config/sensors", {"rules": rules}, "simulation", start)
    events = [
        *_reports(rng, start),
        *(each for gauge in _script()["gauge"] for each in _gauge(gauge, rng, start)),
    ]
    yield from sorted(events, key=lambda event: event.time)


def _reports(rng: random.Random, start: datetime) -> Iterator[Event]:
    dead, others = rng.randint(1, 3), rng.randint(4, 9)
    numbers = {"n": dead, "m": others, "n2": others + 1}
    said: dict[int, str] = {}
    for each in _script()["report"]:
        text = said[each["copy_of"]] if "copy_of" in each else rng.choice(each["texts"]).format(**numbers)
        said[each["at"]] = text
        payload = {"text": text, "reporter": each["reporter"], "official": each.get("official", False)}
        at = start + timedelta(seconds=each["at"] + rng.uniform(0, 2))
        yield _event("report/in", payload, "simulation", at)


def _gauge(gauge: Mapping[str, Any], rng: random.Random, start: datetime) -> Iterator[Event]:
    for second in range(0, LENGTH + 1, gauge["every"]):
        noise = 0.0 if gauge.get("stuck_at", LENGTH + 1) <= second else rng.gauss(0, gauge["noise"])
        value = round(max(0.0, _on(gauge["curve"], second) + noise), 2)
        payload = {"value": value, "unit": gauge["unit"], "place": gauge["place"]}
        stream = f"sensor/{gauge['kind']}/{gauge['id']}"
        yield _event(stream, payload, "simulation", start + timedelta(seconds=second))


def _on(curve: Sequence[Sequence[float]], second: float) -> float:
    for (left, low), (right, high) in pairwise(curve):
        if left <= second <= right:
            return low + (high - low) * (second - left) / (right - left)
    return curve[-1][1]


def _event(stream: str, payload: dict[str, Any], source: str, time: datetime) -> Event:
    kind = stream.partition("/")[0]
    return Event(stream=stream, kind=kind, source=source, time=time, payload=payload, simulated=True)


@cache
def _script() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "stream.toml").read_text(encoding="utf-8"))
