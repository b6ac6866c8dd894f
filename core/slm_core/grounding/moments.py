"""Dates and hours in Korean and English text, as the ISO 8601 parts they give."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"\b(?P<name>jan(?:uary|\.)?|feb(?:ruary|\.)?|mar(?:ch|\.)?|apr(?:il|\.)?|may|june?|july?|aug(?:ust|\.)?"
    r"|sep(?:t\.?|tember|\.)?|oct(?:ober|\.)?|nov(?:ember|\.)?|dec(?:ember|\.)?)"
)
_YEAR = r"(?:,?\s+(?P<y>(?:19|20)\d\d))?(?!\d)"
_ORDINAL = r"(?:st|nd|rd|th)?"
_DATES = (
    re.compile(
        r"(?<![\d.])(?P<y>(?:19|20)\d\d)\s?[-./년]\s?(?P<m>\d{1,2})\s?[-./월]\s?(?P<d>\d{1,2})(?!\d)일?"
    ),
    re.compile(r"(?<![\d.])(?P<yy>\d\d)\.\s?(?P<m>\d{1,2})\.\s?(?P<d>\d{1,2})\.(?=\s?[(\d]|$)"),
    re.compile(r"(?<!\d)(?P<m>\d{1,2})월\s?(?P<d>\d{1,2})일"),
    re.compile(r"(?<![\d./:])(?P<m>\d{1,2})\.\s?(?P<d>\d{1,2})\.?(?=\s?\(|\.|\s\d{1,2}[:시])"),
    re.compile(r"(?<![\d./])(?P<m>\d{1,2})/(?P<d>\d{1,2})(?=\s?\(|\s+\d{1,2}[:시])"),
    re.compile(r"(?<![\d./:])(?P<m>\d{1,2})\.\s?(?P<d>\d{1,2})\s?[~∼]\s?\d{1,2}일"),
    re.compile(_MONTH + r"\s+(?P<d>\d{1,2})" + _ORDINAL + r"(?![\d:])" + _YEAR, re.I),
    re.compile(r"(?<!\d)(?P<d>\d{1,2})" + _ORDINAL + r"\s+(?:of\s+)?" + _MONTH + r"\b" + _YEAR, re.I),
    re.compile(
        r"(?<![\d~,])(?P<d>\d{1,2})일(?![간째차정]|\s?(?:대피|이상|동안|치|분|예상|만에|전|연속|뒤|후|이내))"
    ),
)
_PART = r"(?:(?P<part>오전|오후|새벽|아침|낮|저녁|밤)\s?)?"
_CLOCKS = (
    re.compile(
        r"(?<![\d:])" + _PART + r"(?P<h>\d{1,2}):(?P<min>\d\d)(?::\d\d)?(?!\d)(?:\s?(?P<ap>[ap]\.?m\b\.?))?",
        re.I,
    ),
    re.compile(
        _PART
        + r"(?<![\d:])(?P<h>\d{1,2})(?:\s?[~∼]\s?\d{1,2})?시(?![간민청군설작행속])"
        + r"(?:\s?(?P<min>\d{1,2})분|\s?(?P<half>반)(?![가-힣]))?"
    ),
    re.compile(r"(?<![\d:.])(?P<h>\d{1,2})\s?(?P<ap>[ap]\.?m\b\.?)", re.I),
    re.compile(r"(?<!\d)(?P<h>[01]\d|2[0-3])(?P<min>[0-5]\d)\s?(?:hrs|h|local|UTC|GMT|Z)\b", re.I),
    re.compile(r"(?P<noon>정오|\bnoon\b)|(?P<midnight>자정|\bmidnight\b)", re.I),
)


@dataclass(frozen=True)
class Moment:
    """A date or an hour: `value` is `2025-06-25`, `06-25`, `---25` (the day alone) or `T05:59`."""

    value: str
    start: int
    end: int


def moments(text: str) -> list[Moment]:
    """Return every date and every hour of the text, in text order."""
    return sorted(
        (*_find(text, _DATES, _date), *_find(text, _CLOCKS, _clock)), key=lambda moment: moment.start
    )


def _find(
    text: str, patterns: tuple[re.Pattern[str], ...], read: Callable[[re.Match[str]], str]
) -> Iterator[Moment]:
    taken: list[tuple[int, int]] = []
    for pattern in patterns:
        for match in pattern.finditer(text):
            start, end = match.span()
            value = read(match)
            if value and not any(a < end and start < b for a, b in taken):
                taken.append((start, end))
                yield Moment(value, start, end)


def _date(match: re.Match[str]) -> str:
    parts = match.groupdict()
    named = parts.get("name")
    month = _MONTHS.index(named[:3].lower()) + 1 if named else int(parts.get("m") or 0)
    day = int(parts["d"])
    if not 1 <= day <= 31 or month > 12 or (parts.get("m") and not month):
        return ""
    if not month:
        return f"---{day:02}"
    year = parts.get("y") or (f"20{parts['yy']}" if parts.get("yy") else "")
    return f"{year}{'-' if year else ''}{month:02}-{day:02}"


def _clock(match: re.Match[str]) -> str:
    parts = match.groupdict()
    if "noon" in parts:
        return "T12:00" if parts["noon"] else "T00:00"
    hour, minute = int(parts["h"]), 30 if parts.get("half") else int(parts.get("min") or 0)
    half = (parts.get("ap") or parts.get("part") or "").lower()
    afternoon = half[:1] == "p" or half in ("오후", "저녁", "밤") or (half == "낮" and hour < 7)
    if hour == 12 and (half[:1] == "a" or half in ("오전", "새벽", "밤")):
        hour = 0
    elif afternoon and hour < 12:
        hour += 12
    return f"T{hour:02}:{minute:02}" if hour <= 24 and minute < 60 else ""
