"""What the page shows, read from the memory at most once a change and shared by everybody who looks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from slm_core.errors import SlmError
from slm_core.event import Memory
from slm_core.ui.live import Live
from slm_energy.command.devices import Home
from slm_energy.command.order import Order
from slm_energy.command.resolve import State
from slm_energy.ems.account import Day, accounts
from slm_energy.ems.book import Book
from slm_energy.ems.pricing import peaks_of
from slm_energy.page.words import Words
from slm_energy.plan.schedule import Schedule
from slm_energy.series import Series
from slm_energy.site import Site

DAY = timedelta(days=1)
MEASURED = ("load", "pv", "buy", "battery", "charge")


@dataclass(frozen=True)
class Snapshot:
    """The site as it stands.

    Args:
        now: of the site's clock; in a recording the time that it has reached.
        site: None while nobody described one.
        plan: in force. asked: the one that could not be made, where another is followed instead.
        said: of the planning: `ko`, `en`, `status`, `at`. notes: where its numbers come from.
        findings, anomalies, guard, requests: as the site keeps them, newest last.
        orders: oldest first. home, states: what can be ordered and how it stands.
        accounts: of the days that are over. peaks: highest billed kW by month.
        day: what was measured or run in the last 24 hours, by quantity.
    """

    now: datetime
    site: Site | None = None
    plan: Schedule | None = None
    asked: Schedule | None = None
    said: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[Mapping[str, str], ...] = ()
    findings: tuple[Mapping[str, Any], ...] = ()
    anomalies: tuple[Mapping[str, Any], ...] = ()
    guard: Mapping[str, Any] | None = None
    requests: tuple[Mapping[str, Any], ...] = ()
    orders: tuple[Order, ...] = ()
    home: Home | None = None
    states: Mapping[str, State] = field(default_factory=dict)
    accounts: tuple[Day, ...] = ()
    peaks: Mapping[date, float] = field(default_factory=dict)
    day: Mapping[str, Series] = field(default_factory=dict)

    @property
    def question(self) -> Schedule | None:
        """The plan that questions are about: the one that could not be made before the one in force."""
        return self.asked or self.plan


class Room:
    """The newest snapshot."""

    def __init__(self, live: Live) -> None:
        """`live` is the domain at work."""
        self.live = live
        self._lock = threading.Lock()
        self._version: tuple[int, ...] | None = None
        self._snapshot = Snapshot(datetime.now(UTC))
        self._parsed: dict[str, tuple[str, Schedule | None]] = {}

    def now(self) -> Snapshot:
        """Return the site as it stands."""
        with self._lock:
            version = self.live.version()
            if version != self._version:
                self._snapshot = self._made(self.live.read(self._look))
                self._version = version
            return self._snapshot

    def shown(self, render: Callable[[Snapshot, Words], str], words: Words) -> Callable[[], str]:
        """Return a rendering of the newest snapshot that is made once a change, whoever looks."""
        last: list[tuple[Snapshot | None, str]] = [(None, "")]

        def rendered() -> str:
            snapshot = self.now()
            if last[0][0] is not snapshot:
                last[0] = (snapshot, render(snapshot, words))
            return last[0][1]

        return rendered

    def moment(self, book: Book) -> datetime:
        """Return the time of the site's clock: a recording has its own."""
        told = book.get("told_at") if self.live.recorded else None
        return datetime.fromisoformat(told) if told else datetime.now(UTC)

    def _look(self, memory: Memory) -> dict[str, Any]:
        book = Book(memory)
        now = self.moment(book)
        here = book.floor(now)
        return {
            "now": now.astimezone(book.zone),
            "site": book.site,
            "plan": book.get("plan/current"),
            "asked": book.get("plan/asked"),
            "said": book.get("plan/said") or {},
            "notes": tuple(book.get("plan/notes") or ()),
            "findings": tuple(book.get("findings") or ()),
            "anomalies": tuple(kept for _, kept in book.kept("anomaly/")),
            "guard": book.get("guard"),
            "requests": tuple(kept for _, kept in book.kept("grid_event/")),
            "orders": [kept for _, kept in book.kept("order/")],
            "home": book.get("home"),
            "states": {key.removeprefix("device/"): kept for key, kept in book.kept("device/")},
            "accounts": tuple(accounts(book)),
            "peaks": peaks_of(book),
            "day": {name: book.history(name, here - DAY, here) for name in MEASURED if book.meters(name)},
        }

    def _made(self, found: dict[str, Any]) -> Snapshot:
        orders = [Order.model_validate(kept) for kept in found["orders"]]
        parsed = {
            "plan": self._schedule("plan", found["plan"]),
            "asked": self._schedule("asked", found["asked"]),
            "home": Home.model_validate(found["home"]) if found["home"] else None,
            "orders": tuple(sorted(orders, key=lambda each: each.expires)),
        }
        return Snapshot(**{**found, **parsed})

    def _schedule(self, name: str, kept: str | None) -> Schedule | None:
        """Parse a plan once; one that an older version wrote otherwise counts as none."""
        from slm_energy.plan.store import from_json

        if not kept:
            return None
        if self._parsed.get(name, ("", None))[0] != kept:
            try:
                self._parsed[name] = (kept, from_json(kept.encode()))
            except SlmError:
                self._parsed[name] = (kept, None)
        return self._parsed[name][1]
