"""From the chosen incident and the form to a draft, and from the draft to an approval. No screen in here.

A draft keeps the incident it was made for. What an exercise, a simulation or a replay says never becomes an
actual alert, and a draft whose report is no longer the one that counts is not approved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from slm_core.errors import UserError
from slm_core.expert import Expert
from slm_disaster.alerts.chain import RULES, About, AlertChain, Approved, Author
from slm_disaster.alerts.draft import Draft, choices_of, draft_alert
from slm_disaster.alerts.grades import Advice, Measured, advise_grade
from slm_disaster.alerts.message import KST, Status, cap_time
from slm_disaster.page.room import Snapshot
from slm_disaster.page.words import Words
from slm_disaster.schema import Record
from slm_disaster.situation.incident import Incident, Report
from slm_disaster.situation.suggesting import deciding_report, suggested_draft

STATUSES = (Status.EXERCISE, Status.TEST, Status.ACTUAL)
MOST_HOURS = 72
NOT_MEASURED = Measured()


@dataclass(frozen=True)
class Form:
    """What the operator entered; an empty urgency, severity or certainty is taken from the incident."""

    status: str
    agency_ko: str
    agency_en: str
    urgency: str
    severity: str
    certainty: str
    hours: float
    names_en: str


@dataclass(frozen=True)
class Drafted:
    """A draft, the incident as it was then, the report that the draft says again, and advice on the grade."""

    incident: Incident
    draft: Draft
    report: Report
    advice: Advice

    @property
    def about(self) -> About:
        """What the log is to say of its incident."""
        return About(incident=self.incident.id, origin=self.incident.origin)


def draft_for(
    incident: Incident, form: Form, at: datetime, words: Words, measured: Measured = NOT_MEASURED
) -> Drafted:
    """Return the draft of an alert; `measured` is what the grade may rest on besides the report.

    Raises:
        UserError: there is no report to draft from, a field is wrong, or a drill would become actual.
    """
    suggested, report = suggested_draft(incident), deciding_report(incident)
    if suggested is None or report is None:
        raise UserError(words["no_report"])
    if form.status == Status.ACTUAL and incident.origin != "live":
        raise UserError(words["only_drill"], where=words["status"])
    if not form.hours or not 0 < form.hours <= MOST_HOURS:
        raise UserError(f"{form.hours:g}", where=words["hours"], expected=f"1 ~ {MOST_HOURS}")
    given = suggested.choices
    choices = choices_of(
        status=form.status,
        sender=given.sender,
        agency_ko=form.agency_ko,
        agency_en=form.agency_en,
        urgency=form.urgency or given.urgency,
        severity=form.severity or given.severity,
        certainty=form.certainty or given.certainty,
        expires=cap_time(at + timedelta(hours=form.hours)),
        when=given.when,
        names_en=_names(form.names_en, words),
    )
    advice = advise_grade(suggested.record, measured, at.astimezone(KST).date())
    return Drafted(incident, draft_alert(suggested.record, choices), report, advice)


def approve(
    drafted: Drafted, snapshot: Snapshot, chain: AlertChain, operator: str, at: datetime, words: Words,
    expert: Expert | None, updates: str = "",
) -> Approved:  # fmt: skip
    """Approve a draft, if it still says what the incident says; as the update of an alert where one is named.

    Raises:
        UserError: see `AlertChain.approve` and `AlertChain.update`; or the situation has changed.
        CouldNot: the log is damaged.
    """
    incident = next((each for each in snapshot.incidents if each.id == drafted.incident.id), None)
    suggested = suggested_draft(incident) if incident else None
    if suggested is None or suggested.record != drafted.draft.record:
        raise UserError(words["changed"])
    by, draft, about = author(drafted.draft.record, expert), drafted.draft, drafted.about
    if updates:
        return chain.update(updates, draft, operator.strip(), at, by, about)
    return chain.approve(draft, operator.strip(), at, by, about)


def author(record: Record, expert: Expert | None) -> Author:
    """Return which model had a part in a record; the rules alone where it had none."""
    values: list[Any] = []
    for name in type(record).model_fields:
        value = getattr(record, name)
        values += value if isinstance(value, list) else [value]
    by_expert = any(getattr(each, "by", "") == "expert" for each in values)
    if not by_expert or expert is None or expert.engine is None:
        return Author()
    adapter = expert.engine.adapters().get(expert.adapter) if expert.adapter else None
    return Author(model=expert.engine.model_sha256 or RULES, adapter=adapter or RULES)


def _names(text: str, words: Words) -> Mapping[str, str]:
    names: dict[str, str] = {}
    for line in filter(str.strip, text.splitlines()):
        korean, sign, english = (each.strip() for each in line.partition("="))
        if not (korean and sign and english):
            raise UserError(f"{line.strip()[:60]!r}", where=words["names_en"], expected=words["names_wrong"])
        names[korean] = english
    return names
