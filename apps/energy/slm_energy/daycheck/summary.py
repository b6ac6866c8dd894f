"""One day of a meter in nine figures."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from statistics import median

from pydantic import BaseModel, ConfigDict, Field

HOURS = 24
NIGHT = frozenset({22, 23, 0, 1, 2, 3, 4, 5})
Values = Sequence[float | None]
"""24 hourly values in kWh; None is missing."""


class DaySummary(BaseModel):
    """A day against the usual one; the last four are multiples of the usual."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    missing: int = Field(ge=0, le=HOURS)
    negative: int = Field(ge=0, le=HOURS)
    equal: int = Field(ge=0, le=HOURS)
    total: float
    night: float
    day: float
    highest: float


def summarize(values: Values, usual: Sequence[float]) -> DaySummary:
    """Return the figures of a day.

    Args:
        values: 24 hourly values, kWh.
        usual: 24 usual values of such a day, kWh, e.g. those of `usual_day`.

    Raises:
        ValueError: they are not 24, or the usual day is not above zero.
    """
    if len(values) != HOURS or len(usual) != HOURS:
        raise ValueError(f"a day has {HOURS} values, not {len(values)} and {len(usual)}")
    if sum(usual) <= 0:
        raise ValueError("the usual day is not above zero")
    known = [value for value in values if value is not None]
    return DaySummary(
        missing=HOURS - len(known),
        negative=sum(value < 0 for value in known),
        equal=_longest_run(values),
        total=_times(values, usual, range(HOURS)),
        night=_times(values, usual, NIGHT),
        day=_times(values, usual, set(range(HOURS)) - NIGHT),
        highest=round(max(known, default=0.0) / max(usual), 2),
    )


def usual_day(days: Sequence[Values]) -> list[float]:
    """Return the median of each hour over several days; 0 where an hour has no value at all."""
    return [median([d for day in days if (d := day[hour]) is not None] or [0.0]) for hour in range(HOURS)]


def _times(values: Values, usual: Sequence[float], hours: Sequence[int] | set[int] | frozenset[int]) -> float:
    """Return the sum of the known hours over the usual sum of the same hours."""
    pairs = [(value, usual[hour]) for hour in hours if (value := values[hour]) is not None]
    expected = sum(each for _, each in pairs)
    return round(sum(value for value, _ in pairs) / expected, 2) if expected > 0 else 0.0


def _longest_run(values: Values) -> int:
    """Return the longest run of equal values, in hours; of zero and of nothing none counts."""
    runs = [len(list(run)) for value, run in groupby(values) if value]
    return max(runs, default=0)
