"""A recording or a simulation, sent through the broker and waited for."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

from slm_core.bus import Link, Place
from slm_core.bus.filters import matches
from slm_core.bus.player import Player
from slm_core.dataset.source import Rejected
from slm_core.domain import Domain
from slm_core.errors import CouldNot
from slm_core.event import Event
from slm_core.runtime import Runtime

PATIENCE_S = 30.0
AHEAD = 400  # events that the domain may be behind: half of what its queue holds, so that none is given up


def play(
    runtime: Runtime,
    domain: Domain,
    link: Link,
    place: Place,
    recording: Iterable[Event | Rejected],
    speed: float,
) -> list[Rejected]:
    """Send every event, wait until all of them are dealt with, and return what could not be sent.

    Args:
        speed: 1 keeps the time between two events, 0 does not wait.

    Raises:
        CouldNot: the broker left, or dropped messages.
        SlmError: the runtime ended with it.
    """
    rejected: list[Rejected] = []

    def events() -> Iterator[Event]:
        for each in recording:
            if isinstance(each, Rejected):
                rejected.append(each)
            elif any(matches(name, each.stream) for name in domain.streams):
                yield each
            else:
                rejected.append(Rejected(each.id, f"{domain.name} listens to no stream {each.stream!r}"))

    def refuse(event: Event, why: str) -> None:
        rejected.append(Rejected(event.id[:60], why))

    player, sent = Player(link, place), 0
    try:
        for _ in player.play(events(), speed, threading.Event(), refuse):
            sent += 1
            if runtime.failure is not None:  # in real time the next hundred may be minutes away
                raise runtime.failure
            if sent % (AHEAD // 4) == 0:
                _await_arrival(runtime, sent - AHEAD)
    finally:
        player.close()
    _await_arrival(runtime, sent)
    runtime.wait(runtime.settled)
    return rejected


def _await_arrival(runtime: Runtime, wanted: int) -> None:
    """Wait until so many have arrived; give up when nothing has come for a while."""
    seen, last = -1, time.monotonic()

    def arrived() -> bool:
        nonlocal seen, last
        counters: Any = runtime.worker.stats()["counters"]
        here = counters.get("received", 0) + sum(
            n for name, n in counters.items() if name.startswith("shed/")
        )
        if here != seen:
            seen, last = here, time.monotonic()
        return here >= wanted or time.monotonic() - last > PATIENCE_S

    runtime.wait(arrived)
    if seen < wanted:
        raise CouldNot(
            f"{wanted} messages were sent and {seen} came back from the broker within {PATIENCE_S:g} s"
        )
