"""What a site will draw: the method that did best on its own last days, with the range that it missed by."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from slm_core.errors import UserError
from slm_energy.forecast.calendar import country_of
from slm_energy.forecast.methods import METHODS
from slm_energy.forecast.outcome import Forecast
from slm_energy.forecast.past import Past, past_of
from slm_energy.forecast.trial import Trial, try_methods
from slm_energy.meter.checks import usable
from slm_energy.series import Series

if TYPE_CHECKING:
    from slm_energy.forecast.past import Array

MOST_DAYS = 90  # of the history that methods learn from
MOST_STEPS_DAYS = 7
BUDGET_S = 3.0
_DAY = timedelta(days=1)
_NEAR_H = 1.5  # steps of the day this near share their errors
_HIGH = 0.9


def forecast_load(
    history: Series,
    steps: int,
    *,
    temperature: Series | None = None,
    country: str | None = None,
    budget_s: float = BUDGET_S,
) -> Forecast:
    """Foretell the steps after a history.

    Args:
        history: kW in local time, up to now; a day at least, better four weeks.
        steps: how many, a week's at most.
        temperature: degrees Celsius over the history and the steps to come, measured and foretold.
        country: whose public holidays count as Sundays (`KR`, `AU-VIC`); left out, by the zone where it says.
        budget_s: seconds that methods are tried for.

    Raises:
        UserError: the history is shorter than a day, or more than 10 % of its last four weeks is missing.
    """
    per_day = _checked(history, steps)
    recent = history.between(history.end - MOST_DAYS * _DAY, history.end)
    zone = country or country_of(str(recent.start.tzinfo))
    past = past_of(recent, steps, zone, temperature)
    trial = try_methods(past, steps, budget_s)
    import numpy as np

    ceiling = 1.5 * float(np.nanmax(past.values))
    floor = min(0.0, float(np.nanmin(past.values)))
    mean = np.clip(METHODS[trial.method](past, steps), floor, ceiling)
    low, high = _range(mean, trial, past, per_day)
    return Forecast(
        _after(history, mean),
        _after(history, np.clip(low, floor, None)),
        _after(history, high),
        trial.method,
        trial.reason,
        trial.shares,
    )


def _checked(history: Series, steps: int) -> int:
    per_day = round(_DAY / history.step)
    if not 1 <= steps <= MOST_STEPS_DAYS * per_day:
        raise ValueError(f"{steps} steps; a forecast has 1 to {MOST_STEPS_DAYS * per_day}")
    if len(history) < per_day or history.missing == len(history):
        raise UserError(
            f"{len(history)} readings are too few for a forecast",
            where=history.name,
            expected="a day at least, better four weeks",
        )
    fine, why = usable(history, max(history.start, history.end - 28 * _DAY), history.end)
    if not fine:
        raise UserError(why.en, where=history.name, expected="at most 10 % missing")
    return per_day


def _range(mean: Array, trial: Trial, past: Past, per_day: int) -> tuple[Array, Array]:
    """The mean and what the method missed by at that time of day: 10th and 90th percentile of its errors.

    Over a window of three hours; with no errors to go by, half of the mean on either side, which is what a
    home misses by in docs/energy-data.md.
    """
    import numpy as np

    errors = trial.errors
    if not errors.size or np.isnan(errors).all():
        return mean * 0.5, mean * 1.5
    width = max(1, round(_NEAR_H / 24 * per_day))
    # Half of the split-conformal correction (Lei et al. 2018): near steps of a day count as another half day.
    share = min(1.0, _HIGH * (1 + 0.5 / len(errors)))
    low, high = np.empty(len(mean)), np.empty(len(mean))
    for step in range(len(mean)):
        near = errors[:, max(0, step - width) : step + width + 1]
        known = -near[~np.isnan(near)]
        known = known if len(known) >= 5 else -errors[~np.isnan(errors)]
        low[step], high[step] = np.quantile(known, (1 - share, share))
    return np.minimum(mean, mean + low), np.maximum(mean, mean + high)


def _after(history: Series, values: Array) -> Series:
    begin = history.start + history.step * len(history)
    return Series(history.name, history.unit, begin, history.step, tuple(map(float, values)))
