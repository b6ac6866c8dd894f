"""Something to tell: stream, payload, how grave, and whether it stays the last word there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Made:
    """An event before it has a time and an origin: those of the event that it follows from."""

    stream: str
    payload: dict[str, Any]
    severity: int = 0
    retained: bool = False
