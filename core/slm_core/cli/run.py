"""`slm run`: a domain at work on a broker, on live streams or on a recording."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from slm_core.cli import flags
from slm_core.errors import UserError

if TYPE_CHECKING:
    from slm_core.dataset.source import Rejected
    from slm_core.domain import Domain
    from slm_core.event import Event

EXAMPLES = """\
examples:
  slm run disaster                                     work on the broker of the settings until Ctrl-C
  slm run disaster --broker mqtt://10.0.0.5 --site gangneung
  slm run disaster --replay gauges.csv --rules-only    a recording, with its own clock
  slm run disaster --replay gauges.csv --dry-run       the first ten events as they would be sent
  slm run disaster --dry-run                           listen beside: what comes, as [[sources]] maps it
  slm run energy --replay meter.csv --rules-only       readings with a site.toml beside them: plans and saving
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
    add("--dry-run", action="store_true", help="show the first ten events as they are read, send nothing")
    add("--seconds", type=float, default=60.0, metavar="N", help="of a live --dry-run, at most (default: 60)")
    add("--page", action="store_true", help="show the domain's page until Ctrl-C")
    page = "of the page (default: 7860; 0 takes a free one)"
    add("--port", type=flags.port, default=7860, metavar="N", help=page)
    add("--rules-only", action="store_true", help="ask no model")
    add("--lang", choices=("ko", "en"), default="ko", help="of the report at the end (default: ko)")
    add("--json", action="store_true", help="one JSON object for each event that is sent")
    add_model_flags(parser)


def run(args: argparse.Namespace) -> int:
    """Work until Ctrl-C, or to the end of the recording."""
    from slm_core.domain import find_domain
    from slm_core.settings import load_settings

    model = {"model": args.model, "context": args.context, "threads": args.threads}
    settings = load_settings(broker=args.broker, site=args.site, **model)
    domain = find_domain(args.domain)
    speed = flags.speed(args.speed)
    recording = _recording(args, domain)
    if args.dry_run:
        from slm_core.cli.dry_run import show_live, show_recording

        return show_live(domain, settings, args) if recording is None else show_recording(recording, args)
    from slm_core.cli.work import Work, work

    return work(
        Work(
            domain,
            settings,
            recording,
            own_broker=recording is not None and args.broker is None,
            simulated=args.simulate,
            speed=speed,
            rules_only=args.rules_only,
            page=args.page,
            port=args.port,
            lang=args.lang,
            json=args.json,
        )
    )


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
