"""Which incident a report or a reading belongs to, and the incidents that are kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from math import asin, cos, radians, sin, sqrt
from typing import Any

from pydantic import BaseModel, ConfigDict

from slm_disaster.record import record_items
from slm_disaster.schema import Hazard
from slm_disaster.situation.conflicts import KINDS, deciding, statements
from slm_disaster.situation.incident import Evidence, Incident, Report, settings
from slm_disaster.situation.places import Place, overlap
from slm_disaster.situation.sameness import same_text
from slm_disaster.situation.scope import Scoped
from slm_disaster.situation.standing import severity, status

_INDEX = "incidents"
_ARCHIVE = "archive"
_MOST_ARCHIVED = 500
_MOST_SOURCES = 30


class Sighting(BaseModel):
    """What is compared to find the incident: when, where, which hazard and who.

    Without a place, the same source goes on with its incident for `patience_h` hours.
    """

    model_config = ConfigDict(frozen=True)

    time: datetime
    hazard: Hazard | None = None
    places: tuple[Place, ...] = ()
    lat: float | None = None
    lon: float | None = None
    source: str = ""
    text: str = ""
    patience_h: float = 0
    releases: tuple[str, ...] = ()


class Entry(BaseModel):
    """An open incident in the index: enough to compare with, so that only the matching one is read."""

    model_config = ConfigDict(frozen=True)

    id: str
    hazard: Hazard | None = None
    first: datetime
    last: datetime
    places: tuple[Place, ...] = ()
    lat: float | None = None
    lon: float | None = None
    sources: tuple[str, ...] = ()
    released: bool = False
    orders: tuple[str, ...] = ()


def sighting(report: Report) -> Sighting:
    """Return what of a report is compared."""
    return Sighting(
        time=report.time,
        hazard=report.record.hazard.value if report.record.hazard else None,
        places=report.places,
        lat=report.lat,
        lon=report.lon,
        source=report.source,
        text=report.text,
        patience_h=settings()["matching"]["follow_up_h"],
        releases=tuple(order.kind for order in report.orders if order.released),
    )


def find(seen: Sighting, memory: Scoped) -> Incident | None:
    """Return the open incident that a sighting belongs to, or None: same hazard, same place, near in time.

    An order that is taken back belongs to the incident in which it is in force.
    """
    ranked = []
    for entry in _candidates(seen, memory):
        ends = _ends_order(seen, entry)
        if (ends or same_hazard(seen.hazard, entry.hazard)) and _near_in_time(seen, entry):
            rank = _rank(seen, entry, memory)
            if rank:
                ranked.append((ends, seen.hazard == entry.hazard, rank, entry.last, entry.id))
    return load(max(ranked)[4], memory) if ranked else None


def with_report(incident: Incident | None, report: Report, memory: Scoped) -> Incident:
    """Return the incident with the report in it; one with the same text as another is only counted."""
    if incident is None:
        new = Incident(id=_new_id(report.id), origin=memory.origin, first=report.time, last=report.time)
        return _grown(new, report.time, report.lat, report.lon, reports=(report,))
    kept = next((each for each in incident.reports if _is_copy(report, each)), None)
    if kept is None:
        return _bounded(
            _grown(incident, report.time, report.lat, report.lon, reports=(*incident.reports, report))
        )
    senders = dict.fromkeys([*kept.copies, report.source] if report.source != kept.source else kept.copies)
    named = tuple(senders)[: settings()["bounds"]["copies"]]
    again = kept.model_copy(update={"seen": kept.seen + 1, "copies": named})
    reports = tuple(again if each is kept else each for each in incident.reports)
    return _grown(incident, report.time, report.lat, report.lon, reports=reports)


def with_evidence(incident: Incident | None, evidence: Evidence, seen: Sighting, memory: Scoped) -> Incident:
    """Return the incident with what a sensor says; a later word on a crossing replaces the earlier."""
    if incident is None:
        incident = Incident(
            id=_new_id(f"{evidence.key} {evidence.time.isoformat()}"),
            origin=memory.origin,
            first=evidence.time,
            last=evidence.time,
            hazard_of_evidence=seen.hazard,
        )
    others = tuple(each for each in incident.evidence if each.key != evidence.key)
    known = {place.full or place.name for place in incident.places}
    places = (*incident.places, *(each for each in seen.places if (each.full or each.name) not in known))
    changed = incident.model_copy(
        update={"places": places, "hazard_of_evidence": incident.hazard_of_evidence or seen.hazard}
    )
    bound = settings()["bounds"]["reports"]
    return _grown(changed, evidence.time, seen.lat, seen.lon, evidence=(*others, evidence)[-bound:])


def without_report(incident: Incident, report_id: str) -> Incident:
    """Return the incident without a report."""
    return incident.model_copy(
        update={"reports": tuple(each for each in incident.reports if each.id != report_id)}
    )


def entries(memory: Scoped) -> list[Entry]:
    """Return the open incidents, as the index has them."""
    return [Entry.model_validate(each) for each in memory.get(_INDEX) or []]


def load(incident_id: str, memory: Scoped) -> Incident | None:
    """Return an open incident, or None."""
    found = memory.get(f"incident/{incident_id}")
    return None if found is None else Incident.model_validate(found)


def save(incident: Incident, memory: Scoped) -> None:
    """Keep an incident, and what the index says of it."""
    memory.put(f"incident/{incident.id}", incident.model_dump(mode="json", exclude_defaults=True))
    sources = [*(each.source for each in incident.reports), *(each.sensor for each in incident.evidence)]
    entry = Entry(
        id=incident.id,
        hazard=incident.hazard,
        first=incident.first,
        last=incident.last,
        places=tuple(incident.all_places()),
        lat=incident.lat,
        lon=incident.lon,
        sources=tuple(dict.fromkeys(reversed(sources)))[:_MOST_SOURCES],
        released=status(incident) == "released",
        orders=tuple(kind for kind in KINDS if _in_force(incident, kind)),
    )
    _replace(incident.id, [entry.model_dump(mode="json", exclude_defaults=True)], memory)


def remove(incident: Incident, memory: Scoped) -> None:
    """Forget an incident."""
    memory.put(f"incident/{incident.id}", None)
    _replace(incident.id, [], memory)


def archive(incident: Incident, why: str, memory: Scoped) -> None:
    """Put an incident away: a line of it is kept, the newest 500."""
    kept = memory.get(_ARCHIVE) or []
    line = {
        "id": incident.id,
        "why": why,
        "hazard": incident.hazard.value if incident.hazard else None,
        "places": [place.full or place.name for place in incident.all_places()][:3],
        "severity": severity(incident),
        "first": incident.first.isoformat(),
        "last": incident.last.isoformat(),
        "reports": len(incident.reports) + incident.left_out,
    }
    memory.put(_ARCHIVE, [*kept, line][-_MOST_ARCHIVED:])
    remove(incident, memory)


def archived(memory: Scoped) -> list[dict[str, Any]]:
    """Return what is kept of archived incidents, oldest first."""
    return list(memory.get(_ARCHIVE) or [])


def outdated(now: datetime, memory: Scoped) -> list[tuple[str, str]]:
    """Return the ids of the incidents to archive, and why: released, quiet, or too many."""
    bounds = settings()["bounds"]
    old: list[tuple[str, str]] = []
    rest: list[Entry] = []
    for entry in entries(memory):
        age = now - entry.last
        quiet_h = max(bounds["archive_quiet_h"], _window_h(entry.hazard))
        if entry.released and age > timedelta(hours=bounds["archive_released_h"]):
            old.append((entry.id, "released"))
        elif age > timedelta(hours=quiet_h):
            old.append((entry.id, "quiet"))
        else:
            rest.append(entry)
    rest.sort(key=lambda entry: (not entry.released, entry.last))
    return old + [(entry.id, "too many") for entry in rest[: max(0, len(rest) - bounds["incidents"])]]


def same_hazard(one: Hazard | None, other: Hazard | None) -> bool:
    """Whether two hazards can be the same: equal, kin, or one of them not named."""
    if one is None or other is None or one == other:
        return True
    return any(one in group and other in group for group in settings()["matching"]["kin"])


def _candidates(seen: Sighting, memory: Scoped) -> list[Entry]:
    """Return the entries whose hazard can fit; the others are not even parsed, for there may be hundreds."""
    raw = memory.get(_INDEX) or []
    named = [None if each.get("hazard") is None else Hazard(each["hazard"]) for each in raw]
    road = seen.hazard is Hazard.TRANSPORT and bool(seen.releases)
    fits = [road or same_hazard(seen.hazard, hazard) for hazard in named]
    return [Entry.model_validate(each) for each, fit in zip(raw, fits, strict=True) if fit]


def _replace(incident_id: str, entry: list[dict[str, Any]], memory: Scoped) -> None:
    others = [each for each in memory.get(_INDEX) or [] if each["id"] != incident_id]
    # In the order of the ids: two topics may come in any order, and the memory shall not tell which it was.
    memory.put(_INDEX, sorted(others + entry, key=lambda each: str(each["id"])))


def _new_id(seed: str) -> str:
    return "i" + hashlib.sha256(seed.encode()).hexdigest()[:12]


def _grown(
    incident: Incident, time: datetime, lat: float | None, lon: float | None, **parts: Sequence[Any]
) -> Incident:
    here = {"lat": lat, "lon": lon} if incident.lat is None and lat is not None else {}
    span = {"first": min(incident.first, time), "last": max(incident.last, time)}
    return incident.model_copy(update={**span, **here, **parts})


def _is_copy(report: Report, kept: Report) -> bool:
    """Whether a report only repeats another, in words and in all that was read.

    An authority never does, nor does a trusted report repeat one that is not: its figures would be lost.
    """
    if (report.official and not kept.official) or (report.trusted and not kept.trusted):
        return False
    same = record_items(report.record) == record_items(kept.record) and report.orders == kept.orders
    return same and same_text(report.text, kept.text)


def _bounded(incident: Incident) -> Incident:
    """Let the least of too many reports go: what its source has replaced, else a citizen's oldest."""
    if len(incident.reports) <= settings()["bounds"]["reports"]:
        return incident
    newest = {report.source: report.time for report in sorted(incident.reports, key=lambda each: each.time)}
    least = min(
        incident.reports,
        key=lambda each: (each.official, newest[each.source] <= each.time, each.time),
    )
    return without_report(incident, least.id).model_copy(update={"left_out": incident.left_out + 1})


def _ends_order(seen: Sighting, entry: Entry) -> bool:
    """Whether it takes back an order of the incident; a closed road alone names no hazard of its own."""
    orders = {"evacuation", "closure"} & set(seen.releases) & set(entry.orders)
    return bool(orders) and (seen.hazard in (None, Hazard.TRANSPORT) or seen.hazard == entry.hazard)


def _in_force(incident: Incident, kind: str) -> bool:
    word = deciding(statements(incident.reports, f"order:{kind}"))
    return word is not None and word.value == "in force"


def _window_h(hazard: Hazard | None) -> float:
    windows = settings()["window_h"]
    return float(windows.get(hazard.value if hazard else "", windows["default"]))


def _near_in_time(seen: Sighting, entry: Entry) -> bool:
    gap = max(entry.first - seen.time, seen.time - entry.last, timedelta(0))
    window = settings()["matching"]["reopen_h"] if entry.released else _window_h(seen.hazard or entry.hazard)
    return gap <= timedelta(hours=window)


def _rank(seen: Sighting, entry: Entry, memory: Scoped) -> int:
    """Return how well the place fits; 0 where it does not."""
    hazard = seen.hazard or entry.hazard
    distance = _distance_km(seen.lat, seen.lon, entry.lat, entry.lon)
    if distance is not None and distance <= _near_km(hazard):
        return 3
    if seen.places and entry.places:
        return _best_overlap(seen.places, entry.places, hazard)
    if distance is not None:
        return 0
    gap = max(entry.first - seen.time, seen.time - entry.last)
    if seen.source and seen.source in entry.sources and gap <= timedelta(hours=seen.patience_h):
        return 1
    return 1 if seen.text and seen.hazard == entry.hazard and _repeats(seen, entry, memory) else 0


def _best_overlap(here: Iterable[Place], there: Sequence[Place], hazard: Hazard | None) -> int:
    local = hazard is not None and hazard.value in settings()["matching"]["local"]
    fits = [
        2 if min(len(one.code), len(other.code)) >= 5 else 1
        for one in here
        for other in there
        if overlap(one, other, local=local)
    ]
    return max(fits, default=0)


def _repeats(seen: Sighting, entry: Entry, memory: Scoped) -> bool:
    incident = load(entry.id, memory)
    return incident is not None and any(same_text(seen.text, each.text) for each in incident.reports)


def _near_km(hazard: Hazard | None) -> float:
    table = settings()["near_km"]
    return float(table.get(hazard.value if hazard else "", table["default"]))


def _distance_km(
    lat: float | None, lon: float | None, other_lat: float | None, other_lon: float | None
) -> float | None:
    """Great-circle distance (haversine, mean earth radius 6371 km), or None where a coordinate is unknown."""
    if lat is None or lon is None or other_lat is None or other_lon is None:
        return None
    a, b = radians(lat), radians(other_lat)
    h = sin((b - a) / 2) ** 2 + cos(a) * cos(b) * sin(radians(other_lon - lon) / 2) ** 2
    return 2 * 6371.0 * asin(min(1.0, sqrt(h)))
