"""Rows of the original files, each with its `file:line`; what a row must be is checked where it is read."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from slm_core.errors import UserError, did_you_mean
from slm_finetune.jsonl import need_file


def read_csv(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield `file:line` and the cells of each row of a CSV file (RFC 4180, quoted cells may hold newlines).

    Raises:
        UserError: no such file, it is empty, no UTF-8, or a quote is left open.
    """
    with _opened(path) as file:
        reader, line, found = csv.reader(file, strict=True), 1, False
        try:
            for cells in reader:
                if any(cells):
                    found = True
                    yield f"{path}:{line}", cells
                line = reader.line_num + 1
        except csv.Error as error:
            raise UserError(f"no CSV: {error}", where=f"{path}:{line}") from error
        except UnicodeDecodeError as error:
            raise UserError(f"no UTF-8: {error}", where=path) from error
    if not found:
        raise UserError("the file is empty", where=path, expected="rows of questions")


def read_tsv(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield `file:line` and the cells of each row; quotes are text here, and a line is a row."""
    with _opened(path) as file:
        try:
            lines = [line.rstrip("\r\n") for line in file]  # not splitlines(): U+2028 may stand in a cell
        except UnicodeDecodeError as error:
            raise UserError(f"no UTF-8: {error}", where=path) from error
    if not any(lines):
        raise UserError("the file is empty", where=path, expected="rows of questions")
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield f"{path}:{number}", line.split("\t")


def named(
    rows: Iterator[tuple[str, list[str]]], columns: Sequence[str]
) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield the rows below a header as mappings.

    Raises:
        UserError: a column is not in the header, or a row has another number of cells than it.
    """
    where, header = next(rows)
    for column in columns:
        if column not in header:
            raise UserError(f"no column {column}", where=where, expected=", ".join(columns))
    for place, cells in rows:
        if len(cells) != len(header):
            raise UserError(f"{len(cells)} cells", where=place, expected=f"{len(header)}, as in the header")
        yield place, dict(zip(header, cells, strict=True))


def one_of(value: str, known: Mapping[str, int], where: str, what: str) -> int:
    """Return what a cell stands for.

    Raises:
        UserError: it is none of the known values (nothing at all included).
    """
    if value.strip() not in known:
        said = f"{what} {value.strip()!r}" if value.strip() else f"{what} is missing"
        raise UserError(said, where=where, expected=" or ".join(known))
    return known[value.strip()]


def filled(value: str, where: str, what: str) -> str:
    """Return the text of a cell as it stands.

    Raises:
        UserError: it is empty.
    """
    if not value.strip():
        raise UserError(f"{what} is empty", where=where)
    return value


def known_name(name: str, known: Sequence[str], where: str | Path, what: str) -> str:
    """Return the name.

    Raises:
        UserError: it is none of those known; the nearest is named.
    """
    if name not in known:
        expected = ", ".join(list(known)[:20]) + (", ..." if len(known) > 20 else "")
        raise UserError(
            f"unknown {what} {name!r}", where=where, expected=expected, mend=did_you_mean(name, known)
        )
    return name


def _opened(path: Path) -> Any:
    need_file(path)
    return path.open(encoding="utf-8-sig", newline="")
