"""`slm run`: a domain at work on a broker, on live streams or on a recording."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slm_core.errors import CouldNot, UserError

if TYPE_CHECKING:
    from slm_core.bus import Link, Place, Store
    from slm_core.dataset.source import Rejected
    from slm_core.domain import Domain
    from slm_core.event import Event
    from slm_core.expert import Expert
    from slm_core.runtime import Runtime
    from slm_core.settings import Settings

FIRST_REJECTED = 5
PATIENCE_S = 30.0

EXAMPLES = """\
examples:
  slm run disaster                                     work on the broker of the settings until Ctrl-C
  slm run disaster --broker mqtt://10.0.0.5 --site gangneung
  slm run disaster --replay gauges.csv --rules-only    a recording, with its own clock
  slm run disaster --replay gauges.csv --dry-run       the first ten events as they would be sent
  slm run disaster --simulate --speed 10               three simulated minutes in 18 seconds
  slm run disaster --simulate --speed 1 --page         the same in real time, on a page at 127.0.0.1:7860

A recording and a simulation go through a broker like live messages: one of their own on a free port, or the
one that --broker names, there below slm/<site>-replay/. Their memory is a fresh one each time. Ctrl-C stops
in order.
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    from slm_core.cli.ask import add_model_flags

    parser = subparsers.add_parser(
        "run",
        help="a domain at work on live streams or on a recording",
        description="Listen on the broker, answer by rules at once and by the expert as soon as it can.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("domain", metavar="D", help="an installed domain, e.g. disaster")
    add("--broker", metavar="URL", help="mqtt://[user@]host[:port] (default: the settings')")
    add("--site", metavar="S", help="name of this place in the topics (default: the settings')")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--replay", type=Path, metavar="F", help="play this recording, then report and leave")
    source.add_argument("--simulate", action="store_true", help="play the domain's own simulation instead")
    add("--seed", type=int, default=0, metavar="N", help="of the simulation")
    add(
        "--speed",
        type=float,
        default=0.0,
        metavar="X",
        help="1 plays in real time; 0 (default) without waiting",
    )
    add("--dry-run", action="store_true", help="show the first ten events of the recording, send nothing")
    add("--page", action="store_true", help="show the domain's page until Ctrl-C")
    add("--port", type=int, default=7860, metavar="N", help="of the page (default: 7860; 0 takes a free one)")
    add("--rules-only", action="store_true", help="ask no model")
    add("--lang", choices=("ko", "en"), default="ko", help="of the report at the end (default: ko)")
    add("--json", action="store_true", help="one JSON object for each event that is sent")
    add_model_flags(parser)


def run(args: argparse.Namespace) -> int:
    """Work until Ctrl-C, or to the end of the recording."""
    from slm_core.domain import find_domain
    from slm_core.settings import load_settings

    flags = {"model": args.model, "context": args.context, "threads": args.threads}
    settings = load_settings(broker=args.broker, site=args.site, **flags)
    domain = find_domain(args.domain)
    if args.speed < 0:
        raise UserError(f"{args.speed:g}", where="--speed", expected="0 or more")
    recording = _recording(args, domain)
    if args.dry_run:
        if recording is None:
            raise UserError("nothing to show", where="--dry-run", expected="--replay F or --simulate")
        return _dry_run(recording)
    with ExitStack() as stack:
        signal.signal(signal.SIGTERM, _interrupt)
        return _work(args, settings, domain, recording, stack)


def _recording(args: argparse.Namespace, domain: Domain) -> Iterator[Event | Rejected] | None:
    if args.simulate:
        if domain.simulate is None:
            raise UserError(f"domain {domain.name} has no simulation", where="--simulate")
        return iter(domain.simulate(args.seed))
    if args.replay is None:
        return None
    if domain.replay is None:
        raise UserError(f"domain {domain.name} reads no recordings", where="--replay")
    if not args.replay.exists():
        raise UserError("no such file", where=args.replay, expected="a recording that the domain reads")
    return iter(domain.replay(args.replay))


def _dry_run(recording: Iterable[Event | Rejected]) -> int:
    from slm_core.event import Event

    shown = 0
    for each in recording:
        if isinstance(each, Event):
            print(f"{each.stream}  {each.time.isoformat()}  {json.dumps(each.payload, ensure_ascii=False)}")
            shown += 1
        else:
            print(f"{each.where}: {each.reason}", file=sys.stderr)
        if shown == 10:
            break
    return 0


def _work(
    args: argparse.Namespace,
    settings: Settings,
    domain: Domain,
    recording: Iterator[Event | Rejected] | None,
    stack: ExitStack,
) -> int:
    from slm_core.bus import Place
    from slm_core.runtime import Runtime

    own = recording is not None and args.broker is None
    link = _own_broker(stack) if own else _link(settings)
    place = Place(settings.site if recording is None else f"{settings.site}-replay", domain.name)
    store = _store(settings, place, stack, fresh=recording is not None)
    expert = None if args.rules_only else _expert(domain, settings, stack)
    runtime = Runtime(
        domain,
        place,
        link,
        store,
        expert=expert,
        live=recording is None,
        patience_s=None if recording is None or args.speed else 1e9,
        watch=_printer(args.json),
    )
    stack.callback(runtime.stop)
    runtime.start()
    runtime.wait(runtime.worker.ready.is_set)
    print(f"{domain.name} listens at {link} below {place.prefix}", file=sys.stderr, flush=True)
    try:
        if args.page:
            _open_page(args, runtime, domain, store, settings, expert, stack)
        if recording is None:
            runtime.wait(lambda: False)
        rejected = _play(runtime, link, place, _fitting(recording or (), domain), args.speed)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130 if recording is not None else 0
    _report(domain, runtime, store, rejected, args)
    if args.page:
        _until_interrupted(runtime)
    return 0


def _open_page(
    args: argparse.Namespace,
    runtime: Runtime,
    domain: Domain,
    store: Store,
    settings: Settings,
    expert: Expert | None,
    stack: ExitStack,
) -> None:
    from slm_core.ui.server import PageServer, page_of

    live = page_of(runtime, domain, store, settings, expert=expert, simulated=args.simulate)
    page = stack.enter_context(PageServer(live, port=args.port))
    print(f"page: {page.url}  (Ctrl-C ends)", file=sys.stderr, flush=True)


def _until_interrupted(runtime: Runtime) -> None:
    try:
        runtime.wait(lambda: False)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)


def _play(
    runtime: Runtime, link: Link, place: Place, recording: Iterator[Event | Rejected], speed: float
) -> list[Rejected]:
    from slm_core.bus.player import Player
    from slm_core.dataset.source import Rejected
    from slm_core.event import Event

    rejected: list[Rejected] = []

    def events() -> Iterator[Event]:
        for each in recording:
            if isinstance(each, Event):
                yield each
            else:
                rejected.append(each)

    def refuse(event: Event, why: str) -> None:
        rejected.append(Rejected(event.id[:60], why))

    player = Player(link, place)
    sent = 0
    try:
        for _ in player.play(events(), speed, threading.Event(), refuse):
            sent += 1
            if runtime.failure is not None:
                raise runtime.failure
    finally:
        player.close()
    _await_all(runtime, sent)
    return rejected


def _await_all(runtime: Runtime, sent: int) -> None:
    """Wait until all that was sent has arrived, or nothing has come for a while.

    Raises:
        CouldNot: messages are missing: the broker dropped or refused them.
    """
    seen, last = -1, time.monotonic()

    def arrived() -> bool:
        nonlocal seen, last
        counters: Any = runtime.worker.stats()["counters"]
        here = counters.get("received", 0) + sum(
            n for name, n in counters.items() if name.startswith("shed/")
        )
        if here != seen:
            seen, last = here, time.monotonic()
        return here >= sent or time.monotonic() - last > PATIENCE_S

    runtime.wait(arrived)
    if seen < sent:
        raise CouldNot(
            f"{sent} messages were sent and {seen} came back from the broker within {PATIENCE_S:g} s"
        )
    runtime.wait(runtime.settled)


def _fitting(recording: Iterable[Event | Rejected], domain: Domain) -> Iterator[Event | Rejected]:
    """Reject events on streams that nobody listens to."""
    from paho.mqtt.client import topic_matches_sub

    from slm_core.dataset.source import Rejected
    from slm_core.event import Event

    for each in recording:
        known = not isinstance(each, Event) or any(
            topic_matches_sub(name, each.stream) for name in domain.streams
        )
        if known:
            yield each
        else:
            assert isinstance(each, Event)
            yield Rejected(each.id, f"{domain.name} listens to no stream {each.stream!r}")


def _report(
    domain: Domain, runtime: Runtime, store: Store, rejected: list[Rejected], args: argparse.Namespace
) -> None:
    out = sys.stderr if args.json else sys.stdout
    if domain.report:
        with store.transaction() as memory:
            print(domain.report(memory, args.lang), file=out)
    counters = store.counters()
    dead = {name[5:]: count for name, count in counters.items() if name.startswith("dead/")}
    line = f"{counters.get('handled', 0)} messages handled, {sum(dead.values())} in the dead letter"
    print(
        line + (f" ({', '.join(f'{count} {name}' for name, count in dead.items())})" if dead else ""),
        file=out,
    )
    backlog = runtime.backlog()
    if backlog:
        print(
            f"expert: {backlog.answered} answered (median {backlog.seconds_each:.2f} s), "
            f"{backlog.merged} merged, {backlog.late} left to the rules as late, "
            f"{backlog.shed} given up in a full line",
            file=out,
        )
    for each in rejected[:FIRST_REJECTED]:
        print(f"not read: {each.where}: {each.reason}", file=sys.stderr)
    if len(rejected) > FIRST_REJECTED:
        print(f"not read: {len(rejected) - FIRST_REJECTED} more", file=sys.stderr)


def _link(settings: Settings) -> Link:
    from slm_core.bus import parse_link

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
    """A recording must not mix with what is live on somebody's broker."""
    from slm_core.bus import parse_link
    from slm_core.bus.broker import Broker

    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="slm-broker-")))
    broker = stack.enter_context(Broker(folder, port=0))
    print(f"{broker.choice.program} started at {broker.url}", file=sys.stderr)
    return parse_link(broker.url)


def _answers(link: Link) -> bool:
    import socket

    try:
        socket.create_connection((link.host, link.port), timeout=3).close()
    except OSError:
        return False
    return True


def _store(settings: Settings, place: Place, stack: ExitStack, *, fresh: bool) -> Store:
    from slm_core.bus import Store

    folder = settings.home / "run" / place.site
    if fresh:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="slm-run-")))
    return stack.enter_context(Store(folder / f"{place.domain}.sqlite"))


def _expert(domain: Domain, settings: Settings, stack: ExitStack) -> Expert:
    from slm_core.catalog.progress import Bar
    from slm_core.expert import open_expert

    expert = open_expert(domain, settings, progress=Bar())
    stack.callback(expert.close)
    for note in expert.notes:
        print(f"note: {note}", file=sys.stderr)
    return expert


def _printer(as_json: bool) -> Any:
    def show(event: Event) -> None:
        if as_json:
            print(event.model_dump_json(), flush=True)
        elif event.severity >= 2 and not event.retained:
            print(
                f"{event.time:%H:%M:%S} {event.stream} severity {event.severity}", file=sys.stderr, flush=True
            )

    return show


def _interrupt(_: int, __: object) -> None:
    raise KeyboardInterrupt
