"""Several quantities over the same steps as one SVG: stairs on a left axis, of another unit on the right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from html import escape
from itertools import groupby
from math import floor, isfinite

from slm_core.ui.chart import axis_step

WIDTH, HEIGHT = 720, 260
LEFT, RIGHT, TOP, BOTTOM = 46, 46, 14, 24
LOOKS = 8  # that style.css tells apart by colour and dash


@dataclass(frozen=True)
class Line:
    """One quantity: a value for each step, NaN where there is none; `look` 0 to 7 is its colour and dash."""

    title: str
    values: Sequence[float]
    look: int
    right: bool = False
    filled: bool = False


@dataclass(frozen=True)
class Limit:
    """A horizontal line on the left axis."""

    at: float
    title: str


def lines(
    title: str,
    start: datetime,
    step: timedelta,
    drawn: Sequence[Line],
    *,
    unit: str,
    right_unit: str = "",
    limits: Sequence[Limit] = (),
    now: datetime | None = None,
) -> str:
    """Return the chart with its legend.

    Args:
        title: what a screen reader says.
        start, step: of the steps, with a zone; hours are shown in it.
        drawn: all of the same length.
        unit, right_unit: of the two axes.
        limits: on the left axis.
        now: a vertical line, where it lies in the steps.
    """
    count = max((len(line.values) for line in drawn), default=0)
    left = _Axis.of(
        [v for line in drawn if not line.right for v in line.values] + [each.at for each in limits]
    )
    right = _Axis.of([v for line in drawn if line.right for v in line.values])
    body = [*_grid(left, unit, right, right_unit), *_hours(start, step, count, start.tzinfo or UTC)]
    body += [_curve(line, right if line.right else left, count) for line in drawn]
    body += [_limit(each, left) for each in limits]
    if now is not None and start <= now <= start + step * count:
        x = _x((now - start) / step, count)
        body.append(f'<line class="now" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
    return (
        f'<figure class="slm-lines"><svg class="slm-chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(title)}">{"".join(body)}</svg>'
        f"<figcaption>{_legend(drawn, right_unit)}</figcaption></figure>"
    )


@dataclass(frozen=True)
class _Axis:
    low: float
    high: float
    step: float

    @classmethod
    def of(cls, values: Sequence[float]) -> _Axis | None:
        known = [value for value in values if isfinite(value)]
        if not known:
            return None
        low, high = min(0.0, *known), max(0.0, *known)
        room = (high - low) * 0.06 or 1.0
        step = axis_step((high + room - low) / 4)
        return cls(floor(low / step) * step, high + room, step)

    def y(self, value: float) -> float:
        return HEIGHT - BOTTOM - (value - self.low) / (self.high - self.low) * (HEIGHT - TOP - BOTTOM)

    def ticks(self) -> Iterator[float]:
        value = self.low
        while value <= self.high:
            yield value
            value += self.step


def _x(number: float, count: int) -> float:
    return LEFT + number / max(count, 1) * (WIDTH - LEFT - RIGHT)


def _grid(left: _Axis | None, unit: str, right: _Axis | None, right_unit: str) -> Iterator[str]:
    for value in left.ticks() if left else ():
        y = left.y(value) if left else 0.0
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text x="{LEFT - 5}" y="{y + 3.5:.1f}" text-anchor="end">{round(value, 6):g}</text>'
    for value in right.ticks() if right else ():
        y = right.y(value) if right else 0.0
        yield f'<text x="{WIDTH - RIGHT + 5}" y="{y + 3.5:.1f}">{round(value, 6):g}</text>'
    yield f'<text x="4" y="{TOP - 3}">{escape(unit)}</text>'
    yield f'<text x="{WIDTH - 4}" y="{TOP - 3}" text-anchor="end">{escape(right_unit)}</text>'


def _hours(start: datetime, step: timedelta, count: int, zone: tzinfo) -> Iterator[str]:
    """At most nine marks, on the hour of the local clock."""
    whole = step * count
    every = next((h for h in (1, 2, 3, 6, 12, 24, 48, 168) if whole / timedelta(hours=h) <= 9), 720)
    first = start.astimezone(UTC)
    for number in range(count + 1):
        at = (first + step * number).astimezone(zone)
        on_the_hour = at.minute == 0 and (at.hour % every == 0 if every < 24 else at.hour == 0)
        if on_the_hour and (every <= 24 or at.toordinal() % (every // 24) == 0):
            said = at.strftime("%H:%M" if every < 24 and at.hour else "%m-%d")
            x = _x(number, count)
            yield f'<text x="{x:.1f}" y="{HEIGHT - 7}" text-anchor="middle">{said}</text>'


def _curve(line: Line, axis: _Axis | None, count: int) -> str:
    if axis is None:
        return ""
    parts = []
    numbered = enumerate(line.values)
    for known, run in groupby(numbered, key=lambda each: isfinite(each[1])):
        if known:
            parts.append(_run(list(run), line, axis, count))
    return "".join(parts)


def _run(run: Sequence[tuple[int, float]], line: Line, axis: _Axis, count: int) -> str:
    """A value holds through its whole step, so the line is a stair."""
    points = [
        f"{_x(number + edge, count):.1f},{axis.y(value):.1f}" for number, value in run for edge in (0, 1)
    ]
    shown = f'<polyline class="line look-{line.look % LOOKS}" points="{" ".join(points)}"/>'
    if not line.filled:
        return shown
    zero = f"{axis.y(0.0):.1f}"
    first, last = _x(run[0][0], count), _x(run[-1][0] + 1, count)
    area = f"{first:.1f},{zero} {' '.join(points)} {last:.1f},{zero}"
    return f'<polygon class="area look-{line.look % LOOKS}" points="{area}"/>{shown}'


def _limit(limit: Limit, axis: _Axis | None) -> str:
    if axis is None:
        return ""
    y = axis.y(limit.at)
    return (
        f'<line class="threshold slm-severity-3" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="threshold slm-severity-3" x="{LEFT + 4}" y="{y - 3:.1f}">{escape(limit.title)}</text>'
    )


def _legend(drawn: Sequence[Line], right_unit: str) -> str:
    return "".join(
        f'<span><svg viewBox="0 0 26 8" aria-hidden="true"><line class="line look-{line.look % LOOKS}" '
        f'x1="0" x2="26" y1="4" y2="4"/></svg>{escape(line.title)}'
        f"{f' ({escape(right_unit)})' if line.right else ''}</span>"
        for line in drawn
    )
