"""What is wrong with a series as a whole: gaps and length; and whether it may be planned on.

The checks of times are in `clock`, those of values in `values`, those of counters in `counter`; each is a
function of its own that returns findings.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import isnan
from typing import Any

from slm_energy.meter.finding import Finding, finding, limit
from slm_energy.said import Said
from slm_energy.series import Series

_DAY = timedelta(days=1)


def gaps(series: Series, lines: Sequence[int]) -> list[Finding]:
    """Name each run of missing steps with the rows before and after it."""
    found = []
    place = 0
    while place < len(series):
        if not isnan(series.values[place]):
            place += 1
            continue
        end = place
        while end < len(series) and isnan(series.values[end]):
            end += 1
        before = next((line for line in reversed(lines[:place]) if line), 0)
        after = next((line for line in lines[end:] if line), 0)
        start, stop = ((series.start + series.step * n).strftime("%Y-%m-%d %H:%M") for n in (place, end))
        first, last = before or after, after or before
        told: dict[str, Any] = {"steps": end - place, "start": start, "end": stop}
        found.append(finding("gap", min(first, last), max(first, last), value=float(end - place), **told))
        place = end
    return found


def wrong_length(count: int, step: timedelta, line: int, expected: int | None = None) -> list[Finding]:
    """Tell where a list is nearly, yet not, as long as it should be.

    Args:
        count: of its values.
        step: that each stands for.
        line: of the last one in the file.
        expected: how many there should be; left out, a year of 365 or 366 days, where the count is near one.
    """
    if expected is not None:
        wanted, ko, en = expected, "필요한 기간", "the span that is asked for"
    else:
        common, leap = (round(days * _DAY / step) for days in (365, 366))
        wanted = min((common, leap), key=lambda each: abs(each - count))
        ko, en = ("윤년", "a leap year") if wanted == leap else ("1년", "a year")
        # A day more or less is another span, a few values are a mistake.
        if count in (common, leap) or abs(count - wanted) >= max(1, _DAY / step) or wanted < 300:
            return []
    if count == wanted:
        return []
    return [finding("length", line, value=float(count), expected=float(wanted), what=ko, what_en=en)]


def missing_share(series: Series, start: datetime, end: datetime) -> float:
    """Return the share of the steps from `start` to `end` that have no value, or lie outside the series."""
    wanted = max(1, -((start - end) // series.step))
    part = series.between(start, end)
    return 1 - (len(part) - part.missing) / wanted


def usable(series: Series, start: datetime, end: datetime) -> tuple[bool, Said]:
    """Return whether a plan may rest on these hours, and why: at most 10 % of them may be missing."""
    share, most = missing_share(series, start, end), limit("missing")
    fine = share <= most
    facts = {
        "name": series.name,
        "share": share,
        "most": most,
        "start": start.strftime("%Y-%m-%d %H:%M"),
        "end": end.strftime("%Y-%m-%d %H:%M"),
    }
    ko, en = (
        "{name}: {start}부터 {end}까지 {share:.1%} 빠짐",
        "{name}: {share:.1%} missing from {start} to {end}",
    )
    if fine:
        return True, Said(f"{ko} (한도 {{most:.0%}})", f"{en} (limit {{most:.0%}})").filled(**facts)
    return False, Said(
        f"{ko}, 한도 {{most:.0%}}를 넘어 계획에 쓰지 않음",
        f"{en}, more than {{most:.0%}}: no plan is made on it",
    ).filled(**facts)
