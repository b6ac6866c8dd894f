"""Answers kept as they come, in a JSONL file with a head line, so that a run goes on where it stopped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from slm_core.errors import UserError


class Kept:
    """Records by id in a file that only grows.

    Args:
        path: made with its folder where it is not there yet.
        head: what all records depend on (suite, model, judge); a file with another head is refused.

    Raises:
        UserError: the file is none of ours, or of another run.
    """

    def __init__(self, path: Path, head: Mapping[str, Any]) -> None:
        self.path, self._head = path, {"kept": 1, **head}
        self.records: dict[str, dict[str, Any]] = {}
        self._read()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", encoding="utf-8")
        if not path.stat().st_size:
            self._write(self._head)

    def keep(self, id_: str, record: Mapping[str, Any]) -> None:
        """Write a record at once."""
        self.records[id_] = {"id": id_, **record}
        self._write(self.records[id_])

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write(self, value: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(value, ensure_ascii=False) + "\n")
        self._file.flush()

    def _read(self) -> None:
        """Read what is there; half a line at the end (a run that was killed) is cut off."""
        if not self.path.exists():
            return
        data = self.path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        lines = [self._object(line, number) for number, line in enumerate(whole.splitlines(), 1)]
        if data and (not lines or lines[0] != self._head):
            self._refuse(lines[0] if lines else {})
        self.records = {str(line["id"]): line for line in lines[1:]}
        if len(whole) < len(data):
            with self.path.open("r+b") as file:
                file.truncate(len(whole))

    def _object(self, line: bytes, number: int) -> dict[str, Any]:
        try:
            value = json.loads(line)
        except ValueError:
            value = None
        if not isinstance(value, dict) or (number > 1 and "id" not in value):
            raise UserError(
                "no kept answer", where=f"{self.path}:{number}", mend="name another file with --out"
            )
        return value

    def _refuse(self, other: Mapping[str, Any]) -> None:
        differ = [key for key in self._head if other.get(key) != self._head[key]]
        said = ", ".join(f"{key} {other.get(key)!r}, not {self._head[key]!r}" for key in differ)
        raise UserError(
            f"the file holds answers of another run: {said}",
            where=self.path,
            mend="name another file with --out",
        )
