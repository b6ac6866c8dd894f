"""Methods tried on the last days of the past; the one with the least error is used.

All take milliseconds, so cost does not decide. Preferring a cheaper or a usual one where the difference is
within its standard error was measured too and gained nothing (docs/energy-data.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from slm_energy.forecast.methods import METHODS
from slm_energy.forecast.past import Past
from slm_energy.said import Said

if TYPE_CHECKING:
    from slm_energy.forecast.past import Array

TRIED_DAYS = 21
_LEAST_DAYS = {"naive_day": 1, "naive_week": 7, "profile": 15}  # before the first trial
_NAMES = {
    "naive_day": Said("어제와 같게", "as yesterday"),
    "naive_week": Said("지난주와 같게", "as last week"),
    "profile": Said("같은 요일 네 번의 평균", "the mean of four days of the same kind"),
    "smooth_day": Said("시각별 지수평활(일)", "smoothing of each time of day"),
    "smooth_week": Said("시각별 지수평활(주)", "smoothing of each time of the week"),
    "regression": Said("달력·지난 부하·기온 회귀", "regression on calendar, past load and temperature"),
    "blend": Said("일 평활과 회귀의 평균", "the mean of smoothing by day and regression"),
}


@dataclass(frozen=True)
class Trial:
    """What a trial found.

    Args:
        method: to be used.
        errors: (days, steps) of that method, foretold less measured, NaN where nothing was measured.
        shares: mean absolute error of each method as a share of the mean load.
        reason: why this method.
    """

    method: str
    errors: Array
    shares: Mapping[str, float]
    reason: Said


def method_name(method: str) -> Said:
    """Return a method's name in words."""
    return _NAMES[method]


def usable_methods(past: Past) -> list[str]:
    """Return the methods that a past is long enough for, the cheapest first."""
    days = len(past.values) // past.per_day
    if days < 15:
        return ["naive_day"] if days < 8 else ["naive_day", "naive_week"]
    return list(METHODS) if days >= 28 else ["naive_day", "naive_week", "profile"]


def try_methods(past: Past, steps: int, budget_s: float) -> Trial:
    """Try each method on the last days, each time with what was known by then.

    Args:
        past: with its last steps measured.
        steps: that a forecast has.
        budget_s: seconds; a method that would pass them is left out, and the reason says so.
    """
    import numpy as np

    started = monotonic()
    names = usable_methods(past)
    while len(names) > 1 and not _ends(past, steps, _LEAST_DAYS.get(names[-1], 21)):
        names.pop()  # nothing could be said of how good it is
    ends = _ends(past, steps, _LEAST_DAYS.get(names[-1], 21))
    found: dict[str, Array] = {}
    for name in names:
        if found and monotonic() - started > budget_s:
            break
        errors = np.full((len(ends), steps), np.nan)
        for row, end in enumerate(ends):
            truth = np.where(past.known[end : end + steps], past.values[end : end + steps], np.nan)
            errors[row] = METHODS[name](past.until(end, steps), steps) - truth
        found[name] = errors
    return _chosen(found, [name for name in names if name not in found], past, len(ends))


def _ends(past: Past, steps: int, least_days: int) -> list[int]:
    """The steps at which trials begin: whole days back from the last that is wholly known."""
    last = len(past.values) - steps
    first = least_days * past.per_day
    return [end for n in range(TRIED_DAYS) if (end := last - n * past.per_day) >= first][::-1]


def _chosen(found: Mapping[str, Array], late: Sequence[str], past: Past, days: int) -> Trial:
    import numpy as np

    level = float(past.values[past.known].mean()) or 1.0
    if not days:
        method = usable_methods(past)[:2][-1]  # last week rather than yesterday, where there was one
        why = Said("자료가 짧아 비교할 수 없음", "the history is too short to compare methods")
        return Trial(method, np.empty((0, 0)), {}, _reason(method, why, late))
    shares = {name: float(np.nanmean(np.abs(errors))) / level for name, errors in found.items()}
    method = min(shares, key=lambda name: shares[name])
    told = ", ".join(f"{name} {share:.1%}" for name, share in shares.items())
    ko = f"최근 {days}일 시험 오차: {told}"
    en = f"errors on the last {days} days: {told}"
    return Trial(method, found[method], shares, _reason(method, Said(ko, en), late))


def _reason(method: str, why: Said, late: Sequence[str]) -> Said:
    name = _NAMES[method]
    left_ko = f"; 시간이 없어 시험하지 않음: {', '.join(late)}" if late else ""
    left_en = f"; not tried for lack of time: {', '.join(late)}" if late else ""
    return Said(f"{name.ko}: {why.ko}{left_ko}", f"{name.en}: {why.en}{left_en}")
