"""When a thing may run: daily windows in local time as steps of a plan, over midnight and summer time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from slm_energy.plan.problem import Problem

_WHOLE = 1e-9


@dataclass(frozen=True)
class Window:
    """One day's window as far as the plan sees it.

    Args:
        begin, end: of the whole window, in UTC; they may lie outside of the plan's hours.
        share: of each step of the plan that lies in it, 0 to 1.
        hours_after: of it that follow the plan's last step.
        running: it began before the plan's first step.
    """

    begin: datetime
    end: datetime
    share: tuple[float, ...]
    hours_after: float
    running: bool

    @property
    def steps(self) -> tuple[int, ...]:
        """Numbers of the steps that lie in it as a whole."""
        return tuple(number for number, share in enumerate(self.share) if share > 1 - _WHOLE)


def windows(problem: Problem, since: time, until: time) -> list[Window]:
    """Return the daily windows that meet the hours of a plan, in order.

    Args:
        problem: gives the hours and the time zone of the site.
        since, until: local time; `until` is on the next day where it is not after `since`.
    """
    start = problem.start.astimezone(UTC)
    end = start + problem.step * len(problem.load)
    zone = ZoneInfo(problem.site.zone)
    found = []
    for number in range(-1, (end - start).days + 3):
        day = problem.start.astimezone(zone).date() + timedelta(days=number)
        begin, close = _bounds(day, since, until, zone)
        if begin < end and close > start:
            found.append(_window(problem, begin, close))
    return found


def occupied(problem: Problem, since: time, until: time) -> list[bool]:
    """Return for each step whether any of it lies in the daily window; equal times mean always."""
    found = windows(problem, since, until)
    return [any(window.share[step] > _WHOLE for window in found) for step in range(len(problem.load))]


def _bounds(day: date, since: time, until: time, zone: ZoneInfo) -> tuple[datetime, datetime]:
    last = day if until > since else day + timedelta(days=1)
    # To UTC before anything is subtracted: wall clocks of a zone differ by the wrong amount over summer time.
    return (
        datetime.combine(day, since, zone).astimezone(UTC),
        datetime.combine(last, until, zone).astimezone(UTC),
    )


def _window(problem: Problem, begin: datetime, close: datetime) -> Window:
    start, step, count = problem.start.astimezone(UTC), problem.step, len(problem.load)
    starts = [start + step * number for number in range(count)]
    share = tuple(
        max(0.0, (min(close, at + step) - max(begin, at)) / step) if begin < at + step and close > at else 0.0
        for at in starts
    )
    after = max(timedelta(0), close - max(begin, start + step * count))
    return Window(begin, close, share, after / timedelta(hours=1), begin < start)
