"""The one who sits before the model: takes the next question, hands the answer to all who asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from slm_core.errors import SlmError
from slm_core.expert import Answer, Expert
from slm_core.schedule.queue import Backlog, Inquiry, Queue

IDLE_S = 0.5
Deliver = Callable[[Inquiry, Answer], None]


class Desk:
    """Answers the questions of a queue one by one, in a thread of its own.

    An answer of the rules alone is not delivered: who asked has that one already.

    Args:
        expert: with an engine. Without one there is nothing to ask, and `wanted` says so.
        deliver: takes an inquiry and its answer, in the desk's thread.
        tell: takes a line for the log.
    """

    def __init__(self, expert: Expert, deliver: Deliver, tell: Callable[[str], None]) -> None:
        self.queue = Queue()
        self._expert, self._deliver, self._tell = expert, deliver, tell
        self._cancel = threading.Event()
        self._thread = threading.Thread(target=self._work, name="desk", daemon=True)

    @property
    def wanted(self) -> bool:
        """Whether there is a model to ask."""
        return self._expert.engine is not None

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is being answered."""
        backlog = self.queue.backlog()
        return backlog.waiting == backlog.answering == 0

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def ask(self, inquiry: Inquiry) -> None:
        """Put a question into the line; without a model it is dropped."""
        if self.wanted:
            self.queue.put(inquiry)

    def backlog(self) -> Backlog:
        """Return the state of the line."""
        return self.queue.backlog()

    def stop(self) -> None:
        """Cancel what is being answered and end the thread."""
        self._cancel.set()
        self.queue.close()
        if self._thread.is_alive():
            self._thread.join()

    def _work(self) -> None:
        while not self._cancel.is_set():
            inquiry = self.queue.take(IDLE_S)
            if inquiry is not None:
                self._answer(inquiry)

    def _answer(self, inquiry: Inquiry) -> None:
        began, seconds = time.monotonic(), None
        try:
            answer = self._expert.answer(inquiry.task, inquiry.request, self._cancel)
            seconds = time.monotonic() - began
            if answer.by != "rules":
                self._deliver(inquiry, answer)
        except Exception as error:  # a domain's code or a server may fail in any way; the next is asked
            if not self._cancel.is_set():
                why = str(error) if isinstance(error, SlmError) else f"{type(error).__name__}: {error}"
                self._tell(f"{inquiry.task}: the rules stand, the model could not answer: {why}")
        finally:
            self.queue.done(seconds)
