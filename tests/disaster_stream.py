"""A memory in JSON, as the real one keeps it, and short ways to say what arrives."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from slm_core.event import Event
from slm_disaster.pipeline import handle

START = datetime(2026, 7, 1, 0, 0, tzinfo=UTC)


class JsonMemory:
    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def get(self, key: str) -> Any:
        value = self.values.get(key)
        return None if value is None else json.loads(value)

    def put(self, key: str, value: Any) -> None:
        if value is None:
            self.values.pop(key, None)
        else:
            self.values[key] = json.dumps(value, ensure_ascii=False, allow_nan=False)

    def items(self, prefix: str) -> Iterator[tuple[str, Any]]:
        for key in sorted(self.values):
            if key.startswith(prefix):
                yield key, json.loads(self.values[key])


class Room:
    """A situation room: what was said to it, and the last word on each stream."""

    def __init__(self, **marks: Any) -> None:
        self.memory, self.last, self.suggested = JsonMemory(), dict[str, Event](), list[Event]()
        self.made: list[Event] = []
        self.marks = {"kind": "report", **marks}

    def take(self, event: Event) -> list[Event]:
        made = list(handle(event, self.memory))
        for each in made:
            if each.stream == "alert/suggestion":
                self.suggested.append(each)
            self.last[each.stream] = each
        self.made += made
        return made

    def tell(
        self, text: str, minute: float = 0, by: str = "citizen", official: bool = False, **rest: Any
    ) -> Event:
        payload = {"text": text, "reporter": by, "official": official, **rest}
        event = self.event("report/in", payload, minute)
        self.take(event)
        return event

    def measure(self, sensor: str, value: Any, minute: float, unit: str = "m", **rest: Any) -> list[Event]:
        return self.take(self.event(f"sensor/{sensor}", {"value": value, "unit": unit, **rest}, minute))

    def event(self, stream: str, payload: dict[str, Any], minute: float = 0, **rest: Any) -> Event:
        at = START + timedelta(minutes=minute)
        return Event(stream=stream, source="test", time=at, payload=payload, **{**self.marks, **rest})

    @property
    def incidents(self) -> list[dict[str, Any]]:
        found = [event.payload for stream, event in self.last.items() if stream.startswith("situation/")]
        return [payload for payload in found if payload and payload["status"] != "archived"]

    @property
    def only(self) -> dict[str, Any]:
        (incident,) = self.incidents
        return incident

    def gauge(self, sensor: str) -> list[str]:
        stream = f"gauge/{sensor}"
        return [event.payload["state"] for event in self.made if event.stream == stream]
