"""`slm demo`: broker, pipeline and page on this machine, and the domain's simulation playing through."""

from __future__ import annotations

import argparse

from slm_core.cli import flags
from slm_core.errors import UserError

EXAMPLES = """\
examples:
  slm demo                                           the disaster domain on http://127.0.0.1:7860
  slm demo energy                                    a factory: plans, bill, reasons, orders, the grid
  slm demo --once                                    played to the end: situation report, draft alert, done
  slm demo --once --model smollm2-135m-instruct      below the domain's smallest model: its rules alone,
                                                     and it says so
  slm demo --rules-only --speed 10                   no model at all, ten times as fast

Everything shown is invented and marked as simulated; the broker, the messages and the model are real.
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    from slm_core.cli.ask import add_model_flags

    parser = subparsers.add_parser(
        "demo",
        help="broker, pipeline and page with a simulated stream",
        description="Start a broker, the domain at work on it and its page, and play a simulated stream.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("domain", nargs="?", default="disaster", metavar="D", help="a domain (default: disaster)")
    add("--once", action="store_true", help="play to the end without a page, print the report and leave")
    add("--seed", type=int, default=0, metavar="N", help="of the simulation")
    speed = "1 is real time (default: the domain's own; with --once: without waiting)"
    add("--speed", type=float, metavar="X", help=speed)
    page = "of the page (default: 7860; 0 takes a free one)"
    add("--port", type=flags.port, default=7860, metavar="N", help=page)
    add("--rules-only", action="store_true", help="ask no model")
    add("--lang", choices=("ko", "en"), default="ko", help="of the report (default: ko)")
    add("--json", action="store_true", help="one JSON object for each event that is sent")
    add_model_flags(parser)


def run(args: argparse.Namespace) -> int:
    """Play the simulation; without `--once` the page stays until Ctrl-C."""
    from slm_core.cli.work import Work, work
    from slm_core.domain import find_domain
    from slm_core.settings import load_settings

    settings = load_settings(model=args.model, context=args.context, threads=args.threads)
    domain = find_domain(args.domain)
    if domain.simulate is None:
        raise UserError(f"domain {domain.name} has no simulation", mend=f"slm run {domain.name} --replay F")
    usual = 0.0 if args.once else domain.demo_speed
    speed = flags.speed(usual if args.speed is None else args.speed)
    return work(
        Work(
            domain,
            settings,
            domain.simulate(args.seed),
            own_broker=True,
            simulated=True,
            speed=speed,
            rules_only=args.rules_only,
            page=not args.once,
            port=args.port,
            lang=args.lang,
            json=args.json,
        )
    )
