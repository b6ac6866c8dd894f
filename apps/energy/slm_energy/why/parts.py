"""The parts of a site that a plan decides about: what each does, how much of it when, and when it may."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from slm_energy.plan.problem import Problem
from slm_energy.plan.schedule import Flows
from slm_energy.plan.tasks import runs, stays
from slm_energy.site import Site

Act = Literal["charge", "discharge", "run", "heat", "cool"]
Kind = Literal["battery", "car", "load", "room"]
NOTHING_KW = 0.05  # below this a part is shown as doing nothing


@dataclass(frozen=True)
class Part:
    """A planned part by name, with what it can do; the first is what a bare `use` means."""

    name: str
    kind: Kind
    acts: tuple[Act, ...]


@dataclass(frozen=True)
class Span:
    """Steps `first` up to, not including, `last` of a plan."""

    first: int
    last: int

    @property
    def steps(self) -> range:
        """Their numbers."""
        return range(self.first, self.last)


def parts(site: Site) -> tuple[Part, ...]:
    """Return what a plan decides about, the battery first."""
    found = [Part(site.battery.name, "battery", ("charge", "discharge"))] if site.battery else []
    found += [Part(car.name, "car", ("charge",)) for car in site.cars]
    found += [Part(load.name, "load", ("run",)) for load in site.deferrables]
    found += [Part(room.name, "room", ("heat" if room.mode == "heat" else "cool",)) for room in site.rooms]
    return tuple(found)


def part_of(site: Site, name: str) -> Part:
    """Return the part of that name; the caller took the name from the site."""
    return next(part for part in parts(site) if part.name == name)


def power(flows: Flows, part: Part, act: Act) -> Sequence[float]:
    """Return the kW of each step that a part takes (or gives, for `discharge`)."""
    if part.kind == "battery":
        return (flows.charge if act == "charge" else flows.discharge).values
    group = {"car": flows.cars, "load": flows.loads, "room": flows.rooms}[part.kind]
    return group[part.name].values


def allowed(problem: Problem, part: Part) -> list[bool]:
    """Return for each step whether the plan may use the part in it.

    A car is there between its hours, a load has its window; what can wait is left to the next plan.
    """
    site = problem.site
    if part.kind == "car":
        car = next(each for each in site.cars if each.name == part.name)
        found = stays(problem, car)
        return [any(stay.share[step] > 0 for stay in found) for step in range(len(problem.load))]
    if part.kind == "load":
        load = next(each for each in site.deferrables if each.name == part.name)
        inside = {step for run in runs(problem, load) for step in run.steps}
        return [step in inside for step in range(len(problem.load))]
    return [True] * len(problem.load)


def mean(values: Sequence[float], span: Span) -> float:
    """Return the mean over the steps of a span."""
    return sum(values[step] for step in span.steps) / len(span.steps)


def local(problem: Problem, step: int) -> datetime:
    """Return the beginning of a step in the site's local time."""
    at = problem.start.astimezone(UTC) + problem.step * step
    return at.astimezone(ZoneInfo(problem.site.zone))


def clock(problem: Problem, step: int) -> str:
    """Return the beginning of a step as `03:00`."""
    return f"{local(problem, step):%H:%M}"


def spans_at(problem: Problem, hour: int, minute: int | None) -> list[Span]:
    """Return where a time of the day lies in a plan: the hour, or the one step where minutes are given."""
    found: list[Span] = []
    for step in range(len(problem.load)):
        at = local(problem, step)
        since = replace_clock(at, hour, minute or 0)
        inside = (
            since <= at < since + timedelta(hours=1) if minute is None else at <= since < at + problem.step
        )
        if inside and found and minute is None and found[-1].last == step:
            found[-1] = replace(found[-1], last=step + 1)
        elif inside:
            found.append(Span(step, step + 1))
    return found


def replace_clock(at: datetime, hour: int, minute: int) -> datetime:
    """Return that day's moment of the clock."""
    return at.replace(hour=hour, minute=minute, second=0, microsecond=0)


def hours_of(problem: Problem, allowed_steps: Sequence[bool]) -> list[Span]:
    """Return the hours of the clock that the plan sees, those with a step that is allowed."""
    found: list[Span] = []
    for step in range(len(problem.load)):
        fresh = not found or local(problem, step).hour != local(problem, step - 1).hour
        found = [*found, Span(step, step + 1)] if fresh else [*found[:-1], Span(found[-1].first, step + 1)]
    return [span for span in found if any(allowed_steps[step] for step in span.steps)]
