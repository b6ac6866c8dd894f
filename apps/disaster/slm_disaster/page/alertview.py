"""How a draft, an approval and the log of approvals are shown."""

from __future__ import annotations

from datetime import datetime
from html import escape

from slm_core.errors import SlmError
from slm_disaster.alerts.chain import Approved, preview
from slm_disaster.alerts.draft import DraftText
from slm_disaster.alerts.message import MsgType
from slm_disaster.alerts.outgoing import Outgoing
from slm_disaster.alerts.sending import Passage
from slm_disaster.page.cards import conflict_box
from slm_disaster.page.drafting import Drafted
from slm_disaster.page.room import Snapshot
from slm_disaster.page.words import Words
from slm_disaster.situation.brief import title_of
from slm_disaster.situation.conflicts import conflicts


def draft_view(drafted: Drafted, at: datetime, words: Words) -> str:
    """Return the texts with their lengths, what stands against them, and the CAP message."""
    draft = drafted.draft
    against = [f"{words['lacks']}: {_element(each, words)}" for each in draft.missing] + [
        words.note(each) for each in draft.faults
    ]
    verdict = words["ready"] if draft.ready else words["not_ready"]
    kind = "slm-ready" if draft.ready else "slm-fault"
    faults = "".join(f"<li>{escape(each)}</li>" for each in against)
    notes = "".join(f"<li>{escape(words.note(each))}</li>" for each in draft.notes)
    texts = "".join(_text(name, text, words) for name, text in draft.texts.items())
    head = f'<p class="{kind}">{escape(verdict)}</p><ul class="slm-fault">{faults}</ul>'
    return (
        f'<section class="slm-draft">{head}{_contradicted(drafted, words)}{texts}'
        f"{_grade(drafted, words)}"
        f'<ul class="slm-quiet">{notes}</ul>'
        f'<p class="slm-quiet">{escape(words["from_report"])}: {escape(drafted.report.source)} '
        f"{words.clock(drafted.report.time)} <q>{escape(drafted.report.text)}</q></p>"
        f"{_cap(drafted, at, words)}</section>"
    )


def approved_view(approved: Approved, words: Words) -> str:
    """Return the confirmation of an approval."""
    word = words[{MsgType.CANCEL: "cancelled", MsgType.UPDATE: "updated"}.get(approved.msg_type, "approved")]
    return (
        f'<p class="slm-ready" role="status">{escape(word)}: {escape(approved.identifier)} '
        f"({escape(words.of('choice', approved.status))}, {escape(approved.operator)})</p>"
    )


def fault_view(error: SlmError) -> str:
    """Return an error in its own words."""
    return f'<p class="slm-fault slm-text" role="alert">{escape(str(error))}</p>'


def target_view(snapshot: Snapshot, chosen: str, words: Words) -> str:
    """Return which incident the form is about."""
    incident = snapshot.incident(chosen)
    if incident is None:
        return f'<p class="slm-empty">{escape(words["closed"] if chosen else words["alert_none"])}</p>'
    origin = f" ({words.of('origin', incident.origin)})" if incident.origin != "live" else ""
    title = title_of(incident, words.lang) + origin
    heading = f'<span class="slm-quiet">{escape(words["alert_of"])}</span>'
    return f'<p class="slm-target">{heading} <b>{escape(title)}</b></p>'


def log_view(outgoing: Outgoing, words: Words) -> str:
    """Return the log, newest first, and how far each alert has come; a broken chain is told instead."""
    try:
        sheet = outgoing.sheet()
    except SlmError as error:
        return fault_view(error)
    rows = "".join(_row(each, sheet.passages[each.identifier], words) for each in reversed(sheet.alerts))
    body = (
        f'<ol class="slm-log">{rows}</ol>' if rows else f'<p class="slm-empty">{escape(words["no_log"])}</p>'
    )
    return f"<section><h3>{escape(words['log'])}</h3>{body}</section>"


def _text(name: str, text: DraftText, words: Words) -> str:
    over = " slm-fault" if text.length > text.limit else ""
    left_out = ", ".join(words.of("part", each) for each in text.dropped)
    dropped = f" · {words['dropped']}: {left_out}" if left_out else ""
    length = f"{text.length}/{text.limit} {words['chars']}"
    return (
        f'<div class="slm-alert-text"><p class="slm-quiet">{escape(words.of("text", name))} '
        f'<b class="slm-length{over}">{escape(length)}</b>{escape(dropped)}</p>'
        f'<p class="slm-text">{escape(text.text)}</p></div>'
    )


def _contradicted(drafted: Drafted, words: Words) -> str:
    boxes = "".join(conflict_box(each, words) for each in conflicts(drafted.incident))
    return f'<p class="slm-warning">{escape(words["contradicted"])}</p>{boxes}' if boxes else ""


def _element(missing: str, words: Words) -> str:
    """Name an element that is absent: `what`, or `what (en)` where one language lacks it."""
    name, sign, language = missing.partition(" (")
    return words.of("part", name) + sign + language


def _cap(drafted: Drafted, at: datetime, words: Words) -> str:
    if not drafted.draft.ready:
        return ""
    try:
        xml = preview(drafted.draft, at).decode()
    except SlmError as error:
        return fault_view(error)
    return f"<details><summary>{escape(words['cap'])}</summary><pre>{escape(xml)}</pre></details>"


def _grade(drafted: Drafted, words: Words) -> str:
    verdict, *rules = drafted.advice.lines(words.lang)
    quoted = "".join(f"<li>{escape(each)}</li>" for each in rules)
    return (
        f'<div class="slm-grade"><p class="slm-quiet">{escape(words["grade"])}</p>'
        f'<p><b>{escape(verdict)}</b></p><ul class="slm-quiet">{quoted}</ul></div>'
    )


def _row(approved: Approved, come: Passage, words: Words) -> str:
    text = approved.draft.texts["sms_157" if words.lang == "ko" else "caption_en"].text
    return (
        f"<li><p><b>{escape(words.of('choice', approved.msg_type))}</b> "
        f'<span class="slm-badge slm-origin">{escape(words.of("choice", approved.status))}</span> '
        f'{escape(text)}</p><p class="slm-sending slm-{come}">{escape(words.of("passage", come))}</p>'
        f'<p class="slm-quiet">{words.clock(approved.at)} {escape(approved.operator)} '
        f"{escape(approved.identifier)}</p>"
        f"<details><summary>CAP 1.2</summary><pre>{escape(approved.xml)}</pre></details></li>"
    )
