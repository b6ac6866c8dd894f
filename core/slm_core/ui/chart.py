"""A series over time with its thresholds, as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from html import escape
from math import floor, log10

KST = timezone(timedelta(hours=9), "KST")
WIDTH, HEIGHT = 460, 190
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 14, 26
_STEPS = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True)
class Threshold:
    """A horizontal line; `severity` 0 to 3 gives its colour."""

    at: float
    label: str
    severity: int


@dataclass(frozen=True)
class Series:
    """Readings of one sensor: `samples` are epoch seconds and values in `unit`, oldest first."""

    title: str
    unit: str
    samples: Sequence[tuple[float, float]]
    thresholds: Sequence[Threshold] = ()
    severity: int = 0


def chart(series: Series, empty: str) -> str:
    """Return the SVG; `empty` is what stands there without readings."""
    if not series.samples:
        return f'<p class="slm-empty">{escape(empty)}</p>'
    scale = _Scale.of(series)
    body = [*_grid(scale), *_clock(scale), *_lines(series, scale), _curve(series, scale)]
    return (
        f'<svg class="slm-chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(series.title)}">{"".join(body)}</svg>'
    )


@dataclass(frozen=True)
class _Scale:
    """From seconds and values to the pixels of the drawing."""

    start: float
    end: float
    low: float
    high: float
    step: float

    @classmethod
    def of(cls, series: Series) -> _Scale:
        values = [value for _, value in series.samples] + [line.at for line in series.thresholds]
        low, high = min(values), max(values)
        room = (high - low) * 0.08 or abs(high) * 0.1 or 1.0
        low = max(0.0, low - room) if low >= 0 else low - room
        step = axis_step((high + room - low) / 4)
        start, end = series.samples[0][0], series.samples[-1][0]
        return cls(start, max(end, start + 60), floor(low / step) * step, high + room, step)

    def x(self, at: float) -> float:
        return LEFT + (at - self.start) / (self.end - self.start) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        return HEIGHT - BOTTOM - (value - self.low) / (self.high - self.low) * (HEIGHT - TOP - BOTTOM)


def axis_step(rough: float) -> float:
    """Return the next round distance of two marks on an axis."""
    power = 10.0 ** floor(log10(rough))
    return float(next(each * power for each in _STEPS if each * power >= rough * 0.999))


def _grid(scale: _Scale) -> list[str]:
    parts = []
    value = scale.low
    while value <= scale.high:
        y = scale.y(value)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 5}" y="{y + 3.5:.1f}" text-anchor="end">{round(value, 6):g}</text>')
        value += scale.step
    return parts


def _clock(scale: _Scale) -> list[str]:
    span = scale.end - scale.start
    form = "%H:%M:%S" if span < 600 else "%H:%M" if span < 86_400 else "%m-%d"
    ticks = [(scale.start, "start"), ((scale.start + scale.end) / 2, "middle"), (scale.end, "end")]
    return [
        f'<text x="{scale.x(at):.1f}" y="{HEIGHT - 8}" text-anchor="{anchor}">'
        f"{datetime.fromtimestamp(at, KST).strftime(form)}</text>"
        for at, anchor in ticks
    ]


def _lines(series: Series, scale: _Scale) -> list[str]:
    parts = []
    for line in series.thresholds:
        y = scale.y(line.at)
        kind = f"slm-severity-{line.severity}"
        parts.append(
            f'<line class="threshold {kind}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        )
        parts.append(
            f'<text class="threshold {kind}" x="{LEFT + 4}" y="{y - 3:.1f}">{escape(line.label)}</text>'
        )
    return parts


def _curve(series: Series, scale: _Scale) -> str:
    points = " ".join(f"{scale.x(at):.1f},{scale.y(value):.1f}" for at, value in series.samples)
    x, y = points.rsplit(" ", 1)[-1].split(",")
    kind = f"slm-severity-{series.severity}"
    return (
        f'<polyline class="curve" points="{points}"/><circle class="last {kind}" cx="{x}" cy="{y}" r="3.5"/>'
    )
