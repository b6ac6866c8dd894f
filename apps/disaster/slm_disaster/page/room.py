"""What the page shows, read from the memory at most once a change and shared by everybody who looks."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from slm_core.event import Memory
from slm_core.ui.live import Live
from slm_disaster.situation.aside import Aside, aside_count, set_aside
from slm_disaster.situation.brief import standing_incidents
from slm_disaster.situation.incident import Incident
from slm_disaster.situation.rules import Rule
from slm_disaster.situation.scope import Origin, Scoped
from slm_disaster.situation.sensors import Gauge, rules_in_force
from slm_disaster.situation.standing import severity, status

MOST_SAMPLES = 600


@dataclass(frozen=True)
class Sensor:
    """A gauge, where its readings come from, the rules it is held against and the readings seen so far."""

    origin: Origin
    gauge: Gauge
    rules: tuple[Rule, ...]
    samples: tuple[tuple[float, float], ...]

    @property
    def key(self) -> str:
        """Its name among all sensors of all origins."""
        return f"{self.origin}/{self.gauge.kind}/{self.gauge.sensor}"


@dataclass(frozen=True)
class Snapshot:
    """The incidents, the gravest open one first, the sensors by name, and the reports without an incident."""

    incidents: tuple[Incident, ...] = ()
    sensors: tuple[Sensor, ...] = ()
    aside: tuple[tuple[Origin, Aside], ...] = ()
    aside_count: int = 0

    def incident(self, chosen: str) -> Incident | None:
        """Return the chosen incident; the first where none is chosen, None where the chosen one is closed."""
        if not chosen:
            return self.incidents[0] if self.incidents else None
        return next((each for each in self.incidents if each.id == chosen), None)


class Room:
    """The newest snapshot.

    A sensor's memory keeps only the window of its rules, so the readings seen at each look are gathered here
    for the chart. A chart therefore begins when the page was started.
    """

    def __init__(self, live: Live) -> None:
        """`live` is the domain at work."""
        self._live = live
        self._lock = threading.Lock()
        self._version: tuple[int, ...] | None = None
        self._snapshot = Snapshot()
        self._seen: dict[str, dict[float, float]] = {}

    def now(self) -> Snapshot:
        """Return the situation as it stands."""
        with self._lock:
            version = self._live.version()
            if version != self._version:
                incidents, gauges, aside, count = self._live.read(_look)
                self._snapshot = Snapshot(
                    tuple(sorted(incidents, key=_order)),
                    tuple(self._sensor(*found) for found in gauges),
                    tuple(sorted(aside, key=lambda each: each[1].time, reverse=True)),
                    count,
                )
                self._version = version
            return self._snapshot

    def _sensor(self, origin: Origin, kept: Mapping[str, Any], rules: Sequence[Rule]) -> Sensor:
        gauge = Gauge.model_validate(kept)
        seen = self._seen.setdefault(f"{origin}/{gauge.kind}/{gauge.sensor}", {})
        seen.update(gauge.samples)
        for old in sorted(seen)[:-MOST_SAMPLES]:
            del seen[old]
        own = tuple(rule for rule in rules if _meant(rule, gauge))
        return Sensor(origin, gauge, own, tuple(sorted(seen.items())))


def _look(
    memory: Memory,
) -> tuple[list[Incident], list[tuple[Origin, Any, list[Rule]]], list[tuple[Origin, Aside]], int]:
    gauges, aside, count = [], [], 0
    origins: tuple[Origin, ...] = get_args(Origin)
    for origin in origins:
        scoped = Scoped(memory, origin)
        rules = rules_in_force(scoped)
        gauges += [(origin, kept, rules) for _, kept in scoped.items("sensor/")]
        aside += [(origin, each) for each in set_aside(scoped)]
        count += aside_count(scoped)
    return list(standing_incidents(memory)), gauges, aside, count


def _meant(rule: Rule, gauge: Gauge) -> bool:
    return rule.kind in ("*", gauge.kind) and (not rule.sensors or gauge.sensor in rule.sensors)


def _order(incident: Incident) -> tuple[Any, ...]:
    return status(incident) == "released", -severity(incident), -incident.last.timestamp()
