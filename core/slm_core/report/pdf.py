"""A document as PDF with its font embedded (Noto Sans KR, OFL) and its pictures as vectors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from slm_core.errors import MissingExtra
from slm_core.report.document import Block, Bullets, Document, Heading, Picture, Table, Text
from slm_core.report.drawing import INK, PAPER, QUIET, Area, Dot, Shape, Stroke, Words
from slm_core.report.font import write_font

FONT = "noto"
MARGIN_MM = 15.0
_HEAD, _GRID = "#f3f6f9", "#d5dae1"
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)  # the same input gives the same bytes
_ALWAYS = "·? "
_NARROWEST, _WIDEST = 5, 46
_PIECE = 300  # letters of a cell that fit on a page in a narrow column


def pdf(document: Document, extra: str) -> bytes:
    """Return the document.

    Args:
        document: to print.
        extra: of the domain that asks, which brings the writer and the font.

    Raises:
        MissingExtra: the PDF writer or the font is not installed.
    """
    with TemporaryDirectory() as folder:
        file = Path(folder) / f"{FONT}.ttf"
        try:
            from fpdf import FPDF

            known = write_font("".join(sorted({*_letters(document), *_ALWAYS})), file)
        except ImportError as error:
            raise MissingExtra("a report as PDF", extra) from error
        paper = FPDF(format="A4")
        paper.add_font(FONT, "", file)
        try:
            return _printed(document, paper, known)
        finally:
            paper.fonts[FONT].ttfont.close()  # or the folder could not be removed on Windows


def _printed(document: Document, paper: Any, known: frozenset[str]) -> bytes:
    paper.set_creation_date(_EPOCH)
    paper.set_title(document.title)
    paper.set_lang(document.lang)
    paper.set_margin(MARGIN_MM)
    paper.set_auto_page_break(True, MARGIN_MM)
    paper.add_page()
    sheet = _Sheet(paper, known)
    sheet.line(document.title, 17)
    for block, following in zip_longest(document.blocks, document.blocks[1:]):
        if isinstance(block, Heading) and isinstance(following, Picture):
            sheet.room(following.drawing.height / following.drawing.width * paper.epw + 24)
        sheet.put(block)
    return bytes(paper.output())


class _Sheet:
    """Puts blocks on paper, one below the other."""

    def __init__(self, paper: Any, known: frozenset[str]) -> None:
        self._paper, self._known = paper, known

    def put(self, block: Block) -> None:
        if isinstance(block, Heading):
            self._paper.ln(4)
            self.room(25)
            self.line(block.text, 12.5)
        elif isinstance(block, Text):
            self.line(block.text, 8 if block.quiet else 9.5, QUIET if block.quiet else INK)
        elif isinstance(block, Bullets):
            for item in block.items:
                self.line(f"· {item}", 9.5)
        elif isinstance(block, Table):
            self._table(block)
        else:
            self._picture(block)

    def line(self, text: str, size: float, colour: str = INK) -> None:
        self._paper.set_text_color(colour)
        self._paper.set_font(FONT, size=size)
        self._paper.multi_cell(0, size * 0.55, self._written(text), align="L", new_x="LMARGIN", new_y="NEXT")
        self._paper.ln(0.8)

    def _written(self, text: str) -> str:
        """The text as the font can show it; what it lacks becomes a question mark, never nothing."""
        plain = " ".join(text.split())
        return "".join(letter if letter in self._known else "?" for letter in plain)

    def room(self, height: float) -> None:
        if self._paper.will_page_break(height):
            self._paper.add_page()

    def _table(self, table: Table) -> None:
        from fpdf.fonts import FontFace

        paper = self._paper
        paper.set_font(FONT, size=8)
        paper.set_text_color(INK)
        paper.set_draw_color(_GRID)
        paper.set_fill_color(PAPER)  # what a picture before it left would fill the rows
        sides = ["LEFT" if place < table.numbers_from else "RIGHT" for place in range(len(table.header))]
        head = FontFace(fill_color=_HEAD)
        with paper.table(
            col_widths=_widths(table),
            text_align=tuple(sides),
            headings_style=head,
            borders_layout="HORIZONTAL_LINES",
            line_height=4.4,
            padding=0.6,
        ) as grid:
            for number, cells in enumerate((table.header, *table.rows)):
                style = head if table.total and number == len(table.rows) else None
                for pieces in _pieces([self._written(cell) for cell in cells]):
                    row = grid.row(style=style)
                    for piece in pieces:
                        row.cell(piece)
        paper.ln(2)

    def _picture(self, picture: Picture) -> None:
        drawing, paper = picture.drawing, self._paper
        scale = paper.epw / drawing.width
        self.room(drawing.height * scale + 8)
        left, top = paper.l_margin, paper.get_y()
        for shape in drawing.shapes:
            self._shape(shape, left, top, scale)
        paper.set_xy(left, top + drawing.height * scale + 1)
        if picture.caption:
            self.line(picture.caption, 8, QUIET)

    def _shape(self, shape: Shape, left: float, top: float, scale: float) -> None:
        paper = self._paper
        paper.set_line_width(0.2)
        if isinstance(shape, Area):
            paper.set_fill_color(shape.fill)
            paper.set_draw_color(shape.line or shape.fill)
            points = [(left + x * scale, top + y * scale) for x, y in shape.points]
            paper.polygon(points, style="DF" if shape.line else "F")
        elif isinstance(shape, Dot):
            paper.set_fill_color(shape.fill)
            paper.set_draw_color(shape.fill if shape.open else "#ffffff")
            at = (left + shape.x * scale, top + shape.y * scale, shape.r * scale)
            if shape.open:
                with paper.local_context(fill_opacity=0.25):
                    paper.circle(*at, style="DF")
            else:
                paper.circle(*at, style="DF")
        elif isinstance(shape, Stroke):
            paper.set_draw_color(shape.colour)
            ends = (left + shape.x1 * scale, top + shape.y1 * scale, left + shape.x2 * scale)
            paper.line(*ends, top + shape.y2 * scale)
        else:
            text = self._written(shape.text)
            paper.set_font(FONT, size=shape.size * scale * 72 / 25.4)
            paper.set_text_color(shape.colour)
            back = {"start": 0.0, "middle": 0.5, "end": 1.0}[shape.anchor] * paper.get_string_width(text)
            paper.text(left + shape.x * scale - back, top + shape.y * scale, text)


def _pieces(cells: Sequence[str]) -> Iterator[list[str]]:
    """Yield a row, in several where a cell is so long that one would be higher than a page."""
    for start in range(0, max(1, *map(len, cells)), _PIECE):
        yield [cell[start : start + _PIECE] for cell in cells]


def _letters(document: Document) -> Iterator[str]:
    """Yield every letter that a document shows."""
    yield from document.title
    for block in document.blocks:
        if isinstance(block, Heading | Text):
            yield from block.text
        elif isinstance(block, Bullets):
            yield from "".join(block.items)
        elif isinstance(block, Table):
            yield from "".join(cell for row in (block.header, *block.rows) for cell in row)
        else:
            yield from block.caption
            yield from "".join(shape.text for shape in block.drawing.shapes if isinstance(shape, Words))


def _widths(table: Table) -> tuple[float, ...]:
    """Return the columns' shares of the width by their longest cell; Hangul is twice as wide as Latin."""
    lines: Sequence[Sequence[str]] = (table.header, *table.rows)
    longest = [max(_width(line[place]) for line in lines) for place in range(len(table.header))]
    return tuple(float(min(_WIDEST, max(_NARROWEST, width + 1))) for width in longest)


def _width(text: str) -> int:
    return sum(2 if ord(letter) > 0x2E80 else 1 for letter in text)
