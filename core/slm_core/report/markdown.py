"""A document as Markdown, in which the words of files stay words."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from slm_core.report.document import Block, Bullets, Document, Heading, Picture, Table, Text

_SIGNS = re.compile(r"([\\`*{}\[\]<>#|!~&]|(?<!\w)_|_(?!\w))")  # within a word `_` is no sign
_LIST = re.compile(r"^(\d*)([.)+=-])(?=\s|$)")


def markdown(document: Document, image: Callable[[Picture], str] | None = None) -> str:
    """Return the document; `image` gives the file of a picture, without it only the captions stand."""
    parts = [f"# {_plain(document.title)}", *(_block(block, image) for block in document.blocks)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _block(block: Block, image: Callable[[Picture], str] | None) -> str:
    if isinstance(block, Heading):
        return f"## {_plain(block.text)}"
    if isinstance(block, Text):
        return f"*{_plain(block.text)}*" if block.quiet else _plain(block.text)
    if isinstance(block, Bullets):
        return "\n".join(f"- {_plain(item)}" for item in block.items)
    if isinstance(block, Table):
        return _table(block)
    shown = f"![{_plain(block.drawing.title)}]({image(block)})" if image else ""
    return "\n\n".join(part for part in (shown, _plain(block.caption)) if part)


def _table(table: Table) -> str:
    sides = ["---" if place < table.numbers_from else "---:" for place in range(len(table.header))]
    rows: list[Sequence[str]] = [[_plain(cell) for cell in row] for row in table.rows]
    if table.total:
        rows[-1] = [f"**{cell}**" for cell in rows[-1]]
    lines = [[_plain(cell) for cell in table.header], sides, *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _plain(text: str) -> str:
    return _LIST.sub(r"\1\\\2", _SIGNS.sub(r"\\\1", " ".join(text.split())))
