"""Which events the expert is to read, and how urgently."""

from __future__ import annotations

from collections.abc import Iterator

from slm_core.domain import Ask, TextRequest
from slm_core.event import Event
from slm_disaster.situation.reports import read_report
from slm_disaster.situation.screening import FLAG
from slm_disaster.situation.standing import report_severity


def asks(event: Event) -> Iterator[Ask]:
    """Ask for the record of each report that gives no orders to the machine; the graver ones first."""
    if event.stream != "report/in":
        return
    report = read_report(event)
    if FLAG not in report.flags:
        request = TextRequest(text=report.text)
        yield Ask("record", request, "expert/record", severity=report_severity(report))
