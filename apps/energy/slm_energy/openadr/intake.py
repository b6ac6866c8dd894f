"""An event on its way in: known already, decided, told, kept; and what both clients say about themselves."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock
from typing import Any

from slm_core.errors import UserError
from slm_energy.openadr.deciding import Decision
from slm_energy.openadr.ledger import Ledger
from slm_energy.openadr.signal import BadEvent, GridEvent

Decide = Callable[[GridEvent, Sequence[GridEvent]], Decision]
Tell = Callable[[GridEvent, Decision], None]
LOOPBACK = ("localhost", "127.0.0.1", "::1")
_REMEMBERED = 50


@dataclass(frozen=True)
class Fault:
    """Something that could not be used: an event, an answer of the server, or our own sink."""

    time: datetime
    reason: str
    what: str
    id: str = ""


@dataclass(frozen=True)
class State:
    """How a client stands.

    Args:
        connected: whether the last request was answered.
        since: when that began.
        failures: requests in a row that were not; they are made at growing distances.
        counters: `accepted`, `declined`, `repeated`, `bad/<reason>`, `untold`, ...
        faults: the newest ones.
    """

    connected: bool
    since: datetime | None
    failures: int
    counters: Mapping[str, int]
    faults: tuple[Fault, ...]


@dataclass
class Intake:
    """Takes events in.

    Args:
        decide: event and standing events to a decision.
        tell: is given the event with its decision, once for each modification. Between telling and
            keeping a crash tells it again, with the same `key`. An error of it is counted and the event
            comes again.
        ledger: remembers.
        now: the clock.
    """

    decide: Decide
    tell: Tell
    ledger: Ledger
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _lock: Lock = field(default_factory=Lock)
    _taking: Lock = field(default_factory=Lock)
    _counters: Counter[str] = field(default_factory=Counter)
    _faults: deque[Fault] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    _bad: dict[tuple[str, str], None] = field(default_factory=dict)
    _since: datetime | None = None
    _failures: int = 0

    def take(self, event: GridEvent) -> Decision:
        """Return the decision about an event; the same one where it is known.

        Raises:
            BadEvent: a newer modification was told already.
            Exception: what `tell` raises; then nothing was kept.
        """
        with self._taking:  # a lock of its own, for `tell` may ask for the state
            last = self.ledger.last(event.source, event.id)
            known = self.ledger.decision(event.key)
            # What was cancelled and is back unchanged is news, and so is cancelling it once more.
            if known and last and (last.key == event.key or last.modification > event.modification):
                self.count("repeated")
                return known
            if last and last.modification > event.modification:
                what = f"modification {event.modification} comes after {last.modification}"
                raise BadEvent("out_of_sequence", what, event.id)
            decision = self.decide(event, self.ledger.standing(self.now()))
            self.tell(event, decision)
            self.ledger.note(event, decision, self.now())
            self.count("accepted" if decision.accept else "declined")
            if event.unread:
                self.count("unread_signals", len(event.unread))
            return decision

    def count(self, name: str, number: int = 1) -> None:
        """Count something that happened."""
        with self._lock:
            self._counters[name] += number

    def fault(self, reason: str, what: str, id: str = "") -> None:
        """Count and remember what could not be used."""
        with self._lock:
            self._counters[reason] += 1
            self._faults.append(Fault(self.now(), reason, what[:500], id[:200]))

    def bad(self, error: BadEvent) -> None:
        """Count and remember an event that cannot be read, once however often it is sent."""
        said = (error.id, str(error))
        with self._lock:
            known = said in self._bad
            self._bad[said] = None
            while len(self._bad) > _REMEMBERED:
                self._bad.pop(next(iter(self._bad)))
        if not known:
            self.fault(f"bad/{error.reason}", str(error), error.id)

    def reached(self) -> None:
        """Note that the server answered."""
        with self._lock:
            self._since, self._failures = self._since or self.now(), 0

    def lost(self, what: str) -> None:
        """Note that it did not."""
        with self._lock:
            self._since, self._failures = None, self._failures + 1
        self.fault("lost", what)

    def state(self) -> State:
        """Return how things stand."""
        with self._lock:
            faults = tuple(self._faults)
            return State(self._since is not None, self._since, self._failures, dict(self._counters), faults)


def pause(failures: int, first: float, most: float) -> float:
    """Return the seconds to wait after so many failures in a row."""
    return min(most, first * 2.0 ** min(failures - 1, 30))


def check_url(url: str, offline: bool, where: str) -> str:
    """Return the address without a slash at its end.

    Raises:
        UserError: it is none, or lies beyond this machine while SLM_OFFLINE is set.
    """
    from urllib.parse import urlsplit

    parts: Any = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UserError(f"{url!r} is no address", where=where, expected="http:// or https:// and a host")
    if offline and parts.hostname not in LOOPBACK:
        raise UserError(
            "offline means that no server beyond this machine is asked", where=where, mend="unset SLM_OFFLINE"
        )
    return url.rstrip("/")
