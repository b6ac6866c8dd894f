"""A document as one HTML file that loads nothing: style and pictures stand in it, scripts are forbidden."""

from __future__ import annotations

from html import escape
from pathlib import Path

from slm_core.report.document import Block, Bullets, Document, Heading, Table, Text
from slm_core.report.drawing import svg

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def html(document: Document) -> str:
    """Return the document."""
    style = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")
    body = "\n".join(_block(block) for block in document.blocks)
    return (
        f'<!doctype html>\n<html lang="{escape(document.lang)}"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(document.title)}</title>\n<style>\n{style}</style></head>\n"
        f"<body><h1>{escape(document.title)}</h1>\n{body}\n</body></html>\n"
    )


def fragment(document: Document) -> str:
    """Return the blocks alone, to stand in a page."""
    return "\n".join(_block(block) for block in document.blocks)


def _block(block: Block) -> str:
    if isinstance(block, Heading):
        return f"<h2>{escape(block.text)}</h2>"
    if isinstance(block, Text):
        quiet = ' class="quiet"' if block.quiet else ""
        return f"<p{quiet}>{escape(block.text)}</p>"
    if isinstance(block, Bullets):
        return f"<ul>{''.join(f'<li>{escape(item)}</li>' for item in block.items)}</ul>"
    if isinstance(block, Table):
        return _table(block)
    caption = f"<figcaption>{escape(block.caption)}</figcaption>" if block.caption else ""
    return f"<figure>{svg(block.drawing)}{caption}</figure>"


def _table(table: Table) -> str:
    head = "".join(_cell("th", cell, place, table) for place, cell in enumerate(table.header))
    rows = []
    for number, row in enumerate(table.rows):
        total = ' class="total"' if table.total and number == len(table.rows) - 1 else ""
        cells = "".join(_cell("td", cell, place, table) for place, cell in enumerate(row))
        rows.append(f"<tr{total}>{cells}</tr>")
    return (
        f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    )


def _cell(tag: str, text: str, place: int, table: Table) -> str:
    side = ' class="n"' if place >= table.numbers_from else ""
    return f"<{tag}{side}>{escape(text)}</{tag}>"
