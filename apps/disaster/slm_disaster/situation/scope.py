"""Live, simulated and replayed events are kept apart: none of them ever joins another's incident."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from slm_core.event import Event, Memory

Origin = Literal["live", "replay", "simulated"]


def origin_of(event: Event) -> Origin:
    """Return where an event comes from: its `simulated` mark, or the kind `replay`."""
    if event.simulated:
        return "simulated"
    return "replay" if event.kind == "replay" else "live"


class Scoped:
    """The part of a memory that belongs to one origin."""

    def __init__(self, memory: Memory, origin: Origin) -> None:
        """Keep every key under the origin's name."""
        self.origin: Origin = origin
        self._memory, self._prefix = memory, f"{origin}/"

    def get(self, key: str) -> Any:
        """Return the value, or None."""
        return self._memory.get(self._prefix + key)

    def put(self, key: str, value: Any) -> None:
        """Store a JSON value; None removes the key."""
        self._memory.put(self._prefix + key, value)

    def items(self, prefix: str) -> Iterator[tuple[str, Any]]:
        """Yield keys that begin with `prefix` with their values, the origin's name taken off."""
        for key, value in self._memory.items(self._prefix + prefix):
            yield key.removeprefix(self._prefix), value
