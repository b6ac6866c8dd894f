"""Lines of a user's file, each with its `file:line`: what is no UTF-8 or no JSON object is told there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from slm_core.errors import UserError


def read_jsonl(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield `file:line` and the object of each line; empty lines are left out.

    Raises:
        UserError: no such file, it is empty, or a line is no UTF-8 or no JSON object.
    """
    for where, line in read_lines(path):
        yield where, json_object(line, where)


def read_lines(path: Path) -> Iterator[tuple[str, str]]:
    """Yield `file:line` and each line that is not empty; only a newline ends a line (U+2028 may stand in it).

    Raises:
        UserError: no such file, it is empty, or a line is no UTF-8.
    """
    found = False
    need_file(path)
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            where = f"{path}:{number}"
            try:
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8").strip()
            except UnicodeDecodeError as error:
                raise UserError(f"no UTF-8: {error.reason} at byte {error.start}", where=where) from error
            if line:
                found = True
                yield where, line
    if not found:
        raise UserError("the file is empty", where=path, expected="one JSON object a line")


def json_object(line: str, where: str) -> dict[str, Any]:
    """Return the object of a line.

    Raises:
        UserError: it is no JSON object.
    """
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UserError(f"no JSON: {error}", where=where) from error
    if not isinstance(value, dict):
        raise UserError("no JSON object", where=where, expected="one object a line")
    return value


def need_file(path: Path) -> None:
    """Make sure that a file is there.

    Raises:
        UserError: it is not; what lies beside it is named.
    """
    if path.is_file():
        return
    folder = path.parent
    there = sorted(p.name for p in folder.iterdir())[:8] if folder.is_dir() else []
    expected = f"in that folder are {', '.join(there)}" if there else None
    raise UserError("no such file", where=path, expected=expected)
