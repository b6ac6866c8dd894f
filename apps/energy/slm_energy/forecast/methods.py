"""Ways to foretell a load, the cheapest first. Each takes the past and gives the steps after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from slm_energy.forecast.calendar import SUNDAY
from slm_energy.forecast.past import Past

if TYPE_CHECKING:
    from slm_energy.forecast.past import Array

Method = Callable[[Past, int], "Array"]
_WEEK = 7
_WEEKS = 4  # that a profile is the mean of
_HARMONICS = 6  # of the day
_HEAT, _COLD = 18.0, 22.0  # balance temperatures in degrees Celsius: usual ones of degree days
_RIDGE = 1.0


def naive_day(past: Past, steps: int) -> Array:
    """Repeat the last day."""
    import numpy as np

    n, day = len(past.values), min(past.per_day, len(past.values))
    return past.values[n - day + np.arange(steps) % day]


def naive_week(past: Past, steps: int) -> Array:
    """Repeat the last week: the benchmark that others are measured against."""
    import numpy as np

    n, week = len(past.values), _WEEK * past.per_day
    return past.values[n - week + np.arange(steps) % week]


def profile(past: Past, steps: int) -> Array:
    """Return the mean of the last four days of the same kind, holidays being Sundays."""
    import numpy as np

    n = len(past.values)
    out = np.empty(steps)
    for step in range(steps):
        place = n + step
        same = np.flatnonzero((past.slot[:n] == past.slot[place]) & (past.kind[:n] == past.kind[place]))
        same = same if len(same) else np.flatnonzero(past.slot[:n] == past.slot[place])
        out[step] = past.values[same[-_WEEKS:]].mean() if len(same) else past.values.mean()
    return out


def regression(past: Past, steps: int) -> Array:
    """Foretell by ridge regression on the calendar, the load a day and a week before, and the temperature."""
    import numpy as np

    n, lag = len(past.values), -(-steps // past.per_day) * past.per_day
    rows = _features(past, lag, n + steps)
    first = max(_WEEK * past.per_day, lag + past.per_day)
    weight = np.sqrt(past.known[first:n].astype(float))[:, None]
    x, y = rows[first:n] * weight, past.values[first:n] * weight[:, 0]
    scale = x.std(axis=0)
    scale[scale == 0] = 1.0
    penalty = _RIDGE * np.eye(x.shape[1])
    penalty[0, 0] = 0.0
    x = x / scale
    solved = np.linalg.solve(x.T @ x + penalty, x.T @ y)
    return np.asarray(rows[n:] / scale @ solved)


def blend(past: Past, steps: int) -> Array:
    """Return the mean of smoothing by day and regression: their errors differ."""
    return (smooth_day(past, steps) + regression(past, steps)) / 2


def smooth_day(past: Past, steps: int) -> Array:
    """Smooth each time of day over the days (statsforecast)."""
    return _smoothed(past, steps, past.per_day)


def smooth_week(past: Past, steps: int) -> Array:
    """Smooth each time of the week over the weeks (statsforecast)."""
    return _smoothed(past, steps, _WEEK * past.per_day)


def mstl(past: Past, steps: int) -> Array:
    """Split trend, day and week (MSTL, Bandara et al. 2021), and foretell the trend by exponential smoothing.

    Not among the methods that are tried: one fit takes seconds and is seldom better (docs/energy-data.md).
    """
    from statsforecast.models import MSTL, AutoETS

    model = MSTL([past.per_day, _WEEK * past.per_day], trend_forecaster=AutoETS(model="ZZN"))
    found: Array = model.forecast(y=past.values, h=steps)["mean"]
    return found


METHODS: Mapping[str, Method] = {
    "naive_day": naive_day,
    "naive_week": naive_week,
    "profile": profile,
    "smooth_day": smooth_day,
    "smooth_week": smooth_week,
    "regression": regression,
    "blend": blend,
}


def _smoothed(past: Past, steps: int, season: int) -> Array:
    from statsforecast.models import SeasonalExponentialSmoothingOptimized

    found: Array = SeasonalExponentialSmoothingOptimized(season).forecast(y=past.values, h=steps)["mean"]
    return found


def _features(past: Past, lag: int, count: int) -> Array:
    import numpy as np

    known = np.concatenate([past.values, np.full(count - len(past.values), np.nan)])
    angle = 2 * np.pi * past.slot[:count] / past.per_day
    waves = [f(k * angle) for k in range(1, _HARMONICS + 1) for f in (np.sin, np.cos)]
    off = (past.kind[:count] >= SUNDAY - 1).astype(float)
    sunday = (past.kind[:count] == SUNDAY).astype(float)
    columns = [np.ones(count), *waves, off, sunday, *(off * wave for wave in waves)]
    columns += [(past.kind[:count] == day).astype(float) for day in (0, 4)]
    week = max(_WEEK * past.per_day, lag)
    mean = np.convolve(known, np.ones(past.per_day) / past.per_day)[: len(known)]
    columns += [_back(known, lag), _back(known, week), _back(mean, lag)]
    if past.temperature is not None:
        warm = past.temperature[:count]
        heat, cold = np.maximum(0, _HEAT - warm), np.maximum(0, warm - _COLD)
        columns += [each * wave for each in (heat, cold) for wave in (np.ones(count), *waves[:4])]
    rows: Array = np.nan_to_num(np.stack(columns, axis=1))
    return rows


def _back(values: Array, lag: int) -> Array:
    import numpy as np

    return np.concatenate([np.full(lag, np.nan), values])[: len(values)]
