"""`slm run`: a domain at work on a broker, on live streams or on a recording."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import threading
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

EXAMPLES = """\
examples:
  slm run disaster                                     work on the broker of the settings until Ctrl-C
  slm run disaster --broker mqtt://10.0.0.5 --site gangneung
  slm run disaster --replay gauges.csv --rules-only    a recording, with its own clock
  slm run disaster --replay gauges.csv --dry-run       the first ten events as they would be sent
  slm run disaster --simulate --speed 10               three simulated minutes in 18 seconds

A recording and a simulation go through the broker like live messages. Where none answers they start one of
their own on a free port; their memory is a fresh one each time. Ctrl-C stops in order.
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

    link = _link(settings, stack, own=recording is not None)
    place = Place(settings.site, domain.name)
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
        if recording is None:
            runtime.wait(lambda: False)
        rejected = _play(runtime, link, place, recording or iter(()), args.speed)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130 if recording is not None else 0
    _report(domain, runtime, store, rejected, args)
    return 0


def _play(
    runtime: Runtime, link: Link, place: Place, recording: Iterator[Event | Rejected], speed: float
) -> list[Rejected]:
    from slm_core.bus.player import Player
    from slm_core.event import Event

    rejected: list[Rejected] = []

    def events() -> Iterator[Event]:
        for each in recording:
            if isinstance(each, Event):
                yield each
            else:
                rejected.append(each)

    player = Player(link, place)
    sent = 0
    try:
        for _ in player.play(events(), speed, threading.Event()):
            sent += 1
            if runtime.failure is not None:
                raise runtime.failure
    finally:
        player.close()
    runtime.wait(lambda: _received(runtime) >= sent and runtime.settled())
    return rejected


def _received(runtime: Runtime) -> int:
    counters: Any = runtime.worker.stats()["counters"]
    return int(counters.get("received", 0))


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


def _link(settings: Settings, stack: ExitStack, *, own: bool) -> Link:
    from slm_core.bus import parse_link
    from slm_core.bus.broker import Broker

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
    if _answers(link):
        return link
    if not own or settings.origin("broker") != "default":
        raise CouldNot(
            f"no broker answers at {link}\n  start one with `slm broker`, or name another with --broker"
        )
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="slm-broker-")))
    broker = stack.enter_context(Broker(folder, port=0))
    print(f"no broker at {link}: {broker.choice.program} started at {broker.url}", file=sys.stderr)
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
