"""Sites and hours for the tests of planning, small enough to read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from slm_energy.plan.problem import Problem
from slm_energy.series import Series
from slm_energy.site import parse_site

SEOUL = ZoneInfo("Asia/Seoul")
BATTERY = {"capacity_kwh": 10.0, "charge_kw": 5.0, "discharge_kw": 5.0}
MIDNIGHT = datetime(2026, 7, 1, tzinfo=SEOUL)
HOUR = timedelta(hours=1)


def series(
    name: str, values: Sequence[float], start: datetime = MIDNIGHT, step: timedelta = HOUR, unit: str = "kW"
) -> Series:
    return Series(name, unit, start, step, tuple(values))


def hours(
    price: Sequence[float],
    *,
    load: float | Sequence[float] = 1.0,
    pv: float | Sequence[float] = 0.0,
    outdoor: float | None = None,
    start: datetime = MIDNIGHT,
    step: timedelta = HOUR,
    asked: dict[str, Any] | None = None,
    **site: Any,
) -> Problem:
    """Return a problem: one value a step, `site` as in a site file, `asked` further fields of the problem."""

    def each(value: float | Sequence[float]) -> Sequence[float]:
        return [value] * len(price) if isinstance(value, int | float) else value

    return Problem(
        parse_site({"name": "test", **site}, "test"),
        series("load", each(load), start, step),
        series("pv", each(pv), start, step),
        series("price", price, start, step, "원/kWh"),
        None if outdoor is None else series("outdoor", each(outdoor), start, step, "°C"),
        **(asked or {}),
    )
