"""A domain at work as its page and its chores see it: memory, counters, the line before the model."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, TypeVar

from slm_core.bus import Store
from slm_core.domain import Domain
from slm_core.event import Event, Memory
from slm_core.expert import Expert
from slm_core.schedule import Backlog
from slm_core.settings import Settings
from slm_core.ui.chart import KST

T = TypeVar("T")
CHORES_S = 2.0
STOP_S = 5.0


class Running(Protocol):
    """A `Runtime`, as far as a page needs one."""

    failure: BaseException | None

    def backlog(self) -> Backlog | None:
        """Return the line before the model, None where there is none."""
        ...

    def topic(self, stream: str) -> str:
        """Return where a stream of the domain is published."""
        ...

    def tell_inside(self, event: Event) -> None:
        """Hand `handle` an event of one of the domain's inside streams."""
        ...


@dataclass(frozen=True)
class Live:
    """A domain at work.

    Args:
        domain: whose page is shown.
        runtime: at work; it tells the backlog and whether it ended.
        store: its memory.
        settings: in force.
        expert: who is asked, None where the rules answer alone.
        folder: where what people decide on the page is kept.
        simulated: everything that is shown comes from a simulation.
        recorded: the input is a recording or a simulation: nobody else is to be asked or told of it.
        chores: what `Chores` calls every two seconds, with a page or without one.
    """

    domain: Domain
    runtime: Running
    store: Store
    settings: Settings
    folder: Path
    expert: Expert | None = None
    simulated: bool = False
    recorded: bool = False
    chores: list[Callable[[], object]] = field(default_factory=list)

    def read(self, look: Callable[[Memory], T]) -> T:
        """Return what `look` finds in the memory. The worker waits meanwhile, so parse afterwards."""
        with self.store.transaction() as memory:
            return look(memory)

    def version(self) -> tuple[int, ...]:
        """Return something that differs whenever the memory may have changed."""
        counters = self.store.counters()
        return tuple(counters.get(name, 0) for name in ("received", "handled", "published"))

    def dead(self) -> int:
        """Return how many messages lie in the dead letter."""
        return sum(count for name, count in self.store.counters().items() if name.startswith("dead/"))

    @property
    def model(self) -> str | None:
        """Name of the base with its adapter; None where the rules answer alone."""
        if self.expert is None or self.expert.engine is None:
            return None
        adapter = self.expert.adapter
        return f"{self.expert.engine.model} + {adapter}" if adapter else self.expert.engine.model

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader should know of the expert, e.g. why the rules answer alone."""
        return self.expert.notes if self.expert else ()


def live_of(
    runtime: Running,
    domain: Domain,
    store: Store,
    settings: Settings,
    *,
    recorded: bool = False,
    expert: Expert | None = None,
    simulated: bool = False,
) -> Live:
    """Return a domain at work with its chores; what is decided on it is kept at the site's folder in `home`.

    The memory of a recording is a fresh one each time, and so is the folder of what was decided on it.
    """
    folder = settings.home / "run" / settings.site
    if recorded:
        folder = folder.with_name(f"{settings.site}-replay") / f"{datetime.now(KST):%Y%m%d-%H%M%S}"
    live = Live(domain, runtime, store, settings, folder, expert, simulated, recorded)
    live.chores.extend(domain.chores(live) if domain.chores else ())
    return live


class Chores:
    """Does the chores while the block runs. What one raises becomes the failure of the runtime."""

    def __init__(self, live: Live) -> None:
        """`live` is the domain at work."""
        self._live, self._ending = live, threading.Event()
        self._thread = threading.Thread(target=self._run, name="chores", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        self._thread.join(STOP_S)
        for chore in self._live.chores:
            close = getattr(chore, "close", None)  # of one that keeps something open
            if close is not None:
                close()

    def _run(self) -> None:
        try:
            while not self._ending.wait(CHORES_S):
                for chore in self._live.chores:
                    chore()
        except BaseException as error:  # it belongs to whoever waits
            self._live.runtime.failure = error
