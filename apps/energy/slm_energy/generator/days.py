"""Made days of a meter of a home, an office, a shop, a factory, each with a known fault or none."""

from __future__ import annotations

from collections.abc import Iterator
from math import cos, pi
from random import Random

from slm_core.dataset.row import Row
from slm_energy.daycheck.faults import plant
from slm_energy.daycheck.label import Label
from slm_energy.daycheck.rows import day_row
from slm_energy.daycheck.summary import HOURS

SOURCE = "ondevice-slm own generator"
LICENCE = "Apache-2.0"
PLACES = ("home", "office", "shop", "factory")


def anomaly_rows(seed: int, count: int) -> Iterator[Row]:
    """Yield `count` days, labels and places in turn; the same seed gives the same rows."""
    rng = Random(seed)
    for number in range(count):
        place = PLACES[number % len(PLACES)]
        label = [Label.NORMAL, *Label][number // len(PLACES) % (len(Label) + 1)]
        usual = _usual(place, rng)
        mood = rng.uniform(0.8, 1.2)
        today = [max(0.001, kwh * mood * rng.gauss(1, 0.12)) for kwh in usual]
        yield day_row(plant(today, usual, label, rng), usual, label, SOURCE, LICENCE, "")


def _usual(place: str, rng: Random) -> list[float]:
    """Return the usual day of a place, kWh an hour, from 0.2 (a small home) to some 600 (a factory)."""
    base, peak = {"home": (0.3, 2.0), "office": (6, 40), "shop": (3, 18), "factory": (60, 400)}[place]
    base, peak = base * rng.uniform(0.6, 1.5), peak * rng.uniform(0.6, 1.5)
    return [base + peak * _share(place, hour) for hour in range(HOURS)]


def _share(place: str, hour: int) -> float:
    """Return how much of its peak a place draws in an hour, 0 to 1."""
    if place == "home":
        return _hump(hour, 7, 3) * 0.5 + _hump(hour, 20, 5)
    if place == "office":
        return _hump(hour, 13, 9)
    if place == "shop":
        return _hump(hour, 15, 10)
    return 1.0 if 8 <= hour < 20 else 0.35


def _hump(hour: int, middle: int, width: int) -> float:
    away = abs(hour - middle) / width
    return (1 + cos(pi * away)) / 2 if away < 1 else 0.0
