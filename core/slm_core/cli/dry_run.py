"""`slm run D --dry-run`: what a domain would be given, and why it would not be given the rest."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import Empty, Full, Queue
from unicodedata import east_asian_width

from slm_core.bus import Link, Place, Received, Store
from slm_core.bus.effects import Effects
from slm_core.bus.envelope import Clock
from slm_core.bus.inbound import Delivery
from slm_core.bus.onlooker import Onlooker
from slm_core.bus.reader import Reader
from slm_core.dataset.source import Rejected
from slm_core.domain import Domain
from slm_core.errors import CouldNot, UserError
from slm_core.event import Event
from slm_core.settings import Settings

FIRST = 10
EXAMPLE = 80  # characters of a message that could not be mapped
GROUPS = 20  # of messages that became no event; those of any further reason are counted together
HELD = 10_000  # messages that may wait for their turn
_HEADINGS = ("time", "stream", "kind", "source", "payload")


def show_recording(recording: Iterable[Event | Rejected], args: argparse.Namespace) -> int:
    """Print the first ten events of a recording, and what could not be read before the tenth."""
    page = _Page(args.json)
    for each in recording:
        if isinstance(each, Rejected):
            print(f"{each.where}: {each.reason}", file=sys.stderr)
        else:
            page.show(each)
        if page.shown == FIRST:
            break
    return 0 if page.shown else 1


def show_live(domain: Domain, settings: Settings, args: argparse.Namespace) -> int:
    """Listen beside the domain; print the first ten events, and each reason why others were none.

    Returns 0 where at least one message became an event.

    Raises:
        CouldNot: nothing came, or the broker left.
    """
    from slm_core.cli.work import link_of
    from slm_core.runtime import listens_of, sources_of

    if domain.handle is None:
        raise UserError(f"domain {domain.name} listens to no streams", expected="a domain with `handle`")
    if not args.seconds > 0:
        raise UserError(f"{args.seconds:g}", where="--seconds", expected="more than 0")
    place = Place(settings.site, domain.name)
    sources = sources_of(domain, settings)
    reader = Reader(place, listens_of(domain), sources)
    page, link = _Page(args.json), link_of(settings)
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="slm-dry-"))
        store = stack.enter_context(Store(Path(folder) / "dry.sqlite"))
        trial = _Trial(
            Effects(place, domain.handle), reader, store, place, tables=[each.name for each in sources]
        )
        waited = _listen(link, reader, trial, page, args.seconds)
    if not trial.came:
        raise CouldNot(_nothing(waited, reader))
    page.tell_reasons(trial.reasons.values())
    return 0 if page.shown else 1


@dataclass
class Reason:
    """Why messages became no event: how many, and the first of them."""

    reason: str
    detail: str
    topic: str
    payload: str
    count: int = 0


class _Trial:
    """Does with each message what the worker would, in a store that is thrown away."""

    def __init__(
        self, effects: Effects, reader: Reader, store: Store, place: Place, tables: Sequence[str] = ()
    ) -> None:
        self.reasons: dict[tuple[str, str], Reason] = {}
        self.came = 0
        self._effects, self._reader, self._store, self._place = effects, reader, store, place
        self._tables = tables
        self._seq = 0

    def take(self, topic: str, payload: bytes, retained: bool) -> Iterator[Received]:
        """Yield the events that the message becomes."""
        found = self._reader.read(topic, payload, retained=retained)
        if found is None:
            return
        self.came += 1
        before = self._store.counters()
        with self._store.transaction() as transaction:
            handled = self._effects.apply(transaction, Delivery(*found, lambda: None))
        after = self._store.counters()
        for name, detail in (("repeated", "its id came before"), ("not-meant", "`when` finds nothing in it")):
            if after.get(name, 0) > before.get(name, 0):
                self._note(name, detail, topic, payload)
        for row in self._store.waiting(self._seq, 2 * HELD):
            self._seq = row.seq
            if row.topic == self._place.deadletter:
                letter = json.loads(row.payload)
                self._note(letter["reason"], letter["detail"], topic, payload)
        taken = {id(each.event) for each in handled}
        yield from (each for each in found[1] if isinstance(each, Received) and id(each.event) in taken)

    def _note(self, reason: str, detail: str, topic: str, payload: bytes) -> None:
        said = payload[: 4 * EXAMPLE].decode(errors="replace")[:EXAMPLE]
        table = next((each for each in self._tables if f"{detail}: ".startswith(f"{each}: ")), "")
        group = (reason, table)
        if group not in self.reasons and len(self.reasons) >= GROUPS - 1:
            group, reason, detail = ("", ""), "others", f"the first: {reason}, {detail}"
        known = self.reasons.setdefault(group, Reason(reason, detail, topic, said))
        known.count += 1


class _Page:
    """Prints events as they come, in columns that widen where they must."""

    def __init__(self, as_json: bool) -> None:
        self.shown = 0
        self._json = as_json
        self._widths = [20, 24, 8, 16]

    def show(self, event: Event, clock: Clock = "sender") -> None:
        """Print one event; `clock` is whose time it has."""
        self.shown += 1
        if self._json:
            print(event.model_dump_json(), flush=True)
            return
        if self.shown == 1:
            self._row(_HEADINGS)
        marks = [name for name in ("simulated", "retained") if getattr(event, name)]
        marks += ["its clock is not believed"] if clock == "distrusted" else []
        marks += [f"severity {event.severity}"] if event.severity else []
        payload = json.dumps(event.payload, ensure_ascii=False) + (f"  ({', '.join(marks)})" if marks else "")
        self._row((f"{event.time:%Y-%m-%dT%H:%M:%SZ}", event.stream, event.kind, event.source, payload))

    def _row(self, cells: tuple[str, ...]) -> None:
        self._widths = [max(width, _width(cell)) for width, cell in zip(self._widths, cells, strict=False)]
        padded = [
            cell + " " * (width - _width(cell)) for width, cell in zip(self._widths, cells, strict=False)
        ]
        print("  ".join([*padded, cells[-1]]), flush=True)

    def tell_reasons(self, reasons: Iterable[Reason]) -> None:
        """Print why other messages became no event, the most frequent reason first."""
        for each in sorted(reasons, key=lambda reason: -reason.count):
            if self._json:
                print(json.dumps(asdict(each), ensure_ascii=False))
            else:
                detail = f" ({each.detail})" if each.detail else ""
                print(f"not mapped: {each.count} x {each.reason}{detail}")
                print(f"  e.g. {each.topic}  {_one_line(each.payload)}")


def _listen(link: Link, reader: Reader, trial: _Trial, page: _Page, seconds: float) -> str:
    """Print what comes until ten were shown, the time is over or Ctrl-C; return how long that was."""
    heard: Queue[tuple[str, bytes, bool]] = Queue(HELD)

    def hear(topic: str, payload: bytes, retained: bool) -> None:
        with suppress(Full):  # a look at what comes needs not all of it, and the worker gets its own
            heard.put_nowait((topic, payload, retained))

    began = time.monotonic()
    with suppress(KeyboardInterrupt), Onlooker(link, reader.filters, hear) as onlooker:
        print(f"listening at {link} for {seconds:g} s, Ctrl-C ends", file=sys.stderr, flush=True)
        while page.shown < FIRST and (left := began + seconds - time.monotonic()) > 0:
            try:
                message = heard.get(timeout=min(left, 0.2))
            except Empty:
                if onlooker.lost.is_set():
                    raise CouldNot(f"{link} has ended the connection") from None
                continue
            for each in trial.take(*message):
                if page.shown < FIRST:
                    page.show(each.event, each.clock)
    return f"{time.monotonic() - began:.0f} s"


def _nothing(waited: str, reader: Reader) -> str:
    topics = "\n".join(f"    {name}" for name in reader.filters)
    return (
        f"nothing came within {waited}, and the broker keeps no retained message either, on\n{topics}\n"
        "  mend: does the device send to this broker, and on these topics?"
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _width(text: str) -> int:
    """Columns on a terminal, where Hangul takes two."""
    return sum(2 if east_asian_width(sign) in "WF" else 1 for sign in text)
