"""An assessment as JSON: every figure with the rows behind it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from slm_disaster.damage.assessment import Assessment
from slm_disaster.damage.figures import Counts, Figures, Loss
from slm_disaster.damage.row import UNCLASSED, Row
from slm_disaster.damage.said import Account
from slm_disaster.situation.view import situation

VERSION = 1


def as_json(found: Assessment) -> dict[str, Any]:
    """Return the assessment; classes are the keys "0" to "3" and "unknown", amounts are decimal strings."""
    figures = found.figures
    return {
        "version": VERSION,
        **summary(found),
        "sources": [vars(each) for each in found.sources],
        "by_place": [{"place": name, "classes": _classes(counts)} for name, counts in figures.places],
        "by_facility": [
            {"facility": name, "classes": _classes(counts)} for name, counts in figures.facilities
        ],
        "series": _series(figures),
        "losses_by_place": [
            {"place": name, "losses": _losses(losses)} for name, losses in figures.losses_by_place
        ],
        "reported": [_account(each) for each in found.accounts],
        "photos": [vars(each) | {"counted": False} for each in found.photos],
        "rows": [_row(row) for row in figures.rows],
        "repeated": [vars(each) for each in figures.repeats],
        "unclear": [vars(each) for each in figures.unclear],
        "rejected": [vars(each) for each in found.rejected],
    }


def summary(found: Assessment) -> dict[str, Any]:
    """Return the totals."""
    figures = found.figures
    return {
        "scale": "Joint Damage Scale: 0 no damage, 1 minor, 2 major, 3 destroyed",
        "things": figures.things,
        "classes": _classes(figures.counts),
        "flooded_in_class_1": figures.flooded,
        "areas_m2": {_key(grade): area for grade, area in figures.areas_m2.items()},
        "losses": _losses(figures.losses),
        "people": dict(figures.people),
        "rows_counted": len(figures.rows),
        "rows_repeated": len(figures.repeats),
        "rows_without_id": figures.without_id,
        "cells_unclear": len(figures.unclear),
        "incidents_reported": len(found.accounts),
        "fields_disputed": len(found.disputed),
        "photos_seen": sum(not photo.reason for photo in found.photos),
        "notes": list(found.notes),
        "simulated": found.simulated,
    }


def _classes(counts: Counts) -> dict[str, int]:
    return {**{str(grade): counts.get(grade, 0) for grade in range(4)}, "unknown": counts.get(UNCLASSED, 0)}


def _key(grade: int) -> str:
    return "unknown" if grade == UNCLASSED else str(grade)


def _losses(losses: tuple[Loss, ...]) -> list[dict[str, Any]]:
    return [
        {"currency": each.currency, "amount": _exact(each.amount), "amounts": each.amounts} for each in losses
    ]


def _exact(amount: Decimal) -> str:
    shown = f"{amount:f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def _series(figures: Figures) -> dict[str, Any]:
    series = figures.series
    bars = [{"start": start.isoformat(), "classes": _classes(counts)} for start, counts in series.bars]
    return {"step": series.step, "zone": "+09:00", "bars": bars, "rows_without_time": series.undated}


def _row(row: Row) -> dict[str, Any]:
    told = {
        "where": row.where,
        "id": row.id,
        "classes": {_key(grade): number for grade, number in row.counts.items()},
        "facility": row.facility,
        "place": row.place,
        "said_place": row.said_place,
        "code": row.code,
        "time": row.time.isoformat() if row.time else "",
        "losses": [{"currency": each.currency, "amount": _exact(each.amount)} for each in row.losses],
        "people": dict(row.people),
        "disputed": sorted(row.disputed),
        "lat": row.lat,
        "lon": row.lon,
        "area_m2": None if row.area_m2 is None else round(row.area_m2, 1),
    }
    return {name: value for name, value in told.items() if value not in ("", None, {}, [])}


def _account(account: Account) -> dict[str, Any]:
    view = situation(account.incident)
    return {
        "incident": account.incident.id,
        "hazard": view["hazard"],
        "places": [place["full"] or place["name"] for place in view["places"]],
        "reports": view["counts"],
        "fields": [
            {
                "field": told.field,
                "value": told.value,
                "disputed": told.value is None,
                "said": [each.model_dump(mode="json") for each in told.said],
            }
            for told in account.told
        ],
    }
