"""Asking a system every question of a task, and what it answered.

A system is whatever can answer: the expert, the bare base with examples, a linear model, the rules. All of
them get the same cases and are counted by the same metrics.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import BaseModel

from slm_core.dataset.row import Row
from slm_core.domain import Task
from slm_core.errors import CouldNot
from slm_finetune.metrics import Counts, Items, count, score

TICK_S = 0.5
SLOW_TICK_S = 15.0


@dataclass(frozen=True)
class Case:
    """A dataset row, read as a question of its task with the items that would be right."""

    row: Row
    request: BaseModel
    gold: Items


@dataclass(frozen=True)
class Answer:
    """What a system said to one case: its items, or None where they could not be read, and what that cost.

    `served` are the items after the task's rules were joined in, as `slm ask` gives them.
    """

    items: Items | None
    tokens: int = 0
    ms: float = 0.0
    served: Items | None = None


class System(Protocol):
    """Something that answers cases. `note` says in a few words how it was set up."""

    name: str
    note: str
    base_sha256: str | None
    adapter_sha256: str | None

    def answer(self, case: Case) -> Answer:
        """Answer one case."""
        ...


class NotApplicable(CouldNot):
    """This system cannot do this task; the message says why."""


@dataclass(frozen=True)
class Measured:
    """The answers of one system; where it was interrupted there are fewer answers than cases."""

    task: Task
    system: System
    cases: Sequence[Case]
    answers: Sequence[Answer]

    @property
    def partial(self) -> bool:
        """Whether cases are left unanswered."""
        return len(self.answers) < len(self.cases)

    @property
    def gold(self) -> list[Items]:
        """The right items of the answered cases."""
        return [case.gold for case in self.cases[: len(self.answers)]]

    @property
    def predicted(self) -> list[Items | None]:
        """The items answered, in the order of `gold`."""
        return [answer.items for answer in self.answers]

    @property
    def counts(self) -> Counts:
        """Right and wrong items by row."""
        return count(self.gold, self.predicted)

    def only(self, lang: str) -> Measured:
        """Return the part in one language."""
        pairs = [(c, a) for c, a in zip(self.cases, self.answers, strict=False) if c.row.lang == lang]
        return Measured(self.task, self.system, [c for c, _ in pairs], [a for _, a in pairs])


def timed(answer: Callable[[], Items | None]) -> Answer:
    """Answer without a model, and measure how long that took."""
    start = time.perf_counter()
    items = answer()
    return Answer(items, ms=1000 * (time.perf_counter() - start))


class Interrupted(KeyboardInterrupt):
    """Ctrl-C came while a system was measured; carries its answers until then."""

    def __init__(self, measured: Measured) -> None:
        super().__init__("interrupted")
        self.measured = measured


def measure(task: Task, system: System, cases: Sequence[Case]) -> Measured:
    """Let a system answer all cases, with progress on stderr.

    Raises:
        Interrupted: Ctrl-C; it carries the answers so far.
    """
    answers: list[Answer] = []
    progress = Progress(f"{task.name} {system.name}", len(cases))
    try:
        for case in cases:
            answers.append(system.answer(case))
            progress.show(len(answers), lambda: score(_counts(cases, answers), task.metric))
    except KeyboardInterrupt as error:
        raise Interrupted(Measured(task, system, cases, answers)) from error
    finally:
        progress.end()
    return Measured(task, system, cases, answers)


def _counts(cases: Sequence[Case], answers: Sequence[Answer]) -> Counts:
    return count([case.gold for case in cases[: len(answers)]], [answer.items for answer in answers])


class Progress:
    """Rows done, running value, time left: one line on a terminal, else a line every 15 seconds."""

    def __init__(self, title: str, total: int) -> None:
        self._title, self._total, self._start = title, total, time.monotonic()
        self._terminal = sys.stderr.isatty()
        self._every = TICK_S if self._terminal else SLOW_TICK_S
        self._next = self._start + self._every

    def show(self, done: int, value: Callable[[], float]) -> None:
        """Show progress if it is time to; `value` is computed only then."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + self._every
        left = (now - self._start) / done * (self._total - done)
        line = f"{self._title} {done}/{self._total}  {value():.3f}  {left:.0f} s left"
        print(
            f"\r{line}\x1b[K" if self._terminal else line,
            end="" if self._terminal else "\n",
            file=sys.stderr,
            flush=True,
        )

    def end(self) -> None:
        """Clear the line."""
        if self._terminal:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def languages(rows: Iterable[Row]) -> list[str]:
    """Return the languages that occur, Korean and English first."""
    return sorted({row.lang for row in rows}, key=lambda lang: (lang not in ("ko", "en"), lang != "ko", lang))


def is_closed(task: Task) -> bool:
    """Whether every value of a reply comes from a fixed list, so that a classifier can do the task."""
    return _closed(task.wire_schema()) or _closed(task.reply.model_json_schema())


def require_closed(task: Task) -> None:
    """Refuse a task that a classifier cannot do.

    Raises:
        NotApplicable: its replies hold open values: quotes, counts, free text.
    """
    if not is_closed(task):
        raise NotApplicable("not applicable: open values")


def _closed(schema: Any) -> bool:
    if isinstance(schema, dict):
        if schema.get("type") in ("string", "integer", "number") and not {"enum", "const"} & schema.keys():
            return False
        return all(_closed(part) for part in schema.values())
    return all(_closed(part) for part in schema) if isinstance(schema, list) else True
