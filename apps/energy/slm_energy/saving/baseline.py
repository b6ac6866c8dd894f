"""A baseline of daily energy: kind of day and outdoor temperature with change points.

    kWh = base + weekend·(Saturday, Sunday or holiday) + heat·max(0, Th - T) + cool·max(0, T - Tc)

These are the inverse models of ASHRAE Guideline 14-2014 Annex C (1P to 5P) with a term for the kind of day.
Of those that the data allow, the one of least BIC is taken whose slopes are those of heating and cooling.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from math import isnan, log, sqrt
from typing import TYPE_CHECKING

from slm_energy.forecast.calendar import SUNDAY, public_holidays
from slm_energy.series import Series

if TYPE_CHECKING:
    from slm_energy.forecast.past import Array

WHOLE = 0.9  # share of a day that must be read for the day to count
_DAY = timedelta(days=1)
_GRID = 0.5  # degrees Celsius between change points that are tried


@dataclass(frozen=True)
class Day:
    """A local day: kWh, mean outdoor temperature (None where it is not known), whether it is a day off."""

    day: date
    kwh: float
    outdoor: float | None
    off: bool


@dataclass(frozen=True)
class Baseline:
    """A fitted baseline.

    Args:
        form: `1P`, `3P-heat`, `3P-cool` or `5P`, after the number of parameters in Guideline 14.
        base, off, heat, cool: kWh a day, and per kelvin.
        heat_below, cool_above: change points in degrees Celsius.
        days: that it was fitted to. parameters: fitted ones, change points among them.
        cv: CV(RMSE) with n - p degrees of freedom. nmbe: normalised mean bias error. r2: of the fit.
        correlation: of a day's error with that of the day before.
        coldest, warmest: daily means that it has seen.
    """

    form: str
    base: float
    off: float
    heat: float
    cool: float
    heat_below: float | None
    cool_above: float | None
    days: int
    parameters: int
    cv: float
    nmbe: float
    r2: float
    correlation: float
    coldest: float | None
    warmest: float | None

    def expects(self, day: Day) -> float:
        """Return the kWh of a day under its weather."""
        kwh = self.base + self.off * day.off
        if day.outdoor is not None and self.heat_below is not None:
            kwh += self.heat * max(0.0, self.heat_below - day.outdoor)
        if day.outdoor is not None and self.cool_above is not None:
            kwh += self.cool * max(0.0, day.outdoor - self.cool_above)
        return kwh


def days_of(load: Series, outdoor: Series | None, country: str | None) -> list[Day]:
    """Return the local days of a load in kW that are read to nine tenths, with their mean temperature."""
    energy = _by_day(load)
    warm = _by_day(outdoor) if outdoor is not None else {}
    off = public_holidays(country, tuple(sorted({day.year for day in energy})))
    found = []
    for day, (mean, share) in energy.items():
        temperature = warm.get(day)
        known = temperature is not None and temperature[1] >= WHOLE
        if share >= WHOLE and (outdoor is None or known):
            is_off = day.weekday() >= SUNDAY - 1 or day in off
            found.append(Day(day, mean * 24, temperature[0] if known and temperature else None, is_off))
    return found


def fit(days: Sequence[Day]) -> Baseline:
    """Return the baseline of days that all have a temperature, or none of which has."""
    import numpy as np

    y = np.array([day.kwh for day in days])
    plain = [np.ones(len(days))]
    if len({day.off for day in days}) == 2:
        plain.append(np.array([float(day.off) for day in days]))
    tried = [_solved("1P", plain, y, days, (None, None))]
    if all(day.outdoor is not None for day in days):
        warm = np.array([day.outdoor for day in days], dtype=float)
        grid = np.arange(np.quantile(warm, 0.1), np.quantile(warm, 0.9) + 1e-9, _GRID)
        heat = [_solved("3P-heat", [*plain, np.maximum(0, at - warm)], y, days, (at, None)) for at in grid]
        cool = [_solved("3P-cool", [*plain, np.maximum(0, warm - at)], y, days, (None, at)) for at in grid]
        both = [
            _solved(
                "5P", [*plain, np.maximum(0, low - warm), np.maximum(0, warm - high)], y, days, (low, high)
            )
            for low in grid[::2]
            for high in grid[::2]
            if high >= low
        ]
        tried += [each for each in (*heat, *cool, *both) if each[1].heat >= 0 and each[1].cool >= 0]
    return min(tried, key=lambda each: each[0])[1]


def _solved(
    form: str,
    columns: Sequence[Array],
    y: Array,
    days: Sequence[Day],
    points: tuple[float | None, float | None],
) -> tuple[float, Baseline]:
    """Return BIC and model of one form at fixed change points."""
    import numpy as np

    x = np.stack(columns, axis=1)
    found, *_ = np.linalg.lstsq(x, y, rcond=None)
    errors = y - x @ found
    n, p = len(y), x.shape[1] + sum(point is not None for point in points)
    squares = float((errors**2).sum())
    whole = float(((y - y.mean()) ** 2).sum())
    rest = list(map(float, found))
    base = rest.pop(0)
    off = rest.pop(0) if len({day.off for day in days}) == 2 else 0.0
    heat = rest.pop(0) if points[0] is not None else 0.0
    cool = rest.pop(0) if points[1] is not None else 0.0
    warm = [day.outdoor for day in days if day.outdoor is not None]
    model = Baseline(
        form=form,
        base=base,
        off=off,
        heat=heat,
        cool=cool,
        heat_below=None if points[0] is None else float(points[0]),
        cool_above=None if points[1] is None else float(points[1]),
        days=n,
        parameters=p,
        cv=sqrt(squares / max(1, n - p)) / float(y.mean()),
        nmbe=float(errors.sum()) / max(1, n - p) / float(y.mean()),
        r2=1 - squares / whole if whole else 0.0,
        correlation=_correlation(errors, days),
        coldest=min(warm, default=None),
        warmest=max(warm, default=None),
    )
    return n * log(max(squares / n, 1e-12)) + p * log(n), model


def _correlation(errors: Array, days: Sequence[Day]) -> float:
    """Of errors of days that follow each other, from 0 to 0.95."""
    import numpy as np

    follow = [n for n, (a, b) in enumerate(pairwise(days)) if b.day - a.day == _DAY]
    if len(follow) < 10 or not float(np.var(errors)):
        return 0.0
    before, after = errors[follow], errors[[n + 1 for n in follow]]
    return float(np.clip((before * after).mean() / np.var(errors), 0.0, 0.95))


def _by_day(series: Series) -> Mapping[date, tuple[float, float]]:
    """Mean of what is known of each local day, and the share of the day that is."""
    sums: dict[date, tuple[float, int]] = {}
    for time, value in zip(series.times(), series.values, strict=True):
        if not isnan(value):
            total, count = sums.get(time.date(), (0.0, 0))
            sums[time.date()] = (total + value, count + 1)
    per_day = _DAY / series.step
    return {day: (total / count, count / per_day) for day, (total, count) in sorted(sums.items())}
