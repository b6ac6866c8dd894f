"""Checks of the times of a file: order, repeats, summer time, UTC mixed with local time, the future."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import pairwise
from math import isnan, nan
from typing import Any

from slm_energy.meter.finding import Finding, finding, limit
from slm_energy.meter.stamps import skipped, standard_time
from slm_energy.meter.steps import Reading
from slm_energy.series import Series

_HOUR = timedelta(hours=1)
_CHANGES = (
    3,
    4,
    9,
    10,
    11,
)  # months in which some country changes its clocks, by night from Saturday to Sunday
_SUNDAY = 6
_LATEST = 4
_WEEK = 7


def mixed_zones(lines: Sequence[int], stamps: Sequence[datetime]) -> list[Finding]:
    """Name the first row whose time has a zone where others have none, or the other way round."""
    first = stamps[0].tzinfo is None if stamps else True
    for line, stamp in zip(lines, stamps, strict=True):
        if (stamp.tzinfo is None) != first:
            return [finding("zone_mix", line, at=stamp.isoformat(" "))]
    return []


def own_zone(lines: Sequence[int], stamps: Sequence[datetime], zone: tzinfo) -> tuple[tzinfo, list[Finding]]:
    """Return the zone of a file's times: fixed standard time where it has times that summer time skips."""
    changing: dict[date, bool] = {}
    for line, stamp in zip(lines, stamps, strict=True):
        day = stamp.date()
        if day not in changing:
            changing[day] = _clock_changes(day, zone)
        if changing[day] and stamp.tzinfo is None and skipped(stamp, zone):
            fixed = standard_time(zone, stamp)
            at, offset = stamp.strftime("%Y-%m-%d %H:%M"), fixed.tzname(None)
            return fixed, [finding("dst_none", line, at=at, zone=str(zone), offset=offset)]
    return zone, []


def _clock_changes(day: date, zone: tzinfo) -> bool:
    morning = datetime.combine(day, time(0), zone)
    return morning.utcoffset() != (morning + timedelta(days=1)).utcoffset()


def jumps(readings: Sequence[Reading], step: timedelta, zone: tzinfo) -> list[Finding]:
    """Name rows, in the order of the file, where the clock jumps by an hour or by the zone's offset."""
    found = []
    for before, now in pairwise(readings):
        off = now.at - before.at - step
        if not off:
            continue
        local = now.at.astimezone(zone)
        facts: dict[str, Any] = {"at": local.strftime("%Y-%m-%d %H:%M"), "zone": str(zone)}
        offset = local.utcoffset() or timedelta(0)
        night = local.month in _CHANGES and local.weekday() == _SUNDAY and local.hour < _LATEST
        if off == -_HOUR and night and now.value != before.value:
            found.append(finding("dst_double", now.line, hours=1, **facts))
        elif off == _HOUR and night:
            found.append(finding("dst_hole", before.line, now.line, hours=1, **facts))
        elif now.at < before.at and abs(offset) >= 2 * _HOUR and abs(off) == abs(offset):
            found.append(finding("utc_mix", now.line, hours=off / _HOUR, **facts))
    return found


def in_order(readings: Sequence[Reading], zone: tzinfo) -> tuple[list[Reading], list[Finding]]:
    """Return the readings sorted by time; name the first row that comes too early."""
    early = [now for before, now in pairwise(readings) if now.at < before.at]
    if not early:
        return list(readings), []
    at = early[0].at.astimezone(zone).strftime("%Y-%m-%d %H:%M")
    told = finding("out_of_order", early[0].line, early[-1].line, count=len(early), at=at)
    return sorted(readings, key=lambda reading: reading.at), [told]


def once(readings: Sequence[Reading], zone: tzinfo) -> tuple[list[Reading], list[Finding]]:
    """Return one reading for each time; NaN where two contradict each other. `readings` are in order."""
    kept: list[Reading] = []
    found: list[Finding] = []
    contradicted: set[datetime] = set()
    for reading in readings:
        if not kept or kept[-1].at != reading.at:
            kept.append(reading)
            continue
        before = kept[-1]
        at = reading.at.astimezone(zone).strftime("%Y-%m-%d %H:%M")
        if reading.value == before.value or isnan(reading.value):
            found.append(finding("duplicate", reading.line, at=at))
        elif isnan(before.value):
            kept[-1] = before if before.at in contradicted else reading
        else:
            contradicted.add(before.at)
            told = finding(
                "contradiction",
                reading.line,
                value=reading.value,
                expected=before.value,
                at=at,
                before=before.line,
            )
            found.append(told)
            kept[-1] = before._replace(value=nan)
    return kept, found


def not_yet(readings: Sequence[Reading], now: datetime, zone: tzinfo) -> tuple[list[Reading], list[Finding]]:
    """Return the readings up to now; name those whose time is still to come."""
    latest = now.astimezone(UTC) + timedelta(minutes=limit("future_minutes"))
    future = [reading for reading in readings if reading.at > latest]
    if not future:
        return list(readings), []
    at = max(reading.at for reading in future).astimezone(zone).strftime("%Y-%m-%d %H:%M")
    lines = [reading.line for reading in future]
    told = finding("future", min(lines), max(lines), count=len(future), at=at)
    return [reading for reading in readings if reading.at <= latest], [told]


def shifted(series: Series, lines: Sequence[int]) -> list[Finding]:
    """Name where the shape of the day moves by the zone's offset, as when a device changes between UTC and
    local time without a jump in its stamps. The first week is what the later ones are compared with.
    """
    import numpy as np

    offset = (series.start.utcoffset() or timedelta(0)) / _HOUR
    per_hour = round(_HOUR / series.step) if series.step <= _HOUR else 0
    days = len(series) // (24 * per_hour) if per_hour else 0
    if abs(offset) < limit("shift_hours") or offset % 1 or days < 2 * _WEEK:
        return []
    table = np.array(series.values[: days * 24 * per_hour]).reshape(days, 24, per_hour)
    hourly = np.where(np.isnan(table).all(axis=2), np.nan, np.nan_to_num(table).mean(axis=2))
    weeks = [hourly[day : day + _WEEK] for day in range(0, days - _WEEK + 1, _WEEK)]
    profiles = [np.nan_to_num(week).mean(axis=0) for week in weeks]
    lags = [_lag(profiles[0], profile, round(offset)) for profile in profiles]
    first = next((n for n, lag in enumerate(lags) if lag), None)
    if first is None or any(lag != lags[first] for lag in lags[first:]):
        return []
    # The week before holds the change unless this one began with it; its days tell.
    begin = (first - 1) * _WEEK
    day = next(
        (
            d
            for d in range(begin, first * _WEEK)
            if _lag(profiles[0], hourly[d], round(offset)) == lags[first]
        ),
        first * _WEEK,
    )
    place = day * 24 * per_hour
    row = next((line for line in lines[place:] if line), 0)
    at = (series.start + timedelta(days=day)).strftime("%Y-%m-%d")
    return [finding("shifted", row, hours=lags[first], at=at)]


def _lag(usual: Any, profile: Any, offset: int) -> int:
    """Return the offset, with its sign, if the profile fits the usual one only when shifted by it; else 0."""
    import numpy as np

    def fit(lag: int) -> float:
        moved = np.roll(np.nan_to_num(profile), -lag)
        if np.std(usual) == 0 or np.std(moved) == 0:
            return 0.0
        return float(np.corrcoef(usual, moved)[0, 1])

    best = max((offset, -offset), key=fit)
    return best if fit(best) > limit("shift_correlation") and fit(best) > fit(0) + 0.4 else 0
