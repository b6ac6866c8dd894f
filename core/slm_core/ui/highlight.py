"""A text of a report with its spans marked, as HTML in which nothing but our own marks is markup."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class Mark:
    """Characters `start` to `end` (exclusive), what they say, and the class that gives them their colour."""

    start: int
    end: int
    label: str
    kind: str


def highlighted(text: str, marks: Iterable[Mark]) -> str:
    """Return the marked text. Of two that overlap the longer stays; one outside the text is left out."""
    parts: list[str] = []
    at = 0
    for mark in _apart(text, marks):
        parts.append(escape(text[at : mark.start]))
        words = escape(text[mark.start : mark.end])
        parts.append(
            f'<mark class="slm-mark slm-{escape(mark.kind)}">{words}<i>{escape(mark.label)}</i></mark>'
        )
        at = mark.end
    parts.append(escape(text[at:]))
    return f'<span class="slm-text">{"".join(parts)}</span>'


def _apart(text: str, marks: Iterable[Mark]) -> list[Mark]:
    kept: list[Mark] = []
    for mark in sorted(marks, key=lambda each: (each.start - each.end, each.start)):
        inside = 0 <= mark.start < mark.end <= len(text)
        if inside and all(mark.end <= other.start or other.end <= mark.start for other in kept):
            kept.append(mark)
    return sorted(kept, key=lambda each: each.start)
