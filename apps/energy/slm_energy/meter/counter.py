"""A counter's readings to energy: reset, rolled over and running back are told apart."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import isnan, nan

from slm_energy.meter.finding import Finding, finding, limit
from slm_energy.meter.steps import Reading, Span

_RISING = 0.98  # share of steps in which a counter does not fall
_FEWEST = 24
_BACK = 0.5  # of the value before; what falls less than that is jitter or a correction


def looks_counted(values: Sequence[float]) -> bool:
    """Whether values are those of a counter: they hardly ever fall, and one step is little beside them."""
    known = [value for value in values if not isnan(value)]
    if len(known) < _FEWEST or known[-1] <= known[0] or min(known) < 0:
        return False
    rising = sum(b >= a for a, b in pairwise(known)) / (len(known) - 1)
    return rising >= _RISING and len(set(known)) > len(known) / 4


def counter_spans(readings: Sequence[Reading], step_s: float) -> tuple[list[Span], list[Finding]]:
    """Return the mean power in kW between readings of a counter in kWh, and where the counter is at fault.

    Between readings further apart than one step, and than an hour, nobody knows when the energy flowed: the
    span is NaN.
    """
    spans: list[Span] = []
    found: list[Finding] = []
    longest = max(step_s, limit("hold_hours") * 3600) * 1.01
    known = [reading for reading in readings if not isnan(reading.value)]
    for before, now in pairwise(known):
        start, end = before.at.timestamp(), now.at.timestamp()
        energy, told = used(before.value, now.value, now.line)
        found += told
        power = energy / (end - start) * 3600 if end - start <= longest else nan
        spans.append(Span(start, end, power, now.line))
    return spans, found


def used(before: float, now: float, line: int) -> tuple[float, list[Finding]]:
    """Return the energy between two readings of a counter; NaN where it cannot be known, with the finding."""
    if now >= before:
        return now - before, []
    register = next((10.0**digits for digits in range(3, 12) if before < 10.0**digits), 1e12)
    if before >= limit("rollover_high") * register and now <= limit("rollover_low") * register:
        told = finding("counter_rollover", line, value=now, expected=before, register=register)
        return register - before + now, [told]
    code = "counter_reset" if now < _BACK * before else "counter_back"
    return nan, [finding(code, line, value=now, expected=before)]
