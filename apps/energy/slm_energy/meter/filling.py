"""Holes filled where somebody asks for it; which steps were filled is always told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from math import isnan

from slm_energy.series import Series

SHORT = timedelta(hours=1)
_WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Filled:
    """A series and the numbers of the steps that nobody measured."""

    series: Series
    places: tuple[int, ...]


def fill(series: Series) -> Filled:
    """Fill holes up to an hour on a straight line, longer ones with the same hours a week before.

    What neither gives stays empty.
    """
    values = list(series.values)
    week = round(_WEEK / series.step)
    start = 0
    while start < len(values):
        end = start
        while end < len(values) and isnan(values[end]):
            end += 1
        inside = start > 0 and end < len(values)
        if end > start and inside and series.step * (end - start) <= SHORT:
            before, after = values[start - 1], values[end]
            for n in range(start, end):
                values[n] = before + (after - before) * (n - start + 1) / (end - start + 1)
        else:
            for n in range(max(start, week), end):
                values[n] = values[n - week]
        start = max(end, start) + 1
    places = [
        n
        for n, (old, new) in enumerate(zip(series.values, values, strict=True))
        if isnan(old) and not isnan(new)
    ]
    return Filled(series.with_values(values), tuple(places))
