"""One `[[sources]]` table of slm.toml: which messages of the user's own devices become which events.

What a table means (paths, topics, streams) is read by `slm_core.bus.sources` when a domain is run; here its
keys and their types are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, PrivateAttr, ValidationError

from slm_core.errors import UserError, did_you_mean

_HEADER = re.compile(r"""\s*\[\[\s*["']?sources["']?\s*\]\]""")
_ANY_HEADER = re.compile(r"\s*\[(?!\[?\s*sources\b)")
Constant = str | int | float | bool


class SourceTable(BaseModel):
    """The keys of a table. A text that begins with `$` or `@` is a JSONPath, any other is meant as it stands.

    Args:
        topic: MQTT filter, anywhere but below `slm/<site>/`.
        domain: whose events these are.
        stream: of the domain, e.g. `sensor/level/{1}`.
        kind: of the event.
        value: what was measured or said.
        values: what a text or a truth value counts as, e.g. `{ ON = 1, OFF = 0 }`.
        unit: of the value.
        place: where it was measured.
        payload: further fields of the event's payload.
        time: when it was measured.
        zone: of times that name none.
        id: what makes a repeat known.
        source: who says it; left out, the stream.
        severity: 0 to 3.
        each: path to the readings of a message that has several; `@` is one of them then.
        when: path that must find something other than false; else the message is not meant, and passed over.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    topic: str
    domain: str
    stream: str
    kind: str = "reading"
    value: Constant | None = None
    values: dict[str, Constant] = {}
    unit: str | None = None
    place: str | None = None
    payload: dict[str, Constant] = {}
    time: str | None = None
    zone: str | None = None
    id: str | None = None
    source: str | None = None
    severity: int | str = 0
    each: str | None = None
    when: str | None = None
    _lines: dict[str, str] = PrivateAttr(default_factory=dict)

    def where(self, key: str = "") -> str:
        """Return `file:line` of a key, else that of the table."""
        return self._lines.get(key) or self._lines.get("", "[[sources]]")


def read_tables(raw: Any, path: Path, text: str) -> tuple[SourceTable, ...]:
    """Check the tables of a file.

    Args:
        raw: what the file holds under `sources`.
        path: of the file, for errors.
        text: its content, from which the lines are taken.

    Raises:
        UserError: an unknown or missing key, or a value of the wrong type, with its line.
    """
    if not isinstance(raw, list) or not all(isinstance(table, dict) for table in raw):
        raise UserError(
            "sources is no list of tables", where=path, expected="[[sources]], once for each source"
        )
    blocks = _blocks(text)
    return tuple(
        _read_table(table, _lines(path, blocks[number] if number < len(blocks) else []))
        for number, table in enumerate(raw)
    )


def _read_table(raw: dict[str, Any], lines: dict[str, str]) -> SourceTable:
    try:
        # Strict JSON mode, as for the other settings: "4" and true are no numbers.
        table = SourceTable.model_validate_json(json.dumps(raw, default=str), strict=True)
    except ValidationError as error:
        raise _user_error(error, raw, lines) from error
    table._lines.update(lines)
    return table


def _user_error(error: ValidationError, raw: dict[str, Any], lines: dict[str, str]) -> UserError:
    known = SourceTable.model_fields
    first = min(
        error.errors(), key=lambda each: each["type"] != "extra_forbidden"
    )  # a typo explains the rest
    key = str(first["loc"][0])
    where = lines.get(key) or lines.get("")
    if first["type"] == "extra_forbidden":
        what, expected = f"unknown key {key!r} in [[sources]]", ", ".join(known)
        return UserError(what, where=where, expected=expected, mend=did_you_mean(key, known))
    if first["type"] == "missing":
        return UserError(f"[[sources]] without {key}", where=where, expected="topic, domain and stream")
    types = {"values": "a table of texts and what they count as", "payload": "a table of fields",
             "severity": "0 to 3, or a path", "value": "a path, a text or a number"}  # fmt: skip
    return UserError(f"{key} = {raw[key]!r}", where=where, expected=types.get(key, "a text"))


def _blocks(text: str) -> Sequence[list[tuple[int, str]]]:
    """The numbered lines of each table: from its header to the next one that is no table of it."""
    blocks: list[list[tuple[int, str]]] = []
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        if _HEADER.match(line):
            blocks.append([])
            inside = True
        elif _ANY_HEADER.match(line):
            inside = False
        if inside:
            blocks[-1].append((number, line))
    return blocks


def _lines(path: Path, block: Sequence[tuple[int, str]]) -> dict[str, str]:
    """`file:line` of each key in a table, and under "" of its header."""
    lines = {"": f"{path}:{block[0][0]}" if block else str(path)}
    for number, line in block:
        found = re.match(r"""\s*(?:\[\s*sources\s*\.\s*)?["']?([\w-]+)["']?\s*[=.\]]""", line)
        if found:
            lines.setdefault(found[1], f"{path}:{number}")
    return lines
