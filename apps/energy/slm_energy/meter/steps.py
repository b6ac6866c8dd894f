"""Readings of any rhythm to equal steps: each counts for the time it stands for, and nothing is invented."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from math import ceil, floor, isnan, nan
from typing import NamedTuple

from slm_energy.meter.finding import limit
from slm_energy.series import Series

_USUAL_SHARE = 0.6  # of the distances, from which on they are a rhythm
_FEWEST_RUN = 6  # distances of the other kind, one after another
_DAY_S = 86400.0
_MOST_STEPS = 4_000_000


class Reading(NamedTuple):
    """A value at a time, with the line of the file."""

    line: int
    at: datetime
    value: float


class Span(NamedTuple):
    """A mean value from one second since 1970 to another."""

    start: float
    end: float
    value: float
    line: int


class Rhythm(NamedTuple):
    """How far apart readings are, in seconds; `coarse` is larger than `step` where two rhythms are mixed."""

    step: float
    coarse: float
    regular: bool
    others: tuple[int, ...] = ()


def rhythm(readings: Sequence[Reading], given_s: float | None = None) -> Rhythm:
    """Return the rhythm of readings in order of time; without one, steps of 15 minutes."""
    times = [reading.at.timestamp() for reading in readings]
    distances = [round(b - a) for a, b in pairwise(times) if b > a]
    if not distances:
        return Rhythm(given_s or 3600.0, given_s or 3600.0, True)
    counts = Counter(distances).most_common(8)
    usual, often = counts[0]
    if given_s:
        return Rhythm(given_s, given_s, usual == given_s)
    longest = {step: _longest_run(distances, step) for step, _ in counts[:4]}
    mixed = sorted(step for step, _ in counts[:4] if longest[step] >= _FEWEST_RUN)
    fine, coarse = (mixed[0], mixed[-1]) if mixed else (usual, usual)
    if coarse > fine and coarse % fine == 0 and coarse <= _DAY_S:
        rare = coarse if distances.count(coarse) <= distances.count(fine) else fine
        lines = tuple(readings[n + 1].line for n, each in enumerate(distances) if each == rare)
        return Rhythm(fine, coarse, True, lines)
    regular = often >= _USUAL_SHARE * len(distances) and usual >= 60
    step = float(usual) if regular else 900.0
    return Rhythm(step, step, regular)


def interval_spans(readings: Sequence[Reading], beat: Rhythm, ends: bool) -> list[Span]:
    """Return what each reading stands for where it is the mean of one step.

    Args:
        readings: in order of time.
        beat: their rhythm.
        ends: a stamp is the end of its step.
    """
    spans = []
    times = [reading.at.timestamp() for reading in readings]
    length = beat.step
    for number, reading in enumerate(readings):
        other = number - 1 if ends else number + 1
        if 0 <= other < len(times) and beat.coarse > beat.step:
            distance = abs(times[other] - times[number])
            length = distance if distance in (beat.step, beat.coarse) else length
        start = times[number] - length if ends else times[number]
        spans.append(Span(start, start + length, reading.value, reading.line))
    return spans


def held_spans(readings: Sequence[Reading]) -> list[Span]:
    """Return what readings stand for that a device sends on change: each until the next, an hour at most."""
    most = limit("hold_hours") * 3600
    spans = []
    for now, following in pairwise(readings):
        start, end = now.at.timestamp(), following.at.timestamp()
        spans.append(Span(start, min(end, start + most), now.value, now.line))
        if end > start + most:
            spans.append(Span(start + most, end, nan, following.line))
    return spans


def to_steps(
    spans: Sequence[Span], start_s: float, step_s: float, count: int
) -> tuple[list[float], list[int]]:
    """Return the time-weighted mean of each step and the last line it rests on.

    A step of which less than 95 % is covered is NaN.
    """
    sums, covered, lines = [0.0] * count, [0.0] * count, [0] * count
    for span in spans:
        if isnan(span.value):
            continue
        first = max(0, floor((span.start - start_s) / step_s))
        last = min(count, ceil((span.end - start_s) / step_s))
        for place in range(first, last):
            begin = start_s + place * step_s
            seconds = min(span.end, begin + step_s) - max(span.start, begin)
            sums[place] += span.value * seconds
            covered[place] += seconds
            lines[place] = span.line
    least = limit("covered") * step_s
    # Float seconds since 1970 are exact to a microsecond.
    values = [
        total / time if time >= least - 1e-3 else nan for total, time in zip(sums, covered, strict=True)
    ]
    return values, [0 if isnan(value) else line for value, line in zip(values, lines, strict=True)]


def origin(spans: Sequence[Span], step_s: float, zone: tzinfo) -> tuple[float, int]:
    """Return the start of the first step and how many there are: steps count from local midnight.

    Raises:
        ValueError: there would be millions of them.
    """
    first, last = min(span.start for span in spans), max(span.end for span in spans)
    local = datetime.fromtimestamp(first, UTC).astimezone(zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
    start = midnight + floor((first - midnight) / step_s) * step_s if step_s < _DAY_S else first
    count = ceil(round((last - start) / step_s, 6))
    if count > _MOST_STEPS:
        raise ValueError(f"{count} steps")
    return start, count


def resampled(series: Series, step: timedelta) -> Series:
    """Return a series in other steps, each the time-weighted mean; a price or a power stays what it is.

    Finer steps repeat the value of the coarse one. A coarse step of which more than 5 % is missing is NaN.
    """
    if step == series.step or not len(series):
        return series
    width, start = series.step.total_seconds(), series.start.timestamp()
    spans = [
        Span(start + n * width, start + (n + 1) * width, value, 0) for n, value in enumerate(series.values)
    ]
    first, count = origin(spans, step.total_seconds(), series.start.tzinfo or UTC)
    values, _ = to_steps(spans, first, step.total_seconds(), count)
    begin = datetime.fromtimestamp(first, UTC).astimezone(series.start.tzinfo)
    return Series(series.name, series.unit, begin, step, tuple(values))


def _longest_run(distances: Sequence[int], step: int) -> int:
    longest = run = 0
    for each in distances:
        run = run + 1 if each == step else 0
        longest = max(longest, run)
    return longest
