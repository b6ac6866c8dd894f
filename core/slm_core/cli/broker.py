"""`slm broker`: an MQTT broker for this machine."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from slm_core.cli.flags import port

if TYPE_CHECKING:
    from slm_core.bus.broker import Broker

EXAMPLES = """\
examples:
  slm broker
  slm broker --port 1884
  slm broker --json            one JSON line when it is ready: program, url, reason, keeps
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = subparsers.add_parser(
        "broker",
        help="an MQTT broker on this machine",
        description="Run mosquitto where it is installed, else the broker of the package iotcore. "
        "It listens on 127.0.0.1 only; Ctrl-C stops it.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--port", type=port, default=1883, metavar="N", help="default: 1883; 0 takes a free one"
    )
    parser.add_argument("--json", action="store_true", help="the ready line as one JSON object")


def run(args: argparse.Namespace) -> int:
    """Run it until Ctrl-C or a TERM signal."""
    from slm_core.bus.broker import Broker
    from slm_core.settings import load_settings

    try:
        with Broker(load_settings().home / "broker", args.port) as broker:
            _tell(broker, args.json)
            broker.wait()
    except KeyboardInterrupt:
        print("broker: stopped", file=sys.stderr)
    return 0


def _tell(broker: Broker, as_json: bool) -> None:
    choice = broker.choice
    if as_json:
        ready = {
            "program": choice.program,
            "url": broker.url,
            "reason": choice.reason,
            "keeps": choice.keeps,
        }
        print(json.dumps(ready), flush=True)
    else:
        print(f"{choice.program} on {broker.url} ({choice.reason})", flush=True)
        print(f"over a restart it keeps {choice.keeps}; Ctrl-C stops it", file=sys.stderr)
