"""Saving of a reporting period against a baseline, after IPMVP Core Concepts 2022, Option C (whole facility).

    saving = adjusted baseline - metered; the first is what the model expects of the days reported

Its uncertainty is the fractional one of ASHRAE Guideline 14-2014 Annex B (Reddy and Claridge 2000):

    dE/E = t · 1.26 · CV · sqrt(n/n' · (1 + 2/n') · 1/m) / F,   n' = n (1 - r) / (1 + r)

n days of baseline, m days reported, r correlation of successive errors, F saving as a share, t of Student.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from math import sqrt

from slm_core.errors import UserError
from slm_energy.forecast.calendar import country_of
from slm_energy.meter.finding import Metered
from slm_energy.said import Said
from slm_energy.saving.baseline import Baseline, Day, days_of, fit

LEAST_BASELINE = 90  # days; IPMVP wants a whole cycle of operation, which is a year where the weather counts
FULL_BASELINE = 335
LEAST_REPORTED = 28
LEAST_WHOLE = 0.9  # share of the days of a period that are read
MOST_BEYOND = 0.1  # share of days reported that are colder or warmer than any of the baseline
CONFIDENCE = 0.90
# Guideline 14, whole-building performance path: bars of the model where less than a year is reported, net
# bias, and what the uncertainty must not pass.
CV_BAR, NMBE_BAR = 0.20, 0.00005
UNCERTAINTY_BAR, BAR_CONFIDENCE = 0.50, 0.68


@dataclass(frozen=True)
class Period:
    """Days of one period: those used, how many there are in all, and the lines they stand in."""

    start: date
    end: date
    days: tuple[Day, ...]
    calendar_days: int
    first_line: int
    last_line: int

    @property
    def kwh(self) -> float:
        """Energy of the days used."""
        return sum(day.kwh for day in self.days)


@dataclass(frozen=True)
class Check:
    """A bar: what was found and whether it holds."""

    name: Said
    value: float
    bar: float
    holds: bool


@dataclass(frozen=True)
class Saving:
    """What was saved.

    Args:
        baseline, before, after: the model and the two periods.
        adjusted_kwh, metered_kwh, saved_kwh: of the days reported.
        share: of the adjusted baseline.
        half_kwh: half the width of the 90 % interval of the saving.
        money, half_money, price, currency: at that price a kWh; None without one.
        checks: bars of Guideline 14. notes: what limits the result.
        sources: file of the load, and that of the temperature.
    """

    baseline: Baseline
    before: Period
    after: Period
    adjusted_kwh: float
    metered_kwh: float
    saved_kwh: float
    share: float
    half_kwh: float
    money: float | None
    half_money: float | None
    price: float | None
    currency: str
    checks: tuple[Check, ...]
    notes: tuple[Said, ...]
    sources: tuple[str, ...]

    @property
    def certain(self) -> bool:
        """Whether the saving differs from zero by more than its uncertainty."""
        return abs(self.saved_kwh) > self.half_kwh

    @property
    def fits(self) -> bool:
        """Whether the model keeps the bars of Guideline 14 for its scatter and bias."""
        return all(check.holds for check in self.checks[:2])


def measure(
    load: Metered,
    outdoor: Metered | None,
    before: tuple[date, date],
    after: tuple[date, date],
    *,
    price: float | None = None,
    currency: str = "원",
    country: str | None = None,
) -> Saving:
    """Return what was saved.

    Args:
        load: kW; whole local days are used.
        outdoor: degrees Celsius of the same days; None leaves the weather out, which the report says.
        before, after: first and last day of the baseline and of the reporting period.
        price: of one kWh saved, in `currency`.
        country: whose holidays are days off; left out, by the zone of the load.

    Raises:
        UserError: the periods overlap, are too short or less than nine tenths read, or the weather of the
            days reported was hardly seen in the baseline.
    """
    if before[1] >= after[0] and after[1] >= before[0]:
        raise UserError(
            "the two periods overlap", where=load.source, expected="a baseline before the measure"
        )
    where = country or country_of(str(load.series.start.tzinfo))
    days = days_of(load.series, outdoor.series if outdoor else None, where)
    old, new = (_period(load, days, *dates) for dates in (before, after))
    for period, least in ((old, LEAST_BASELINE), (new, LEAST_REPORTED)):
        _refuse_thin(period, least, load.source)
    model = fit(old.days)
    _refuse_unseen(model, new, load.source)
    adjusted = sum(model.expects(day) for day in new.days)
    saved = adjusted - new.kwh
    half = _half(model, len(new.days), adjusted, CONFIDENCE)
    return Saving(
        model, old, new, adjusted, new.kwh, saved, saved / adjusted, half,
        None if price is None else saved * price,
        None if price is None else half * price,
        price, currency,
        _checks(model, saved, _half(model, len(new.days), adjusted, BAR_CONFIDENCE)),
        _notes(old, new, outdoor is None),
        (load.source, *([outdoor.source] if outdoor else [])),
    )  # fmt: skip


def _period(load: Metered, days: list[Day], start: date, end: date) -> Period:
    lines = [
        line
        for time, line in zip(load.series.times(), load.lines, strict=True)
        if line and start <= time.date() <= end
    ]
    inside = tuple(day for day in days if start <= day.day <= end)
    return Period(start, end, inside, (end - start).days + 1, min(lines, default=0), max(lines, default=0))


def _refuse_thin(period: Period, least: int, source: str) -> None:
    used, there = len(period.days), period.calendar_days
    if used < least:
        raise UserError(
            f"{used} whole days from {period.start} to {period.end} are too few for a saving",
            where=source,
            expected=f"{least} at least",
        )
    if used < LEAST_WHOLE * there:
        raise UserError(
            f"only {used} of {there} days from {period.start} to {period.end} are whole",
            where=source,
            expected=f"{LEAST_WHOLE:.0%}",
            mend="fill the gaps of the meter or choose other dates",
        )


def _refuse_unseen(model: Baseline, after: Period, source: str) -> None:
    if model.coldest is None or model.warmest is None:
        return
    beyond = [
        day
        for day in after.days
        if day.outdoor is not None and not model.coldest - 1 <= day.outdoor <= model.warmest + 1
    ]
    if len(beyond) > MOST_BEYOND * len(after.days):
        raise UserError(
            f"{len(beyond)} of {len(after.days)} days reported are colder or warmer than any before",
            where=source,
            expected=f"{model.coldest:.1f} to {model.warmest:.1f} °C",
            mend="take a baseline with such days, a year at best",
        )


def _half(model: Baseline, reported: int, adjusted: float, confidence: float) -> float:
    from scipy.stats import t

    n = model.days
    effective = max(2.0, n * (1 - model.correlation) / (1 + model.correlation))
    student = float(t.ppf((1 + confidence) / 2, max(1, n - model.parameters)))
    share = 1.26 * model.cv * sqrt(n / effective * (1 + 2 / effective) / reported)
    return student * share * adjusted


def _checks(model: Baseline, saved: float, half: float) -> tuple[Check, ...]:
    fraction = half / abs(saved) if saved else float("inf")
    return (
        Check(Said("CV(RMSE)", "CV(RMSE)"), model.cv, CV_BAR, model.cv <= CV_BAR),
        Check(Said("NMBE", "NMBE"), abs(model.nmbe), NMBE_BAR, abs(model.nmbe) <= NMBE_BAR),
        Check(
            Said("절감량 불확도(68%)", "uncertainty of the saving (68%)"),
            fraction,
            UNCERTAINTY_BAR,
            fraction <= UNCERTAINTY_BAR,
        ),
    )


def _notes(before: Period, after: Period, no_weather: bool) -> tuple[Said, ...]:
    notes = []
    if no_weather:
        notes.append(
            Said(
                "기온 자료가 없어 날씨 차이를 보정하지 않았습니다.",
                "There is no outdoor temperature, so the difference of the weather is not taken out.",
            )
        )
    if len(before.days) < FULL_BASELINE:
        notes.append(
            Said(
                f"기준 기간이 {len(before.days)}일로 1년보다 짧아 계절 전체를 담지 못합니다.",
                f"The baseline has {len(before.days)} days, less than a year: not all seasons.",
            )
        )
    for period in (before, after):
        left = period.calendar_days - len(period.days)
        if left:
            notes.append(
                Said(
                    f"{period.start}~{period.end} 중 자료가 부족한 {left}일은 뺐습니다.",
                    f"{left} days from {period.start} to {period.end} are left out: readings are missing.",
                )
            )
    return tuple(notes)
