"""A report as blocks, before it is Markdown, HTML or PDF. Everything in it is plain text, never markup."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from slm_core.report.drawing import Drawing


@dataclass(frozen=True)
class Heading:
    """The title of a section."""

    text: str


@dataclass(frozen=True)
class Text:
    """A paragraph; a `quiet` one is a note."""

    text: str
    quiet: bool = False


@dataclass(frozen=True)
class Bullets:
    """A list."""

    items: Sequence[str]


@dataclass(frozen=True)
class Table:
    """A table; the columns from `numbers_from` on are figures and stand to the right."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers_from: int = 1
    total: bool = False


@dataclass(frozen=True)
class Picture:
    """A drawing with what is to be known of it."""

    drawing: Drawing
    caption: str


Block = Heading | Text | Bullets | Table | Picture


@dataclass(frozen=True)
class Document:
    """A report in one language."""

    title: str
    lang: str
    blocks: tuple[Block, ...]
