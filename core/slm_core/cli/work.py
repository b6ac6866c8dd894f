"""A domain at work, from a command: broker, store, expert, runtime and page, opened and closed in order."""

from __future__ import annotations

import socket
import sys
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from slm_core.bus import Link, Place, Store, parse_link
from slm_core.bus.broker import Broker
from slm_core.bus.player import forget_session
from slm_core.bus.worker import to_stderr
from slm_core.catalog.progress import Bar
from slm_core.cli.play import play
from slm_core.dataset.source import Rejected
from slm_core.domain import Domain
from slm_core.errors import CouldNot
from slm_core.event import Event
from slm_core.expert import Expert, open_expert
from slm_core.runtime import Runtime, sources_of
from slm_core.settings import Settings
from slm_core.ui.live import Chores, Live, live_of

if TYPE_CHECKING:
    from slm_core.ui.server import PageServer

FIRST_REJECTED = 5


@dataclass(frozen=True)
class Work:
    """What a command wants done.

    Args:
        domain: at work.
        settings: in force; they name site and broker.
        recording: played through the broker, with a memory of its own; None works on live streams.
        own_broker: start one on a free port, so that a recording never meets what is live.
        simulated: the recording is the domain's simulation.
        speed: of the recording; 0 does not wait.
        rules_only: ask no model.
        page: show the domain's page until Ctrl-C.
        port: of the page.
        lang: of the report at the end.
        json: one JSON object on stdout for each event that is sent.
    """

    domain: Domain
    settings: Settings
    recording: Iterable[Event | Rejected] | None = None
    own_broker: bool = False
    simulated: bool = False
    speed: float = 0.0
    rules_only: bool = False
    page: bool = False
    port: int = 7860
    lang: str = "ko"
    json: bool = False


def work(job: Work) -> int:
    """Work until Ctrl-C, or to the end of the recording, and return the exit code.

    Raises:
        SlmError: no broker, no model, no page, or the worker ended with it.
    """
    with ExitStack() as stack:
        return _work(job, stack)


def _work(job: Work, stack: ExitStack) -> int:
    recorded = job.recording is not None
    link = _own_broker(stack) if job.own_broker else link_of(job.settings)
    place = Place(f"{job.settings.site}-replay" if recorded else job.settings.site, job.domain.name)
    store = _store(job.settings, place, stack, fresh=recorded)
    if recorded and not job.own_broker:
        forget_session(link, place)
    expert = None if job.rules_only else _expert(job, stack)
    runtime = Runtime(
        job.domain,
        place,
        link,
        store,
        expert=expert,
        sources=() if recorded else sources_of(job.domain, job.settings),
        live=not recorded,
        patience_s=1e9 if recorded and not job.speed else None,
        watch=_print_json if job.json else _print_grave,
    )
    live = live_of(
        runtime, job.domain, store, job.settings,
        recorded=recorded, expert=expert, simulated=job.simulated,
    )  # fmt: skip
    stack.callback(runtime.stop)
    runtime.start()
    runtime.wait(runtime.worker.ready.is_set)
    to_stderr(f"{job.domain.name} listens at {link} below {place.prefix}")
    stack.enter_context(Chores(live))
    played = False
    try:
        attend = _open_page(job, live, stack).wait if job.page else runtime.wait
        if job.recording is not None:
            rejected = play(runtime, job.domain, link, place, job.recording, job.speed)
            _report(job, runtime, store, rejected)
            played = True
            if not job.page:
                return 0
            to_stderr("the stream has ended; the page stays until Ctrl-C")
        attend(lambda: False)
    except KeyboardInterrupt:
        to_stderr("stopped")
    return 130 if recorded and not played else 0


def _open_page(job: Work, live: Live, stack: ExitStack) -> PageServer:
    from slm_core.ui.server import PageServer

    page = stack.enter_context(PageServer(live, port=job.port))
    to_stderr(f"page: {page.url}  (Ctrl-C ends)")
    return page


def _report(job: Work, runtime: Runtime, store: Store, rejected: list[Rejected]) -> None:
    out = sys.stderr if job.json else sys.stdout
    if job.domain.report:
        with store.transaction() as memory:
            print(job.domain.report(memory, job.lang), file=out)
    counters = store.counters()
    handled = counters.get("handled", 0) - counters.get("inside", 0)
    shed = sum(count for name, count in counters.items() if name.startswith("shed/"))
    dead = {name[5:]: count for name, count in counters.items() if name.startswith("dead/")}
    line = f"{handled} messages handled, {sum(dead.values())} in the dead letter"
    reasons = ", ".join(f"{count} {name}" for name, count in dead.items())
    line += f" ({reasons})" if dead else ""
    print(line + (f", {shed} given up in a full queue" if shed else ""), file=out)
    backlog = runtime.backlog()
    if backlog:
        took = f" (median {backlog.seconds_each:.2f} s)" if backlog.answered else ""
        print(
            f"expert: {backlog.answered} answered{took}, "
            f"{backlog.merged} merged, {backlog.late} left to the rules as late, "
            f"{backlog.shed} given up in a full line",
            file=out,
        )
    for each in rejected[:FIRST_REJECTED]:
        to_stderr(f"not read: {each.where}: {each.reason}")
    if len(rejected) > FIRST_REJECTED:
        to_stderr(f"not read: {len(rejected) - FIRST_REJECTED} more")
    if not handled:
        raise CouldNot("nothing of the recording could be handled")


def link_of(settings: Settings) -> Link:
    """Return the broker of the settings.

    Raises:
        CouldNot: none answers there.
    """
    password = settings.broker_password.get_secret_value() if settings.broker_password else None
    link = parse_link(
        settings.broker,
        password=password,
        password_file=settings.broker_password_file,
        ca=settings.broker_ca,
        certificate=settings.broker_certificate,
        key=settings.broker_key,
        version=settings.mqtt,
    )
    if not _answers(link):
        mend = "start one with `slm broker`, or name another with --broker"
        raise CouldNot(f"no broker answers at {link}\n  {mend}")
    return link


def _own_broker(stack: ExitStack) -> Link:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="slm-broker-")))
    broker = stack.enter_context(Broker(folder, port=0))
    to_stderr(f"{broker.choice.program} started at {broker.url}")
    return parse_link(broker.url)


def _answers(link: Link) -> bool:
    try:
        socket.create_connection((link.host, link.port), timeout=3).close()
    except OSError:
        return False
    return True


def _store(settings: Settings, place: Place, stack: ExitStack, *, fresh: bool) -> Store:
    folder = settings.home / "run" / place.site
    if fresh:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="slm-run-")))
    return stack.enter_context(Store(folder / f"{place.domain}.sqlite"))


def _expert(job: Work, stack: ExitStack) -> Expert:
    expert = open_expert(job.domain, job.settings, progress=Bar())
    stack.callback(expert.close)
    for note in expert.notes:
        to_stderr(f"note: {note}")
    return expert


def _print_json(event: Event) -> None:
    print(event.model_dump_json(), flush=True)


def _print_grave(event: Event) -> None:
    if event.severity >= 2 and not event.retained:
        to_stderr(f"{event.time.astimezone():%H:%M:%S} {event.stream} severity {event.severity}")
