"""Points, polygons and circles of a CAP area: WGS 84, latitude first, in degrees and kilometres."""

from __future__ import annotations

import re
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING

from slm_disaster.alerts.faults import Fault, fault

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

    Floats = NDArray[float64]

Point = tuple[Decimal, Decimal]

MOST_POINTS = 5_000
LARGEST_RADIUS_KM = Decimal(20_038)  # half the equator
_NUMBER = re.compile(r"[+-]?(?:\d{1,15}(?:\.\d{0,30})?|\.\d{1,30})")


def read_points(text: str) -> tuple[Point, ...]:
    """Read `lat,lon lat,lon ...`.

    Raises:
        PydanticCustomError: a pair is no pair of decimal numbers, or there are more than 5,000.
    """
    pairs = text.split()
    if len(pairs) > MOST_POINTS:
        raise fault(Fault.POLYGON_LONG, f"{len(pairs)} points; at most {MOST_POINTS} are read")
    return tuple(_pair(pair) for pair in pairs)


def read_number(text: str) -> Decimal:
    """Read a plain decimal number.

    Raises:
        PydanticCustomError: it is none; exponents, NaN and Infinity are none either.
    """
    if not _NUMBER.fullmatch(text):
        raise fault(Fault.NUMBER, f"{text[:40]!r} is no plain decimal number")
    return Decimal(text)


def write_point(point: Point) -> str:
    """Return `lat,lon`."""
    return f"{point[0]:f},{point[1]:f}"


def check_point(point: Point) -> Point:
    """Return a point that lies on the earth.

    Raises:
        PydanticCustomError: latitude beyond 90 or longitude beyond 180 degrees.
    """
    for value, most, name in ((point[0], 90, "latitude"), (point[1], 180, "longitude")):
        if not value.is_finite() or abs(value) > most:
            raise fault(Fault.OUT_OF_RANGE, f"{name} {value} is not within -{most} to {most}")
    return point


def check_ring(points: tuple[Point, ...]) -> tuple[Point, ...]:
    """Return a closed ring that does not cross or touch itself.

    Raises:
        PydanticCustomError: fewer than 4 points, not closed, crossing, or a point off the earth.
    """
    if len(points) < 4:
        raise fault(Fault.POLYGON_SHORT, f"{len(points)} points; a polygon has at least 4")
    for point in points:
        check_point(point)
    if points[0] != points[-1]:
        last, first = write_point(points[-1]), write_point(points[0])
        raise fault(Fault.POLYGON_OPEN, f"the last point {last} is not the first, {first}")
    crossing = first_crossing(points)
    if crossing is not None:
        one, other = (write_point(points[place]) for place in crossing)
        raise fault(Fault.POLYGON_CROSSING, f"the edges that begin at {one} and {other} cross or touch")
    return points


def first_crossing(points: tuple[Point, ...]) -> tuple[int, int] | None:
    """Return where two edges of a closed ring that are no neighbours begin and meet, or None.

    Longitudes are unrolled, so that a ring over the 180th meridian is none that crosses the earth.
    """
    import numpy as np

    ring = [(float(lat), float(lon)) for lat, lon in points]
    kept = [0, *(place for place, (one, two) in enumerate(pairwise(ring), 1) if one != two)]
    corners = np.array([ring[place] for place in kept])
    corners[:, 1] = np.unwrap(corners[:, 1], period=360)
    if len(kept) < 4:
        return 0, 0
    starts, ends = corners[:-1], corners[1:]
    count = len(starts)
    for place in range(count - 2):
        others = slice(place + 2, count - 1 if place == 0 else count)
        met = _meet(starts[place], ends[place], starts[others], ends[others])
        if met is not None:
            return kept[place], kept[place + 2 + met]
    return None


def _meet(a: Floats, b: Floats, starts: Floats, ends: Floats) -> int | None:
    """Return the first edge that shares a point with the edge a-b: (n, 2) arrays, or None."""
    import numpy as np

    boxes = np.all((np.minimum(starts, ends) <= np.maximum(a, b)), axis=1)
    boxes &= np.all((np.maximum(starts, ends) >= np.minimum(a, b)), axis=1)
    sides = _turn(a, b, starts) * _turn(a, b, ends) <= 0
    sides &= _turn(starts, ends, a) * _turn(starts, ends, b) <= 0
    hits = np.flatnonzero(boxes & sides)
    return int(hits[0]) if len(hits) else None


def _turn(a: Floats, b: Floats, c: Floats) -> Floats:
    """Return on which side of the line from a to b the point c lies: its sign; 0 on the line."""
    import numpy as np

    along, beside = b - a, c - a
    side: Floats = np.sign(along[..., 0] * beside[..., 1] - along[..., 1] * beside[..., 0])
    return side


def _pair(text: str) -> Point:
    lat, comma, lon = text.partition(",")
    if not comma:
        raise fault(Fault.NUMBER, f"{text[:40]!r} is no pair lat,lon")
    return read_number(lat), read_number(lon)
