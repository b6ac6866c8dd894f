"""A forecast: the mean, a range, and by which method for what reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from slm_energy.said import Said
from slm_energy.series import Series


@dataclass(frozen=True)
class Forecast:
    """What is expected.

    Args:
        mean: kW in each step.
        low, high: the range that holds 8 of 10 values.
        method: name of the one that was used.
        reason: why this one.
        tried: error of each method on the last days of the history, as a share of the mean of what was there.
    """

    mean: Series
    low: Series
    high: Series
    method: str
    reason: Said
    tried: Mapping[str, float] = field(default_factory=dict)
