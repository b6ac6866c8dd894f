"""Times as exports write them, and how a file without zone is laid on the time line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo

_DAY = timedelta(days=1)
_CLOCK = (
    r"(?:(?P<half>오전|오후|am|pm)\s*)?(?P<h>\d{1,2})(?::|시\s*)(?P<mi>\d{1,2})?(?:분)?"
    r"(?::(?P<s>\d{1,2})(?:[.,]\d+)?)?"
)
_TAIL = r"\s*(?P<late>am|pm)?\s*(?P<zone>z|utc|kst|[+-]\d{2}:?\d{2})?"
_YEAR_FIRST = re.compile(
    rf"(?P<y>\d{{4}})\s*[-/.년]\s*(?P<mo>\d{{1,2}})\s*[-/.월]\s*(?P<d>\d{{1,2}})\s*[일.]?(?:[t\s]+{_CLOCK})?{_TAIL}",
    re.IGNORECASE,
)
_YEAR_LAST = re.compile(
    rf"(?P<a>\d{{1,2}})[-/.](?P<b>\d{{1,2}})[-/.](?P<y>\d{{4}})(?:[t\s]+{_CLOCK})?{_TAIL}", re.IGNORECASE
)
_DIGITS = re.compile(r"(?P<y>\d{4})(?P<mo>\d{2})(?P<d>\d{2})\s*(?P<h>\d{2})?:?(?P<mi>\d{2})?:?(?P<s>\d{2})?")
_HOUR = re.compile(
    r"(?:(?P<half>오전|오후|am|pm)\s*)?(?P<h>\d{1,2})(?:[.,]0+)?(?:\s*(?::|시)\s*(?P<mi>\d{1,2})?)?(?:분)?(?::\d{1,2})?"
    r"\s*(?P<late>am|pm)?",
    re.IGNORECASE,
)


def parse_stamp(text: str, day_first: bool = False) -> datetime:
    """Return a time: with a zone where the text names one, else without; 24:00 is the end of its day.

    Args:
        text: ISO 8601, `2026.3.1 0:15`, `20260301 0015`, `2026년 3월 1일 0시 15분`, `2026-03-01 오후 1:15`,
            `3/1/2026 1:15 PM`, seconds since 1970.
        day_first: whether `3/1/2026` is the third of January.

    Raises:
        ValueError: it is no time.
    """
    text = text.strip()
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    for form in (_YEAR_FIRST, _DIGITS, _YEAR_LAST):
        found = form.fullmatch(text)
        if found:
            return _made(found.groupdict(), day_first)
    if re.fullmatch(r"\d{9,10}(\.\d+)?|\d{13}", text):
        return datetime.fromtimestamp(float(text) / (1000 if len(text) == 13 else 1), UTC)
    raise ValueError(f"{text!r} is no time")


def minute_of_day(text: str) -> int:
    """Return the minutes since midnight of `15`, `15시`, `15:30`, `오후 3:30`, `24:00`.

    Raises:
        ValueError: it is no time of day.
    """
    found = _HOUR.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no time of day")
    hour = _hour(int(found["h"]), found["half"] or found["late"])
    minutes = hour * 60 + int(found["mi"] or 0)
    if minutes > 24 * 60:
        raise ValueError(f"{text!r} is no time of day")
    return minutes


def is_day_first(texts: Iterable[str]) -> bool:
    """Whether dates that end in the year begin with the day.

    So they do with points between, and where a month would be the 13th. Where both can be read, the order
    counts in which the file spans less time: readings follow each other.
    """
    found = [match for text in texts if (match := _YEAR_LAST.fullmatch(text.strip()))]
    firsts = {(int(match["y"]), int(match["a"]), int(match["b"])) for match in found}
    if any("." in match[0][:5] for match in found[:1]) or any(a > 12 for _, a, _ in firsts):
        return True
    if not firsts or any(b > 12 for _, _, b in firsts):
        return False
    by_month = [(y * 12 + a) * 31 + b for y, a, b in firsts]
    by_day = [(y * 12 + b) * 31 + a for y, a, b in firsts]
    return max(by_day) - min(by_day) < max(by_month) - min(by_month)


def standard_time(zone: tzinfo, at: datetime) -> timezone:
    """Return the zone's offset without summer time."""
    local = at.replace(tzinfo=zone)
    return timezone((local.utcoffset() or timedelta(0)) - (local.dst() or timedelta(0)))


def skipped(stamp: datetime, zone: tzinfo) -> bool:
    """Whether a clock of this zone never shows a time: it lies in the hour that summer time takes."""
    local = stamp.replace(tzinfo=zone)
    return local.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != stamp


def on_time_line(stamps: Sequence[datetime], zone: tzinfo) -> list[datetime]:
    """Return the times in UTC, in the order of the file.

    An hour that the zone's clock shows twice is taken for the second one where it comes after the first.
    """
    placed: list[datetime] = []
    for stamp in stamps:
        if stamp.tzinfo is not None:
            placed.append(stamp.astimezone(UTC))
            continue
        first = stamp.replace(tzinfo=zone).astimezone(UTC)
        if placed and first <= placed[-1]:
            second = stamp.replace(tzinfo=zone, fold=1).astimezone(UTC)
            first = second if second > placed[-1] else first
        placed.append(first)
    return placed


def _made(parts: dict[str, str | None], day_first: bool) -> datetime:
    def number(name: str) -> int:
        return int(parts.get(name) or 0)

    month, day = number("mo"), number("d")
    if "a" in parts:
        month, day = (number("b"), number("a")) if day_first else (number("a"), number("b"))
    hour = _hour(number("h"), parts.get("half") or parts.get("late"))
    whole = _DAY if hour == 24 else timedelta(0)
    clock = datetime(number("y"), month, day, hour % 24, number("mi"), number("s"))
    return (clock + whole).replace(tzinfo=_zone(parts.get("zone")))


def _hour(hour: int, half: str | None) -> int:
    if half is None:
        return hour
    if not 1 <= hour <= 12:
        raise ValueError(f"{half} {hour} is no hour")
    return hour % 12 + (12 if half.lower() in ("pm", "오후") else 0)


def _zone(text: str | None) -> timezone | None:
    if not text:
        return None
    if text.lower() in ("z", "utc"):
        return UTC
    if text.lower() == "kst":
        return timezone(timedelta(hours=9))
    sign = -1 if text[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(text[1:3]), minutes=int(text[-2:])))
