"""A file of readings as a series in equal steps, with everything that is wrong with it by row.

Read are CSV, TSV and text of any usual layout: one time column, date and hour apart, a row a day with columns
of times, the history of Home Assistant (`entity_id,state,last_changed`), or rows without any time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

from slm_core.errors import UserError
from slm_energy.meter import clock, values
from slm_energy.meter.checks import gaps, wrong_length
from slm_energy.meter.choosing import choose_kind, choose_unit, place, stamps_end
from slm_energy.meter.columns import (
    QUANTITIES,
    Layout,
    MeterMap,
    Quantity,
    find_layout,
    names_columns,
    number,
    power_column,
    value_column,
)
from slm_energy.meter.counter import counter_spans
from slm_energy.meter.finding import Choice, Finding, Metered, finding
from slm_energy.meter.rows import stamped_values
from slm_energy.meter.steps import (
    Reading,
    Rhythm,
    Span,
    held_spans,
    interval_spans,
    origin,
    rhythm,
    to_steps,
)
from slm_energy.meter.table import Sheet, read_sheet
from slm_energy.meter.units import Unit, header_unit
from slm_energy.series import Series
from slm_energy.site import Site

_ELECTRICAL = ("load", "grid", "pv")
_MERGED = ("no_number", "no_time", "uneven", "duplicate", "contradiction")


_NOWHERE = Site(name="site")


def read_meter(
    path: Path,
    given: MeterMap | None = None,
    *,
    quantity: Quantity = "load",
    site: Site | None = None,
    now: datetime | None = None,
) -> Metered:
    """Read one quantity of a file.

    Args:
        path: of the file.
        given: the user's words on its columns.
        quantity: what to read.
        site: whose zone times have that name none (Korea's without a site), and whose contract power readings
            are held against.
        now: the time after which stamps are faults; without it none is one.

    Raises:
        UserError: no such file, no text, no known column of time or value, several meters in one file.
    """
    sheet = read_sheet(path, names_columns)
    return _metered(sheet, given or MeterMap(), quantity, site or _NOWHERE, now)


def read_meters(
    path: Path,
    given: MeterMap | None = None,
    *,
    site: Site | None = None,
    now: datetime | None = None,
) -> dict[Quantity, Metered]:
    """Read every quantity that a file has a column for; arguments and errors as of `read_meter`."""
    given, site = given or MeterMap(), site or _NOWHERE
    sheet = read_sheet(path, names_columns)
    there = [quantity for quantity in QUANTITIES if _has(sheet, given, quantity)]
    return {quantity: _metered(sheet, given, quantity, site, now) for quantity in there or ["load"]}


def _has(sheet: Sheet, given: MeterMap, quantity: Quantity) -> bool:
    if given.value is not None:
        return quantity == "load"
    return bool(value_column(sheet, quantity, {given.time or "", given.date or "", given.hour or ""}))


def _metered(sheet: Sheet, given: MeterMap, quantity: Quantity, site: Site, now: datetime | None) -> Metered:
    layout = find_layout(sheet, given, quantity)
    unit, choices, findings = choose_unit(sheet, layout, given, quantity)
    findings += sheet.uneven
    zone = ZoneInfo(site.zone)
    readings, minutes, told = _readings(sheet, layout, given, zone, choices)
    findings += told
    if now is not None:
        readings, told = clock.not_yet(readings, now, zone)
        findings += told
    if not readings:
        raise UserError(
            "every time lies in the future", where=sheet.path, mend="check the clock and the zone"
        )
    beat = rhythm(readings, given.step_minutes * 60.0 if given.step_minutes else None)
    findings += _mixed(beat)
    kind = choose_kind(layout, given, unit, [reading.value for reading in readings], choices)
    ends = kind != "counter" and beat.regular
    ends = ends and stamps_end(layout, given, minutes, readings, beat.step, choices)
    spans, told = _spans(readings, unit, kind, beat, ends)
    findings += told
    series, lines = _series(spans, beat, zone, quantity, unit, sheet)
    series, told = _checked(series, lines, quantity, site.contract_kw)
    findings += [*told, *gaps(series, lines), *_beside(sheet, layout, kind, unit, beat)]
    if not layout.time:
        findings += wrong_length(len(readings), timedelta(seconds=beat.step), readings[-1].line)
    return Metered(
        sheet.path.name,
        series,
        tuple(sorted(_merged(findings), key=lambda each: (each.first, each.last))),
        tuple(choices),
        len(sheet.rows) + len(sheet.uneven),
        len({line for line in lines if line}),
        tuple(lines),
    )


def _readings(
    sheet: Sheet, layout: Layout, given: MeterMap, local: ZoneInfo, choices: list[Choice]
) -> tuple[list[Reading], set[int], list[Finding]]:
    """Return one reading for each time, in order, and the minutes of day that the file names."""
    stamped, findings, minutes = stamped_values(sheet, layout, given)
    if not stamped:
        raise UserError(
            "no row has a time that can be read",
            where=f"{sheet.path}:{sheet.header_line or 1}",
            mend="say `time = ...` in --map",
        )
    readings, told = place(stamped, given, local, choices)
    findings += told
    usual = rhythm(sorted(readings, key=lambda reading: reading.at)).step
    findings += clock.jumps(readings, timedelta(seconds=usual), local)
    readings, early = clock.in_order(readings, local)
    readings, twice = clock.once(readings, local)
    return readings, minutes, [*findings, *early, *twice]


def _spans(
    readings: Sequence[Reading], unit: Unit, kind: str, beat: Rhythm, ends: bool
) -> tuple[list[Span], list[Finding]]:
    ours = [reading._replace(value=unit.convert(reading.value)) for reading in readings]
    if kind == "counter":
        return counter_spans(ours, beat.coarse)
    spans = interval_spans(ours, beat, ends) if beat.regular else held_spans(ours)
    if kind == "energy":
        spans = [span._replace(value=span.value * 3600 / (span.end - span.start)) for span in spans]
    return spans, []


def _series(
    spans: Sequence[Span], beat: Rhythm, zone: tzinfo, quantity: Quantity, unit: Unit, sheet: Sheet
) -> tuple[Series, list[int]]:
    if not spans:
        raise UserError(
            "too few readings to tell anything between them", where=sheet.path, expected="two rows at least"
        )
    try:
        start, count = origin(spans, beat.coarse, zone)
    except ValueError as error:
        raise UserError(
            f"the times span {error}: one of them is absurd",
            where=sheet.path,
            mend="check the first and last row",
        ) from error
    found, lines = to_steps(spans, start, beat.coarse, count)
    begin = datetime.fromtimestamp(start, UTC).astimezone(zone)
    ours = "kW" if unit.kind in ("power", "energy") else unit.ours
    return Series(quantity, ours, begin, timedelta(seconds=beat.coarse), tuple(found)), lines


def _checked(
    series: Series, lines: Sequence[int], quantity: Quantity, contract_kw: float | None
) -> tuple[Series, list[Finding]]:
    """Return the series without what cannot be, and what is wrong with its values."""
    found: list[Finding] = []
    if quantity == "price":
        return series, values.price_unit(series, lines)
    if quantity in ("load", "pv", "ghi"):
        series, found = values.negative(series, lines)
    if quantity not in _ELECTRICAL:
        return series, found
    found += values.beyond_contract(series, lines, contract_kw)
    found += values.level(series, lines)
    if quantity == "load":
        series, told = values.spikes(series, lines)
        found += [*told, *clock.shifted(series, lines)]
    return series, [*found, *values.stuck(series, lines, zeros=quantity == "load")]


def _beside(sheet: Sheet, layout: Layout, kind: str, unit: Unit, beat: Rhythm) -> list[Finding]:
    """Hold the energy against a column of power in the same file, where there is one."""
    other = power_column(sheet, {layout.value}) if kind == "energy" and layout.value else ""
    power = header_unit(other)
    if power is None:
        return []
    energies, powers = (
        [each.convert(_or_zero(cell, sheet.decimal_comma)) for cell in sheet.column(name)]
        for name, each in ((layout.value, unit), (other, power))
    )
    names = (layout.value, other)
    return values.energy_and_power(energies, powers, beat.step / 3600, names, sheet.header_line)


def _or_zero(cell: str, decimal_comma: bool) -> float:
    try:
        return number(cell, decimal_comma)
    except ValueError:
        return 0.0


def _mixed(beat: Rhythm) -> list[Finding]:
    if not beat.others:
        return []
    facts = {"fine": beat.step / 60, "coarse": beat.coarse / 60, "count": len(beat.others)}
    return [finding("mixed_step", beat.others[0], beat.others[-1], **facts)]


def _merged(findings: Sequence[Finding]) -> list[Finding]:
    """Tell the same fault of neighbouring rows once, in the words of the first."""
    merged: list[Finding] = []
    for each in findings:
        before = merged[-1] if merged else each
        near = each.first == before.last + 1 and each.code == before.code
        if near and each.code in _MERGED:
            merged[-1] = replace(before, last=each.last)
        else:
            merged.append(each)
    return merged
