"""CSV and TSV by rows: one row, one section.

A column named like a text (`content`, `내용`, ...) is the text, those named like headings stand above it, and
the other columns are left out. A table without such a column gives `column: value` lines.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence

from slm_core.rag.documents import Section, Unreadable

TEXTS = ("text", "content", "contents", "body", "passage", "내용", "본문")
HEADINGS = ("category", "section", "chapter", "title", "heading", "분류", "구분", "유형", "제목")
HEADING_ENDS = ("_type", "유형")
SOURCES = ("source", "출처")
DATES = ("date", "날짜", "일자", "기준일")
MAX_CELL = 1_000_000  # characters; the csv module's own limit stops at 131,072


def sections(stem: str, text: str) -> Iterator[Section]:
    """Yield the rows that hold a text.

    Raises:
        Unreadable: no header, a row longer than it, or quotes that do not close.
    """
    csv.field_size_limit(MAX_CELL)
    rows = csv.reader(text.splitlines(keepends=True), delimiter=delimiter(text), strict=True)
    try:
        header = [name.strip() for name in next(rows, [])]
        if not any(header):
            raise Unreadable("it has no header line")
        for number, row in enumerate(rows, 1):
            if any(cell.strip() for cell in row[len(header) :]):
                raise Unreadable(f"row {number} has {len(row)} cells, the header {len(header)}")
            yield _section(stem, header, row, f"row {number}")
    except csv.Error as error:
        raise Unreadable(f"line {rows.line_num}: {error}") from error


def _section(stem: str, header: Sequence[str], row: Sequence[str], position: str) -> Section:
    cells = {name: cell.strip() for name, cell in zip(header, row, strict=False) if cell.strip()}
    headings = [cell for name, cell in cells.items() if _is_heading(name)]
    text = next((name for name in header if name.lower() in TEXTS), None)
    others = (name for name in cells if not _is_heading(name))
    return Section(
        heading=tuple(dict.fromkeys(headings)) or (stem,),
        text=cells.get(text, "") if text else "\n".join(f"{name}: {cells[name]}" for name in others),
        position=lambda _: position,
        source=_first(cells, SOURCES),
        date=_first(cells, DATES),
    )


def _is_heading(name: str) -> bool:
    return name.lower() in HEADINGS or name.lower().endswith(HEADING_ENDS)


def _first(cells: dict[str, str], names: Sequence[str]) -> str | None:
    return next((cell for name, cell in cells.items() if name.lower() in names), None)


def delimiter(text: str) -> str:
    """Return what separates the cells: the mark that the header line has most of."""
    head = text.partition("\n")[0]
    return max(",\t;|", key=head.count)
