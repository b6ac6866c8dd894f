"""The pictures of a report: bars by class, bars over time, and a map of coordinates without tiles."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil, floor, log10, sqrt

from slm_core.report.drawing import (
    INK,
    LINE,
    QUIET,
    Area,
    Dot,
    Drawing,
    Shape,
    Stroke,
    Words,
    box,
)
from slm_disaster.alerts.message import KST
from slm_disaster.damage.figures import Counts, Series
from slm_disaster.damage.geometry import squeeze
from slm_disaster.damage.row import GRADES, UNCLASSED, Row
from slm_disaster.situation.outline import OUTLINES
from slm_disaster.situation.seats import seat

COLOURS = {0: "#3d9a5f", 1: "#e3b505", 2: "#e07a1f", 3: "#b3202c", -1: "#8a919c"}
WIDTH = 640.0
MOST_DRAWN = 4_000
MOST_BARS = 60
_LEAST_DEGREES = 0.002  # about 200 m
_DISTRICT_DEGREES = 0.3  # a thing known by its district alone lies somewhere in 30 km
_KM_PER_DEGREE = 111.2


def class_bars(counts: Counts, names: Mapping[int, str], title: str) -> Drawing:
    """Return one bar a class with its number."""
    shown = [grade for grade in GRADES if grade != UNCLASSED or counts.get(grade)]
    most = max([1, *counts.values()])
    shapes: list[Shape] = []
    for place, grade in enumerate(shown):
        y = 12.0 + 30 * place
        length = 380 * counts.get(grade, 0) / most
        shapes.append(Words(160, y + 14, names[grade], 12, "end"))
        shapes.append(box(170, y, max(length, 0.6), 20, COLOURS[grade]))
        shapes.append(Words(178 + length, y + 14, f"{counts.get(grade, 0):,}", 12))
    return Drawing(WIDTH, 20 + 30 * len(shown), tuple(shapes), title)


def time_bars(series: Series, names: Mapping[int, str], title: str) -> Drawing:
    """Return stacked bars by hour or day, the last 60 of them; where none stands there was nothing."""
    every_slot = slots(series)
    first = max(0, max(every_slot, default=0) - MOST_BARS + 1)
    bars = [
        (place - first, *bar) for place, bar in zip(every_slot, series.bars, strict=True) if place >= first
    ]
    number = max([1, *(place + 1 for place, _, _ in bars)])
    top, bottom, left = 34.0, 200.0, 46.0
    most = max([1, *(sum(counts.values()) for _, _, counts in bars)])
    step = max(1.0, _nice(most / 4))  # there are no half houses
    high = ceil(most / step) * step
    shapes = _ticks(step, high, left, top, bottom)
    width = min(60.0, (WIDTH - left - 14) / number)
    free = 0.0
    for place, start, counts in bars:
        x, y = left + 6 + place * width, bottom
        for grade in GRADES:
            height = (bottom - top) * counts.get(grade, 0) / high
            y -= height
            if height:
                shapes.append(box(x, y, width * 0.8, height, COLOURS[grade]))
        if x >= free:
            free = x + 62
            shapes.append(
                Words(x + width * 0.4, bottom + 15, _clock(start, series.step), 10, "middle", QUIET)
            )
    present = {grade for _, _, counts in bars for grade in counts}
    return Drawing(WIDTH, bottom + 26, (*shapes, *_legend(names, present, 14)), title)


def slots(series: Series) -> list[int]:
    """Return how many hours or days each bar is after the first."""
    step = timedelta(hours=1) if series.step == "hour" else timedelta(days=1)
    return [(start - series.bars[0][0]) // step for start, _ in series.bars]


@dataclass(frozen=True)
class Mapped:
    """A map, and how many rows it shows: at their own place, at their district's seat, and not at all."""

    drawing: Drawing
    exact: int
    about: int
    nowhere: int
    left_out: int


def damage_map(rows: Sequence[Row], names: Mapping[int, str], title: str) -> Mapped | None:
    """Return the map of rows with classes, the gravest on top; None where no place is known."""
    classed = [row for row in rows if row.counts]
    exact = sorted((row for row in classed if row.lat is not None), key=_gravest)
    about: dict[tuple[float, float], list[Row]] = defaultdict(list)
    for row in classed:
        if row.lat is None and (at := seat(row.code)) is not None:
            about[at].append(row)
    shown = exact[-MOST_DRAWN:]
    points = [(row.lat, row.lon) for row in shown if row.lat is not None and row.lon is not None]
    if not points and not about:
        return None
    view = _View.around([*points, *about], _DISTRICT_DEGREES if about else _LEAST_DEGREES)
    shapes: list[Shape] = [box(0, 0, WIDTH, view.height, "#f3f6f9", LINE)]
    shapes += [shape for line in OUTLINES if (shape := _land(line, view))]
    shapes += _grid(view)
    shapes += [_spread(at, group, view) for at, group in sorted(about.items())]
    shapes += [shape for row in shown for shape in _thing(row, view)]
    shapes += [*_scale_bar(view), *_legend(names, {_gravest(row) for row in classed}, view.height + 18)]
    located = sum(map(len, about.values()))
    return Mapped(
        Drawing(WIDTH, view.height + 28, tuple(shapes), title),
        exact=len(exact),
        about=located,
        nowhere=len(classed) - len(exact) - located,
        left_out=len(exact) - len(shown),
    )


@dataclass(frozen=True)
class _View:
    """Middle and height of the map in degrees of latitude; a degree of longitude is `squeeze` as long."""

    lat: float
    lon: float
    span: float
    squeeze: float
    height: float = 400.0

    @classmethod
    def around(cls, points: Sequence[tuple[float, float]], least: float) -> _View:
        lats, lons = [point[0] for point in points], [point[1] for point in points]
        lat, lon = (min(lats) + max(lats)) / 2, (min(lons) + max(lons)) / 2
        narrow = squeeze(lat)
        across = (max(lons) - min(lons)) * narrow * 400 / WIDTH
        return cls(lat, lon, max(max(lats) - min(lats), across, least) * 1.3, narrow)

    def x(self, lon: float) -> float:
        return WIDTH / 2 + (lon - self.lon) * self.squeeze / self.span * self.height

    def y(self, lat: float) -> float:
        return self.height / 2 - (lat - self.lat) / self.span * self.height


def _land(line: Sequence[tuple[float, float]], view: _View) -> Area | None:
    """The part of the rough coast that is in view; closer than 30 km it would only mislead."""
    if view.span < 0.3:
        return None
    points = [(view.x(lon), view.y(lat)) for lat, lon in line]
    for axis, edge, sign in ((0, 0.0, 1), (0, WIDTH, -1), (1, 0.0, 1), (1, view.height, -1)):
        points = list(_clipped(points, axis, edge, sign))
    return Area(points, "#ffffff", "#aeb6c1") if len(points) > 2 else None


def _clipped(
    points: Sequence[tuple[float, float]], axis: int, edge: float, sign: int
) -> Iterator[tuple[float, float]]:
    """Yield the outline on one side of a line (Sutherland and Hodgman 1974)."""
    for here, following in zip(points, [*points[1:], *points[:1]], strict=True):
        inside, stays = (sign * (each[axis] - edge) >= 0 for each in (here, following))
        if inside:
            yield here
        if inside != stays:
            part = (edge - here[axis]) / (following[axis] - here[axis])
            yield here[0] + part * (following[0] - here[0]), here[1] + part * (following[1] - here[1])


def _grid(view: _View) -> list[Shape]:
    step = _nice(view.span / 4)
    places = max(0, -floor(log10(step)))
    shapes: list[Shape] = []
    for number in range(-8, 9):
        lat = (floor(view.lat / step) + number) * step
        lon = (floor(view.lon / step) + number) * step
        y, x = view.y(lat), view.x(lon)
        if 12 < y < view.height - 20:
            shapes += [
                Stroke(0, y, WIDTH, y),
                Words(4, y - 3, _degrees(lat, "NS", places), 9, "start", QUIET),
            ]
        if 30 < x < WIDTH - 40:
            at = Words(x + 3, view.height - 5, _degrees(lon, "EW", places), 9, "start", QUIET)
            shapes += [Stroke(x, 0, x, view.height), at]
    return shapes


def _degrees(value: float, signs: str, places: int) -> str:
    return f"{abs(value):.{places}f}°{signs[value < 0]}"


def _spread(at: tuple[float, float], group: Sequence[Row], view: _View) -> Shape:
    """Rows of which only the district is known: one ring at its seat, as large as they are many."""
    things = sum(row.things for row in group)
    return Dot(
        view.x(at[1]),
        view.y(at[0]),
        min(42.0, 7 + 2 * sqrt(things)),
        COLOURS[max(map(_gravest, group))],
        True,
    )


def _thing(row: Row, view: _View) -> list[Shape]:
    assert row.lat is not None and row.lon is not None
    colour = COLOURS[_gravest(row)]
    outside = [(view.x(lon), view.y(lat)) for lat, lon in row.rings[0]] if row.rings else []
    wide = max((x for x, _ in outside), default=0) - min((x for x, _ in outside), default=0)
    if wide >= 5:
        return [Area(outside, colour, INK)]
    return [Dot(view.x(row.lon), view.y(row.lat), 4.2, colour)]


def _gravest(row: Row) -> int:
    return max(row.counts)


def _scale_bar(view: _View) -> list[Shape]:
    km = view.span * _KM_PER_DEGREE / 5
    length = 10 ** floor(log10(km))
    length = next(each * length for each in (5, 2, 1) if each * length <= km)
    pixels = length / _KM_PER_DEGREE / view.span * view.height
    x, y = WIDTH - 14 - pixels, 20.0
    text = f"{length:g} km" if length >= 1 else f"{length * 1000:g} m"
    return [box(x, y, pixels, 3, INK), Words(x + pixels, y - 4, text, 10, "end")]


def _legend(names: Mapping[int, str], present: set[int], y: float) -> list[Shape]:
    shapes: list[Shape] = []
    x = 10.0
    for grade in (each for each in GRADES if each in present):
        shapes += [box(x, y - 9, 10, 10, COLOURS[grade]), Words(x + 14, y, names[grade], 10)]
        x += 34 + sum(11 if ord(letter) > 0x2E80 else 6 for letter in names[grade])
    return shapes


def _ticks(step: float, high: float, left: float, top: float, bottom: float) -> list[Shape]:
    shapes: list[Shape] = []
    for number in range(round(high / step) + 1):
        y = bottom - (bottom - top) * number * step / high
        text = f"{number * step:,.0f}"
        shapes += [Stroke(left, y, WIDTH - 8, y), Words(left - 5, y + 3.5, text, 10, "end", QUIET)]
    return shapes


def _nice(rough: float) -> float:
    """Return 1, 2 or 5 times a power of ten, at or above."""
    power = 10.0 ** floor(log10(rough))
    return float(next(each * power for each in (1, 2, 5, 10) if each * power >= rough * 0.999))


def _clock(start: datetime, step: str) -> str:
    local = start.astimezone(KST)
    return f"{local:%m-%d %H}h" if step == "hour" else f"{local:%m-%d}"
