"""GeoJSON features and the label files of xBD to rows, with outlines and areas where they are WGS 84.

xBD keeps its features under `features.lng_lat`, each with `properties` and `wkt`; the label files of the time
before a disaster give no classes and are refused as a whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from slm_core.dataset.records import Record
from slm_core.dataset.source import Rejected
from slm_core.errors import UserError
from slm_disaster.damage import geometry
from slm_disaster.damage.columns import ColumnMap, find_columns
from slm_disaster.damage.records import survey
from slm_disaster.damage.row import Row, Survey, Unclear

MOST_KEPT = 200
_SIGNS = ('"FeatureCollection"', '"lng_lat"', '"type":"Feature"', '"geometry":')


def is_geojson(path: Path) -> bool:
    """Whether a file is GeoJSON or an xBD label file, by its name and what its beginning says."""
    if path.suffix.lower() == ".geojson":
        return True
    if path.suffix.lower() != ".json":
        return False
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        begin = "".join(file.read(4000).split())
    return any(sign in begin for sign in _SIGNS)


def read_features(path: Path, given: ColumnMap | None = None) -> tuple[Survey, list[Rejected]]:
    """Return the rows of a GeoJSON file, and the features that are none.

    Raises:
        UserError: it is no GeoJSON, or the map names a property that no feature has.
    """
    whole = _load(path)
    usable = geometry.is_wgs84(whole.get("crs"))
    records: list[Record] = []
    shapes: dict[str, Any] = {}
    rejected: list[Rejected] = []
    for where, feature in _features(whole, path):
        try:
            properties, shape = _parts(feature)
        except ValueError as error:
            rejected.append(Rejected(where, str(error), json.dumps(feature, ensure_ascii=False)[:MOST_KEPT]))
            continue
        records.append(Record(where, properties))
        shapes[where] = shape
    names = list(dict.fromkeys(name for record in records for name in record.columns))
    read = survey(str(path), records, find_columns(names, given))
    if not usable:
        note = "coordinates are not WGS 84 degrees: neither drawn nor measured"
        return replace(read, notes=(*read.notes, note)), rejected
    unclear = list(read.unclear)
    rows = tuple(_outlined(row, shapes[row.where], unclear) for row in read.rows)
    return replace(read, rows=rows, unclear=tuple(unclear)), rejected


def _load(path: Path) -> Mapping[str, Any]:
    expected = "a FeatureCollection, a Feature, or an xBD label file"
    try:
        whole = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise UserError(f"not GeoJSON: {error}", where=path, expected=expected) from error
    if not isinstance(whole, dict):
        raise UserError("not GeoJSON: no object", where=path, expected=expected)
    return whole


def _features(whole: Mapping[str, Any], path: Path) -> Iterator[tuple[str, Any]]:
    features = [whole] if whole.get("type") == "Feature" else whole.get("features")
    metadata = whole.get("metadata")
    if isinstance(features, dict) and isinstance(features.get("lng_lat"), list):
        time = metadata.get("capture_date") if isinstance(metadata, dict) else None
        features = [_of_xbd(each, time) for each in features["lng_lat"]]
        if features and not any(
            isinstance(each, dict) and "subtype" in each["properties"] for each in features
        ):
            raise UserError(
                "a label file of before the disaster: it gives no classes", where=path, mend="leave it out"
            )
    if not isinstance(features, list):
        raise UserError("features is no list", where=path, expected='"features": [...]')
    for number, feature in enumerate(features):
        yield f"{path}:features[{number}]", feature


def _of_xbd(feature: Any, time: Any) -> Any:
    if not isinstance(feature, dict) or not isinstance(feature.get("properties"), dict):
        return {"properties": {}, "geometry": None}
    try:
        shape: Any = geometry.wkt(str(feature.get("wkt") or ""))
    except ValueError as error:
        shape = {"type": str(error), "coordinates": None}
    dated = {"capture_date": time} if time else {}
    return {"type": "Feature", "properties": {**dated, **feature["properties"]}, "geometry": shape}


def _parts(feature: Any) -> tuple[dict[str, Any], Any]:
    if not isinstance(feature, dict) or not isinstance(feature.get("properties") or {}, dict):
        raise ValueError("no feature: an object with properties and geometry is expected")
    properties = {str(name): value for name, value in (feature.get("properties") or {}).items()}
    if not properties:
        raise ValueError("the feature has no properties")
    if feature.get("id") not in (None, ""):
        properties.setdefault("id", feature["id"])
    nested = {
        f"{name}.{key}": value
        for name, inner in properties.items()
        if isinstance(inner, dict)
        for key, value in inner.items()
    }
    return {**nested, **properties}, feature.get("geometry")


def _outlined(row: Row, shape: Any, unclear: list[Unclear]) -> Row:
    if shape is None:
        return row
    try:
        rings = geometry.rings_of(shape)
        area = geometry.area_m2(shape)
    except (ValueError, TypeError) as error:
        kind = str(shape.get("type") if isinstance(shape, dict) else shape)
        unclear.append(Unclear(row.where, "geometry", kind[:MOST_KEPT], str(error)))
        return row
    lat, lon = geometry.middle(rings)
    if len(rings[0]) == 1:
        return replace(row, lat=lat, lon=lon)
    return replace(row, lat=lat, lon=lon, rings=rings, area_m2=area)
