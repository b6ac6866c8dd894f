"""A TOML file of named tables, one object a table: errors name the line and the nearest known key."""

from __future__ import annotations

import json
import re
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from slm_core.errors import UserError, did_you_mean

Table = TypeVar("Table", bound=BaseModel)


def shipped(name: str) -> str:
    """Return the text of a table that comes with this package."""
    return (files("slm_core.plan") / name).read_text(encoding="utf-8")


def read_file(path: Path, kind: type[Table]) -> dict[str, Table]:
    """Read a user's file; see `read_text`."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UserError("no such file", where=path, expected="a TOML file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"it cannot be read: {error}", where=path, expected="a TOML file in UTF-8") from error
    return read_text(text, str(path), kind)


def read_text(text: str, where: str, kind: type[Table]) -> dict[str, Table]:
    """Return one object for each table, which has its name as the field `name`.

    Raises:
        UserError: no TOML; an unknown, missing or wrong key, with its line.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        place = f"{where}:{line[1]}" if line else where
        raise UserError(str(error), where=place, expected="a TOML file") from error
    return {name: _object(name, entry, text, where, kind) for name, entry in raw.items()}


def _object(name: str, entry: Any, text: str, where: str, kind: type[Table]) -> Table:
    line = _line(text, name, "")
    if not isinstance(entry, dict):
        raise UserError(
            f"{name!r} stands outside a table", where=f"{where}:{line}", expected=f"[{name}] and its keys"
        )
    if "name" in entry:
        place = f"{where}:{_line(text, name, 'name')}"
        raise UserError(f"unknown key 'name' in [{name}]", where=place, mend="the header is its name")
    try:
        # Strict JSON mode: "4" and true are no numbers, yet a date stays one.
        return kind.model_validate_json(json.dumps({**entry, "name": name}, default=str), strict=True)
    except ValidationError as error:
        raise _user_error(name, entry, error, text, where, kind) from error


def _user_error(
    name: str, entry: dict[str, Any], error: ValidationError, text: str, where: str, kind: type[Table]
) -> UserError:
    # a typo explains the rest
    first = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
    key = str(first["loc"][0])
    place = f"{where}:{_line(text, name, key)}"
    known = [field for field in kind.model_fields if field != "name"]
    if first["type"] == "extra_forbidden":
        return UserError(
            f"unknown key {key!r} in [{name}]",
            where=place,
            expected=", ".join(known),
            mend=did_you_mean(key, known),
        )
    if first["type"] == "missing":
        needed = [field for field in known if kind.model_fields[field].is_required()]
        return UserError(f"[{name}] without {key}", where=place, expected=", ".join(needed))
    return UserError(f"{key} = {entry.get(key)!r}: {first['msg']}", where=place)


def _line(text: str, table: str, key: str) -> int:
    """The line of a key in a table, else that of the table's header, else of what bears its name outside."""
    header, outside, inside = 0, 0, False
    for number, line in enumerate(text.splitlines(), 1):
        if found := re.match(r"""\s*\[\s*["']?(.+?)["']?\s*\]\s*(#.*)?$""", line):
            inside = found[1] == table
            header = number if inside else header
        elif found := re.match(r"""\s*["']?([\w.-]+)["']?\s*=""", line):
            if inside and found[1] == key:
                return number
            outside = outside or (number if found[1] == table else 0)
    return header or outside or 1
