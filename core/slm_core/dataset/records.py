"""Records of a table file: CSV, TSV, JSONL, or JSON with a list of objects. Each comes with its place in the
file.

A record is a mapping of column to value. Nested keys appear once more with a dot (`meta.lang`), one level
deep, and the items of a list by their place (`0`, `choices.2`).
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slm_core.dataset.source import Rejected
from slm_core.errors import UserError

SUFFIXES = (".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".json")
# Excel on Korean Windows still writes CSV in cp949.
_ENCODINGS = ("utf-8-sig", "cp949")


@dataclass(frozen=True)
class Record:
    """The columns of one record, and `file:line` where it begins."""

    where: str
    columns: Mapping[str, Any]


def read_records(
    path: Path, *, header: Sequence[str] | None = None, list_key: str | None = None
) -> Iterator[Record | Rejected]:
    """Yield the records of a file, or of every table file in a folder.

    Args:
        path: the file or folder.
        header: names of the columns where the file has no header line.
        list_key: which list of a JSON object holds the records, where it has several.

    Raises:
        UserError: not a table file, not text, or a header that names a column twice.
    """
    files = sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES) if path.is_dir() else [path]
    if not files:
        raise UserError("no table file in this folder", where=path, expected=", ".join(SUFFIXES))
    for file in files:
        suffix = file.suffix.lower()
        if suffix in (".jsonl", ".ndjson"):
            yield from _lines(file)
        elif suffix == ".json":
            yield from _json(file, list_key)
        elif suffix in SUFFIXES:
            yield from _separated(file, header)
        else:
            raise UserError(f"unknown kind of file {suffix!r}", where=file, expected=", ".join(SUFFIXES))


def _text(path: Path) -> str:
    data = path.read_bytes()
    encodings = ("utf-16",) if data[:2] in (b"\xff\xfe", b"\xfe\xff") else _ENCODINGS
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UserError("this is no text", where=path, expected=f"text in {' or '.join(encodings)}")


def _separated(path: Path, header: Sequence[str] | None) -> Iterator[Record | Rejected]:
    text = _text(path)
    delimiter = _delimiter(path, text.partition("\n")[0])
    # Not splitlines(), which also breaks at U+2028 and the like inside a cell.
    lines = io.StringIO(text, newline="")
    if delimiter == "\t" and not _quotes_cells(text):
        reader = csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE)
    else:
        reader = csv.reader(lines, delimiter=delimiter)
    names: list[str] | None = list(header) if header else None
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Rejected(f"{path}:{line}", f"not readable as CSV: {error}")
            continue
        if not any(cell.strip() for cell in cells):
            continue
        if names is None:
            names = _names(cells, path, line)
        elif len(cells) == len(names):
            yield Record(f"{path}:{line}", dict(zip(names, cells, strict=True)))
        else:
            yield Rejected(
                f"{path}:{line}", _uneven(cells, names, line, reader.line_num), delimiter.join(cells)
            )


def _delimiter(path: Path, first: str) -> str:
    if path.suffix.lower() == ".tsv":
        return "\t"
    outside_quotes = "".join(first.split('"')[::2])
    return max(",;\t", key=outside_quotes.count)


def _quotes_cells(text: str) -> bool:
    """Whether quotes enclose cells; in many tab-separated files they are just signs of the text."""
    opened, closed = (
        len(re.findall(pattern, text, re.MULTILINE)) for pattern in (r'(?:^|\t)"', r'"(?=\t|\r?$)')
    )
    return opened == closed


def _names(cells: Sequence[str], path: Path, line: int) -> list[str]:
    """Column names without the spaces and byte-order marks that published headers carry."""
    names = [cell.replace("\ufeff", "").strip().strip('"').strip() for cell in cells]
    names = [name or f"column {place}" for place, name in enumerate(names, 1)]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise UserError(
            f"the header names {twice[0]!r} twice", where=f"{path}:{line}", mend="rename one of them"
        )
    return names


def _uneven(cells: Sequence[str], names: Sequence[str], first: int, last: int) -> str:
    span = f" (the record runs to line {last}: is a quote not closed?)" if last > first + 20 else ""
    return f"{len(cells)} fields where the header has {len(names)}{span}"


def _lines(path: Path) -> Iterator[Record | Rejected]:
    # Not splitlines(): U+2028 may stand inside a JSON string.
    for number, line in enumerate(_text(path).split("\n"), 1):
        if line.strip():
            try:
                yield _record(json.loads(line), f"{path}:{number}")
            except (ValueError, RecursionError) as error:
                yield Rejected(f"{path}:{number}", f"not JSON: {error}", line.strip())


def _json(path: Path, list_key: str | None) -> Iterator[Record | Rejected]:
    text = _text(path)
    start = len(text) - len(text.lstrip())
    if text[start : start + 1] == "[" and list_key is None:
        yield from _array(text, start + 1, path)
        return
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"not JSON: {error}", where=path, expected="a list of objects") from error
    lists = (
        [name for name, value in whole.items() if isinstance(value, list)] if isinstance(whole, dict) else []
    )
    name = list_key or (lists[0] if len(lists) == 1 else None)
    if name is None or name not in lists:
        known = f"one of {', '.join(lists)}" if lists else "a list of objects"
        raise UserError("cannot tell which list holds the records", where=path, expected=f"records = {known}")
    for number, item in enumerate(whole[name]):
        yield _record(item, f"{path}:{name}[{number}]")


def _array(text: str, at: int, path: Path) -> Iterator[Record | Rejected]:
    """Decode a JSON array item by item, so that each has its line and a mistake costs the rest only."""
    decoder = json.JSONDecoder()
    line, counted = 1, 0
    while True:
        while at < len(text) and text[at] in " \t\r\n,":
            at += 1
        line, counted = line + text.count("\n", counted, at), at
        if text[at : at + 1] == "]":
            return
        try:
            item, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            yield Rejected(
                f"{path}:{line}", f"not JSON, and nothing after it can be read: {error}", text[at : at + 200]
            )
            return
        yield _record(item, f"{path}:{line}")


def _record(item: Any, where: str) -> Record | Rejected:
    if not isinstance(item, dict | list) or not item:
        return Rejected(
            where, f"a record is an object or a list, not {type(item).__name__}", json.dumps(item)
        )
    columns = dict(_named(item))
    nested = {f"{name}.{key}": v for name, value in columns.items() for key, v in _named(value)}
    return Record(where, nested | columns)


def _named(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from ((str(name).strip(), item) for name, item in value.items())
    elif isinstance(value, list):
        yield from ((str(place), item) for place, item in enumerate(value))
