"""Work that takes a while: the page says so meanwhile, and the work is told when nobody waits any more."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from html import escape
from typing import TypeVar

from slm_energy.page.words import Words

T = TypeVar("T")
LOOK_S = 0.5


class Task:
    """A piece of work: it says in `doing` how far it is, and asks `given_up` whether to go on."""

    def __init__(self) -> None:
        self.doing = ""
        self.ended = threading.Event()

    def given_up(self) -> bool:
        """Whether nobody waits for the result."""
        return self.ended.is_set()


def at_work(work: Callable[[Task], T], words: Words) -> Iterator[str | Future[T]]:
    """Yield lines of HTML that say that work is going on, and at last the finished future.

    The work runs in a thread of its own, outside of any transaction of the memory.
    """
    task, done, begun = Task(), Future[T](), time.monotonic()

    def run() -> None:
        try:
            done.set_result(work(task))
        except BaseException as error:  # it belongs to whoever waits
            done.set_exception(error)

    threading.Thread(target=run, name="page-work", daemon=True).start()
    try:
        while wait([done], LOOK_S).not_done:
            yield working(words, time.monotonic() - begun, task.doing)
        yield done
    finally:
        task.ended.set()


def working(words: Words, seconds: float, doing: str = "") -> str:
    """Return the line that says that something is being computed."""
    line = words["working"].format(s=round(seconds))
    return f'<p class="slm-working" role="status">{escape(line)} {escape(doing)}</p>'
