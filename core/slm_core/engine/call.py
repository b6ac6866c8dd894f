"""One running generation: it works on its own thread and hands its events over a queue.

So Ctrl-C and `cancel` act at once in the thread that waits, even while llama.cpp (or a server) is busy with a
long prompt; the generation itself ends with its next token, and only then its slot is free.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

from slm_core.engine.contract import Cancelled

Emit = Callable[[Any], bool]  # hands over one event; True asks the work to stop
_END = object()


class Call:
    """Runs `work(emit)` on a thread; `after` is called on that thread when it has ended, however it ended."""

    def __init__(self, work: Callable[[Emit], None], after: Callable[[], None]) -> None:
        self._events: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._work, self._after = work, after
        self.thread = threading.Thread(target=self._run, name="slm-call", daemon=True)
        self.thread.start()

    def events(self, cancel: threading.Event | None) -> Iterator[Any]:
        """Yield the events as they come; leaving the loop early stops the work.

        Raises:
            Cancelled: `cancel` was set.
            BaseException: whatever `work` raised.
        """
        try:
            while (event := self._next(cancel)) is not _END:
                if isinstance(event, BaseException):
                    raise event
                yield event
        finally:
            self._stopped.set()

    def _next(self, cancel: threading.Event | None) -> Any:
        while True:
            if cancel is not None and cancel.is_set():
                raise Cancelled("cancelled before the reply was finished")
            try:
                return self._events.get(timeout=0.05)
            except queue.Empty:
                continue

    def _emit(self, event: Any) -> bool:
        self._events.put(event)
        return self._stopped.is_set()

    def _run(self) -> None:
        try:
            self._work(self._emit)
            self._events.put(_END)
        except BaseException as error:  # handed to the thread that waits, which raises it
            self._events.put(error)
        finally:
            self._after()
