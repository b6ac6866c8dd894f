"""kill -9 of the pipeline, again and again during one stream: is anything lost, is anything done twice?

    python benchmarks/kill_replay.py [--broker mosquitto|iotcore|both] [--messages N] [--kills N] [--seed N]

A real broker, and `slm run disaster --rules-only` on it as a process of its own with a store that stays.
Reports in Korean and English (our generator; many of them forwarded by somebody else) and readings of 40
gauges come in at QoS 1, each with an id; every fiftieth is sent twice, as by a sender that saw no answer. The
process is killed with SIGKILL at random moments, a third of them while it starts, and started again. Then the
same messages, in the order in which that run came to handle them, are handled once more, without broker and
kills: what `handle` makes of them in this order is what the run promises. The order between topics is the
broker's (docs/bus.md). Held against each other are:

    lost       ids that the store does not know at the end
    doubled    ids that were handled more than once
    state      keys of the domain's memory (incidents, gauges, reports told) that differ
    outputs    events that one run sent and the other did not, or that came to no listener at all
    repeats    messages on the wire beyond the first of their id; allowed, with the same bytes
    changed    messages that came again under their id with other bytes; not allowed
    dead       messages in the dead letter, or shed
    disorder   messages handled after one that was sent later: the broker's order, no loss

Exit code 0 only if all but `repeats` and `disorder` are 0. The pipeline distrusts live clocks, so the
messages carry times of the last ten minutes; `state` leaves out `housekeeping`, the time of a tick of the
clock. Not covered: a broker that is killed, a machine that loses power.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from math import sin
from pathlib import Path
from random import Random
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from slm_core.bus import Place, Store
from slm_core.bus.broker import Broker, Choice, choose_broker
from slm_core.bus.effects import Effects
from slm_core.bus.inbound import Delivery
from slm_core.bus.reader import Reader
from slm_core.errors import CouldNot, SlmError, UserError
from slm_core.runtime import listens_of
from slm_disaster import DOMAIN
from slm_disaster.generator.compose import compose

SPAN = timedelta(minutes=10)
# Afterwards gauges count as silent: the killed run says so at a tick, and the other has none.
COMPARABLE_S = 19 * 60
TEXTS = (
    150  # different reports; with more, incidents would be put away, and when depends on the clock's ticks
)
GAUGES = 40
AHEAD = 400  # messages sent and not yet handled; the queue of the pipeline takes 1,000
EARLY = 1 / 3  # of the kills come before the process is ready
POLL_S = 0.02
STUCK_S = 120.0
HEARD = ("situation/+", "gauge/+/+", "report/flagged", "alert/suggestion", "deadletter")
SLM = "from slm_core.cli.main import main; raise SystemExit(main())"


@dataclass(frozen=True)
class Said:
    """A message as a device sends it."""

    stream: str
    id: str
    source: str
    payload: bytes


@dataclass
class Figures:
    """What one pair of runs came to."""

    broker: str
    messages: int
    kills: int
    early: int = 0
    lost: int = 0
    doubled: int = 0
    state: int = 0
    outputs: int = 0
    repeats: int = 0
    changed: int = 0
    dead: int = 0
    disorder: int = 0
    known_again: int = 0  # messages that the broker or the sender brought again, and that had no effect
    killed_s: float = 0.0
    ready_s: list[float] = field(default_factory=list)
    differ: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not any((self.lost, self.doubled, self.state, self.outputs, self.changed, self.dead))


def main() -> int:
    """Run, print, and say by the exit code whether nothing was lost or doubled."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--broker", choices=("mosquitto", "iotcore", "both"), default="both")
    parser.add_argument("--messages", type=int, default=5000, metavar="N", help="default: 5000")
    parser.add_argument("--kills", type=int, default=50, metavar="N", help="default: 50")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of messages and moments")
    parser.add_argument("--json", action="store_true", help="one JSON object for each broker")
    args = parser.parse_args()
    found = []
    try:
        for name in ("mosquitto", "iotcore") if args.broker == "both" else (args.broker,):
            found.append(measure(_choice(name), args.messages, args.kills, args.seed))
            if args.json:
                print(json.dumps(asdict(found[-1])), flush=True)
    except SlmError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    if not args.json:
        print(table(found))
    return 0 if all(each.clean for each in found) else 1


def measure(choice: Choice, messages: int, kills: int, seed: int) -> Figures:
    """Send messages through a run that is killed, handle the same in peace, and compare."""
    figures = Figures(choice.program, messages, kills)
    with ExitStack() as stack:
        name = stack.enter_context(tempfile.TemporaryDirectory(prefix="slm-kill-"))
        broker = stack.enter_context(Broker(Path(name), 0, choice))
        began = time.monotonic()
        stream = list(make_stream(messages, Random(seed), datetime.now(UTC) - SPAN))
        killed = Trial(broker, Path(name), "killed", stream)
        stack.callback(killed.end)
        figures.killed_s = killed.run(kills, Random(seed), figures)
        order = {key: at for at, key in enumerate(killed.known())}
        figures.disorder = _disorder([order[_key(each)] for each in stream if _key(each) in order])
        if time.monotonic() - began > COMPARABLE_S:
            raise CouldNot(f"the run took {time.monotonic() - began:.0f} s; take fewer messages or kills")
        again = sorted(stream, key=lambda each: order.get(_key(each), len(order)))
        compare(in_peace(again, Path(name)), killed, figures)
    return figures


def in_peace(stream: list[Said], folder: Path) -> Kept:
    """Handle the messages one after the other in this process, and return what came of it."""
    place = Place("peace", DOMAIN.name)
    assert DOMAIN.handle is not None
    reader, effects = Reader(place, listens_of(DOMAIN)), Effects(place, DOMAIN.handle)
    kept = Kept(folder / "peace.sqlite", place)
    with Store(kept.store) as store, store.transaction() as transaction:
        for each in stream:
            found = reader.read(place.topic(each.stream), each.payload, retained=False)
            assert found is not None
            effects.apply(transaction, Delivery(*found, lambda: None))
    return kept


def make_stream(count: int, rng: Random, start: datetime) -> Iterator[Said]:
    """Yield reports and readings in the order of their times."""
    texts = [compose(("ko", "en")[number % 2], rng).text for number in range(TEXTS)]
    for number in range(count):
        at = start + SPAN * number / count
        if rng.random() < 0.4:
            payload = {"text": rng.choice(texts), "reporter": f"제보-{rng.randint(1, 60)}"}
            yield _said("report/in", "report", number, at, payload)
            continue
        gauge = rng.randrange(GAUGES)
        kind, unit = (("level", "m"), ("rain", "mm"), ("temperature", "°C"), ("gas", "ppm"))[gauge % 4]
        value = round((gauge % 7) + 6 * abs(sin(number / 300 + gauge)) + rng.random() / 10, 2)
        reading: dict[str, Any] = {"value": value, "unit": unit} | ({"gas": "CO"} if kind == "gas" else {})
        yield _said(f"sensor/{kind}/g{gauge}", "reading", number, at, reading)


def _said(stream: str, kind: str, number: int, at: datetime, payload: dict[str, Any]) -> Said:
    id_, source = f"m{number:06}", f"gateway-{number % 5}"
    fields = {"id": id_, "time": at.isoformat(), "kind": kind, "source": source, "payload": payload}
    return Said(stream, id_, source, json.dumps(fields, ensure_ascii=False).encode())


class Kept:
    """What lies in a store: the counters, the ids in order, the domain's memory and the outbox."""

    def __init__(self, store: Path, place: Place) -> None:
        self.store, self.place = store, place

    def handled(self) -> int:
        """Return how many messages have had their effect."""
        counters = self.counters()
        return counters.get("handled", 0) - counters.get("inside", 0)

    def counters(self) -> dict[str, int]:
        """Return the store's counters."""
        return dict(self._rows("SELECT name, value FROM counter"))

    def known(self) -> list[bytes]:
        """Return the keys of the ids that the store knows, in the order in which they were handled."""
        return [bytes(key) for (key,) in self._rows("SELECT key FROM inbox ORDER BY seq")]

    def state(self) -> dict[str, str]:
        """Return the domain's memory, without the time of the last tick."""
        rows = self._rows("SELECT key, value FROM state")
        return {key: value for key, value in rows if not key.endswith("/housekeeping")}

    def outputs(self) -> Counter[tuple[str, str]]:
        """Return stream and id of each event that went into the outbox."""
        rows = self._rows("SELECT topic, event FROM outbox")
        return Counter((topic.removeprefix(self.place.prefix), event) for topic, event in rows)

    def _rows(self, statement: str) -> list[Any]:
        if not self.store.exists():
            return []
        with closing(sqlite3.connect(f"file:{self.store}?mode=ro", uri=True)) as database:
            try:
                return database.execute(statement).fetchall()
            except sqlite3.OperationalError:  # killed before the tables were there
                return []


class Trial(Kept):
    """One pipeline on one site of the broker, and everybody who speaks to it and listens."""

    def __init__(self, broker: Broker, folder: Path, site: str, stream: list[Said]) -> None:
        store = folder / site / "run" / site / f"{DOMAIN.name}.sqlite"
        super().__init__(store, Place(site, DOMAIN.name))
        self.stream, self._broker, self._folder = stream, broker, folder
        self._process: subprocess.Popen[str] | None = None
        self.heard: dict[tuple[str, str], list[bytes]] = defaultdict(list)

    def run(self, kills: int, rng: Random, figures: Figures) -> float:
        """Send all, kill so often, wait until all is handled and published. Returns the seconds taken."""
        process, ready = self._start()
        self._await(ready.is_set, process)  # a broker keeps messages for whom it knows
        with self._listening(), self._sending() as sent:
            began = time.monotonic()
            for done in range(kills):
                if rng.random() < EARLY and figures.ready_s:
                    time.sleep(rng.uniform(0, statistics.median(figures.ready_s)))
                    figures.early += not ready.is_set()
                else:
                    self._await(ready.is_set, process)
                    left = len(self.stream) - self.handled()
                    goal = self.handled() + rng.uniform(0, min(left, 1.6 * left / (kills - done)))
                    self._await(partial(self._past, goal), process)
                    time.sleep(rng.uniform(0, 0.1))
                process.send_signal(signal.SIGKILL)
                process.wait()
                process, ready = self._start(figures.ready_s)
            self._await(lambda: sent.is_set() and self.handled() == len(self.stream), process)
            self._await(lambda: not self._rows("SELECT 1 FROM outbox WHERE published = 0 LIMIT 1"), process)
            seconds = time.monotonic() - began
            process.terminate()
            process.wait(30)
        return seconds

    def _past(self, goal: float) -> bool:
        return self.handled() >= goal

    def _start(self, took: list[float] | None = None) -> tuple[subprocess.Popen[str], threading.Event]:
        """Start the pipeline; the flag is set, and the seconds are noted, when it listens."""
        command = [sys.executable, "-c", SLM, "run", DOMAIN.name, "--rules-only"]
        command += ["--broker", self._broker.url, "--site", self.place.site]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SLM_")}
        environment = kept | {"SLM_HOME": str(self._folder / self.place.site)}
        began = time.monotonic()
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        ready = threading.Event()

        def read() -> None:
            assert process.stderr is not None
            log_file = self._folder / f"{self.place.site}.log"
            with process.stderr, log_file.open("a", encoding="utf-8") as log:
                for line in process.stderr:
                    log.write(line)
                    if " listens at " in line:
                        ready.set()
                        if took is not None:
                            took.append(round(time.monotonic() - began, 3))

        threading.Thread(target=read, daemon=True).start()
        self._process = process
        return process, ready

    def end(self) -> None:
        """End the pipeline where it still runs: a trial that failed leaves none behind."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def _await(self, true: Callable[[], bool], process: subprocess.Popen[str]) -> None:
        """Wait for it.

        Raises:
            CouldNot: the pipeline ended by itself, or nothing has moved for two minutes.
        """
        before, since = -1, time.monotonic()
        while not true():
            now = self.handled()
            if now != before:
                before, since = now, time.monotonic()
            if process.poll() is not None:
                raise CouldNot(f"the pipeline ended with code {process.returncode}\n{self._last_lines()}")
            if time.monotonic() - since > STUCK_S:
                waits = len(self._rows("SELECT 1 FROM outbox WHERE published = 0"))
                where = f"{now} of {len(self.stream)} messages, {waits} not published"
                raise CouldNot(f"stuck at {where}\n{self._last_lines()}")
            time.sleep(POLL_S)

    def _last_lines(self) -> str:
        log = self._folder / f"{self.place.site}.log"
        return "\n".join(log.read_text(encoding="utf-8").splitlines()[-8:]) if log.exists() else ""

    @contextmanager
    def _listening(self) -> Iterator[None]:
        client, subscribed = Client(CallbackAPIVersion.VERSION2), threading.Event()

        def on_message(_: Client, __: Any, message: MQTTMessage) -> None:
            data = bytes(message.payload)
            id_ = json.loads(data)["id"] if data else f"cleared {message.topic}"
            self.heard[message.topic.removeprefix(self.place.prefix), id_].append(data)

        client.on_message = on_message
        client.on_subscribe = lambda *_: subscribed.set()
        client.connect(self._broker.host, self._broker.port)
        client.subscribe([(self.place.prefix + name, 1) for name in HEARD])
        client.loop_start()
        if not subscribed.wait(10):
            raise CouldNot("the broker does not let us listen")
        try:
            yield
            time.sleep(1)  # what is on its way to us
        finally:
            client.disconnect()
            client.loop_stop()

    @contextmanager
    def _sending(self) -> Iterator[threading.Event]:
        """Send in a thread, at most so many ahead of what is handled; the flag is set at the end."""
        client, done, stop = Client(CallbackAPIVersion.VERSION2), threading.Event(), threading.Event()
        client.connect(self._broker.host, self._broker.port)
        client.loop_start()

        def send() -> None:
            for number, each in enumerate(self.stream):
                while number % 20 == 0 and number - self.handled() > AHEAD and not stop.wait(POLL_S):
                    pass
                if stop.is_set():
                    return
                for _ in range(2 if number % 50 == 0 else 1):
                    client.publish(self.place.prefix + each.stream, each.payload, 1).wait_for_publish(30)
            done.set()

        thread = threading.Thread(target=send, daemon=True)
        thread.start()
        try:
            yield done
        finally:
            stop.set()
            thread.join(30)
            client.disconnect()
            client.loop_stop()


def compare(peace: Kept, killed: Trial, figures: Figures) -> None:
    """Count what the killed run lost or did twice."""
    counters, known = killed.counters(), set(killed.known())
    figures.lost = sum(_key(each) not in known for each in killed.stream)
    figures.doubled = max(0, killed.handled() - len(killed.stream))
    figures.known_again = counters.get("repeated", 0)
    figures.dead = counters.get("dead", 0) + sum(
        count for name, count in counters.items() if name.startswith("shed/")
    )
    before, after = peace.state(), killed.state()
    differ = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
    figures.state = len(differ)
    sent = killed.outputs()
    missing = [key for key in sent if key not in killed.heard]
    apart = (peace.outputs() - sent) + (sent - peace.outputs())
    figures.outputs = apart.total() + len(missing)
    figures.differ = [*differ[:5], *map(str, list(apart)[:5]), *(f"unheard: {key}" for key in missing[:5])]
    figures.repeats = sum(len(each) for each in killed.heard.values()) - sent.total()
    figures.changed = sum(len(set(each)) > 1 for each in killed.heard.values())


def _disorder(places: list[int]) -> int:
    """Count the messages that were handled after one that was sent later."""
    behind, least = 0, len(places) ** 2
    for place in reversed(places):
        behind += place > least
        least = min(least, place)
    return behind


def _key(said: Said) -> bytes:
    """The name under which the store knows an id."""
    return hashlib.sha256(f"{said.stream}\0{said.source}\0{said.id}".encode()).digest()[:16]


def _choice(name: str) -> Choice:
    choice = choose_broker()
    if name == "iotcore":
        return Choice("iotcore", None, "asked for", "nothing")
    if choice.program != name:
        raise UserError("it is not installed", where="--broker mosquitto", mend="--broker iotcore")
    return choice


def table(found: list[Figures]) -> str:
    """Return the figures as lines, a broker in each column."""
    rows: list[tuple[str, Callable[[Figures], object]]] = [
        ("", lambda each: each.broker),
        ("messages", lambda each: f"{each.messages:,}"),
        ("kills -9 (before ready)", lambda each: f"{each.kills} ({each.early})"),
        ("lost", lambda each: each.lost),
        ("doubled", lambda each: each.doubled),
        ("state that differs", lambda each: each.state),
        ("outputs that differ", lambda each: each.outputs),
        ("same id, other bytes", lambda each: each.changed),
        ("dead letter or shed", lambda each: each.dead),
        ("handled out of order", lambda each: each.disorder),
        ("came again, no effect", lambda each: each.known_again),
        ("published again, same id", lambda each: each.repeats),
        ("killed, s", lambda each: f"{each.killed_s:.0f}"),
        ("start to ready, median s", lambda each: f"{statistics.median(each.ready_s or [0]):.2f}"),
        ("verdict", lambda each: "nothing lost, nothing doubled" if each.clean else "NOT CLEAN"),
    ]
    lines = [f"{name:<26}" + "".join(f"{show(each)!s:>32}" for each in found) for name, show in rows]
    return "\n".join([*lines, *(f"  {each.broker}: {line}" for each in found for line in each.differ)])


if __name__ == "__main__":
    raise SystemExit(main())
