"""One incident in full: what its sources say, its orders and sensors, and its reports with marked spans."""

from __future__ import annotations

from html import escape
from typing import Any

from slm_core.ui.highlight import Mark, highlighted
from slm_disaster.page.cards import badges, conflict_box, field_name, left_out, quote
from slm_disaster.page.room import Snapshot
from slm_disaster.page.words import Words
from slm_disaster.situation.brief import title_of
from slm_disaster.situation.conflicts import COUNTS, KINDS, conflicts, deciding, disputed, statements
from slm_disaster.situation.incident import Incident, Report
from slm_disaster.situation.screening import FLAG
from slm_disaster.situation.standing import severity

COLOURS = {
    "hazard": "what",
    "stage": "what",
    "place": "where",
    "time": "when",
    "dead": "count",
    "missing": "count",
    "injured": "count",
    "needs": "need",
    "infrastructure": "need",
    "level": "level",
}


def incident_detail(snapshot: Snapshot, chosen: str, words: Words) -> str:
    """Return the chosen incident as HTML."""
    incident = snapshot.incident(chosen)
    if incident is None:
        note = words["closed"] if chosen else words["choose"]
        return f'<p class="slm-empty">{escape(note)}</p>'
    told = sorted(incident.reports, key=lambda each: each.time, reverse=True)
    reports = "".join(_report(each, words) for each in told)
    heading = f"<h3>{escape(words['reports_heading'])} {len(told)}</h3>" if told else ""
    return (
        f'<section class="slm-detail slm-severity-{severity(incident)}">'
        f"<h2>{escape(title_of(incident, words.lang))}</h2><p>{badges(incident, words)}</p>"
        f"{''.join(conflict_box(each, words) for each in conflicts(incident))}"
        f"{_facts(incident, words)}{heading}{left_out(incident, words)}{reports}</section>"
    )


def _facts(incident: Incident, words: Words) -> str:
    rows: list[tuple[str, str]] = []
    for field in (*COUNTS, "level"):
        said = statements(incident.reports, field)
        if len({each.value for each in said}) == 1:
            rows.append((field_name(field, words), quote(said[-1], words)))
    for kind in KINDS:
        said = statements(incident.reports, f"order:{kind}")
        last = deciding(said)
        if last is not None and not disputed(said):
            rows.append((words.of("order", kind), quote(last, words)))
    for evidence in incident.evidence:
        mark = f" <b>{escape(words['over'])}</b>" if evidence.over else ""
        rows.append((words["sensor"], escape(evidence.title.get(words.lang, evidence.text)) + mark))
    for place in incident.all_places():
        if place.ask:
            names = ", ".join(each.full for each in place.candidates)
            rows.append((words["ask"], f"{escape(place.name)}: {escape(names)}"))
    cells = "".join(f"<dt>{escape(name)}</dt><dd>{value}</dd>" for name, value in rows)
    return f"<dl>{cells}</dl>" if rows else ""


def _report(report: Report, words: Words) -> str:
    marks = [f'<b class="slm-badge">{escape(words["official"])}</b>'] if report.official else []
    if not report.trusted:
        marks.append(f'<b class="slm-badge slm-is-disputed">{escape(words["flagged"])}</b>')
    for flag in report.flags:
        if flag != FLAG:
            marks.append(f'<b class="slm-badge slm-is-disputed">{escape(words.of("flag", flag))}</b>')
    others = ""
    if report.seen > 1:
        names = ", ".join(report.copies) or f"{report.seen}"
        others = f'<p class="slm-quiet">{escape(words["more_sources"])}: {escape(names)}</p>'
    return (
        f'<article class="slm-report"><p class="slm-quiet"><b>{escape(report.source)}</b> '
        f"{words.clock(report.time)} {''.join(marks)}</p>"
        f"<p>{highlighted(report.text, _marks(report, words))}</p>{others}</article>"
    )


def _marks(report: Report, words: Words) -> list[Mark]:
    found: list[tuple[str, Any]] = []
    for field in COLOURS:
        value = getattr(report.record, field)
        found += [(field, each) for each in (value if isinstance(value, list) else [value]) if each]
    return [
        Mark(
            each.span.start,
            each.span.end,
            words.of("field", field) + (f" · {words['by_expert']}" if each.by == "expert" else ""),
            COLOURS[field],
        )
        for field, each in found
    ]
