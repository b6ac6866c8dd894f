"""Where an incident stands: open, released or disputed, how severe, and what an alert could rest on."""

from __future__ import annotations

from typing import Literal

from slm_disaster.schema import Stage
from slm_disaster.situation.conflicts import COUNTS, KINDS, deciding, disputed, statements
from slm_disaster.situation.incident import Incident, Report, settings

Status = Literal["open", "released", "disputed"]


def status(incident: Incident) -> Status:
    """Return the status of an incident.

    It is released when the word that counts says that the event is over, when a warning that told of no
    victims is lifted with all its orders, or when it rests on sensors alone and all are below their
    thresholds. A sensor over its threshold keeps it open; a contradiction about its end is `disputed`.
    """
    if any(evidence.over for evidence in incident.evidence):
        return "open"
    said = statements(incident.reports, "order:event")
    if any(disputed(statements(incident.reports, f"order:{kind}")) for kind in KINDS if kind != "closure"):
        return "disputed"
    last = deciding(said)
    if last is not None and last.value == "released":
        return "released"
    if not incident.reports:
        return "released"
    return "released" if _only_orders(incident) and _all_released(incident) else "open"


def severity(incident: Incident) -> int:
    """Return 0 (routine) to 3 (life and limb), from its evidence and the reports that may count."""
    reports = [report for report in incident.reports if report.trusted]
    return max([0, *(each.severity for each in incident.evidence), *map(report_severity, reports)])


def report_severity(report: Report) -> int:
    """Return how severe what one report says is."""
    table, record = settings()["severity"], report.record
    found = [table["counts"][key] for key in COUNTS if (said := getattr(record, key)) and said.value > 0]
    if record.level:
        found.append(table["levels"][record.level.value.value])
    found += [table["needs"].get(need.value.value, 1) for need in record.needs]
    if any(order.kind == "evacuation" and not order.released for order in report.orders):
        found.append(table["evacuation"])
    if record.infrastructure or record.hazard:
        found.append(1)
    return int(max(found, default=0))


def grounds(incident: Incident, at_least: int) -> list[str]:
    """Return what an alert could rest on: an authority, a sensor, or two citizens who copy nobody."""
    severe = [
        report
        for report in incident.reports
        if report.trusted and report_severity(report) >= at_least and not _ends(report)
    ]
    found = []
    if any(report.official for report in severe):
        found.append("official report")
    if any(evidence.severity >= at_least for evidence in incident.evidence):
        found.append("sensor over its threshold")
    if len({report.source for report in severe if not report.official}) > 1:
        found.append("two independent reports")
    return found


def _ends(report: Report) -> bool:
    return report.record.stage is not None and report.record.stage.value is Stage.RELEASE


def _only_orders(incident: Incident) -> bool:
    """Whether no report that may count tells of victims or of needs."""
    records = [report.record for report in incident.reports if report.trusted]
    counted = any(
        found and found.value for record in records for found in map(record.__getattribute__, COUNTS)
    )
    return not counted and not any(record.needs for record in records)


def _all_released(incident: Incident) -> bool:
    """Whether all that was ordered is taken back, a warning among it where the event itself was told of."""
    words = {kind: deciding(statements(incident.reports, f"order:{kind}")) for kind in KINDS}
    event, warning = words.pop("event"), words["warning"]
    told = [word for word in words.values() if word is not None]
    ends = warning is not None or event is None
    return bool(told) and ends and all(word.value == "released" for word in told)
