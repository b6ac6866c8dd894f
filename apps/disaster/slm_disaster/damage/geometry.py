"""Outlines on the globe: their middle, their area, and which coordinates are degrees at all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from math import cos, isfinite, radians, sin
from typing import Any

from slm_disaster.damage.row import Ring

RADIUS_M = 6_371_007.2  # of the sphere with the area of WGS 84; a small area is right to about 0.5 %
_WGS84 = re.compile(r"(?:CRS:?84|EPSG:{1,2}(?:[\d.]*:)?4326|OGC:1\.3:CRS84)", re.IGNORECASE)
_WKT = re.compile(r"\s*(?P<kind>POINT|POLYGON)\s*(?:Z\s*)?(?P<body>\(.*\))\s*", re.IGNORECASE)
MOST_POINTS = 20_000


def is_wgs84(crs: Any) -> bool:
    """Whether the `crs` of a GeoJSON means degrees of WGS 84; left out it does (RFC 7946)."""
    if crs is None:
        return True
    name = crs.get("properties", {}) if isinstance(crs, Mapping) else crs
    name = name.get("name", "") if isinstance(name, Mapping) else name
    return bool(_WGS84.search(str(name)))


def rings_of(geometry: Any) -> tuple[Ring, ...]:
    """Return the outlines of a polygon or the single point of a point, as (latitude, longitude).

    Raises:
        ValueError: another kind, too many points, a ring that is not closed, or what are no degrees.
    """
    if not isinstance(geometry, Mapping):
        raise ValueError("no geometry")
    kind, given = geometry.get("type"), geometry.get("coordinates")
    if kind == "Point":
        return ((_point(given),),)
    if kind not in ("Polygon", "MultiPolygon"):
        raise ValueError("neither a point nor a polygon")
    polygons = _list(given) if kind == "MultiPolygon" else [given]
    rings = tuple(_ring(ring) for polygon in polygons for ring in _list(polygon))
    if not rings or sum(map(len, rings)) > MOST_POINTS:
        raise ValueError("an outline without points, or with too many")
    return rings


def area_m2(geometry: Any) -> float:
    """Return the area of a polygon or several, holes taken off; 0 of a point.

    Raises:
        ValueError: as `rings_of`.
    """
    if not isinstance(geometry, Mapping) or geometry.get("type") == "Point":
        return 0.0
    given = _list(geometry.get("coordinates"))
    polygons = given if geometry.get("type") == "MultiPolygon" else [given]
    return sum(_inside([_ring(ring) for ring in _list(polygon)]) for polygon in polygons)


def middle(rings: Sequence[Ring]) -> tuple[float, float]:
    """Return the middle of the first ring's extent."""
    lats, lons = [point[0] for point in rings[0]], [point[1] for point in rings[0]]
    return (min(lats) + max(lats)) / 2, (min(lons) + max(lons)) / 2


def wkt(text: str) -> dict[str, Any]:
    """Return a WKT point or polygon as GeoJSON.

    Raises:
        ValueError: it is none.
    """
    found = _WKT.fullmatch(text)
    if found is None:
        raise ValueError("no WKT of a point or polygon")
    kind, body = found["kind"].upper(), found["body"]
    rings = [[_pair(pair) for pair in ring.split(",")] for ring in re.findall(r"\(([^()]+)\)", body)]
    if kind == "POINT":
        return {"type": "Point", "coordinates": rings[0][0] if rings else []}
    return {"type": "Polygon", "coordinates": rings}


def _pair(text: str) -> list[float]:
    return [float(part) for part in text.split()[:2]]


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("coordinates are no list")
    return value


def _point(value: Any) -> tuple[float, float]:
    if not isinstance(value, list) or len(value) < 2:
        raise ValueError("a position has longitude and latitude")
    lon, lat = value[:2]
    if not all(isinstance(each, int | float) and not isinstance(each, bool) for each in (lon, lat)):
        raise ValueError("a coordinate is no number")
    if not (isfinite(lat) and isfinite(lon) and abs(lat) <= 90 and abs(lon) <= 180):
        raise ValueError("not degrees of latitude and longitude (WGS 84)")
    return float(lat), float(lon)


def _ring(value: Any) -> Ring:
    ring = tuple(_point(point) for point in _list(value))
    if len(ring) < 4 or ring[0] != ring[-1]:
        raise ValueError("the outline is not closed")
    return ring


def _inside(rings: Sequence[Ring]) -> float:
    """The first ring is the outside, the others are holes, whichever way they turn."""
    areas = [abs(_signed(ring)) for ring in rings]
    return max(0.0, areas[0] - sum(areas[1:])) if areas else 0.0


def _signed(ring: Iterable[tuple[float, float]]) -> float:
    """Area on the sphere, positive clockwise; the usual sum over the edges, in longitude by sine of latitude.

    Chamberlain and Duquette, Some Algorithms for Polygons on a Sphere, JPL 2007.
    """
    total = sum(
        radians(lon2 - lon1) * (2 + sin(radians(lat1)) + sin(radians(lat2)))
        for (lat1, lon1), (lat2, lon2) in pairwise(ring)
    )
    return total * RADIUS_M**2 / 2


def squeeze(lat: float) -> float:
    """Return how long a degree of longitude is beside one of latitude."""
    return max(0.05, cos(radians(lat)))
