"""What must be done within the hours of a plan: kWh for each stay of a car, a run of a load for each window.

A window that ends after the plan asks of it only what could no longer be made up afterwards. What can wait is
left to the next plan, in the plan as in the hours without planning, so that both do the same work.
A window that began before the plan asks for what `done` says is missing, without it for everything.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from math import ceil, floor

from slm_energy.plan.problem import Problem
from slm_energy.plan.windows import Window, windows
from slm_energy.site import Car, Deferrable

_EXACT = 1e-9


@dataclass(frozen=True)
class Stay:
    """A car at its charger: kWh that it must have by its end, and that it can take at most."""

    share: tuple[float, ...]
    least_kwh: float
    most_kwh: float


@dataclass(frozen=True)
class Run:
    """A load that must run once.

    Args:
        steps: that lie in the window, in order.
        profile: share of its power in each step from its start; the last may be a part of a step.
        starts: steps at which it may begin (in one piece).
        hours: that it must run within the plan.
        end_h: of the window, hours after the start of the plan.
        started: it is running at the start of the plan, in one piece.
        late: steps after the window in which it could still run, were the window longer.
    """

    steps: tuple[int, ...]
    profile: tuple[float, ...]
    starts: tuple[int, ...]
    hours: float
    end_h: float
    started: bool
    late: tuple[int, ...]


def stays(problem: Problem, car: Car) -> list[Stay]:
    """Return the stays of a car that ask for energy, in order."""
    found = []
    for window in windows(problem, car.arrives, car.leaves):
        needs = car.needs_kwh - (problem.done.get(car.name, 0.0) if window.running else 0.0)
        later = car.charge_kw * car.efficiency * window.hours_after
        # A charger that cannot go below least_kw may have to give a little more than is needed.
        more = car.least_kw * problem.load.hours * car.efficiency
        if needs > _EXACT:
            found.append(Stay(window.share, max(0.0, needs - later), needs + more))
    return found


def runs(problem: Problem, load: Deferrable) -> list[Run]:
    """Return the runs of a load that fall into the plan, in order."""
    found = windows(problem, load.earliest, load.latest)
    return [run for window in found if (run := _run(problem, load, window)) is not None]


def _run(problem: Problem, load: Deferrable, window: Window) -> Run | None:
    done = problem.done.get(load.name, 0.0) if window.running else 0.0
    hours, step_h = load.hours - done, problem.load.hours
    if hours <= _EXACT:
        return None
    started = load.unbroken and done > 0
    if not started and window.hours_after >= hours - _EXACT:
        return None
    profile = _profile(hours / step_h)
    starts = _starts(window, profile, len(problem.load), step_h)
    if started:  # in one piece: it goes on at once
        starts = (0,)
    end_h = (window.end - problem.start) / timedelta(hours=1)
    late = range(
        ceil(end_h / step_h - _EXACT), min(len(problem.load), floor(_next_h(problem, window) / step_h))
    )
    must = hours if load.unbroken else hours - window.hours_after
    return Run(window.steps, profile, starts, must, end_h, started, tuple(late))


def _next_h(problem: Problem, window: Window) -> float:
    return (window.begin + timedelta(days=1) - problem.start) / timedelta(hours=1)


def _profile(steps: float) -> tuple[float, ...]:
    whole = floor(steps + _EXACT)
    rest = steps - whole
    return (1.0,) * whole + ((rest,) if rest > _EXACT else ())


def _starts(window: Window, profile: tuple[float, ...], count: int, step_h: float) -> tuple[int, ...]:
    length, inside = len(profile), set(window.steps)
    within = tuple(s for s in window.steps if all(k in inside for k in range(s, s + length)))
    if within or not window.hours_after:
        return within
    # Too long for what the plan sees of its window: it runs on after the plan's end.
    spare = floor(window.hours_after / step_h + _EXACT)
    return tuple(s for s in window.steps if count - s < length <= count - s + spare)
