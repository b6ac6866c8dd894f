"""What flows between devices, experts and people, and the memory that survives a restart."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, Field, field_validator


class Event(BaseModel):
    """One thing that happened or that somebody said.

    `stream` is the topic without site and domain (`report/in`, `sensor/level/gauge-3`). `time` is UTC; it
    is the sender's where that clock can be trusted and the time of receipt otherwise. `id` is the sender's
    own or derived from what was said, so that it survives a retry. `payload` is data from outside and
    never an instruction. `retained` events are the last word on their stream; one with an empty payload takes
    that word away, so that nobody who comes later is told of it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    stream: str = Field(min_length=1, max_length=200)
    kind: str = Field(min_length=1, max_length=60)
    source: str = Field(max_length=200)
    time: datetime
    payload: dict[str, Any]
    severity: int = Field(default=0, ge=0, le=3)
    simulated: bool = False
    retained: bool = False
    id: str = ""

    @field_validator("time")
    @classmethod
    def _in_utc(cls, time: datetime) -> datetime:
        if time.tzinfo is None:
            raise ValueError("a time without zone says nothing; give UTC or an offset")
        return time.astimezone(UTC)

    def model_post_init(self, _: Any) -> None:
        """Derive the id from the content where the sender gave none."""
        if not self.id:
            said = [self.stream, self.kind, self.source, self.time.isoformat(), self.payload]
            text = json.dumps(said, ensure_ascii=False, sort_keys=True)
            object.__setattr__(self, "id", hashlib.sha256(text.encode()).hexdigest()[:24])


class Memory(Protocol):
    """JSON values by key. What `handle` writes here is committed together with the events it returns."""

    def get(self, key: str) -> Any:
        """Return the value, or None."""
        ...

    def put(self, key: str, value: Any) -> None:
        """Store a JSON value; None removes the key."""
        ...

    def items(self, prefix: str) -> Iterator[tuple[str, Any]]:
        """Yield keys that begin with `prefix`, in order, with their values."""
        ...


class Scratch:
    """A memory that lasts as long as this process: for work on files, where nothing has to survive."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}

    def get(self, key: str) -> Any:
        """Return the value, or None."""
        return self._values.get(key)

    def put(self, key: str, value: Any) -> None:
        """Store a JSON value; None removes the key."""
        if value is None:
            self._values.pop(key, None)
        else:
            self._values[key] = value

    def items(self, prefix: str) -> Iterator[tuple[str, Any]]:
        """Yield keys that begin with `prefix`, in order, with their values."""
        found = sorted(key for key in self._values if key.startswith(prefix))
        return iter([(key, self._values[key]) for key in found])
