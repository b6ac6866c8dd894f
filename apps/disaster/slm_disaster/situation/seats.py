"""The seats of cities, counties and provinces, to about 0.05 degrees (5 km); a 구 stands at its city."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path


def seat(code: str) -> tuple[float, float] | None:
    """Return latitude and longitude of the seat of a 시군구, else of its city or province; None of none."""
    known = _seats()
    found = (known[each] for each in (code, f"{code[:4]}0", code[:2]) if each and each in known)
    return next(found, None) if code else None


@cache
def _seats() -> dict[str, tuple[float, float]]:
    with (Path(__file__).parent / "seats.csv").open(encoding="utf-8", newline="") as file:
        return {row["code"]: (float(row["lat"]), float(row["lon"])) for row in csv.DictReader(file)}
