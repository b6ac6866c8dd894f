"""How far a fetch is: one line that moves on a terminal, a few plain lines in a log."""

from __future__ import annotations

import sys
import time
from typing import Protocol, TextIO

MB = 1_000_000


class Progress(Protocol):
    """What a source reports to."""

    def start(self, what: str, done: int, total: int | None) -> None:
        """Begin with `done` bytes that are already there, of `total`."""
        ...

    def update(self, done: int, step: str = "") -> None:
        """`done` bytes are here; `step` is e.g. `part 2 of 6`."""
        ...

    def say(self, line: str) -> None:
        """Tell something in a line of its own."""
        ...

    def finish(self) -> None:
        """End the line."""
        ...


class Bar:
    """Progress on stderr: a moving line on a terminal, else a line per quarter and per step."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._moves = self._stream.isatty()
        self._open = False
        self._shown: object = None
        self.start("", 0, None)

    def start(self, what: str, done: int, total: int | None) -> None:
        """Begin with `done` bytes that are already there, of `total`."""
        self._what, self._first, self._total, self._began = what, done, total, time.monotonic()
        self._shown = None

    def update(self, done: int, step: str = "") -> None:
        """Show the state, at most five times a second on a terminal."""
        if self._moves:
            now = int(time.monotonic() * 5)
            if now != self._shown:
                self._shown = now
                self._stream.write(f"\r\x1b[K{self._line(done, step)}")
                self._stream.flush()
                self._open = True
        elif (mark := (step, 4 * done // self._total if self._total else done // (100 * MB))) != self._shown:
            self._shown = mark
            print(self._line(done, step), file=self._stream, flush=True)

    def say(self, line: str) -> None:
        """Tell something in a line of its own."""
        self.finish()
        print(line, file=self._stream, flush=True)

    def finish(self) -> None:
        """End the moving line."""
        if self._open:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._open = False

    def _line(self, done: int, step: str) -> str:
        rate = (done - self._first) / max(time.monotonic() - self._began, 0.001)
        of = f" of {self._total / MB:,.0f}" if self._total else ""
        parts = [self._what, step, f"{done / MB:,.0f}{of} MB"]
        if rate > 0:
            parts.append(f"{rate / MB:.1f} MB/s")
            if self._total:
                parts.append(f"{_clock((self._total - done) / rate)} left")
        return "  ".join(part for part in parts if part)


class Quiet:
    """No progress at all."""

    def start(self, what: str, done: int, total: int | None) -> None:
        """Show nothing."""

    def update(self, done: int, step: str = "") -> None:
        """Show nothing."""

    def say(self, line: str) -> None:
        """Show nothing."""

    def finish(self) -> None:
        """Show nothing."""


def _clock(seconds: float) -> str:
    minutes, rest = divmod(max(0, round(seconds)), 60)
    return f"{minutes}:{rest:02d}"
