"""What panels will give: by the weather where it is foretold, else by the clear sky and the last days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isnan
from typing import TYPE_CHECKING

from slm_core.errors import UserError
from slm_energy.forecast.outcome import Forecast
from slm_energy.forecast.past import filled
from slm_energy.forecast.sun import AIR_C, Sun
from slm_energy.said import Said
from slm_energy.series import Series
from slm_energy.site import Panels, Site

if TYPE_CHECKING:
    from slm_energy.forecast.past import Array

RECENT_DAYS = 30
TRIED_DAYS = 28
_METHODS = ("naive_day", "mean_day", "between", "clear_sky")
MEAN_DAYS = 14
_DAY = timedelta(days=1)
# Share of the clear sky's energy that a day brings: 10th percentile, mean, 90th percentile. Measured on the
# weather year of Greensboro, 36 N (TMY3 723170); used only where a site has neither weather nor history.
USUAL_SKY = (0.29, 0.72, 1.0)
# Where the weather is foretold and nothing is known of how well: a day ahead, hourly irradiance misses by
# 35-40 % of its mean in central Europe (Lorenz et al. 2009, 10.1109/JSTARS.2009.2020300).
WEATHER_RANGE = 0.4
_DARK = 0.02  # of the peak: below it a ratio to the clear sky says nothing


@dataclass(frozen=True)
class Weather:
    """The weather of the steps to come; `history` may reach back, so that panels are calibrated on it.

    Args:
        ghi: global irradiance in W/m2, or None. clouds: cover from 0 to 1, or None. air: °C, or None.
    """

    ghi: Series | None = None
    clouds: Series | None = None
    air: Series | None = None


def forecast_pv(
    site: Site,
    start: datetime,
    steps: int,
    step: timedelta,
    *,
    weather: Weather | None = None,
    history: Series | None = None,
) -> Forecast:
    """Foretell what the panels of a site give.

    Args:
        site: with panels and a place; without them the history alone is used.
        start: beginning of the first step. steps, step: how many, how long.
        weather: foretold irradiance or clouds.
        history: kW given up to `start`, in the same steps.

    Raises:
        UserError: nothing is known to go by: neither panels with a place nor a history of two days.
    """
    past = _recent(history, start, step) if history is not None else None
    placed = site.latitude is not None and site.longitude is not None
    if placed and site.panels is not None and weather is not None and (weather.ghi or weather.clouds):
        return _by_weather(site, site.panels, start, steps, step, weather, past)
    if past is not None and len(past) * past.step >= 2 * _DAY:
        return _by_past(site if placed else None, past, steps)
    if placed and site.panels is not None:
        return _by_usual_sky(site, site.panels, start, steps, step)
    raise UserError(
        "nothing to foretell the panels by",
        where=site.name,
        expected="latitude, longitude and panels of the site, or two days of readings",
    )


def _by_weather(
    site: Site,
    panels: Panels,
    start: datetime,
    steps: int,
    step: timedelta,
    weather: Weather,
    past: Series | None,
) -> Forecast:
    import numpy as np

    power = _power(site, panels, weather, start, steps, step)
    if np.isnan(power).mean() > 0.1:
        raise UserError("the weather does not reach over the steps to be foretold", where=site.name)
    power = np.nan_to_num(power)
    ratio, days = _calibration(site, panels, weather, past)
    mean = power * ratio
    top = np.maximum(Sun(site, start, steps, step).clear_power(panels) * max(ratio, 1.0), mean)
    low, high = mean * (1 - WEATHER_RANGE), np.minimum(mean * (1 + WEATHER_RANGE), top)
    given = "일사량" if weather.ghi else "구름양"
    given_en = "irradiance" if weather.ghi else "clouds"
    ko, en = f"예보된 {given}으로 pvlib 계산", f"pvlib under the foretold {given_en}"
    if days:
        ko += f", 최근 {days}일 실적에 맞춰 {ratio:.2f}배"
        en += f", times {ratio:.2f} by the last {days} days"
    return _forecast((mean, low, high), start, step, "weather", Said(ko, en))


def _power(
    site: Site, panels: Panels, weather: Weather, start: datetime, steps: int, step: timedelta
) -> Array:
    """Power under a weather; NaN where it is not given."""
    import numpy as np

    sun = Sun(site, start, steps, step)
    air = _at(weather.air, start, steps, step) if weather.air else np.full(steps, AIR_C)
    air = np.where(np.isnan(air), AIR_C, air)
    if weather.ghi is not None:
        ghi = _at(weather.ghi, start, steps, step)
    else:
        assert weather.clouds is not None
        ghi = sun.under_clouds(_at(weather.clouds, start, steps, step))
    power = sun.power(panels, np.nan_to_num(ghi), air)
    return np.where(np.isnan(ghi), np.nan, power)


def _calibration(site: Site, panels: Panels, weather: Weather, past: Series | None) -> tuple[float, int]:
    """How much the panels gave of what the weather of the past should have made; 1 where it is not known."""
    import numpy as np

    if past is None:
        return 1.0, 0
    expected = _power(site, panels, weather, past.start, len(past), past.step)
    given = np.array(past.values)
    both = ~np.isnan(expected) & ~np.isnan(given)
    days = int(both.sum() * past.step / _DAY)
    if days < 3 or expected[both].sum() <= 0:
        return 1.0, 0
    return float(np.clip(given[both].sum() / expected[both].sum(), 0.2, 1.3)), days


def _by_past(site: Site | None, past: Series, steps: int) -> Forecast:
    """The best on the last days: yesterday, the mean of two weeks, between them, the clear sky as it was."""
    import numpy as np

    per_day = round(_DAY / past.step)
    values = np.array(past.values)
    clear = _clear_of(site, past, steps)
    names = _METHODS if clear is not None else _METHODS[:3]
    ends = [end for n in range(TRIED_DAYS) if (end := len(past) - steps - n * per_day) >= 3 * per_day]
    errors: dict[str, Array] = {}
    for name in names:
        made = [
            _foretold(name, values[:end], clear, per_day, steps) - values[end : end + steps] for end in ends
        ]
        errors[name] = np.array(made) if made else np.empty((0, steps))
    lit = values[np.nan_to_num(values) > 0]
    level = float(np.nanmean(values)) or 1.0
    shares = {name: float(np.nanmean(np.abs(each))) / level for name, each in errors.items() if each.size}
    method = min(shares, key=lambda name: shares[name]) if shares else names[-1]
    mean = _foretold(method, values, clear, per_day, steps)
    top = float(lit.max()) if len(lit) else 0.0
    low, high = _missed(mean, errors[method], top)
    told = ", ".join(f"{name} {share:.1%}" for name, share in shares.items()) or "-"
    days = len(past) // per_day
    why = Said(
        f"날씨 예보가 없어 최근 {days}일 실적으로 추정, 시험 오차: {told}",
        f"no weather is foretold, so by the last {days} days; errors: {told}",
    )
    return _forecast((mean, low, high), past.end, past.step, method, why, shares)


def _foretold(name: str, values: Array, clear: Array | None, per_day: int, steps: int) -> Array:
    import numpy as np

    known = filled(values, per_day)
    n = len(known)
    yesterday = known[n - per_day + np.arange(steps) % per_day]
    if name == "naive_day":
        return yesterday
    slots = (n + np.arange(steps)) % per_day
    days = min(n // per_day, RECENT_DAYS)
    table = known[n - days * per_day :].reshape(days, per_day)
    # Column 0 of the table is the step after the history.
    place = (slots - n) % per_day
    if name in ("mean_day", "between") or clear is None:
        usual_day: Array = table[-MEAN_DAYS:].mean(axis=0)[place]
        return usual_day if name == "mean_day" else (usual_day + yesterday) / 2
    sky = clear[n - days * per_day : n].reshape(days, per_day)
    usual = table.sum(axis=0) / np.maximum(sky.sum(axis=0), 1e-9)
    usual[sky.mean(axis=0) < _DARK * sky.max()] = 0.0
    daily = (table.sum(axis=1) + 1e-9) / (sky * usual).sum(axis=1).clip(1e-9)
    found: Array = np.minimum(clear[n : n + steps] * usual[place] * _next_day(daily), known.max())
    return found


def _next_day(daily: Array) -> float:
    """The next day's brightness by the last one's: the share of its difference from the mean that stays."""
    import numpy as np

    if len(daily) < 5 or daily.std() == 0:
        return 1.0
    away = daily - daily.mean()
    stays = float(np.clip((away[1:] * away[:-1]).sum() / (away**2).sum(), 0.0, 0.9))
    return float(max(0.0, daily.mean() + stays * away[-1]))


def _clear_of(site: Site | None, past: Series, steps: int) -> Array | None:
    """The clear sky's power over past and steps to come, or its irradiance where the panels are not known."""
    if site is None:
        return None
    sun = Sun(site, past.start, len(past) + steps, past.step)
    return sun.clear_power(site.panels) if site.panels else sun.clear_ghi


def _missed(mean: Array, errors: Array, top: float) -> tuple[Array, Array]:
    """The range that the method missed by at that time of day; the widest where it was never tried."""
    import numpy as np

    if not errors.size:
        return mean * USUAL_SKY[0], np.minimum(mean / USUAL_SKY[1], max(top, 1e-9))
    steps = errors.shape[1]
    low, high = np.empty(steps), np.empty(steps)
    for step in range(steps):
        near = -errors[:, max(0, step - 1) : step + 2]
        low[step], high[step] = np.nanquantile(near, (0.1, 0.9))
    low = np.clip(mean + low, 0.0, mean)
    return low, np.maximum(mean, np.minimum(mean + high, top))


def _by_usual_sky(site: Site, panels: Panels, start: datetime, steps: int, step: timedelta) -> Forecast:
    clear = Sun(site, start, steps, step).clear_power(panels)
    low, mean, high = (clear * share for share in USUAL_SKY)
    why = Said(
        f"날씨 예보도 실적도 없어 맑은 하늘의 {USUAL_SKY[1]:.0%}로 추정",
        f"neither weather nor readings: {USUAL_SKY[1]:.0%} of the clear sky, as in a usual year",
    )
    return _forecast((mean, low, high), start, step, "usual_sky", why)


def _recent(history: Series, start: datetime, step: timedelta) -> Series | None:
    """The last days of a history that ends where the forecast starts, in whole days; None if it does not."""
    if history.step != step or history.end < start:
        raise UserError(
            "the history does not reach up to the forecast in its steps",
            where=history.name,
            expected=f"steps of {step} up to {start.isoformat()}",
        )
    part = history.between(start - (RECENT_DAYS + TRIED_DAYS) * _DAY, start)
    whole = len(part) // round(_DAY / step) * round(_DAY / step)
    known = [value for value in part.values if not isnan(value)]
    if not whole or len(known) < len(part) / 2:
        return None
    return Series(part.name, part.unit, part.end - step * whole, step, part.values[len(part) - whole :])


def _at(series: Series, start: datetime, steps: int, step: timedelta) -> Array:
    """The values of a series at other steps: that of the step in which the middle lies; NaN outside."""
    import numpy as np

    place = (start + step / 2 - series.start) / series.step + np.arange(steps) * (step / series.step)
    index = np.floor(place).astype(int)
    inside = (index >= 0) & (index < len(series))
    out = np.full(steps, np.nan)
    out[inside] = np.array(series.values, dtype=float)[index[inside]]
    return out


def _forecast(
    range_: tuple[Array, Array, Array],
    start: datetime,
    step: timedelta,
    method: str,
    why: Said,
    tried: dict[str, float] | None = None,
) -> Forecast:
    mean, low, high = (
        Series("pv", "kW", start, step, tuple(round(float(value), 6) for value in each)) for each in range_
    )
    return Forecast(mean, low, high, method, why, tried or {})
