"""When a report says it happened: finds the words and reads them as ISO 8601 with just the parts they give.

| words | value |
|---|---|
| 2025-06-25 05:59 | 2025-06-25T05:59 |
| 6. 25.(수) 14시경 / June 25, 2 p.m. | 06-25T14:00 |
| 금일(25일) | ---25 (the day alone, as in xsd:gDay) |
| 오늘 06시 / 6 a.m. | T06:00 |
| 2024년 / 6월 / this morning | the words themselves: no day and no hour in figures |

Of a range (17:40~20:47) the start counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from slm_disaster.schema import Span

MONTHS = "january february march april may june july august september october november december".split()

_MONTH = r"(?P<name>" + "|".join(f"{month}|{month[:3]}\\.?" for month in MONTHS) + r"|sept\.?)"
_DATES = [
    re.compile(r"(?<![\d.])(?P<y>(?:19|20)\d\d)\s?[-./년]\s?(?P<m>\d{1,2})\s?[-./월]\s?(?P<d>\d{1,2})(?!\d)일?\.?"),
    re.compile(r"(?<!\d)(?P<m>\d{1,2})월\s?(?P<d>\d{1,2})일"),
    re.compile(r"(?<![\d./:])(?P<m>\d{1,2})\.\s?(?P<d>\d{1,2})\.?(?=\s?[(,]|\s\d{1,2}[:시]|\.)"),
    re.compile(r"(?<![\d./])(?P<m>\d{1,2})/(?P<d>\d{1,2})(?=\s?\(|\s+\d{1,2}[:시]|,\s)"),
    re.compile(_MONTH + r"\s+(?P<d>\d{1,2})(?:st|nd|rd|th)?(?![\d:])(?:,?\s+(?P<y>(?:19|20)\d\d))?\b", re.I),
    re.compile(r"(?<!\d)(?P<d>\d{1,2})(?:st|nd|rd|th)?\s+(?:of\s+)?" + _MONTH + r"\b(?:,?\s+(?P<y>(?:19|20)\d\d))?", re.I),
    re.compile(r"(?<![\d~])(?P<d>\d{1,2})일(?=[\s(),.부~까]|오|새|밤|저|아|낮|에|$)"),
]
_PART = r"(?:(?P<part>오전|오후|새벽|아침|낮|저녁|밤)\s?)?"
_CLOCKS = [
    re.compile(r"(?<![\d:])" + _PART + r"(?P<h>\d{1,2}):(?P<min>\d\d)(?::\d\d)?(?!\d)\s?(?P<ap>[ap]\.?m\b\.?)?", re.I),
    re.compile(_PART + r"(?<!\d)(?P<h>\d{1,2})시(?![간민청군설작행속])(?:\s?(?P<min>\d{1,2})분|\s?(?P<half>반)(?![가-힣]))?"),
    re.compile(r"(?<![\d:])(?P<h>\d{1,2})\s?(?P<ap>[ap]\.?m\b\.?)", re.I),
    re.compile(r"(?<!\d)(?P<h>[01]\d|2[0-3])(?P<min>[0-5]\d)\s?(?:hrs|hours|h)\b", re.I),
    re.compile(r"(?P<noon>정오|\bnoon\b)|(?P<midnight>자정|\bmidnight\b)", re.I),
]
_DAY = r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
_WORDS = re.compile(
    r"(?:오늘|어제|그저께|내일|금일|명일|작일|현재|지난밤|간밤)(?:\s?(?:오전|오후|새벽|아침|낮|저녁|밤)(?![가-힣]*\d))?(?![가-힣])"
    r"|(?:오늘|어제|금일|내일)(?=부터|까지|은|도|\()|(?:오늘|내일|금일|어제)\s?(?:오전|오후|새벽|아침|낮|저녁|밤)"
    r"|\b(?:early |late )?(?:this|last|yesterday|tomorrow|" + _DAY + r") (?:morning|afternoon|evening|night)\b"
    r"|\b(?:yesterday|today|tonight|tomorrow|overnight|last night|" + _DAY + r")\b",
    re.IGNORECASE,
)
_GLUE = re.compile(r"(?:\s|[(),.]|(?:월|화|수|목|금|토|일)요일|(?<=\()[월화수목금토일](?=\))|\bat\b|\bon\b|\baround\b|\babout\b|\bof\b|경|쯤|약|the\b)*$")


def find_time(text: str) -> Span | None:
    """Return the first time the text gives, at most 40 characters long; one with figures is preferred to words."""
    pieces = sorted(_pieces(text))
    figures = [piece for piece in pieces if piece[2]]
    if not pieces:
        return None
    start, end, _ = figures[0] if figures else pieces[0]
    for left, right, _ in reversed([piece for piece in pieces if piece[1] <= start]):
        if _GLUE.match(text[right:start]) and end - left <= 40:
            start = left
    for left, right, _ in [piece for piece in pieces if piece[0] >= end]:
        if _GLUE.match(text[end:left]) and right - start <= 40:
            end = right
    return Span(start=start, end=end, quote=text[start:end])


def time_value(quote: str) -> str:
    """Return ISO 8601 with just the parts that the quote gives, or the quote where it gives no day and no hour."""
    value = _date(quote) + _clock(quote)
    return value or " ".join(quote.split())


def _pieces(text: str) -> Iterator[tuple[int, int, bool]]:
    for patterns, read in ((_DATES, _read_date), (_CLOCKS, _read_clock)):
        taken: list[tuple[int, int]] = []
        for pattern in patterns:
            for match in pattern.finditer(text):
                if read(match) and not any(a < match.end() and match.start() < b for a, b in taken):
                    taken.append(match.span())
                    yield *_trim(text, *match.span()), True
    yield from ((*match.span(), False) for match in _WORDS.finditer(text))


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    while text[end - 1].isspace():
        end -= 1
    return start, end


def _date(quote: str) -> str:
    return _earliest(quote, _DATES, _read_date)


def _clock(quote: str) -> str:
    return _earliest(quote, _CLOCKS, _read_clock)


def _earliest(quote: str, patterns: list[re.Pattern[str]], read) -> str:  # type: ignore[no-untyped-def]
    found = [
        (match.start(), rank, value)
        for rank, pattern in enumerate(patterns)
        for match in pattern.finditer(quote)
        if (value := read(match))
    ]
    return min(found)[2] if found else ""


def _read_date(match: re.Match[str]) -> str:
    parts = match.groupdict()
    month = int(parts["m"]) if parts.get("m") else _month(parts.get("name"))
    day = int(parts["d"])
    if not 1 <= day <= 31 or not 0 <= month <= 12 or (parts.get("m") and month == 0):
        return ""
    if not month:
        return f"---{day:02}"
    year = f"{parts['y']}-" if parts.get("y") else ""
    return f"{year}{month:02}-{day:02}"


def _month(name: str | None) -> int:
    return next((i for i, month in enumerate(MONTHS, 1) if name and month.startswith(name[:3].lower())), 0)


def _read_clock(match: re.Match[str]) -> str:
    parts = match.groupdict()
    if "noon" in parts:
        return "T12:00" if parts["noon"] else "T00:00"
    hour, minute = int(parts["h"]), 30 if parts.get("half") else int(parts.get("min") or 0)
    half = (parts.get("ap") or parts.get("part") or "").lower()
    if half.startswith("p") or half in ("오후", "저녁", "밤", "낮"):
        hour += 12 if hour < 12 and not (half == "낮" and hour >= 10) else 0
        hour = 0 if half == "밤" and parts["h"] == "12" else hour
    elif (half.startswith("a") or half in ("오전", "새벽")) and hour == 12:
        hour = 0
    return f"T{hour:02}:{minute:02}" if hour <= 24 and minute < 60 else ""
