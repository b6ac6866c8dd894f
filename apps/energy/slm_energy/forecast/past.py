"""The past of a load as arrays that methods learn from: values, time of day, kind of day, temperature."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from slm_energy.forecast.calendar import day_kinds
from slm_energy.series import Series

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]

_DAY = timedelta(days=1)
_WEEK = 7


@dataclass(frozen=True)
class Past:
    """What happened, and what is known of the steps to come.

    Args:
        values: (n,) kW; holes are filled for learning only. known: (n,) whether a value was measured.
        slot: (n + steps,) step of the local day.
        kind: (n + steps,) kind of day, 0 to 6.
        per_day: steps of a day.
        temperature: (n + steps,) degrees Celsius, or None.
    """

    values: Array
    known: Array
    slot: Array
    kind: Array
    per_day: int
    temperature: Array | None

    def until(self, end: int, steps: int) -> Past:
        """Return what was known at step `end`, with the `steps` after it to be foretold."""
        last = end + steps
        warm = None if self.temperature is None else self.temperature[:last]
        return Past(
            self.values[:end], self.known[:end], self.slot[:last], self.kind[:last], self.per_day, warm
        )


def past_of(history: Series, steps: int, country: str | None, temperature: Series | None) -> Past:
    """Lay out a history and the steps after it."""
    import numpy as np

    whole = Series(history.name, history.unit, history.start, history.step, (0.0,) * (len(history) + steps))
    times = list(whole.times())
    per_day = round(_DAY / history.step)
    minutes = history.step.total_seconds() / 60
    slot = np.array([int((t.hour * 60 + t.minute) // minutes) for t in times], dtype=float)
    values = np.array(history.values, dtype=float)
    return Past(
        filled(values, per_day),
        ~np.isnan(values),
        slot,
        np.array(day_kinds(times, country), dtype=float),
        per_day,
        None if temperature is None else _along(whole, temperature),
    )


def filled(values: Array, per_day: int) -> Array:
    """Return values with each hole filled from the same time of a near day, for learning only."""
    import numpy as np

    out = values.copy()
    for days in (_WEEK, 1, -_WEEK, -1, 2 * _WEEK, 2, 3):
        holes = np.flatnonzero(np.isnan(out))
        if not len(holes):
            return out
        source = holes - days * per_day
        inside = (source >= 0) & (source < len(out))
        out[holes[inside]] = values[source[inside]]
    out[np.isnan(out)] = np.nanmean(values)
    return out


def _along(whole: Series, temperature: Series) -> Array | None:
    """The temperature at each step; None where a tenth of it is missing."""
    import numpy as np

    place = (whole.start - temperature.start) / temperature.step
    ratio = whole.step / temperature.step
    index = np.floor(place + ratio * np.arange(len(whole)) + 1e-9).astype(int)
    source = np.array(temperature.values, dtype=float)
    inside = (index >= 0) & (index < len(source))
    out = np.full(len(whole), np.nan)
    out[inside] = source[index[inside]]
    if np.isnan(out).mean() > 0.1:
        return None
    known = np.flatnonzero(~np.isnan(out))
    along: Array = np.interp(np.arange(len(out)), known, out[known])
    return along
