"""Checks of the values of a series: sign, unit, level, spikes, what does not move, prices out of range."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import groupby
from math import isnan, log, nan
from statistics import median

from slm_energy.meter.finding import Finding, finding, limit, table
from slm_energy.series import Series

_DAY = timedelta(days=1)
_WEEK = 7


def negative(series: Series, lines: Sequence[int]) -> tuple[Series, list[Finding]]:
    """Return the series without its negative values, which neither a load nor panels can have."""
    below = [n for n, value in enumerate(series.values) if value < 0]
    if not below:
        return series, []
    told = [
        finding(
            "negative",
            lines[run[0]],
            lines[run[-1]],
            value=min(series.values[n] for n in run),
            count=len(run),
        )
        for run in _runs(below)
    ]
    return series.with_values([nan if value < 0 else value for value in series.values]), told


def stuck(series: Series, lines: Sequence[int], zeros: bool = False) -> list[Finding]:
    """Name runs of the same value that last hours, and longer than runs in this series usually last.

    Args:
        series: to look at.
        lines: of its steps.
        zeros: whether a run of zeros is a fault too; that of panels by night is none.
    """
    runs: list[tuple[int, int, float]] = []
    place = 0
    for value, steps in groupby(series.values):
        length = sum(1 for _ in steps)
        if not isnan(value) and (value or zeros):
            runs.append((place, length, value))
        place += length
    least = limit("stuck_hours") / series.hours
    suspects = [run for run in runs if run[1] >= max(least, 4)]
    others = sorted(length for _, length, _ in runs if length < max(least, 4))
    usual = others[-1] if others else 1
    many = len(suspects) > 3 and sum(length for _, length, _ in suspects) > len(series) / 4
    return [
        finding("stuck", lines[start], lines[start + length - 1], value=value, hours=length * series.hours)
        for start, length, value in suspects
        if length >= usual * limit("stuck_runs") / 2 and not many
    ]


def spikes(series: Series, lines: Sequence[int]) -> tuple[Series, list[Finding]]:
    """Return the series without readings far above all others; each is named."""
    known = sorted(value for value in series.values if not isnan(value))
    if len(known) < 24:
        return series, []
    usual = known[-1 - max(3, len(known) // 1000)]
    bar = limit("spike") * usual
    high = [n for n, value in enumerate(series.values) if usual > 0 and value > bar]
    if not high:
        return series, []
    told = [
        finding("spike", lines[n], value=series.values[n], expected=usual, times=series.values[n] / usual)
        for n in high
    ]
    return series.with_values([nan if n in set(high) else v for n, v in enumerate(series.values)]), told


def level(series: Series, lines: Sequence[int]) -> list[Finding]:
    """Name the row from which a series is higher or lower by a factor by which units differ.

    The factors are 1000 (W, kW, MW) and the steps of an hour (kW, kWh within a step). Each day is held
    against the same day of the week before, or against the day before in a file that is short.
    """
    days = round(_DAY / series.step)
    if days < 2:
        return []
    means = _daily(series.values, days)
    back = _WEEK if len(means) >= _WEEK + limit("unit_days") else 1
    factors = {1000.0: "kW, W"}
    if series.hours < 1:
        factors[1 / series.hours] = "kW, kWh"
    for factor, pair in factors.items():
        for wanted in (factor, 1 / factor):
            day = _changed_day(means, back, wanted)
            if day is not None:
                place = _changed_step(series, day * days, wanted, back * days, days)
                row = next((line for line in lines[place:] if line), 0)
                ratio = means[day + 1] / means[day + 1 - back] if back > 1 else means[day] / means[day - 1]
                return [finding("unit_step", row, value=ratio, expected=1.0, pair=pair)]
    return []


def beyond_contract(series: Series, lines: Sequence[int], contract_kw: float | None) -> list[Finding]:
    """Name the highest reading where it is far beyond what the site may draw."""
    known = [(value, n) for n, value in enumerate(series.values) if not isnan(value)]
    if contract_kw is None or not known or max(known)[0] <= limit("over_contract") * contract_kw:
        return []
    value, place = max(known)
    return [
        finding("over_contract", lines[place], value=value, expected=contract_kw, times=value / contract_kw)
    ]


def price_unit(series: Series, lines: Sequence[int], day: date | None = None) -> list[Finding]:
    """Tell where the usual price is outside what a bill of its days can hold: 원 for 천원, or per MWh."""
    currency = series.unit.partition("/")[0]
    day = day or series.start.date()
    known = [value for value in series.values if not isnan(value)]
    for row in table()["prices"]:
        inside = date.fromisoformat(row["valid_from"]) <= day <= date.fromisoformat(row["valid_to"])
        if row["currency"] != currency or not inside or not known:
            continue
        usual = median(known)
        if row["low"] <= usual <= row["high"] or usual == 0:
            return []
        rows = [line for line in lines if line] or [0]
        facts = {"currency": currency, "low": row["low"], "high": row["high"]}
        guess = _guess(usual, row["low"], row["high"], currency)
        return [finding("price_unit", rows[0], rows[-1], value=usual, guess=guess, **facts)]
    return []


def energy_and_power(
    energies: Sequence[float], powers: Sequence[float], hours: float, names: tuple[str, str], line: int
) -> list[Finding]:
    """Hold a column of energy against one of power in the same rows.

    Args:
        energies: kWh of each step. powers: kW in it, mean or peak.
        hours: length of a step.
        names: of the two columns.
        line: of the header.
    """
    ratios = [p / e for e, p in zip(energies, powers, strict=True) if e > 0 and p > 0]
    if len(ratios) < 12:
        return []
    ratio = median(ratios)
    wrong = [factor for factor in (hours, 1.0, 1000 / hours, 1 / hours / 1000) if factor != 1 / hours]
    if not any(abs(ratio / factor - 1) < limit("unit_near") for factor in wrong):
        return []
    energy, power = names
    return [finding("unit_columns", line, value=ratio, expected=1 / hours, energy=energy, power=power)]


def _guess(usual: float, low: float, high: float, currency: str) -> str:
    thousand = "천원/kWh" if currency == "원" else f"1000 {currency}/kWh"
    if low <= usual * 1000 <= high:
        return thousand
    return f"{currency}/MWh" if low <= usual / 1000 <= high else "?"


def _runs(places: Sequence[int]) -> list[list[int]]:
    runs: list[list[int]] = []
    for place in places:
        if runs and place == runs[-1][-1] + 1:
            runs[-1].append(place)
        else:
            runs.append([place])
    return runs


def _daily(values: Sequence[float], days: int) -> list[float]:
    means = []
    for start in range(0, len(values) - days + 1, days):
        known = [value for value in values[start : start + days] if not isnan(value)]
        means.append(sum(known) / len(known) if len(known) >= days / 2 else nan)
    return means


def _changed_day(means: Sequence[float], back: int, wanted: float) -> int | None:
    """Return the first day that is the factor above the one it is held against, and stays there."""
    width = round(limit("unit_days"))
    for day in range(back, len(means) - width + 1):
        held = means[day - back : day] if back > 1 else [means[day - 1]] * width
        ratios = [
            now / before for before, now in zip(held, means[day : day + width], strict=False) if before > 0
        ]
        near = len(ratios) == width and abs(median(ratios) / wanted - 1) < limit("unit_near")
        if near and all(abs(log(ratio / wanted)) < abs(log(wanted)) / 3 for ratio in ratios if ratio > 0):
            return day
    return None


def _changed_step(series: Series, place: int, wanted: float, back: int, days: int) -> int:
    """Return the step at which the level changes; it may lie within the day before, which is a mixture."""

    def moved(n: int) -> bool:
        before, now = series.values[n - back], series.values[n]
        return before > 0 and now > 0 and abs(log(now / before / wanted)) < abs(log(wanted)) / 2

    for n in range(max(back, place - days), min(place + days, len(series))):
        if moved(n) and sum(moved(m) for m in range(n, min(n + days // 4, len(series)))) > days // 6:
            return n
    return place
