"""A domain at work: the bus, the rules at once, and the expert as soon as its turn comes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from slm_core.bus import Link, Listen, Place, Received, Source, Store, Worker, open_sources
from slm_core.bus.envelope import Message
from slm_core.bus.inbound import Delivery
from slm_core.bus.worker import to_stderr
from slm_core.domain import Ask, Domain, domain_names
from slm_core.errors import UserError, did_you_mean
from slm_core.event import Event
from slm_core.expert import Answer, Expert
from slm_core.schedule import Backlog, Desk, Inquiry
from slm_core.settings import Settings

Watch = Callable[[Event], None]
POLL_S = 0.05
TICK = "clock/tick"
TICK_S = 10.0


def listens_of(domain: Domain) -> list[Listen]:
    """Return the streams that a domain listens to."""
    return [Listen(name, text=name in domain.texts) for name in domain.streams]


def sources_of(domain: Domain, settings: Settings) -> tuple[Source, ...]:
    """Return the `[[sources]]` of slm.toml whose events are a domain's.

    Raises:
        UserError: a table names no installed domain, or is one that could not work.
    """
    check_domains_named(settings)
    return open_sources(settings.sources, Place(settings.site, domain.name), domain.streams)


def check_domains_named(settings: Settings) -> None:
    """Refuse a table of slm.toml that no domain would ever read.

    Raises:
        UserError: it names no installed domain.
    """
    known = domain_names()
    for name in settings.tables:
        if name not in known:
            raise UserError(
                f"unknown table [{name}]", where=settings.origin(name), expected=", ".join(known),
                mend=did_you_mean(name, [*known, *type(settings).model_fields]),
            )  # fmt: skip
    for table in settings.sources:
        if table.domain not in known:
            raise UserError(
                f"unknown domain {table.domain!r}", where=table.where("domain"), expected=", ".join(known),
                mend=did_you_mean(table.domain, known),
            )  # fmt: skip


class Runtime:
    """One domain on one broker, with or without a model.

    A domain that takes `clock/tick` gets one every 10 seconds of live work, so that silence is noticed.
    The rules answer inside `handle`, in the transaction of the message. The model is asked afterwards and
    its answer is an event like any other, so a crash loses no report, only questions to the model that were
    still waiting: their rules' answers stand.

    Args:
        domain: has `handle`.
        place: site and domain.
        link: the broker.
        store: what survives a restart.
        expert: with a model; None or one without: the rules alone.
        sources: the user's own devices; none where the input is a recording.
        live: distrust absurd clocks; a replay keeps the times it carries.
        patience_s: how long an answer of the model is waited for; None takes each task's own deadline.
        watch: sees each event that follows from another, once it is committed.
        tell: takes a line for the log.
    """

    def __init__(
        self,
        domain: Domain,
        place: Place,
        link: Link,
        store: Store,
        *,
        expert: Expert | None = None,
        sources: Sequence[Source] = (),
        live: bool = True,
        patience_s: float | None = None,
        watch: Watch | None = None,
        tell: Callable[[str], None] = to_stderr,
    ) -> None:
        if domain.handle is None:
            raise UserError(f"domain {domain.name} listens to no streams", expected="a domain with `handle`")
        self._domain, self._place = domain, place
        self._patience_s, self._watch = patience_s, watch
        self.desk = Desk(expert, self._answered, tell) if expert and expert.engine and domain.asks else None
        self.worker = Worker(
            place, link, store, domain.handle, listens_of(domain), sources=sources, live=live, tell=tell,
            after=self._after, entities=domain.entities,
        )  # fmt: skip
        self._thread = threading.Thread(target=self._run, name="worker")
        self.failure: BaseException | None = None
        self._ended = threading.Event()
        ticks = live and TICK in domain.inside
        self._clock = threading.Thread(target=self._tick, name="clock", daemon=True) if ticks else None

    def start(self) -> None:
        """Connect and begin; `worker.ready` is set once the broker delivers."""
        if self.desk:
            self.desk.start()
        self._thread.start()
        if self._clock:
            self._clock.start()

    def backlog(self) -> Backlog | None:
        """Return the line before the model, None where there is none."""
        return self.desk.backlog() if self.desk else None

    def topic(self, stream: str) -> str:
        """Return where a stream of this domain is published."""
        return self._place.topic(stream)

    def tell_inside(self, event: Event) -> None:
        """Hand an event to `handle` that never was on the wire. It is lost with this process, so repeat it
        until its effect stands in the memory.

        Raises:
            ValueError: its stream is none of the domain's `inside`: anybody may say it on the bus.
        """
        if event.stream not in self._domain.inside:
            raise ValueError(f"{event.stream!r} is no inside stream of {self._domain.name}")
        said = event.model_dump_json().encode()  # so that a dead letter of it shows what was refused
        message = Message(self.topic(event.stream), event.stream, said, datetime.now(UTC), inside=True)
        self.worker.inbound.put(Delivery(message, (Received(event, "receipt"),), _nothing_to_acknowledge))

    def settled(self) -> bool:
        """Whether every message that has arrived is dealt with and the model has nothing left to answer."""
        stats = self.worker.stats()
        quiet = not stats["queue"] and not stats["outbox"] and not stats["held"]
        return quiet and (self.desk is None or self.desk.idle)

    def wait(self, until: Callable[[], bool]) -> None:
        """Return once `until` says so.

        Raises:
            SlmError: the worker ended with it.
        """
        while not until():
            if self.failure is not None:
                raise self.failure
            time.sleep(POLL_S)

    def stop(self) -> None:
        """End in order: the question that is being answered is given up, what is committed goes out."""
        self._ended.set()
        if self.desk:
            self.desk.stop()
        self.worker.stop()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        try:
            self.worker.run()
        except BaseException as error:  # it belongs to whoever waits
            self.failure = error

    def _after(self, event: Event, made: Sequence[Event]) -> None:
        if self.desk and self._domain.asks:
            for ask in self._domain.asks(event):
                self.desk.ask(self._inquiry(ask, event))
        if self._watch:
            for each in made:
                self._watch(each)

    def _inquiry(self, ask: Ask, event: Event) -> Inquiry:
        assert self.desk is not None
        task = self._domain.task(ask.task)
        patience = task.deadline_s if self._patience_s is None else self._patience_s
        return Inquiry(
            key=f"{task.name}\0{task.user_text(ask.request)}",
            task=task.name,
            request=ask.request,
            severity=ask.severity,
            deadline=self.desk.queue.now() + patience,
            stream=ask.stream,
            askers=(event,),
        )

    def _answered(self, inquiry: Inquiry, answer: Answer) -> None:
        for asker in inquiry.askers:
            event = Event(
                stream=inquiry.stream,
                kind=asker.kind,
                source="expert",
                time=asker.time,
                severity=inquiry.severity,
                simulated=asker.simulated,
                payload={
                    "event": asker.id,
                    "source": asker.source,
                    "task": inquiry.task,
                    "reply": answer.reply.model_dump(mode="json"),
                    "by": answer.by,
                    "model": answer.model,
                    "model_sha256": answer.model_sha256,
                    "adapter_sha256": answer.adapter_sha256,
                },
            )
            self.tell_inside(event)

    def _tick(self) -> None:
        while not self._ended.wait(TICK_S):
            now = datetime.now(UTC)
            self.tell_inside(Event(stream=TICK, kind="tick", source="runtime", time=now, payload={}))


def _nothing_to_acknowledge() -> None:
    """The answer never was on the wire."""
