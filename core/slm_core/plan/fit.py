"""The efficiencies of the roofline: fitted on one half of the devices, held against the other.

The rule of the halves, fixed before anything was fitted: within each class of runtime the devices that have
points are sorted by the sha256 of their names, and every second one, beginning with the first, is fitted
on. So each class that has two devices is fitted and tested, and no device is in both halves of a class.

Two forms are fitted. The plain one has one number a class for reading (the median of what the points
reach). The one in force has a second number, the seconds that a step costs whatever the model; that there
has to be such a number was seen when the whole list was read (0.5B models reach less of the bandwidth than
7B ones on the same chip), so the form knows all points, the numbers only those of the fitted half. Both are
reported.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from statistics import median
from typing import Literal

from slm_core.plan.devices import GB, Runtime, load_devices
from slm_core.plan.points import Point, load_points
from slm_core.plan.roofline import Efficiency, Machine, step

RUNTIMES: tuple[Runtime, ...] = ("cpu", "gpu", "npu")
Half = Literal["fitted", "held out"]
BILLION = 1e9
OWN = 3  # points of a device that are fitted on for itself


def fitted_devices(points: Iterable[Point], runtime: Runtime) -> set[str]:
    """Return the devices of a class that are fitted on; see the rule above."""
    names = {point.device for point in points if point.runtime == runtime}
    ordered = sorted(names, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    return set(ordered[::2])


def half_of(point: Point) -> Half:
    """Return in which half a point of the shipped list is."""
    return "fitted" if point.device in fitted_devices(load_points(), point.runtime) else "held out"


@cache
def efficiency(runtime: Runtime) -> Efficiency:
    """Return the efficiency in force of a class, fitted on its half of the shipped points."""
    return fit(_half(runtime))


@cache
def plain_efficiency(runtime: Runtime) -> Efficiency:
    """Return the one-number form: no cost of a step."""
    points = _half(runtime)
    share = median(_reading_s(point) * point.tokens_s for point in points)
    return Efficiency(share, _compute(points), 0.0, "the median share of bandwidth, no cost of a step")


@cache
def reached(device: str, runtime: Runtime) -> Efficiency:
    """Return what to expect of a device: from its own points where it has several, else that of its class."""
    own = [point for point in load_points() if (point.device, point.runtime) == (device, runtime)]
    if len(own) < OWN:
        return efficiency(runtime)
    found = fit(own)
    if any(point.prefill_tokens_s for point in own):
        return found
    of_class = efficiency(runtime)
    reason = f"{found.reason}; for prompts, of which none is published, {of_class.reason}"
    return replace(found, compute=of_class.compute, reason=reason)


def _half(runtime: Runtime) -> list[Point]:
    return [point for point in load_points() if point.runtime == runtime and half_of(point) == "fitted"]


def fit(points: Sequence[Point]) -> Efficiency:
    """Fit e_b and t0 by least squares of the relative error of the time of a step; e_c by the median.

    Each point says 1 = a * x + t0 * y with x = (bytes / B) * tokens_s, y = tokens_s, a = 1 / e_b. Points of
    devices with many models weigh less: each device counts as one. t0 below 0 and e_b above 1 are not
    physical and are set to the bound, the other number being fitted again.
    """
    rows = [(_reading_s(point) * point.tokens_s, point.tokens_s, _weight(point, points)) for point in points]
    xx, yy = sum(w * x * x for x, _, w in rows), sum(w * y * y for _, y, w in rows)
    xy = sum(w * x * y for x, y, w in rows)
    x1, y1 = sum(w * x for x, _, w in rows), sum(w * y for _, y, w in rows)
    determinant = xx * yy - xy * xy
    solvable = determinant > 1e-9 * xx * yy
    inverse, fixed = (
        ((x1 * yy - y1 * xy) / determinant, (y1 * xx - x1 * xy) / determinant) if solvable else (x1 / xx, 0.0)
    )
    if fixed < 0:
        inverse, fixed = x1 / xx, 0.0
    if inverse < 1:
        inverse, fixed = 1.0, max(0.0, (y1 - xy) / yy)
    devices = ", ".join(sorted({point.device for point in points}))
    return Efficiency(
        1 / inverse, _compute(points), fixed, f"fitted on {len(points)} published points of {devices}"
    )


def _weight(point: Point, points: Sequence[Point]) -> float:
    return 1 / sum(other.device == point.device for other in points)


def _compute(points: Sequence[Point]) -> float:
    """The median share of the peak operations that prompts reach; each class has published ones."""
    shares = [
        2 * point.parameters * BILLION * point.prefill_tokens_s / _machine(point).compute
        for point in points
        if point.prefill_tokens_s
    ]
    return min(1.0, median(shares)) if shares else 1.0


def predicted(point: Point, form: Efficiency) -> float:
    """Return the tokens a second that the roofline gives for a point."""
    operations = 2 * point.parameters * BILLION
    return 1 / step(_reading_s(point), operations, _machine(point), form).seconds


def predicted_prefill(point: Point, form: Efficiency) -> float:
    """Return the tokens of a prompt a second; `form.step_s` is spread over a prompt of 512."""
    operations = 2 * point.parameters * BILLION
    return 1 / (operations / (form.compute * _machine(point).compute) + form.step_s / 512)


def _machine(point: Point) -> Machine:
    return Machine.of(load_devices()[point.device].model_copy(update={"runtime": point.runtime}))


def _reading_s(point: Point) -> float:
    return point.read_gb * GB / _machine(point).bandwidth


@dataclass(frozen=True)
class Judged:
    """A point beside its prediction."""

    point: Point
    half: Half
    tokens_s: float

    @property
    def error(self) -> float:
        """Relative to what was published."""
        return abs(self.tokens_s / self.point.tokens_s - 1)


def judge(plain: bool = False) -> list[Judged]:
    """Return every shipped point with the prediction of the form in force, or of the plain one."""
    form = plain_efficiency if plain else efficiency
    return [
        Judged(point, half_of(point), predicted(point, form(point.runtime)))
        for point in load_points()
        if _half(point.runtime)
    ]


def median_error(judged: Iterable[Judged], half: Half) -> float:
    """Return the median relative error of a half."""
    return median(each.error for each in judged if each.half == half)
