"""A table file as lines and cells: whatever its encoding, its separator and what stands above its header."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from slm_core.errors import UserError
from slm_energy.meter.finding import Finding, finding

_ENCODINGS = ("utf-8-sig", "cp949")  # Excel on Korean Windows still writes the second
_ABOVE = 30  # lines of title that an export may have
MOST_BYTES = 200 * 1024 * 1024


@dataclass(frozen=True)
class Row:
    """A line of data: its number in the file, and its cells by column."""

    line: int
    cells: Sequence[str]


@dataclass(frozen=True)
class Sheet:
    """A table: names of its columns, where they stand, its rows, and the lines that are none.

    `decimal_comma`: cells are parted by semicolons, so that a comma in them is a decimal point.
    """

    path: Path
    header: tuple[str, ...]
    header_line: int
    rows: tuple[Row, ...]
    uneven: tuple[Finding, ...] = ()
    decimal_comma: bool = False

    def column(self, name: str) -> list[str]:
        """Return the cells of a column."""
        place = self.header.index(name)
        return [row.cells[place] for row in self.rows]


def read_sheet(path: Path, is_header: Callable[[Sequence[str]], bool]) -> Sheet:
    """Read a table.

    Args:
        path: CSV, TSV or text with commas, semicolons or tabs.
        is_header: whether a line names columns; the first such line within the first 30 counts. Where there
            is none, the columns are called `column 1`, `column 2`, ...

    Raises:
        UserError: no such file, no text, too large, or no line of data in it.
    """
    text = decoded(path)
    lines = _lines(text, path)
    if not lines:
        raise UserError("the file is empty", where=path, expected="a header and rows of time and value")
    place = next((n for n, row in enumerate(lines[:_ABOVE]) if is_header(row.cells)), None)
    if place is None:
        width = max(len(row.cells) for row in lines)
        header, line, body = tuple(f"column {n}" for n in range(1, width + 1)), 0, lines
    else:
        header, line, body = _names(lines[place].cells), lines[place].line, lines[place + 1 :]
    rows, uneven = _even(body, len(header))
    if not rows:
        raise UserError("there is no row of data", where=f"{path}:{line or 1}", expected="time and value")
    return Sheet(path, header, line, rows, uneven, _delimiter(text) == ";")


def decoded(path: Path) -> str:
    """Return the text of a file.

    Raises:
        UserError: no such file, too large, or no text.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UserError("too large", where=path, expected=f"at most {MOST_BYTES >> 20} MiB")
        data = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"cannot be read: {error.strerror}", where=path, expected="a file of readings"
        ) from error
    # Without a mark, UTF-16 shows by the zero byte that every second letter of ASCII has.
    zeros = (data[1:200:2].count(0), data[0:200:2].count(0))
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encodings: tuple[str, ...] = ("utf-16",)
    elif max(zeros) > len(data[:200]) // 8:
        encodings = ("utf-16-le" if zeros[0] > zeros[1] else "utf-16-be",)
    else:
        encodings = _ENCODINGS
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UserError("this is no text", where=path, expected="CSV in UTF-8, UTF-16 or CP949")


def _delimiter(text: str) -> str:
    """The sign that parts cells: a semicolon or tab where most lines of the beginning have one."""
    sample = [line for line in text[:20_000].splitlines()[:_ABOVE] if line.strip()]
    for sign in ";\t":
        if sum(sign in line for line in sample) > len(sample) / 2:
            return sign
    return ","


def _lines(text: str, path: Path) -> list[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    rows: list[Row] = []
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return rows
        except csv.Error as error:
            raise UserError(f"no CSV: {error}", where=f"{path}:{line}") from error
        if any(cell.strip() for cell in cells):
            rows.append(Row(line, cells))


def _names(cells: Sequence[str]) -> tuple[str, ...]:
    names: list[str] = []
    for place, cell in enumerate(cells, 1):
        name = " ".join(cell.replace("\ufeff", "").split()) or f"column {place}"
        names.append(name if name not in names else f"{name} #{place}")
    return tuple(names)


def _even(rows: Sequence[Row], width: int) -> tuple[tuple[Row, ...], tuple[Finding, ...]]:
    """Take the rows as wide as the header; empty cells at the end may be there or not."""
    even, uneven = [], []
    for row in rows:
        cells = list(row.cells)
        while len(cells) > width and not cells[-1].strip():
            cells.pop()
        if len(cells) == width:
            even.append(Row(row.line, cells))
        else:
            uneven.append(finding("uneven", row.line, value=len(cells), expected=width))
    return tuple(even), tuple(uneven)
