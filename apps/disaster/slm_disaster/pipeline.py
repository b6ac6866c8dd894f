"""`handle`: one event in, the events that follow from it out; a function of event and memory alone.

| in | payload | out |
|---|---|---|
| `report/in` | text, lang, reporter, official, lat, lon, place, region | `situation/<id>`, `report/flagged` |
| `sensor/<kind>/<id>` | value, unit, gas, place, lat, lon | `gauge/<kind>/<id>`, `situation/<id>` |
| `quake/in` | mag, id, place, lat, lon, depth_km, tsunami, alert | `situation/<id>` |
| `expert/record` | event and source of the report, reply | `situation/<id>` |
| `config/sensors` | rules | `config/sensors/taken` |
| `alert/approval` | what a person approved on the page | `alert/approved` |
| `clock/tick` | | what the passing of time brings: silent sensors, archived incidents |

`alert/suggestion` comes with any `situation/<id>` that gives a reason for one. `situation/` and `gauge/` are
retained; a closed incident is told of once more, as `archived`, and then its retained word is taken away. A
payload that cannot be read raises ValueError with the reason, for the dead letter.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from slm_core.event import Event, Memory
from slm_disaster.alerts.sending import APPROVAL, take_approval
from slm_disaster.situation import incidents, quakes, sensors
from slm_disaster.situation.aside import put_aside, taken_up
from slm_disaster.situation.incident import Evidence, Incident, Report, settings
from slm_disaster.situation.incidents import Sighting
from slm_disaster.situation.places import Place, resolve
from slm_disaster.situation.reports import about_something, parse_expert, read_report, refined, report_key
from slm_disaster.situation.rules import base_unit, rules
from slm_disaster.situation.scope import Origin, Scoped, origin_of
from slm_disaster.situation.sensors import Change
from slm_disaster.situation.view import situation, suggestions

STREAMS = ("report/in", "sensor/+/+", "quake/in", "config/sensors")
# Nobody but the runtime may say what the expert read, and nobody but the page what a person approved.
INSIDE = ("expert/record", APPROVAL, "clock/tick")
SOURCE = "slm-disaster"
_HOUSEKEEPING = timedelta(minutes=10)


def handle(event: Event, memory: Memory) -> Iterable[Event]:
    """Return what follows from an event; what is to be remembered is put into the memory.

    Raises:
        ValueError: the event cannot be read; nothing was remembered.
    """
    if event.stream == APPROVAL:  # of a recording too it comes by our clock, which is none of its own
        return take_approval(event, memory)
    scoped = Scoped(memory, origin_of(event))
    taken = _take(event, scoped, memory)
    return [*taken, *_as_time_passes(event, scoped)]


def _take(event: Event, scoped: Scoped, memory: Memory) -> list[Event]:
    if event.stream == "report/in":
        return _take_report(event, scoped)
    if event.stream.startswith("sensor/"):
        return [made for change in sensors.sense(event, scoped) for made in _changed(change, event, scoped)]
    if event.stream == "quake/in":
        return _take_quake(event, scoped)
    if event.stream == "expert/record":
        return _take_expert(event, memory)
    if event.stream == "config/sensors":
        count = sensors.learn_rules(event, scoped)
        return [_event("config/sensors/taken", "config", {"rules": count}, event, scoped.origin)]
    if event.stream == "clock/tick":
        return []
    raise ValueError(f"{event.stream}: no such stream; expected {', '.join((*STREAMS, *INSIDE))}")


def _take_report(event: Event, memory: Scoped) -> list[Event]:
    if memory.get(f"report/{report_key(event.source, event.id)}") is not None:
        return []
    report = read_report(event)
    incident: Incident | None = None
    made: list[Event] = []
    if about_something(report):
        before = incidents.find(incidents.sighting(report), memory)
        incident = incidents.with_report(before, report, memory)
        made = _published(incident, event, memory)
    else:
        put_aside(report, memory)
    _remember(report, incident, memory)
    if report.flags:
        payload = {
            "report": report.id,
            "source": report.source,
            "flags": list(report.flags),
            "text": report.text[:300],
            "incident": incident.id if incident else None,
        }
        made.append(_event("report/flagged", "flag", payload, event, memory.origin, severity=1))
    return made


def _remember(report: Report, incident: Incident | None, memory: Scoped) -> None:
    """Know the report again: as told already, and for what the expert reads in it later."""
    kept: dict[str, Any] = {"incident": incident.id if incident else "", "time": report.time.isoformat()}
    if incident is None:
        kept["report"] = report.model_dump(mode="json", exclude_defaults=True)
    memory.put(f"report/{report.id}", kept)


def _take_expert(event: Event, memory: Memory) -> list[Event]:
    given, scoped = parse_expert(event), Scoped(memory, origin_of(event))
    key = report_key(given.source, given.event)
    known = scoped.get(f"report/{key}")
    if known is None:
        return []
    incident = incidents.load(known["incident"], scoped) if known["incident"] else None
    kept = _kept_report(key, known, incident)
    return _moved(refined(kept, given.reply), incident, event, scoped) if kept else []


def _kept_report(report_id: str, known: dict[str, Any], incident: Incident | None) -> Report | None:
    """Return the report; a copy, or one that had to go, has none of its own any more."""
    if incident is None:
        return Report.model_validate(known["report"]) if "report" in known else None
    return next((each for each in incident.reports if each.id == report_id), None)


def _moved(report: Report, incident: Incident | None, event: Event, memory: Scoped) -> list[Event]:
    """Put a refined report where it now belongs: most often where it was."""
    if not about_something(report):
        return []
    made: list[Event] = []
    if incident is not None:
        rest = incidents.without_report(incident, report.id)
        alone = not rest.reports and not rest.evidence
        if not alone and incidents.same_hazard(incidents.sighting(report).hazard, rest.hazard):
            reports = tuple(report if each.id == report.id else each for each in incident.reports)
            return _published(incident.model_copy(update={"reports": reports}), event, memory)
        if alone:
            incidents.remove(incident, memory)
            target = incidents.find(incidents.sighting(report), memory)
            if target is None:
                return _published(incident.model_copy(update={"reports": (report,)}), event, memory)
            made += _archived(incident, f"merged into {target.id}", event)
        else:
            made += _published(rest, event, memory)
    else:
        taken_up(report.id, memory)
    target = incidents.with_report(incidents.find(incidents.sighting(report), memory), report, memory)
    if incident is not None:
        seen = dict.fromkeys([*target.suggested, *incident.suggested])
        target = target.model_copy(update={"suggested": tuple(seen)})
    _remember(report, target, memory)
    return [*made, *_published(target, event, memory)]


def _take_quake(event: Event, memory: Scoped) -> list[Event]:
    quake = quakes.parse_quake(event)
    known = memory.get(f"crossing/quake:{quake.id or event.id}")
    evidence = quakes.quake_evidence(quake, event, known=known is not None)
    if evidence is None:
        return []
    places = (Place(name=quake.place),) if quake.place else ()
    hazard = next(rule.hazard for rule in rules() if rule.id == evidence.rule)
    seen = Sighting(time=event.time, hazard=hazard, places=places, lat=quake.lat, lon=quake.lon)
    return _witnessed(evidence, seen, event, memory)


def _changed(change: Change, event: Event, memory: Scoped) -> list[Event]:
    """Return the state of the gauge, and of the incident where a threshold was crossed."""
    gauge, rule = change.gauge, change.rule
    made = [_gauge_event(change, event, memory)]
    if rule is None or rule.hazard is None or change.value is None:
        return made
    evidence = Evidence(
        key=f"{gauge.kind}/{gauge.sensor}/{rule.id}",
        sensor=f"{gauge.kind}/{gauge.sensor}",
        rule=rule.id,
        text=change.reason["en"],
        value=change.value,
        unit=base_unit(gauge.dimension),
        time=change.time,
        over=change.state == "over",
        severity=rule.severity,
        source=rule.source,
        title=change.reason,
    )
    seen = Sighting(
        time=change.time,
        hazard=rule.hazard,
        places=(resolve(gauge.place),) if gauge.place else (),
        lat=gauge.lat,
        lon=gauge.lon,
        source=evidence.sensor,
        patience_h=settings()["window_h"]["default"],
    )
    return made + _witnessed(evidence, seen, event, memory)


def _witnessed(evidence: Evidence, seen: Sighting, event: Event, memory: Scoped) -> list[Event]:
    """Put evidence to its incident: the one that has the crossing already, else the one that fits."""
    known = memory.get(f"crossing/{evidence.key}")
    before = incidents.load(known, memory) if known else None
    if before is None or (evidence.over and not any(each.key == evidence.key for each in before.evidence)):
        before = incidents.find(seen, memory)
    if before is None and not evidence.over and known:
        return []
    if before is not None and evidence in before.evidence:
        return []
    after = incidents.with_evidence(before, evidence, seen, memory)
    memory.put(f"crossing/{evidence.key}", after.id)
    return _published(after, event, memory)


def _gauge_event(change: Change, event: Event, memory: Scoped) -> Event:
    gauge = change.gauge
    payload = {
        "sensor": gauge.sensor,
        "kind": gauge.kind,
        "state": change.state,
        "rule": change.rule.id if change.rule else None,
        "value": change.value,
        "unit": base_unit(gauge.dimension) if gauge.dimension else None,
        "time": change.time.isoformat(),
        "over": sorted(gauge.over),
        "fault": gauge.fault or None,
        "late": gauge.late,
        "reason": change.reason,
        "place": gauge.place,
    }
    severity = change.rule.severity if change.rule and change.state in ("over", "past") else 0
    stream = f"gauge/{gauge.kind}/{gauge.sensor}"
    return _event(stream, "gauge", payload, event, memory.origin, severity=severity, retained=True)


def _published(incident: Incident, event: Event, memory: Scoped) -> list[Event]:
    remembered, suggested = suggestions(incident, event)
    incidents.save(remembered, memory)
    return [_situation(situation(remembered), event, memory.origin), *suggested]


def _archived(incident: Incident, why: str, event: Event) -> list[Event]:
    """Tell whoever listens that it is closed, and take away what the broker tells whoever comes later."""
    last, stream = situation(incident, archived=why), f"situation/{incident.id}"
    return [
        _event(stream, "situation", last, event, incident.origin),
        _event(stream, "situation", {}, event, incident.origin, retained=True),
    ]


def _situation(payload: dict[str, Any], event: Event, origin: Origin) -> Event:
    stream = f"situation/{payload['id']}"
    return _event(stream, "situation", payload, event, origin, severity=payload["severity"], retained=True)


def _as_time_passes(event: Event, memory: Scoped) -> list[Event]:
    silent = [
        made for change in sensors.silences(event.time, memory) for made in _changed(change, event, memory)
    ]
    last = memory.get("housekeeping")
    if last is not None and event.time - datetime.fromisoformat(last) < _HOUSEKEEPING:
        return silent
    memory.put("housekeeping", event.time.isoformat())
    return [*silent, *_archive(event, memory)] if last is not None else silent


def _archive(event: Event, memory: Scoped) -> list[Event]:
    made = []
    for incident_id, why in incidents.outdated(event.time, memory):
        incident = incidents.load(incident_id, memory)
        if incident is not None:
            incidents.archive(incident, why, memory)
            made += _archived(incident, why, event)
    still_open = {entry.id for entry in incidents.entries(memory)}
    oldest = event.time - timedelta(hours=settings()["bounds"]["remember_report_h"])
    for key, kept in list(memory.items("report/")):
        if kept["incident"] not in still_open and datetime.fromisoformat(kept["time"]) < oldest:
            memory.put(key, None)
    for key, incident_id in list(memory.items("crossing/")):
        if incident_id not in still_open:
            memory.put(key, None)
    return made


def _event(
    stream: str,
    kind: str,
    payload: dict[str, Any],
    cause: Event,
    origin: Origin,
    *,
    severity: int = 0,
    retained: bool = False,
) -> Event:
    """Return an event that follows from another: at its time, and marked as what it is."""
    return Event(
        stream=stream,
        kind="replay" if origin == "replay" else kind,
        source=SOURCE,
        time=cause.time,
        payload=payload,
        severity=severity,
        simulated=origin == "simulated",
        retained=retained,
    )
