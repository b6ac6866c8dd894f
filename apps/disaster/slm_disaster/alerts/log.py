"""Append-only log of approvals: JSON lines, each with the SHA-256 of the line before it.

    {"n": 2, "previous": "<sha256 of line 1>", "kind": "approved", "content": {...}}

A line counts once it is on the disk (fsync). A line that a crash left half written is moved to a file beside
the log, and a line of kind `recovered` says so. `<log>.head` holds number and SHA-256 of the last line, so
that a changed, moved or removed line is noticed wherever it stands. That guards against accidents and edits,
not against somebody who writes both files anew: keep copies of the head elsewhere for that.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from slm_core.errors import CouldNot
from slm_core.files import write_atomically

FIRST = "0" * 64


class LogBroken(CouldNot):
    """The chain of the log does not hold from the line named on."""

    def __init__(self, path: Path, line: int, why: str) -> None:
        self.line = line
        super().__init__(
            f"{path}:{line}: {why}\n  mend: keep this file as evidence, restore a copy or begin a new log"
        )


class Line(BaseModel):
    """One line of the log."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    n: int
    previous: str
    kind: str
    content: dict[str, Any]


class OpenLog:
    """A log while this process alone may write to it."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self.path, self._file = path, file
        data, torn = _split(file.read())
        self.lines, self.head = _checked(path, data)
        _check_head(path, data)
        if torn:
            self._set_aside(len(data), torn)

    def append(self, kind: str, content: dict[str, Any]) -> Line:
        """Write a line and return it once it is on the disk."""
        line = Line(n=len(self.lines) + 1, previous=self.head, kind=kind, content=content)
        text = json.dumps(line.model_dump(), ensure_ascii=False, separators=(",", ":"))
        self._file.seek(0, os.SEEK_END)
        self._file.write(text.encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self.lines.append(line)
        self.head = _sha256(text.encode())
        write_atomically(_head(self.path), f"{line.n} {self.head}\n".encode())
        return line

    def _set_aside(self, size: int, torn: bytes) -> None:
        name = f"{self.path.name}.torn-{_sha256(torn)[:12]}"
        write_atomically(self.path.with_name(name), torn)
        self._file.truncate(size)
        self.append("recovered", {"bytes": len(torn), "sha256": _sha256(torn), "file": name})


@contextmanager
def open_log(path: Path) -> Iterator[OpenLog]:
    """Open a log for reading and writing; another process waits until it is closed.

    Raises:
        LogBroken: a line was changed, moved or removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    new = not path.exists()
    with path.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if new:
            _sync_folder(path.parent)
        file.seek(0)
        yield OpenLog(path, file)


def read_log(path: Path) -> list[Line]:
    """Return the lines of a log; a missing file has none.

    Raises:
        LogBroken: a line was changed, moved or removed.
    """
    if not path.exists():
        return []
    with open_log(path) as log:
        return log.lines


def _split(data: bytes) -> tuple[bytes, bytes]:
    """Return the whole lines, and the half line behind them."""
    end = data.rfind(b"\n") + 1
    return data[:end], data[end:]


def _checked(path: Path, data: bytes) -> tuple[list[Line], str]:
    lines: list[Line] = []
    previous = FIRST
    for number, text in enumerate(data.split(b"\n")[:-1], 1):
        try:
            line = Line.model_validate_json(text)
        except ValidationError as error:
            raise LogBroken(path, number, "this line is no line of the log any more") from error
        if line.previous != previous or line.n != number:
            raise LogBroken(path, number, "this line or the one before it was changed, moved or removed")
        lines.append(line)
        previous = _sha256(text)
    return lines, previous


def _head(path: Path) -> Path:
    return path.with_name(f"{path.name}.head")


def _check_head(path: Path, data: bytes) -> None:
    """Hold the line that was the last against what was noted of it; a crash may have added one since."""
    if not _head(path).exists():
        return
    noted, _, digest = _head(path).read_text().strip().partition(" ")
    texts = data.split(b"\n")[:-1]
    number = int(noted) if noted.isdecimal() else 0
    if not 1 <= number <= len(texts):
        raise LogBroken(path, len(texts), f"{noted[:20]} lines were written, {len(texts)} are left")
    if _sha256(texts[number - 1]) != digest:
        raise LogBroken(path, number, "this line was changed")


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
