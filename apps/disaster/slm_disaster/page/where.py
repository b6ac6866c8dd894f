"""Where incidents lie: by their own coordinates, else at the seat of the first district that they name."""

from __future__ import annotations

from html import escape

from slm_core.ui.sketch import Point, sketch
from slm_disaster.alerts.romanised import romanised_place
from slm_disaster.page.room import Snapshot
from slm_disaster.page.words import Words
from slm_disaster.situation.incident import Incident
from slm_disaster.situation.outline import OUTLINES
from slm_disaster.situation.seats import seat
from slm_disaster.situation.standing import severity, status

LABEL = 32


def incident_map(snapshot: Snapshot, chosen: str, words: Words) -> str:
    """Return the map as HTML, with a line that says that it is a sketch and what it cannot show."""
    shown = snapshot.incident(chosen)
    points = [point for each in snapshot.incidents if (point := _point(each, each is shown, words))]
    picture = sketch(points, OUTLINES, words["no_map"], words["map"])
    without = len(snapshot.incidents) - len(points)
    notes = [words["map_note"]] if points else []
    notes += [words["map_without"].format(n=without)] if without else []
    return f'<figure class="slm-figure">{picture}<figcaption>{escape(" ".join(notes))}</figcaption></figure>'


def position(incident: Incident) -> tuple[float, float, bool] | None:
    """Return latitude, longitude and whether they are the incident's own; None where nobody knows."""
    if incident.lat is not None and incident.lon is not None:
        return incident.lat, incident.lon, True
    for place in incident.all_places():
        found = seat(place.code)
        if found is not None:
            return *found, False
    return None


def _point(incident: Incident, chosen: bool, words: Words) -> Point | None:
    found = position(incident)
    if found is None:
        return None
    label = f"{words.hazard(incident.hazard)} " if incident.hazard else ""
    name = next((place.name for place in incident.all_places()), "")
    label += name if words.lang == "ko" else romanised_place(name)
    return Point(
        id=incident.id,
        lat=found[0],
        lon=found[1],
        label=label if len(label) <= LABEL else f"{label[: LABEL - 1]}…",
        severity=severity(incident),
        exact=found[2],
        faded=status(incident) == "released",
        chosen=chosen,
    )
