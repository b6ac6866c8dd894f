"""The domain at work on the bus: events in, `handle`, one commit, acknowledgement, events out."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from threading import Event as Flag

from slm_core import __version__
from slm_core.bus.client import Client
from slm_core.bus.discovery import Entity, Publication
from slm_core.bus.effects import Effects, Handle, Handled
from slm_core.bus.envelope import LIMIT
from slm_core.bus.inbound import Delivery, Inbound, Shed
from slm_core.bus.link import Link
from slm_core.bus.place import Listen, Place
from slm_core.bus.reader import Reader
from slm_core.bus.sources import Source
from slm_core.bus.store import Store
from slm_core.event import Event

BATCH = 64
BATCH_S = 0.02
IDLE_S = 1.0
STATS_S = 10.0
STATS_SHED_S = 1.0
PRUNE_S = 600.0
DRAIN_S = 2.0


def to_stderr(line: str) -> None:
    """Say a line at once, also into a pipe."""
    print(line, file=sys.stderr, flush=True)


class Worker:
    """One domain on one broker.

    Args:
        place: site and domain.
        link: which broker.
        store: what survives a restart; the caller closes it.
        handle: the domain's.
        listens: the domain's streams.
        sources: topics of the user's devices.
        live: distrust absurd clocks; a replay keeps the times it carries.
        entities: what Home Assistant shall show.
        inbound: the queue, where another bound than the usual is wanted.
        limit: bytes of one message.
        tell: takes a line for the log.
        after: sees each event that was handled with what followed from it, once that is committed. What it
            raises ends `run`.
    """

    def __init__(
        self,
        place: Place,
        link: Link,
        store: Store,
        handle: Handle,
        listens: Sequence[Listen],
        *,
        sources: Sequence[Source] = (),
        live: bool = True,
        entities: Sequence[Entity] = (),
        inbound: Inbound | None = None,
        limit: int = LIMIT,
        tell: Callable[[str], None] = to_stderr,
        after: Callable[[Event, Sequence[Event]], None] | None = None,
    ) -> None:
        self._after = after
        self.inbound = Inbound() if inbound is None else inbound  # an empty one is false
        self._place, self._store = place, store
        self._reader = Reader(place, listens, sources, live=live, limit=limit)
        self._effects = Effects(place, handle, tell)
        self._stopping = Flag()
        self._stats_due = self._prune_due = 0.0
        filters = self._reader.filters
        before: list[str] = json.loads(store.noted("filters") or "[]")
        self._client = Client(
            link, place, filters, self._arrive, self.inbound.poke,
            greetings=[entity.announce(place, __version__) for entity in entities],
            forget=[name for name in before if name not in filters], tell=tell,
        )  # fmt: skip
        self._known = sorted({*before, *filters})  # what the broker's session may hold of ours

    @property
    def ready(self) -> Flag:
        """Set once the broker delivers: connected and subscribed."""
        return self._client.subscribed

    @property
    def version(self) -> str | None:
        """The MQTT version that the broker granted, None while there is no connection."""
        return self._client.version

    def run(self) -> None:
        """Work until `stop`.

        Raises:
            UserError: the broker refuses user, password, name or filter.
            StoreBroken: the disk failed.
        """
        self._note(self._known)  # before the broker has them, so that a crash leaves none behind
        self._client.start()
        try:
            while not self._stopping.is_set():
                self._round()
            self._drain()
        finally:
            self._client.stop()

    def stop(self) -> None:
        """End `run` soon; for another thread or a signal handler."""
        self._stopping.set()
        self.inbound.poke()

    def _round(self, idle_s: float = IDLE_S) -> None:
        self.inbound.wait(idle_s)
        first = self.inbound.take(
            BATCH_S
        )  # woken without a message: mostly a PUBACK, and those come in batches
        if self._client.failure is not None:
            raise self._client.failure
        shed, published = self.inbound.take_shed(), self._client.take_published()
        if first or shed or published:
            self._commit(first, shed, published)
        if self.ready.is_set() and self._known != sorted(self._reader.filters):
            self._known = sorted(self._reader.filters)
            self._note(self._known)
        self._housekeeping(bool(shed))
        self._client.pump(self._store.waiting)

    def _note(self, filters: Sequence[str]) -> None:
        with self._store.transaction() as transaction:
            transaction.note("filters", json.dumps(filters))

    def _commit(self, first: Delivery | None, shed: Sequence[Shed], published: Sequence[int]) -> None:
        done: list[Delivery | Shed] = [*shed]
        handled: list[Handled] = []
        until = time.monotonic() + BATCH_S
        with self._store.transaction() as transaction:
            if published:
                transaction.mark_published(published)
                transaction.count("published", len(published))
            for gone in shed:
                transaction.count(f"shed/{gone.severity}")
            while first is not None:
                handled += self._effects.apply(transaction, first)
                done.append(first)
                left = until - time.monotonic()
                first = self.inbound.take(left) if left > 0 and len(done) < BATCH else None
        for dealt_with in done:
            dealt_with.acknowledge()
        if self._after is not None:
            for told in handled:
                self._after(told.event, told.made)
        self.inbound.done(len(done) - len(shed))

    def _housekeeping(self, shed: bool) -> None:
        now = time.monotonic()
        if shed:
            self._stats_due = min(self._stats_due, now + STATS_SHED_S)
        if now >= self._stats_due:
            self._stats_due = now + STATS_S
            self._client.say(Publication(self._place.stats, json.dumps(self.stats()).encode()))
        if now >= self._prune_due:
            self._prune_due = now + PRUNE_S
            self._store.prune()

    def stats(self) -> dict[str, object]:
        """Return what is published on `stats`: counters since the store was made, and what waits."""
        return {
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "counters": self._store.counters(),
            "queue": len(self.inbound),
            "outbox": self._store.backlog(),
            "held": len(self._client.held),
        }

    def _drain(self) -> None:
        """Let what is committed go out before we leave; what does not stays in the outbox."""
        until = time.monotonic() + DRAIN_S
        while (
            self._client.version
            and self._store.backlog() > len(self._client.held)
            and time.monotonic() < until
        ):
            self._client.pump(self._store.waiting)
            time.sleep(BATCH_S)
            published = self._client.take_published()
            if published:
                self._commit(None, (), published)

    def _arrive(self, topic: str, payload: bytes, retained: bool, acknowledge: Callable[[], None]) -> None:
        """Called by the network's thread: read, and queue."""
        found = self._reader.read(topic, payload, retained=retained)
        if found is None:
            acknowledge()
        else:
            self.inbound.put(Delivery(*found, acknowledge))
