"""What was approved goes out: the log is held against the memory every two seconds, page or not."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from slm_core.bus.worker import to_stderr
from slm_core.ui.live import Live
from slm_disaster.alerts.chain import AlertChain, Approved, approvals
from slm_disaster.alerts.log import LogBroken, read_log
from slm_disaster.alerts.sending import APPROVED, Passage, approval, known_sent, passage

LOG = "alerts.jsonl"
# What was handed over may have been shed from a full queue, or refused; then the pause doubles each time, for
# each refusal is a dead letter.
AGAIN_S = 30.0


@dataclass(frozen=True)
class Sheet:
    """The log as read, and how far each of its alerts has come."""

    alerts: tuple[Approved, ...] = ()
    passages: Mapping[str, Passage] = field(default_factory=dict)


class Outgoing:
    """One for each domain at work."""

    def __init__(self, live: Live, tell: Callable[[str], None] = to_stderr) -> None:
        """`live` is the domain at work, its folder holds the log; `tell` takes a line for stderr."""
        self._live, self._tell, self._told = live, tell, ""
        self.chain = AlertChain(live.folder / LOG)
        self._handed: dict[str, tuple[float, float]] = {}  # when it is due again, and the pause after that
        self._alerts_read: tuple[tuple[int, int], tuple[Approved, ...]] = ((0, 0), ())

    @property
    def topic(self) -> str:
        """Where approved alerts are published."""
        return self._live.runtime.topic(APPROVED)

    def __call__(self) -> None:
        """Hand every approval that the memory does not know to `handle`, in the order of the log."""
        try:
            sheet = self.sheet()
        except LogBroken as error:
            self._say_once(f"no approved alert is sent: {error}")
            return
        now, day = time.monotonic(), datetime.now(UTC)
        for each in sheet.alerts:
            waits = sheet.passages[each.identifier] is Passage.WAITING
            due, pause = self._handed.get(each.identifier, (now, AGAIN_S))
            if waits and now >= due:
                self._handed[each.identifier] = (now + pause, 2 * pause)
                if datetime.fromisoformat(each.draft.choices.expires) <= day:
                    self._say_once(f"alert {each.identifier} expired before it could go out: it is not sent")
                self._live.runtime.tell_inside(approval(each, day))

    def _say_once(self, line: str) -> None:
        if line != self._told:
            self._tell(line)
        self._told = line

    def sheet(self) -> Sheet:
        """Return the log and how far its alerts have come.

        Raises:
            LogBroken: a line was changed, moved or removed.
        """
        alerts = self._alerts()
        if not alerts:
            return Sheet()
        known, outstanding = self._live.read(known_sent), self._live.store.outstanding(self.topic)
        passages = {each.identifier: passage(each.identifier, known, outstanding) for each in alerts}
        return Sheet(alerts, passages)

    def _alerts(self) -> tuple[Approved, ...]:
        """The log, read again only where the file is another one than before."""
        try:
            found = self.chain.path.stat()
        except FileNotFoundError:
            return ()
        mark = (found.st_size, found.st_mtime_ns)
        if mark != self._alerts_read[0]:
            self._alerts_read = (mark, tuple(approvals(read_log(self.chain.path)).values()))
        return self._alerts_read[1]


def outgoing_of(live: Live) -> Outgoing:
    """Return the one among the chores of a domain at work; it is made one where it is missing."""
    for chore in live.chores:
        if isinstance(chore, Outgoing):
            return chore
    made = Outgoing(live)
    live.chores.append(made)
    return made
