"""A burst of 300 reports in a minute, with the model at work: how soon is each critical one on the screen?

    python benchmarks/burst.py [--reports N] [--seconds S] [--rules-only] [--browser] [--seed N] [--json]

Reports in Korean and English of all severities (our generator; every seventh is an earlier one again, sent by
somebody else) go at random moments through a real broker into the real runtime, with the expert that the
settings name. Critical is what the rules give severity 3. It counts as on the screen when what the page's own
timer sends to a reader, every two seconds, shows the card of its incident at severity 3 with this report
counted in it; `--browser` looks for the same in the DOM of the page in a headless Chromium, served by the
real server. The seconds run from the publish of the sender to that moment.

Bar: every critical one within 10 seconds; exit code 1 where one took longer. The line before the model is
shown over time: questions that wait, and how many were answered, merged with an equal one, left to the rules
as late, or given up in a full line. The machine's other work counts in; nothing here takes it out.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from slm_core.bus import Place, Store, parse_link
from slm_core.bus.broker import Broker
from slm_core.bus.player import Player
from slm_core.errors import GateFailed, SlmError, UserError
from slm_core.event import Event
from slm_core.expert import open_expert
from slm_core.runtime import Runtime
from slm_core.settings import load_settings
from slm_core.ui.frame import REFRESH_S, build
from slm_core.ui.live import Chores, Live, live_of
from slm_core.ui.server import PageServer
from slm_disaster import DOMAIN
from slm_disaster.generator.compose import compose
from slm_disaster.situation.reports import read_report
from slm_disaster.situation.standing import report_severity

BAR_S = 10.0
CRITICAL = 3
AFTER_S = 60.0  # so long we wait for the last ones
REPEATS = 7
SAMPLE_S = 1.0
CARD = re.compile(
    r'<article class="[^"]*slm-severity-(\d)[^"]*" data-choose="(\w+)".*?class="slm-quiet">([^<]*·[^<]*)</p>',
    re.DOTALL,
)
WATCH = """(() => {
  window.seen = [];
  const look = () => {
    const cards = [...document.querySelectorAll('article[data-choose]')].map((card) => [
      card.dataset.choose, Number(/slm-severity-(\\d)/.exec(card.className)[1]),
      [...card.querySelectorAll(':scope > .slm-quiet')].pop().textContent]);
    window.seen.push([Date.now() / 1000, cards]);
  };
  let waiting = false;
  new MutationObserver(() => {
    if (waiting) { return; }
    waiting = true;
    requestAnimationFrame(() => { waiting = false; look(); });
  }).observe(document.body, {childList: true, subtree: true, characterData: true});
  look();
})()"""
Cards = dict[str, tuple[int, int]]  # incident to severity and to the number of reports and copies


@dataclass
class Critical:
    """A report of severity 3: when it was sent, and the cards that would show it: incident and count."""

    text: str
    sent: float
    shown_by: list[tuple[str, int]] = field(default_factory=list)
    seen: float | None = None

    def look(self, cards: Cards, now: float) -> None:
        """Note the moment where these cards show it."""
        if self.seen is None and any(
            cards.get(incident, (0, 0))[0] >= CRITICAL and cards[incident][1] >= count
            for incident, count in self.shown_by
        ):
            self.seen = now


@dataclass
class Figures:
    """What the burst came to."""

    reports: int
    critical: int
    reader: str
    model: str
    median_s: float = 0.0
    worst_s: float = 0.0
    never: int = 0
    render_median_s: float = 0.0
    render_worst_s: float = 0.0
    answered: int = 0
    merged: int = 0
    late: int = 0
    shed: int = 0
    seconds_each: float = 0.0
    dead: int = 0
    over_time: list[tuple[float, int, int, int, int]] = field(default_factory=list)


def main() -> int:
    """Measure, print, hold against the bar."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--reports", type=int, default=300, metavar="N", help="default: 300")
    parser.add_argument("--seconds", type=float, default=60.0, metavar="S", help="default: 60")
    parser.add_argument("--rules-only", action="store_true", help="ask no model")
    parser.add_argument("--browser", action="store_true", help="look into the DOM of the page in Chromium")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of texts and moments")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    args = parser.parse_args()
    try:
        figures = measure(args)
        print(json.dumps(asdict(figures)) if args.json else table(figures))
        if figures.never or figures.worst_s > BAR_S:
            raise GateFailed(
                f"the worst took {figures.worst_s:.1f} s, {figures.never} never came; bar {BAR_S} s"
            )
    except SlmError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def measure(args: argparse.Namespace) -> Figures:
    """Send the burst and look at the page meanwhile."""
    settings = load_settings()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="slm-burst-")))
        broker = stack.enter_context(Broker(folder, 0))
        link, place = parse_link(broker.url), Place("burst", DOMAIN.name)
        store = stack.enter_context(Store(folder / "disaster.sqlite"))
        expert = None if args.rules_only else open_expert(DOMAIN, settings)
        if expert:
            stack.callback(expert.close)
        burst = Burst(args.reports, args.seconds, Random(args.seed))
        runtime = Runtime(DOMAIN, place, link, store, expert=expert, watch=burst.made)
        stack.callback(runtime.stop)
        runtime.start()
        runtime.wait(runtime.worker.ready.is_set)
        live = live_of(runtime, DOMAIN, store, settings, expert=expert)
        stack.enter_context(Chores(live))
        reader = stack.enter_context(Browser(live, folder)) if args.browser else Timer(live)
        model = live.model or "rules only"
        figures = Figures(args.reports, len(burst.critical), type(reader).__name__.lower(), model)
        watching = threading.Thread(target=_sample, args=(runtime, burst, figures), daemon=True)
        sending = threading.Thread(target=burst.send, args=(Player(link, place),), daemon=True)
        watching.start()
        sending.start()
        reader.read(burst)
        burst.over.set()
        watching.join()
        _fill(figures, burst, reader, runtime, live)
    return figures


class Burst:
    """The reports, when they go, and which of them are critical."""

    def __init__(self, count: int, seconds: float, rng: Random) -> None:
        texts: list[tuple[str, str]] = []
        for number in range(count):
            lang = ("ko", "en")[number % 2]
            again = number % REPEATS == REPEATS - 1
            texts.append(rng.choice(texts) if again else (lang, compose(lang, rng).text))
        self.events: list[Event] = []
        self.due = sorted(rng.uniform(0, seconds) for _ in texts)
        self.texts = [text for _, text in texts]
        self.sent, self.over = threading.Event(), threading.Event()
        self.began = time.time()
        self.critical: dict[int, Critical] = {
            number: Critical(text, 0.0) for number, text in enumerate(self.texts) if _critical(text)
        }
        self._by_time: dict[datetime, Critical] = {}

    def send(self, player: Player) -> None:
        """Publish each at its moment."""
        self.began = time.time()
        stop = threading.Event()
        for _ in player.play(self._events(), 0, stop, lambda event, why: sys.exit(f"{event.id}: {why}")):
            pass
        player.close()
        self.sent.set()

    def made(self, event: Event) -> None:
        """Note which card shows a report: the runtime tells of each situation that follows from it."""
        found = self._by_time.get(event.time)
        if found and event.stream.startswith("situation/") and event.payload.get("reports"):
            counts = event.payload["counts"]
            found.shown_by.append((event.payload["id"], counts["reports"] + counts["copies"]))

    @property
    def done(self) -> bool:
        """Whether all is sent and seen, or waited for long enough."""
        if not self.sent.is_set():
            return False
        unseen = any(each.seen is None for each in self.critical.values())
        return not unseen or time.time() > self.began + self.due[-1] + AFTER_S

    def _events(self) -> Iterator[Event]:
        for number, (text, due) in enumerate(zip(self.texts, self.due, strict=True)):
            time.sleep(max(0.0, self.began + due - time.time()))
            now = datetime.now(UTC)
            if number in self.critical:
                self.critical[number].sent = now.timestamp()
                self._by_time[now] = self.critical[number]
            payload = {"text": text, "reporter": f"시민-{number}"}
            yield Event(
                stream="report/in", kind="report", source="burst", time=now, payload=payload, id=f"b{number}"
            )


class Timer:
    """A reader of the page without a browser: calls what the page's timer calls, as often."""

    def __init__(self, live: Live) -> None:
        self._blocks = build(live, "ko")
        self._tick = max(self._blocks.fns.values(), key=lambda each: len(each.outputs))
        self._values = {each._id: each.value for each in self._tick.inputs}
        self.took: list[float] = []

    def read(self, burst: Burst) -> None:
        """Look every two seconds until the burst is over."""
        due = time.monotonic()
        while not burst.done:
            time.sleep(max(0.0, due - time.monotonic()))
            due = max(due + REFRESH_S, time.monotonic())
            html = self._refreshed()
            for each in burst.critical.values():
                each.look(cards_of(html), time.time())

    def _refreshed(self) -> str:
        began = time.monotonic()
        told = self._tick.fn(*(self._values[each._id] for each in self._tick.inputs))
        self.took.append(time.monotonic() - began)
        for part, value in zip(self._tick.outputs, told, strict=True):
            if part._id in self._values and isinstance(value, str):
                self._values[part._id] = value
        return "".join(value for value in self._values.values() if isinstance(value, str))


class Browser:
    """The page in a headless Chromium, spoken to over its pipe; the page itself notes what it shows."""

    def __init__(self, live: Live, folder: Path) -> None:
        """Start server and browser, open the page and let it take notes.

        Raises:
            UserError: there is no Chromium.
        """
        names = ("chromium", "chromium-browser", "google-chrome")
        program = next(filter(None, map(shutil.which, names)), None)
        if program is None:
            raise UserError("no Chromium on PATH", where="--browser", expected=" or ".join(names))
        self.took: list[float] = []
        self._stack = ExitStack()
        server = self._stack.enter_context(PageServer(live, port=0))
        self._number = 0
        self._process = self._open(program, folder)
        target = self._ask("Target.createTarget", {"url": f"{server.url}/ko/"})["targetId"]
        attached = self._ask("Target.attachToTarget", {"targetId": target, "flatten": True})
        self._session: str | None = attached["sessionId"]
        self._wait_for("document.querySelector('footer.slm-foot') !== null")
        self._evaluate(WATCH)

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._stack.close()

    def read(self, burst: Burst) -> None:
        """Fetch the page's notes now and then until the burst is over."""
        while not burst.done:
            time.sleep(SAMPLE_S)
            for at, cards in json.loads(self._evaluate("JSON.stringify(window.seen.splice(0))")):
                shown = {name: (severity, _counted(line)) for name, severity, line in cards}
                for each in burst.critical.values():
                    each.look(shown, at)

    def _open(self, program: str, folder: Path) -> subprocess.Popen[bytes]:
        their_in, self._to = os.pipe()
        self._from, their_out = os.pipe()
        command = [program, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
        command += ["--remote-debugging-pipe", f"--user-data-dir={folder}/browser", "about:blank"]

        def as_it_expects() -> None:
            os.dup2(their_in, 3)
            os.dup2(their_out, 4)

        return subprocess.Popen(command, preexec_fn=as_it_expects, pass_fds=(3, 4), stderr=subprocess.DEVNULL)

    def _ask(self, method: str, parameters: dict[str, Any]) -> Any:
        self._number += 1
        said: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if session := getattr(self, "_session", None):
            said["sessionId"] = session
        os.write(self._to, json.dumps(said).encode() + b"\0")
        data = b""
        while True:
            data += os.read(self._from, 1 << 20)
            *whole, data = data.split(b"\0")
            for each in map(json.loads, whole):
                if each.get("id") == self._number:
                    return each["result"]

    def _evaluate(self, code: str) -> Any:
        told = self._ask("Runtime.evaluate", {"expression": code, "returnByValue": True})
        return told["result"].get("value")

    def _wait_for(self, code: str) -> None:
        until = time.monotonic() + 60
        while not self._evaluate(code):
            if time.monotonic() > until:
                raise UserError("the page does not come up in the browser", where="--browser")
            time.sleep(0.2)


def cards_of(html: str) -> Cards:
    """Return the cards that a page shows."""
    return {name: (int(severity), _counted(line)) for severity, name, line in CARD.findall(html)}


def _counted(line: str) -> int:
    """The reports and copies that a card names, before its clock."""
    return sum(map(int, re.findall(r"\d+", line.partition("·")[0])))


def _critical(text: str) -> bool:
    event = Event(
        stream="report/in", kind="report", source="b", time=datetime.now(UTC), payload={"text": text}
    )
    report = read_report(event)
    return report.trusted and report_severity(report) >= CRITICAL


def _sample(runtime: Runtime, burst: Burst, figures: Figures) -> None:
    while not burst.over.wait(SAMPLE_S):
        line, queue = runtime.backlog(), len(runtime.worker.inbound)
        at = round(time.time() - burst.began, 1)
        told = (line.waiting, line.critical, line.answered) if line else (0, 0, 0)
        figures.over_time.append((at, queue, *told))


def _fill(figures: Figures, burst: Burst, reader: Timer | Browser, runtime: Runtime, live: Live) -> None:
    waits = [each.seen - each.sent for each in burst.critical.values() if each.seen]
    figures.median_s, figures.worst_s = statistics.median(waits), max(waits)
    figures.never = len(burst.critical) - len(waits)
    if reader.took:
        figures.render_median_s, figures.render_worst_s = statistics.median(reader.took), max(reader.took)
    figures.dead = live.dead()
    if line := runtime.backlog():
        figures.answered, figures.merged, figures.late = line.answered, line.merged, line.late
        figures.shed, figures.seconds_each = line.shed, line.seconds_each


def table(figures: Figures) -> str:
    """Return the figures as lines."""
    lines = [
        f"{figures.reports} reports, {figures.critical} critical; {figures.model}; {figures.reader}",
        f"on screen after: median {figures.median_s:.1f} s, worst {figures.worst_s:.1f} s, "
        f"never {figures.never} (bar {BAR_S:g} s)",
        f"expert: {figures.answered} answered in {figures.seconds_each:.2f} s, {figures.merged} merged, "
        f"{figures.late} left to the rules as late, {figures.shed} given up; {figures.dead} dead letters",
        f"{'second':>8}{'queue':>8}{'waiting':>9}{'critical':>10}{'answered':>10}",
    ]
    if figures.render_worst_s:
        took = f"median {figures.render_median_s:.2f} s, worst {figures.render_worst_s:.2f} s"
        lines.insert(2, f"one refresh of the page: {took}")
    step = max(1, len(figures.over_time) // 12)
    for at, queue, waiting, critical, answered in figures.over_time[::step]:
        lines.append(f"{at:>8.0f}{queue:>8}{waiting:>9}{critical:>10}{answered:>10}")
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
