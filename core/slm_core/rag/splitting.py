"""A long text to pieces of bounded length that overlap by whole sentences. Every piece is an exact slice."""

from __future__ import annotations

import re
from itertools import pairwise

LIMIT = 600  # characters; five of them fit a small model's context, and each fits e5's 512 tokens
OVERLAP = 120

Span = tuple[int, int]
# A sentence ends at its mark, with the closing quotes that follow, before white space; "e.g. rivers" does not
# end one, for a lower-case letter follows, nor does the number of a step ("2. Close it"). A line ends a
# sentence too: lists and Korean notes have no marks.
_END = re.compile(r"""(?<=[.!?。！？…])(?<!^\d\.)(?<!\s\d\.)["'”’)\]」』]*\s+(?![a-z])|[ \t]*\n\s*""")


def sentence_spans(text: str) -> list[Span]:
    """Return where the sentences of a text begin and end, without the white space between them."""
    spans, start = [], 0
    for match in _END.finditer(text):
        end = match.start() + len(match[0].rstrip())
        spans.append((start, end))
        start = match.end()
    spans.append((start, len(text)))
    return [span for span in (_trim(text, *span) for span in spans) if span[0] < span[1]]


def split(text: str, limit: int = LIMIT, overlap: int = OVERLAP) -> list[Span]:
    """Return spans of at most `limit` characters that cover every sentence.

    A span begins with up to `overlap` characters of whole sentences from the one before. A sentence longer
    than `limit` is cut at a space, or anywhere where there is none.
    """
    pieces = [piece for span in sentence_spans(text) for piece in _cut(text, span, limit)]
    spans, first = [], 0
    while first < len(pieces):
        after = first + 1
        while after < len(pieces) and pieces[after][1] - pieces[first][0] <= limit:
            after += 1
        spans.append((pieces[first][0], pieces[after - 1][1]))
        if after == len(pieces):
            break
        first = _step_back(pieces, first, after, limit, overlap)
    return spans


def _step_back(pieces: list[Span], first: int, after: int, limit: int, overlap: int) -> int:
    """The piece with which the next span begins: `after`, or one before it as far as both bounds allow."""
    begin = after
    while begin - 1 > first:
        start = pieces[begin - 1][0]
        if pieces[after - 1][1] - start > overlap or pieces[after][1] - start > limit:
            break
        begin -= 1
    return begin


def _cut(text: str, span: Span, limit: int) -> list[Span]:
    start, end = span
    cuts = [start]
    while end - cuts[-1] > limit:
        space = text.rfind(" ", cuts[-1] + 1, cuts[-1] + limit + 1)
        cuts.append(space if space > 0 else cuts[-1] + limit)
    trimmed = (_trim(text, *pair) for pair in pairwise([*cuts, end]))
    return [piece for piece in trimmed if piece[0] < piece[1]]


def _trim(text: str, start: int, end: int) -> Span:
    piece = text[start:end]
    left = len(piece) - len(piece.lstrip())
    return (start + left, start + len(piece.rstrip())) if piece.strip() else (start, start)
