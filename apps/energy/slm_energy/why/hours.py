"""The hours of a reply: those of the clock, and `7 in the evening`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from slm_core.grounding import moments

_NAMES = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_SPOKEN = re.compile(
    rf"(?<![\d:.,])\b(?P<hour>\d{{1,2}}|{'|'.join(_NAMES)})(?::(?P<minute>[0-5]\d))?\s(?:o[’']?clock\s)?"
    r"(?:in\sthe\s(?P<part>morning|afternoon|evening)|at\s(?P<night>night))\b",
    re.I,
)
_NOON, _DUSK = 12, 6  # an hour `at night` from six on is before midnight


def hours(text: str) -> Iterator[tuple[int, int, int]]:
    """Yield every hour as minutes of the day, with where it begins and ends."""
    spoken = [_spoken(match) for match in _SPOKEN.finditer(text) if _of_twelve(match) is not None]
    yield from spoken
    for each in moments(text):
        inside = any(start <= each.start < end for _, start, end in spoken)
        if each.value.startswith("T") and not inside:
            yield int(each.value[1:3]) % 24 * 60 + int(each.value[4:6]), each.start, each.end


def _of_twelve(match: re.Match[str]) -> int | None:
    name = match["hour"].lower()
    hour = _NAMES.index(name) + 1 if name in _NAMES else int(name)
    return hour if 1 <= hour <= _NOON else None


def _spoken(match: re.Match[str]) -> tuple[int, int, int]:
    hour, part = (_of_twelve(match) or 0) % _NOON, (match["part"] or "night").lower()
    if part in ("afternoon", "evening") or (part == "night" and hour >= _DUSK):
        hour += _NOON
    return hour * 60 + int(match["minute"] or 0), match.start(), match.end()
