"""What a page may see of a domain at work: its memory, its counters, its line before the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from slm_core.bus import Store
from slm_core.domain import Domain
from slm_core.event import Event, Memory
from slm_core.expert import Expert
from slm_core.schedule import Backlog
from slm_core.settings import Settings

T = TypeVar("T")


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
        folder: where the page keeps what people decide on it.
        simulated: everything that is shown comes from a simulation.
        chores: what the server calls every two seconds, whether or not somebody looks.
    """

    domain: Domain
    runtime: Running
    store: Store
    settings: Settings
    folder: Path
    expert: Expert | None = None
    simulated: bool = False
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
