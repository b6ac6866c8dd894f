"""An incident as others read it: the payload of `situation/<id>` and `alert/suggestion`."""

from __future__ import annotations

from typing import Any

from slm_core.event import Event
from slm_disaster.schema import Found
from slm_disaster.situation.conflicts import COUNTS, KINDS, conflicts, deciding, statements
from slm_disaster.situation.incident import Incident, Report
from slm_disaster.situation.standing import grounds, severity, status

SUGGEST_FROM = 2
QUOTED = 500  # characters of each report; 40 whole ones of 4,000 would be more than a message may hold


def situation(incident: Incident, *, archived: str = "") -> dict[str, Any]:
    """Return the payload of `situation/<id>`; `archived` says why it is closed."""
    reports = incident.reports
    return {
        "id": incident.id,
        "hazard": incident.hazard.value if incident.hazard else None,
        "status": "archived" if archived else status(incident),
        "archived": archived or None,
        "severity": severity(incident),
        "first": incident.first.isoformat(),
        "last": incident.last.isoformat(),
        "origin": incident.origin,
        "lat": incident.lat,
        "lon": incident.lon,
        "places": [place.model_dump(mode="json") | {"ask": place.ask} for place in incident.all_places()],
        "fields": fields(incident),
        "orders": _orders(incident),
        "conflicts": [each.model_dump(mode="json") for each in conflicts(incident)],
        "reports": [_report(report) for report in sorted(reports, key=lambda report: report.time)],
        "evidence": [each.model_dump(mode="json") for each in incident.evidence],
        "counts": {
            "reports": len(reports) + incident.left_out,
            "copies": sum(report.seen - 1 for report in reports),
            "left_out": incident.left_out,
        },
        "flags": sorted({flag for report in reports for flag in report.flags}),
    }


def fields(incident: Incident) -> dict[str, Any]:
    """Return each field with what its sources say; a disputed one has no single value."""
    merged: dict[str, Any] = {}
    for field in (*COUNTS, "level"):
        said = statements(incident.reports, field)
        if said:
            values = {each.value for each in said}
            merged[field] = {
                "value": said[-1].value if len(values) == 1 else None,
                "disputed": len(values) > 1,
                "said": [each.model_dump(mode="json") for each in said],
            }
    for field in ("needs", "infrastructure"):
        found = {
            each.value: (each, report)
            for report in incident.reports
            for each in getattr(report.record, field)
        }
        merged[field] = [_quote(each, report) for each, report in found.values()]
    return merged


def suggestions(after: Incident, cause: Event) -> tuple[Incident, list[Event]]:
    """Return the suggestions that follow from a change, and the incident that remembers them.

    Each is made once. An alert is suggested when an incident becomes severe and rests on an authority, a
    sensor or two independent reports; an end when it is released after that. A person decides.
    """
    level, done = severity(after), status(after) == "released"
    if "cancel" in after.suggested and not done:  # on again: what was said before counts no more
        after = after.model_copy(update={"suggested": ()})
    new: list[tuple[str, str, list[str]]] = []
    basis = grounds(after, level) if level >= SUGGEST_FROM else []
    if basis and not done and f"alert-{level}" not in after.suggested:
        action = "update" if any(each.startswith("alert") for each in after.suggested) else "alert"
        new.append((f"alert-{level}", action, basis))
    alerted = [each for each in after.suggested if each.startswith("alert")]
    if done and alerted and "cancel" not in after.suggested:
        new.append(("cancel", "cancel", ["the incident is released"]))
    remembered = after.model_copy(update={"suggested": (*after.suggested, *(key for key, _, _ in new))})
    return remembered, [_suggestion(after, action, why, cause) for _, action, why in new]


def _suggestion(incident: Incident, action: str, why: list[str], cause: Event) -> Event:
    payload = {"incident": incident.id, "action": action, "why": why, "situation": situation(incident)}
    return Event(
        stream="alert/suggestion",
        kind="replay" if incident.origin == "replay" else "suggestion",
        source="slm-disaster",
        time=cause.time,
        payload=payload,
        severity=severity(incident),
        simulated=incident.origin == "simulated",
    )


def _orders(incident: Incident) -> list[dict[str, Any]]:
    rows = []
    for kind in KINDS:
        said = statements(incident.reports, f"order:{kind}")
        word = deciding(said)
        if word is not None:
            rows.append(
                {"kind": kind, "state": word.value, "said": [each.model_dump(mode="json") for each in said]}
            )
    return rows


def _report(report: Report) -> dict[str, Any]:
    record = report.record
    single = {key: getattr(record, key) for key in ("hazard", "time", *COUNTS, "level", "stage")}
    spans = {key: [found] for key, found in single.items() if found} | {
        key: found for key in ("place", "needs", "infrastructure") if (found := getattr(record, key))
    }
    return {
        "id": report.id,
        "source": report.source,
        "time": report.time.isoformat(),
        "official": report.official,
        "text": report.text[:QUOTED],
        "cut": len(report.text) > QUOTED,
        "spans": {
            key: [each.model_dump(mode="json") for each in found if each.span.end <= QUOTED]
            for key, found in spans.items()
        },
        "flags": list(report.flags),
        "copies": list(report.copies),
        "seen": report.seen,
    }


def _quote(found: Found[Any], report: Report) -> dict[str, Any]:
    return {
        "value": str(found.value),
        "quote": found.span.quote,
        "report": report.id,
        "source": report.source,
        "official": report.official,
        "time": report.time.isoformat(),
    }
