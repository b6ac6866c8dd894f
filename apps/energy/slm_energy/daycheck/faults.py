"""Known faults put into a day of a meter, so that its label is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from slm_energy.daycheck.label import Label
from slm_energy.daycheck.summary import HOURS, NIGHT, Values, summarize

UNIT_FACTORS = (1000.0, 0.001, 4.0, 0.25)
"""W read as kW and back; the mean power of a quarter of an hour read as its energy and back."""
Fault = Callable[[list[float], Sequence[float], Random], list[float | None]]


def plant(values: Sequence[float], usual: Sequence[float], label: Label, rng: Random) -> list[float | None]:
    """Return the day with the fault of a label.

    Args:
        values: 24 sound hourly values, kWh.
        usual: 24 usual values, kWh.
        label: which fault; `normal` returns the day as it is.
        rng: where and how strong.
    """
    return [None if v is None else round(v, 6) for v in _FAULTS[label](list(values), usual, rng)]


def is_sound(values: Values, usual: Sequence[float]) -> bool:
    """Whether a day of a real meter may serve as a normal one: whole, changing, near the usual."""
    if any(value is None or value < 0 for value in values) or sum(usual) <= 0:
        return False
    day = summarize(values, usual)
    near = all(0.6 <= share <= 1.4 for share in (day.total, day.day, day.night))
    return near and day.equal < 4 and day.highest < 2


def _normal(values: list[float], usual: Sequence[float], rng: Random) -> list[float | None]:
    return list(values)


def _after_hours(values: list[float], usual: Sequence[float], rng: Random) -> list[float | None]:
    """Something runs all night: at least twice the usual night, at least half of the usual day more."""
    by_day = sum(usual[hour] for hour in range(8, 18)) / 10
    by_night = sum(usual[hour] for hour in NIGHT) / len(NIGHT)
    more = max(rng.uniform(1.0, 2.5) * by_night, rng.uniform(0.5, 0.9) * by_day)
    return [
        value + more * rng.uniform(0.9, 1.1) if hour in NIGHT else value for hour, value in enumerate(values)
    ]


def _stuck(values: list[float], usual: Sequence[float], rng: Random) -> list[float | None]:
    long = rng.randint(7, 18)
    start = rng.randrange(HOURS - long)
    held = values[start] or max(values)
    return [held if start <= hour < start + long else value for hour, value in enumerate(values)]


def _negative(values: list[float], usual: Sequence[float], rng: Random) -> list[float | None]:
    start = rng.randrange(18)
    return [-value if hour >= start else value for hour, value in enumerate(values)]


def _gap(values: list[float], usual: Sequence[float], rng: Random) -> list[float | None]:
    long = rng.randint(4, 14)
    start = rng.randrange(HOURS - long)
    return [None if start <= hour < start + long else value for hour, value in enumerate(values)]


def _spike(values: list[float], usual: Sequence[float], rng: Random) -> list[float | None]:
    at = rng.randrange(HOURS)
    return [max(usual) * rng.uniform(5, 15) if hour == at else value for hour, value in enumerate(values)]


def _unit_error(values: list[float], usual: Sequence[float], rng: Random) -> list[float | None]:
    factor = rng.choice(UNIT_FACTORS)
    return [value * factor for value in values]


_FAULTS: dict[Label, Fault] = {
    Label.NORMAL: _normal,
    Label.AFTER_HOURS: _after_hours,
    Label.STUCK: _stuck,
    Label.NEGATIVE: _negative,
    Label.GAP: _gap,
    Label.SPIKE: _spike,
    Label.UNIT_ERROR: _unit_error,
}
