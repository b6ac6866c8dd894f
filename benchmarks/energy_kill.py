"""kill -9 of `slm run energy` amid the messages of meters: is a reading lost, is one counted twice?

    python benchmarks/energy_kill.py [--messages N] [--kills N] [--seed N] [--broker mosquitto|iotcore]

The trial is that of kill_replay.py: a real broker, `slm run energy --rules-only` as a process of its own with
a store that stays, messages at QoS 1 with ids, every fiftieth sent twice, SIGKILL at random moments, a third
of them while it starts. What comes in: a site with a tariff, then readings of two load meters (one a power,
one a counter, which a lost reading spoils), panels and a thermometer, of the last two hours. Afterwards the
same messages are handled once more in this process, in the order in which the killed run handled them.

    lost      ids that the store does not know at the end
    doubled   ids that were handled more than once
    readings  steps whose kept value is another one than without kills; only steps that were over in both, for
              when a running one is closed is the clock's
    dead      messages in the dead letter, or shed

Exit code 0 only if all are 0 and some steps were compared. Not covered: a broker that is killed, a machine
that loses power.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import kill_replay
from kill_replay import Figures, Kept, Said, Trial, in_peace

from slm_core.bus.broker import Broker, choose_broker
from slm_core.errors import SlmError
from slm_energy import DOMAIN

SPAN = timedelta(hours=2)
SITE = {"name": "kill", "tariff": "general-b-hv-a-2", "contract_kw": 100, "step_minutes": 15}
METERS = (("load/main", "W"), ("load/annex", "kWh"), ("pv/roof", "kW"), ("outdoor/roof", "°C"))

kill_replay.DOMAIN = DOMAIN
kill_replay.HEARD = ("meter/fault/#", "config/site/taken", "deadletter")


def make_stream(count: int, rng: Random, start: datetime) -> Iterator[Said]:
    """Yield the site, then readings of the meters in the order of their times."""
    yield _said("config/site", "config", 0, start, SITE)
    counter = 8000.0
    for number in range(1, count):
        at, (meter, unit) = start + SPAN * number / count, METERS[number % len(METERS)]
        counter += rng.random() / 50
        value = {
            "W": rng.uniform(4e3, 9e3),
            "kWh": counter,
            "kW": rng.uniform(0, 5),
            "°C": rng.uniform(20, 25),
        }
        yield _said(f"meter/{meter}", "reading", number, at, {"value": round(value[unit], 3), "unit": unit})


def _said(stream: str, kind: str, number: int, at: datetime, payload: dict[str, Any]) -> Said:
    id_, source = f"m{number:06}", f"gateway-{number % 4}"
    fields = {"id": id_, "time": at.isoformat(), "kind": kind, "source": source, "payload": payload}
    return Said(stream, id_, source, json.dumps(fields, ensure_ascii=False).encode())


def steps_of(kept: Kept) -> dict[tuple[str, int], float]:
    """Return the kept readings by key of their day and number of the step."""
    days = {key: json.loads(value) for key, value in kept.state().items() if key.startswith("day15/")}
    met = {key: values for key, values in days.items() if key.split("/")[1] in ("load", "pv", "outdoor")}
    return {(key, n): v for key, values in met.items() for n, v in enumerate(values) if v is not None}


def measure(messages: int, kills: int, seed: int, broker: str | None = None) -> tuple[Figures, int]:
    """Return what a run that is killed lost or doubled, and how many steps were compared."""
    choice = kill_replay._choice(broker) if broker else choose_broker()
    figures = Figures(choice.program, messages, kills)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="slm-kill-")))
        running = stack.enter_context(Broker(folder, 0, choice))
        stream = list(make_stream(messages, Random(seed), datetime.now(UTC) - SPAN))
        killed = Trial(running, folder, "killed", stream)
        stack.callback(killed.end)
        figures.killed_s = killed.run(kills, Random(seed), figures)
        order = {key: at for at, key in enumerate(killed.known())}
        again = sorted(stream, key=lambda each: order.get(kill_replay._key(each), len(order)))
        peace, was = steps_of(in_peace(again, folder)), steps_of(killed)
        counters = killed.counters()
        figures.lost = sum(kill_replay._key(each) not in order for each in stream)
        figures.doubled = max(0, killed.handled() - len(stream))
        figures.known_again = counters.get("repeated", 0)
        figures.dead = counters.get("dead", 0) + sum(n for key, n in counters.items() if key[:5] == "shed/")
        both = sorted(peace.keys() & was.keys())
        apart = [key for key in both if abs(was[key] - peace[key]) > 1e-9]
        figures.differ = [f"{key}: {was[key]} for {peace[key]}" for key in apart]
        figures.state = len(figures.differ)
    return figures, len(both)


def main() -> int:
    """Run, print, and say by the exit code whether nothing was lost or doubled."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=4000, metavar="N", help="default: 4000")
    parser.add_argument("--kills", type=int, default=20, metavar="N", help="default: 20")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of messages and moments")
    parser.add_argument("--broker", choices=("mosquitto", "iotcore"))
    args = parser.parse_args()
    try:
        figures, steps = measure(args.messages, args.kills, args.seed, args.broker)
    except SlmError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    head = f"{figures.broker}: {figures.messages:,} messages, {figures.kills} kills -9"
    print(f"{head} ({figures.early} before ready), {figures.killed_s:.0f} s")
    print(f"lost {figures.lost}, doubled {figures.doubled}, dead or shed {figures.dead}")
    print(f"came again without effect {figures.known_again}; {steps} steps compared, {figures.state} differ")
    print("\n".join(figures.differ[:5]))
    clean = steps and not (figures.lost or figures.doubled or figures.dead or figures.state)
    return 0 if clean else 1


if __name__ == "__main__":
    raise SystemExit(main())
