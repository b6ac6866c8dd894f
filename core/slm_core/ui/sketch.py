"""Points on a map without tiles: a grid of coordinates and, where one is given, a rough outline. A sketch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import cos, floor, log10, radians

WIDTH, HEIGHT = 640, 400
PAD = 26
APART = 17.0  # pixels between two that lie at one place
LEAST_DEGREES = 0.6
_STEPS = (1, 2, 5, 10)

Line = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Point:
    """Something at a place. `id` comes back when it is chosen; not `exact`: only the district is known."""

    id: str
    lat: float
    lon: float
    label: str
    severity: int = 0
    exact: bool = True
    faded: bool = False
    chosen: bool = False


def sketch(points: Sequence[Point], outlines: Sequence[Line], empty: str, title: str) -> str:
    """Return the SVG: equirectangular, true to scale in the middle; `empty` where there is no point.

    Args:
        points: what is shown; the map is cut to them.
        outlines: closed lines of (latitude, longitude).
        empty: what stands there without points.
        title: for those who hear the page.
    """
    if not points:
        return f'<p class="slm-empty">{escape(empty)}</p>'
    view = _View.around(points)
    land = "".join(_land(line, view) for line in outlines)
    dots = "".join(_dot(point, x, y) for point, x, y in _placed(points, view))
    return (
        f'<svg class="slm-map" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">'
        f'<rect class="sea" width="{WIDTH}" height="{HEIGHT}"/>{land}{"".join(_grid(view))}{dots}</svg>'
    )


@dataclass(frozen=True)
class _View:
    """Middle and height of the map in degrees of latitude; a degree of longitude is `squeeze` as long."""

    lat: float
    lon: float
    span: float
    squeeze: float

    @classmethod
    def around(cls, points: Sequence[Point]) -> _View:
        lats, lons = [each.lat for each in points], [each.lon for each in points]
        lat, lon = (min(lats) + max(lats)) / 2, (min(lons) + max(lons)) / 2
        squeeze = max(0.05, cos(radians(lat)))
        across = (max(lons) - min(lons)) * squeeze * HEIGHT / WIDTH
        span = max(max(lats) - min(lats), across, LEAST_DEGREES)
        return cls(lat, lon, span * 1.5, squeeze)

    def x(self, lon: float) -> float:
        return WIDTH / 2 + (lon - self.lon) * self.squeeze / self.span * HEIGHT

    def y(self, lat: float) -> float:
        return HEIGHT / 2 - (lat - self.lat) / self.span * HEIGHT


def _land(line: Line, view: _View) -> str:
    points = " ".join(f"{view.x(lon):.1f},{view.y(lat):.1f}" for lat, lon in line)
    return f'<polygon class="land" points="{points}"/>'


def _grid(view: _View) -> list[str]:
    step = _step(view.span / 4)
    parts = []
    for number in range(-8, 9):
        lat = (floor(view.lat / step) + number) * step
        lon = (floor(view.lon / step) + number) * step
        y, x = view.y(lat), view.x(lon)
        if PAD / 2 < y < HEIGHT - PAD:
            parts.append(f'<line class="grid" x1="0" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>')
            parts.append(f'<text x="4" y="{y - 3:.1f}">{_degrees(lat, "N", "S")}</text>')
        if PAD < x < WIDTH - PAD:
            parts.append(f'<line class="grid" y1="0" y2="{HEIGHT}" x1="{x:.1f}" x2="{x:.1f}"/>')
            parts.append(f'<text x="{x + 3:.1f}" y="{HEIGHT - 5}">{_degrees(lon, "E", "W")}</text>')
    return parts


def _step(rough: float) -> float:
    power = 10.0 ** floor(log10(rough))
    return float(next(each * power for each in _STEPS if each * power >= rough))


def _degrees(value: float, positive: str, negative: str) -> str:
    return f"{abs(round(value, 4)):g}°{negative if value < 0 else positive}"


def _placed(points: Sequence[Point], view: _View) -> list[tuple[Point, float, float]]:
    """Put those that would cover each other below one another, the gravest on top."""
    placed: list[tuple[Point, float, float]] = []
    for point in sorted(points, key=lambda each: (each.faded, -each.severity)):
        x, y = view.x(point.lon), view.y(point.lat)
        while any(abs(x - other_x) < APART and abs(y - other_y) < APART for _, other_x, other_y in placed):
            y += APART
        placed.append((point, x, y))
    return placed


def _dot(point: Point, x: float, y: float) -> str:
    kinds = [f"slm-severity-{point.severity}"]
    kinds += [
        name
        for name, on in (("about", not point.exact), ("faded", point.faded), ("chosen", point.chosen))
        if on
    ]
    side = "end" if x > WIDTH * 0.62 else "start"
    dx = -11 if side == "end" else 11
    return (
        f'<g class="dot {" ".join(kinds)}" data-choose="{escape(point.id)}" tabindex="0">'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="7"/>'
        f'<text x="{x + dx:.1f}" y="{y + 4:.1f}" text-anchor="{side}">{escape(point.label)}</text></g>'
    )
