"""Times of recorded data: ISO 8601, the forms of Korean public data, and epoch milliseconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

_FORM = re.compile(
    r"(?P<y>\d{4})[-/.]?(?P<mo>\d{2})[-/.]?(?P<d>\d{2})"
    r"(?:[T\s]*(?P<h>\d{2}):?(?P<mi>\d{2})(?::?(?P<s>\d{2}))?(?:\.\d+)?)?\s*(?P<zone>Z|[+-]\d{2}:?\d{2})?"
)


def parse_time(text: str, zone: str = "+09:00") -> datetime:
    """Return a time in UTC; `zone` is that of a time that names none.

    Raises:
        ValueError: it is no time.
    """
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no time; expected e.g. 2026-07-01T09:00:00+09:00 or 2026-07-01 09:00")
    parts = [int(match[name] or 0) for name in ("y", "mo", "d", "h", "mi", "s")]
    extra = timedelta(days=1) if parts[3] == 24 else timedelta(0)
    parts[3] = 0 if extra else parts[3]
    return (datetime(*parts, tzinfo=_zone(match["zone"] or zone)) + extra).astimezone(UTC)  # type: ignore[misc,arg-type]


def _zone(text: str) -> timezone:
    if text == "Z":
        return UTC
    sign = -1 if text[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(text[1:3]), minutes=int(text[-2:])))
