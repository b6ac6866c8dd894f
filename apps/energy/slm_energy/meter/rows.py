"""Rows of a file as values with the file's own times."""

from __future__ import annotations

from calendar import isleap
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from math import nan
from typing import NamedTuple

from slm_core.errors import UserError
from slm_energy.meter.columns import Layout, MeterMap, is_null, number
from slm_energy.meter.finding import Finding, finding
from slm_energy.meter.stamps import is_day_first, minute_of_day, parse_stamp
from slm_energy.meter.table import Sheet


class Stamped(NamedTuple):
    """A value beside the time that the file gives, before it is known in which zone that is."""

    line: int
    stamp: datetime
    value: float


def stamped_values(
    sheet: Sheet, layout: Layout, given: MeterMap
) -> tuple[list[Stamped], list[Finding], set[int]]:
    """Return values with the file's own times, what could not be read, and the minutes of day it names."""
    place = {name: number for number, name in enumerate(sheet.header)}
    wanted = _entity(sheet, layout, given)
    column = layout.time or layout.date
    day_first = bool(given.day_first) or (bool(column) and is_day_first(sheet.column(column)))
    found: list[Stamped] = []
    findings: list[Finding] = []
    minutes: set[int] = set()
    for row in sheet.rows:
        if layout.entity and row.cells[place[layout.entity]].strip() != wanted:
            continue
        for name, at in layout.wide or ((layout.value, -1),):
            try:
                stamp, minute = _stamp(row.cells, place, layout, at, day_first) if column else (None, 0)
            except (ValueError, OverflowError):
                findings.append(finding("no_time", row.line, cell=row.cells[place[column]][:40]))
                break
            value, told = _value(row.cells[place[name]], name, row.line, sheet.decimal_comma)
            findings += told
            minutes.add(minute)
            found.append(Stamped(row.line, stamp or _consecutive(given, len(found)), value))
    return _in_year(found, given.year), [*findings, *_years(found, given.year)], minutes


def _consecutive(given: MeterMap, number_: int) -> datetime:
    if given.start is None:
        raise UserError(
            "no column is a time", where="--map", mend="say `start = ...` and `step_minutes = ...`"
        )
    return given.start + timedelta(minutes=given.step_minutes or 60) * number_


def _in_year(found: list[Stamped], year: int | None) -> list[Stamped]:
    """Move all stamps into one year, for a typical year; the midnight that ends its December ends it."""
    if year is None:
        return found
    moved: list[Stamped] = []
    for each in found:
        stamp = each.stamp
        over = stamp.month == 1 and stamp.day == 1 and moved and moved[-1].stamp.month == 12
        if stamp.month == 2 and stamp.day == 29 and not isleap(year):
            if stamp.hour or stamp.minute:
                continue
            stamp += timedelta(days=1)  # the midnight that ends 28 February
        moved.append(each._replace(stamp=stamp.replace(year=year + 1 if over else year)))
    return moved


def _years(found: list[Stamped], year: int | None) -> list[Finding]:
    """Tell of a typical year: months in their order, the years in none."""
    if year is not None:
        return []
    months = dict.fromkeys((each.stamp.year, each.stamp.month) for each in found)
    years = [each for each, _ in months]
    back = sum(b < a for a, b in pairwise(years))
    if back < 2 or len(set(years)) < 4 or len(months) > 26:
        return []
    told = ", ".join(map(str, sorted(set(years))))
    return [finding("typical_year", found[0].line, found[-1].line, count=len(set(years)), years=told)]


def _stamp(
    cells: Sequence[str], place: dict[str, int], layout: Layout, minute: int, day_first: bool
) -> tuple[datetime, int]:
    if layout.time:
        cell = cells[place[layout.time]]
        stamp = parse_stamp(cell, day_first)
        return stamp, 24 * 60 if " 24:" in cell or "T24:" in cell else stamp.hour * 60 + stamp.minute
    day = parse_stamp(cells[place[layout.date]], day_first).replace(hour=0, minute=0, second=0)
    minute = minute_of_day(cells[place[layout.hour]]) if layout.hour else minute
    return (day + timedelta(minutes=minute), minute) if minute >= 0 else (day, 0)


def _value(cell: str, column: str, line: int, decimal_comma: bool) -> tuple[float, list[Finding]]:
    if is_null(cell):
        return nan, []
    try:
        return number(cell, decimal_comma), []
    except ValueError:
        return nan, [finding("no_number", line, column=column, cell=cell.strip()[:40])]


def _entity(sheet: Sheet, layout: Layout, given: MeterMap) -> str:
    if not layout.entity:
        return ""
    there = list(dict.fromkeys(cell.strip() for cell in sheet.column(layout.entity)))
    if given.entity is None and len(there) == 1:
        return there[0]
    if given.entity not in there:
        raise UserError(
            f"the file holds {len(there)} meters" if given.entity is None else f"no meter {given.entity!r}",
            where=f"{sheet.path}:{sheet.header_line}",
            expected=", ".join(there[:20]),
            mend="say `entity = ...` in --map",
        )
    return given.entity or ""
