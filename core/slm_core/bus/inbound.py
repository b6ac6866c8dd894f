"""The bounded queue between the network and the domain."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from threading import Condition

from slm_core.bus.envelope import Message, Received, Refused

CAPACITY = 1000
MAX_BYTES = 32 * 1024 * 1024
LEVELS = 4  # severities 0 to 3


@dataclass(frozen=True)
class Delivery:
    """One message, read, and how to tell the broker that it is dealt with.

    Mostly it carries one event; a device's may carry several, or none that was meant.
    """

    message: Message
    contents: tuple[Received | Refused, ...]
    acknowledge: Callable[[], None]

    @property
    def severity(self) -> int:
        """That of the gravest event; what is none has the least."""
        return max((each.event.severity for each in self.contents if isinstance(each, Received)), default=0)


@dataclass(frozen=True)
class Shed:
    """A message that had to go because the queue was full. It is acknowledged once it has been counted."""

    severity: int
    acknowledge: Callable[[], None]


class Inbound:
    """First in, first out; when full, the oldest of the least severity goes first."""

    def __init__(self, capacity: int = CAPACITY, max_bytes: int = MAX_BYTES) -> None:
        self._capacity, self._max_bytes = capacity, max_bytes
        self._levels: list[deque[tuple[int, Delivery]]] = [deque() for _ in range(LEVELS)]
        self._shed: list[Shed] = []
        self._arrivals = self._count = self._bytes = self._taken = 0
        self._poked = False
        self._changed = Condition()

    def __len__(self) -> int:
        """How many wait or have been taken and are not `done`."""
        return self._count + self._taken

    def put(self, delivery: Delivery) -> None:
        """Add a message; make room for it where there is none."""
        with self._changed:
            self._arrivals += 1
            self._levels[delivery.severity].append((self._arrivals, delivery))
            self._count += 1
            self._bytes += len(delivery.message.payload)
            while self._count > self._capacity or (self._bytes > self._max_bytes and self._count > 1):
                level = next(level for level in self._levels if level)
                gone = self._remove(level)
                self._shed.append(Shed(gone.severity, gone.acknowledge))
            self._changed.notify_all()

    def wait(self, timeout: float) -> None:
        """Return when there is a message, after a `poke`, or after `timeout` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._count or self._poked, timeout)
            self._poked = False

    def take(self, timeout: float) -> Delivery | None:
        """Return the oldest message; None where none has come within `timeout` seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._count, timeout):
                return None
            self._taken += 1
            return self._remove(
                min((level for level in self._levels if level), key=lambda level: level[0][0])
            )

    def done(self, count: int) -> None:
        """Note that so many of those taken are committed."""
        with self._changed:
            self._taken -= count

    def take_shed(self) -> list[Shed]:
        """Return what had to go since the last call."""
        with self._changed:
            gone, self._shed = self._shed, []
            return gone

    def poke(self) -> None:
        """End `wait`: something else is to be done."""
        with self._changed:
            self._poked = True
            self._changed.notify_all()

    def _remove(self, level: deque[tuple[int, Delivery]]) -> Delivery:
        delivery = level.popleft()[1]
        self._count -= 1
        self._bytes -= len(delivery.message.payload)
        return delivery
