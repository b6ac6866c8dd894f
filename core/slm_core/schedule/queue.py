"""The line before the model: the more severe first, then the earlier deadline; equal questions once.

A model answers in a third of a second to some seconds, and messages cost none, so a burst makes a line here.
What cannot be answered before its deadline is not asked at all: the rules have answered it already, and the
time goes to those that can still be met.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import median

from pydantic import BaseModel

from slm_core.event import Event

BOUND = 1000
REMEMBERED = 20
MOST_ASKERS = 20  # each gets an event of its own; a text that is forwarded a thousand times is known by then
FIRST_GUESS_S = 1.0


@dataclass(frozen=True)
class Inquiry:
    """One question to the model.

    Args:
        key: equal questions have equal keys; the model is asked once and all askers get the answer.
        task: of the domain.
        request: what is asked.
        severity: 0 (routine) to 3 (life and limb).
        deadline: on the clock of the queue, in seconds; later than that nobody waits for the answer.
        stream: where the answers go.
        askers: the events that asked.
    """

    key: str
    task: str
    request: BaseModel
    severity: int
    deadline: float
    stream: str
    askers: tuple[Event, ...]


@dataclass(frozen=True)
class Backlog:
    """What the line looks like, in questions since the start; `waiting` and `answering` are now."""

    waiting: int
    answering: int
    critical: int
    answered: int
    merged: int
    late: int
    shed: int
    seconds_each: float


class Queue:
    """A bounded line of inquiries, for one thread that takes and any that put.

    Args:
        bound: the most that wait; when full, the least severe with the latest deadline goes.
        clock: seconds that only grow.
    """

    def __init__(self, bound: int = BOUND, clock: Callable[[], float] = time.monotonic) -> None:
        self._bound, self._clock = bound, clock
        self._waiting: dict[str, Inquiry] = {}
        self._changed = threading.Condition()
        self._took: deque[float] = deque(maxlen=REMEMBERED)
        self._answering = self._answered = self._merged = self._late = self._shed = 0
        self._closed = False

    def now(self) -> float:
        """Return the time of the queue's clock."""
        return self._clock()

    def put(self, inquiry: Inquiry) -> None:
        """Put a question into the line, or its asker to an equal one that waits there already."""
        with self._changed:
            before = self._waiting.get(inquiry.key)
            if before is not None:
                self._merged += 1
                askers = (*before.askers, *inquiry.askers)
                inquiry = replace(
                    before,
                    severity=max(before.severity, inquiry.severity),
                    deadline=max(before.deadline, inquiry.deadline),
                    askers=tuple({each.id: each for each in askers}.values())[:MOST_ASKERS],
                )
            self._waiting[inquiry.key] = inquiry
            if len(self._waiting) > self._bound:
                del self._waiting[max(self._waiting.values(), key=_rank).key]
                self._shed += 1
            self._changed.notify()

    def take(self, wait_s: float) -> Inquiry | None:
        """Return the next question that can still be answered in time; None after `wait_s` or when closed."""
        with self._changed:
            if not self._waiting and not self._closed:
                self._changed.wait(wait_s)
            if self._closed:
                return None
            self._drop_late()
            if not self._waiting:
                return None
            self._answering += 1
            return self._waiting.pop(min(self._waiting.values(), key=_rank).key)

    def done(self, seconds: float | None) -> None:
        """Count what was taken as answered in so many seconds, or, with None, as not answered."""
        with self._changed:
            self._answering -= 1
            if seconds is not None:
                self._answered += 1
                self._took.append(seconds)

    def backlog(self) -> Backlog:
        """Return the state of the line."""
        with self._changed:
            return Backlog(
                waiting=len(self._waiting),
                answering=self._answering,
                critical=sum(each.severity >= 3 for each in self._waiting.values()),
                answered=self._answered,
                merged=self._merged,
                late=self._late,
                shed=self._shed,
                seconds_each=self._each(),
            )

    def close(self) -> None:
        """Let `take` return None from now on."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _each(self) -> float:
        return median(self._took) if self._took else FIRST_GUESS_S

    def _drop_late(self) -> None:
        must_start = self._clock() + self._each()
        for late in [each for each in self._waiting.values() if each.deadline < must_start]:
            del self._waiting[late.key]
            self._late += 1


def _rank(inquiry: Inquiry) -> tuple[int, float]:
    """Least first."""
    return -inquiry.severity, inquiry.deadline
