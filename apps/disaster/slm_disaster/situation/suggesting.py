"""Which report of an incident an alert says again, and the draft made from it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from slm_disaster.alerts.draft import Draft, choices_of, draft_alert
from slm_disaster.alerts.message import KST
from slm_disaster.schema import Found, Record
from slm_disaster.situation.conflicts import COUNTS, KINDS, conflicts, deciding, statements
from slm_disaster.situation.incident import Incident, Report
from slm_disaster.situation.places import Place, resolve_all
from slm_disaster.situation.standing import report_severity, severity

VALID = timedelta(hours=6)
CAP_SEVERITY = {3: "Severe", 2: "Moderate", 1: "Minor", 0: "Unknown"}
_HANGUL = re.compile("[가-힣]")


def suggested_draft(incident: Incident) -> Draft | None:
    """Return a draft of the report that decides, as an exercise; a person makes an actual one.

    None where there is no report.
    """
    best = deciding_report(incident)
    if best is None:
        return None
    expires = best.time.astimezone(KST) + VALID
    choices = choices_of(
        status="Exercise",
        sender="ondevice-slm",
        agency_ko="재난안전상황실",
        agency_en="Disaster control room",
        urgency="Immediate" if severity(incident) >= max(CAP_SEVERITY) else "Expected",
        severity=CAP_SEVERITY[severity(incident)],
        certainty="Observed" if best.official or incident.evidence else "Likely",
        expires=expires.isoformat(timespec="seconds"),
        when=best.time.astimezone(KST).isoformat(timespec="seconds"),
    )
    return draft_alert(_in_korean(incident, best, _agreed(incident, best.record)), choices)


def deciding_report(incident: Incident) -> Report | None:
    """Return the report that names hazard and place, if one does; else, or of several, the gravest."""
    told = [each for each in incident.reports if each.trusted]
    return max(told, key=_tells) if told else None


def _tells(report: Report) -> tuple[int, int, bool, datetime]:
    complete = bool(report.record.hazard) + bool(report.record.place)
    return complete, report_severity(report), report.official, report.time


def _agreed(incident: Incident, record: Record) -> Record:
    """A count on which the sources disagree is in no alert: the public would be told one side as a fact."""
    disputed = {each.field: each.said for each in conflicts(incident) if each.field in COUNTS}
    told = [field for field in disputed if getattr(record, field) is not None]
    said = {field: ", ".join(f"{each.value} ({each.source})" for each in disputed[field]) for field in told}
    notes = [f"{field} is left out, the sources disagree: {said[field]}" for field in told]
    notes += [note for kind in KINDS if (note := _released(incident, kind))]
    return record.model_copy(update={**dict.fromkeys(told), "dropped": [*record.dropped, *notes]})


def _in_korean(incident: Incident, report: Report, record: Record) -> Record:
    """A Korean text names a place in Korean; the English one is made from that name."""
    around = [place.full for place in incident.all_places() if place.full]
    said = resolve_all([found.value for found in record.place], [*report.context, *around])
    korean = [
        place.full for found, place in zip(record.place, said, strict=True) if _HANGUL.search(found.value)
    ]
    names: dict[str, Found[str]] = {}
    for found, place in zip(record.place, said, strict=True):
        name = found.value if _HANGUL.search(found.value) else _korean_name(place)
        if name == found.value or name not in korean:
            names.setdefault(name, found.model_copy(update={"value": name}))
    notes = [
        f"the place {name} has no Korean name here: check it" for name in names if not _HANGUL.search(name)
    ]
    inner = [
        found
        for name, found in names.items()
        if _HANGUL.search(found.span.quote) or not any(other.startswith(f"{name} ") for other in names)
    ]
    return record.model_copy(update={"place": inner, "dropped": [*record.dropped, *notes]})


def _korean_name(place: Place) -> str:
    """Return the full name of a place; what has a detail is itself in no table, only what is around it."""
    return place.full if place.full and not place.detail else place.name


def _released(incident: Incident, kind: str) -> str:
    last = deciding(statements(incident.reports, f"order:{kind}"))
    if last is None or last.value != "released":
        return ""
    return f"the {kind} was released by {last.source} ({last.quote}): check what the advice asks for"
