"""When a report says it happened: finds the words, and reads them as ISO 8601 with just the parts they give.

| words | value |
|---|---|
| 2025-06-25 05:59 | 2025-06-25T05:59 |
| 6. 25.(수) 14시경; June 25, 2 p.m. | 06-25T14:00 |
| 금일(25일) | ---25 (the day alone, as xsd:gDay has it) |
| 오늘 06시; 6 a.m. | T06:00 |
| 오늘 새벽; this morning | the words themselves: no day and no hour in figures |

Of a range (17:40~20:47) the start counts.
"""

from __future__ import annotations

import re

from slm_core.grounding import moments
from slm_disaster.schema import Span

LIMIT = 40
_DAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_PARTS = r"(?:morning|afternoon|evening|night)"
_WORDS = re.compile(
    r"(?:오늘|어제|그저께|내일|금일|명일|작일|어젯밤|지난밤|간밤)(?:\s?(?:오전|오후|새벽|아침|낮|저녁|밤)(?!\s?\d))?"
    rf"|\b(?:early |late )?(?:this|last|yesterday|tomorrow)?\s?(?:{_DAY} )?\b{_PARTS}\b(?! of)"
    rf"|\b(?:early |late )?(?:yesterday|today|tonight|tomorrow|overnight|last night|{_DAY})\b",
    re.IGNORECASE,
)
_GLUE = re.compile(
    r"(?:\s|[(),.]|[월화수목금토일]요일|(?<=\()[월화수목금토일](?=\))|\bat\b|\bon\b|\bof\b|\baround\b|\babout\b|경|쯤|약)*"
)
# An hour up to which something holds, or at which it is hoped to end, is not when it happened.
_END_BEFORE = re.compile(r"(?:\b(?:until|till|through|by|expected by|due by)|예정)\s?$", re.IGNORECASE)
_END_AFTER = re.compile(r"\)?\s?까지")
_VAGUE = re.compile(r"(?:good|every|all)\s+(?:morning|day|night|evening|afternoon)\b", re.IGNORECASE)


def find_time(text: str) -> Span | None:
    """Return the first time the text gives, at most 40 characters; one with figures is preferred to words."""
    figures = [(each.start, each.end) for each in moments(text) if not _is_end(text, each.start, each.end)]
    greetings = [match.span() for match in _VAGUE.finditer(text)]
    words = [_trim(text, *match.span()) for match in _WORDS.finditer(text)]
    taken = [*((moment.start, moment.end) for moment in moments(text)), *greetings]
    words = [(a, b) for a, b in words if a < b and not any(c < b and a < d for c, d in taken)]
    words = [(a, b) for a, b in words if not _is_end(text, a, b)]
    pieces = sorted([*figures, *words])
    if not pieces:
        return None
    start, end = _grown(text, figures[0] if figures else pieces[0], pieces)
    if text[start:end].count("(") > text[start:end].count(")") and text[end : end + 1] == ")":
        end += 1
    return Span(start=start, end=end, quote=text[start:end])


def time_value(quote: str) -> str:
    """Return ISO 8601 with just the parts that the quote gives; without day and hour the quote itself."""
    found = [moment.value for moment in moments(quote)]
    date = next((value for value in found if not value.startswith("T")), "")
    clock = next((value for value in found if value.startswith("T")), "")
    return date + clock or " ".join(quote.split())


def _is_end(text: str, start: int, end: int) -> bool:
    return bool(_END_BEFORE.search(text[:start]) or _END_AFTER.match(text, end))


def _grown(text: str, piece: tuple[int, int], pieces: list[tuple[int, int]]) -> tuple[int, int]:
    """Join the neighbours that belong to it: the day before the hour, the hour after the date."""
    start, end = piece
    for left, right in reversed([each for each in pieces if each[1] <= start]):
        if _GLUE.fullmatch(text[right:start]) and end - left <= LIMIT:
            start = left
    for left, right in [each for each in pieces if each[0] >= end]:
        if _GLUE.fullmatch(text[end:left]) and right - start <= LIMIT:
            end = right
    return start, end


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end
