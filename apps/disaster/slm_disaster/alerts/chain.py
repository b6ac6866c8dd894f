"""A person approves: a draft becomes an alert, an update or a cancellation, and the log keeps who said so.

The log is the only memory. An identifier is made of the draft itself, so that the same approval repeated (a
double click, a restart) is the same alert and one line of the log. Update and Cancel name in `references`
every earlier message of the alert that has not expired. A status never changes along a chain, and what a
running exercise says cannot be approved as actual.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from slm_core.errors import UserError, did_you_mean
from slm_disaster.alerts.cap import build_alert
from slm_disaster.alerts.draft import Cancelling, Choices, Draft, demand_ready, draft_alert
from slm_disaster.alerts.faults import refused
from slm_disaster.alerts.log import Line, OpenLog, open_log, read_log
from slm_disaster.alerts.message import Alert, MsgType, Reference, Scope, Status, cap_time
from slm_disaster.alerts.wording import guidance
from slm_disaster.situation.scope import Origin

RULES = "rules"
DUPLICATE = timedelta(hours=24)
_OPERATOR = re.compile(r"[\w.@-]{2,64}")

Sha256 = Annotated[str, StringConstraints(pattern=r"^(?:rules|[0-9a-f]{64})$")]


class Author(BaseModel):
    """What wrote the record behind an alert: SHA-256 of model and adapter, `rules` where there was none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: Sha256 = RULES
    adapter: Sha256 = RULES


class About(BaseModel):
    """Which incident an alert was drafted for, and whether that is live, of a simulation or of a replay."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    incident: str = ""
    origin: Origin = "live"


NOT_SAID = About()


class Approved(BaseModel):
    """One approval, as it stands in the log; `root` is the first message of its chain, `xml` the CAP."""

    model_config = ConfigDict(frozen=True)

    identifier: str
    root: str
    msg_type: MsgType
    status: Status
    operator: str
    at: datetime
    author: Author
    about: About = NOT_SAID
    draft: Draft
    references: tuple[Reference, ...]
    xml: str

    @property
    def sent(self) -> str:
        """The time of approval as CAP has it."""
        return cap_time(self.at)

    def reference(self) -> Reference:
        """Return how a later message names this one."""
        return Reference(sender=self.draft.choices.sender, identifier=self.identifier, sent=self.sent)

    def live(self, at: datetime) -> bool:
        """Whether it has not expired."""
        return datetime.fromisoformat(self.draft.choices.expires) > at


class AlertChain:
    """All alerts of one log."""

    def __init__(self, path: Path) -> None:
        """`path` is the log; it is made with the first approval."""
        self.path = path

    def approve(
        self,
        draft: Draft,
        operator: str,
        at: datetime,
        author: Author | None = None,
        about: About = NOT_SAID,
    ) -> Approved:
        """Approve a new alert.

        Raises:
            UserError: the draft fails, was changed, is over, a duplicate, or says as Actual what an exercise
                or a recording says.
        """
        _check_hand(operator, at)
        _refuse_recorded(draft, about)
        with open_log(self.path) as log:
            known = approvals(log.lines)
            identifier = _identifier(MsgType.ALERT, "", draft)
            if identifier in known:
                return known[identifier]
            _check_draft(draft, at)
            standing = _standing(known.values(), at)
            _refuse_leak(draft, standing)
            _refuse_duplicate(draft, standing, at)
            step = _Step(MsgType.ALERT, identifier, identifier, (), about)
            return _write(log, step, draft, operator, at, author)

    def update(
        self,
        identifier: str,
        draft: Draft,
        operator: str,
        at: datetime,
        author: Author | None = None,
        about: About = NOT_SAID,
    ) -> Approved:
        """Approve a draft as the update of an alert that is in force.

        Raises:
            UserError: as `approve`; or the alert is unknown, over, of another status or of something else.
        """
        return self._follow(MsgType.UPDATE, identifier, draft, operator, at, author, about)

    def cancel(
        self, identifier: str, reason: Cancelling, operator: str, at: datetime, author: Author | None = None
    ) -> Approved:
        """Cancel an alert that is in force; the text is made from what was sent last.

        Raises:
            UserError: the alert is unknown or over.
        """
        chain = _chain(identifier, approvals(read_log(self.path)))
        last = next(each for each in reversed(chain) if each.msg_type is not MsgType.CANCEL)
        expires = max((each.draft.choices.expires for each in chain), key=datetime.fromisoformat)
        draft = _cancellation(last.draft, reason, expires)
        return self._follow(MsgType.CANCEL, identifier, draft, operator, at, author, last.about)

    def in_force(self, at: datetime) -> list[Approved]:
        """Return the last message of every chain that is neither cancelled nor expired, oldest first."""
        standing = _standing(approvals(read_log(self.path)).values(), at)
        return list({each.root: each for each in standing}.values())

    def _follow(
        self,
        msg_type: MsgType,
        identifier: str,
        draft: Draft,
        operator: str,
        at: datetime,
        author: Author | None,
        about: About,
    ) -> Approved:
        _check_hand(operator, at)
        _refuse_recorded(draft, about)
        with open_log(self.path) as log:
            known = approvals(log.lines)
            chain = _chain(identifier, known)
            root = chain[0].root
            own = _identifier(msg_type, root, draft)
            if own in known:
                return known[own]
            live = _demand_in_force(chain, at)
            _check_draft(draft, at)
            _refuse_other_status(chain[0], draft)
            _refuse_other_subject(chain[-1], draft, about)
            if msg_type is MsgType.UPDATE:
                _refuse_leak(draft, _standing(known.values(), at))
            step = _Step(msg_type, own, root, tuple(each.reference() for each in live), about)
            return _write(log, step, draft, operator, at, author)


@dataclass(frozen=True)
class _Step:
    """What a message is within its chain."""

    msg_type: MsgType
    identifier: str
    root: str
    references: tuple[Reference, ...]
    about: About = NOT_SAID


def preview(draft: Draft, at: datetime) -> bytes:
    """Return the CAP message of a draft before anybody approved it: valid, and of status Draft.

    Raises:
        UserError: the draft fails.
    """
    _check_draft(draft, at)
    alert = _alert(_Step(MsgType.ALERT, _identifier(MsgType.ALERT, "", draft), "", ()), draft, at)
    return build_alert(alert.model_copy(update={"status": Status.DRAFT, "note": "초안 DRAFT: not approved"}))


def approvals(lines: Iterable[Line]) -> dict[str, Approved]:
    """Return the approvals of a log by identifier, in their order."""
    found = (Approved.model_validate(line.content) for line in lines if line.kind == "approved")
    return {each.identifier: each for each in found}


def _check_hand(operator: str, at: datetime) -> None:
    if not _OPERATOR.fullmatch(operator):
        raise UserError(
            f"{operator[:64]!r} is no operator id",
            where="operator",
            expected="2 to 64 letters, digits, . @ _ or -: an approval is somebody's",
        )
    if at.tzinfo is None:
        raise UserError(
            "the time of approval names no zone", where="at", expected="2026-11-22T14:00:00+09:00"
        )


def _check_draft(draft: Draft, at: datetime) -> None:
    _demand_untouched(draft)
    demand_ready(draft)
    if datetime.fromisoformat(draft.choices.expires) <= at:
        raise UserError(
            f"it expires at {draft.choices.expires}, before its approval at {cap_time(at)}", where="expires"
        )


def _demand_untouched(draft: Draft) -> None:
    """Refuse a draft that is not what its record and choices give, such as one with its status exchanged."""
    try:
        choices = Choices.model_validate(draft.choices.model_dump())
    except ValidationError as error:
        raise refused(error, "the form") from error
    if draft_alert(draft.record, choices) != draft:
        raise UserError(
            "this draft was changed after it was made",
            where="the draft",
            expected="the texts that its record and form give",
            mend="draft again from record and form",
        )


def _standing(known: Iterable[Approved], at: datetime) -> list[Approved]:
    """Return the messages that have not expired and whose chain is not cancelled, oldest first."""
    every = list(known)
    cancelled = {each.root for each in every if each.msg_type is MsgType.CANCEL}
    return [each for each in every if each.root not in cancelled and each.live(at)]


def _refuse_leak(draft: Draft, standing: Iterable[Approved]) -> None:
    if draft.choices.status is not Status.ACTUAL:
        return
    for other in standing:
        if other.status is not Status.ACTUAL and _same_report(other.draft, draft):
            raise UserError(
                f"the running {other.status} {other.identifier} says the same; it cannot become Actual",
                where="status",
                mend="enter the real report anew, or end the exercise first",
            )


def _same_report(one: Draft, other: Draft) -> bool:
    return one.record.model_dump(exclude={"dropped"}) == other.record.model_dump(exclude={"dropped"})


def _refuse_duplicate(draft: Draft, standing: Iterable[Approved], at: datetime) -> None:
    for other in standing:
        if at - other.at < DUPLICATE and other.draft.texts == draft.texts:
            raise UserError(
                f"the same text was approved at {other.sent} by {other.operator} as {other.identifier}",
                where="the draft",
                mend="update or cancel that alert instead",
            )


def _refuse_other_status(first: Approved, draft: Draft) -> None:
    if first.status != draft.choices.status:
        raise UserError(
            f"{first.identifier} is of status {first.status}, the draft of status {draft.choices.status}",
            where="status",
            expected=str(first.status),
            mend="a new alert, entered anew",
        )


def _refuse_recorded(draft: Draft, about: About) -> None:
    if draft.choices.status is Status.ACTUAL and about.origin != "live":
        raise UserError(
            f"incident {about.incident} is of a {about.origin} stream; it cannot become Actual",
            where="status",
            expected=f"{Status.EXERCISE} or {Status.TEST}",
        )


def _refuse_other_subject(last: Approved, draft: Draft, about: About) -> None:
    """An update takes the place of what was sent: that of a fire must not take the place of a flood's.

    Incidents may have been merged since, so another one is taken too if it is the same hazard at the same
    place.
    """
    if not last.about.incident or not about.incident or last.about.incident == about.incident:
        return
    was, now = last.draft.record, draft.record
    places = {each.value for each in was.place} & {each.value for each in now.place}
    if was.hazard and now.hazard and was.hazard.value == now.hazard.value and places:
        return
    raise UserError(
        f"{last.identifier} is about another incident than this draft",
        where="the draft",
        mend="choose the incident of that alert and draft again, or approve a new alert",
    )


def _chain(identifier: str, known: dict[str, Approved]) -> list[Approved]:
    if identifier not in known:
        raise UserError(
            f"no alert {identifier[:80]!r} was ever approved here",
            where="identifier",
            mend=did_you_mean(identifier, known),
        )
    return [each for each in known.values() if each.root == known[identifier].root]


def _demand_in_force(chain: Sequence[Approved], at: datetime) -> list[Approved]:
    ended = next((each for each in chain if each.msg_type is MsgType.CANCEL), None)
    if ended is not None:
        raise UserError(f"{chain[0].identifier} was cancelled at {ended.sent} by {ended.operator}")
    live = [each for each in chain if each.live(at)]
    if not live:
        raise UserError(f"{chain[0].identifier} has expired", mend="a new alert")
    return live


def _cancellation(draft: Draft, reason: Cancelling, expires: str) -> Draft:
    entered: dict[str, Any] = draft.choices.model_dump()
    entered |= {"cancelling": reason, "entry": f"{draft.choices.entry}-{reason}", "expires": expires}
    return draft_alert(draft.record, Choices.model_validate(entered))


def _identifier(msg_type: MsgType, root: str, draft: Draft) -> str:
    content = f"{msg_type}\n{root}\n{draft.model_dump_json()}"
    return f"slm-{hashlib.sha256(content.encode()).hexdigest()[:32]}"


def _write(
    log: OpenLog, step: _Step, draft: Draft, operator: str, at: datetime, author: Author | None
) -> Approved:
    approved = Approved(
        identifier=step.identifier,
        root=step.root,
        msg_type=step.msg_type,
        status=draft.choices.status,
        operator=operator,
        at=at,
        author=author or Author(),
        about=step.about,
        draft=draft,
        references=step.references,
        xml=build_alert(_alert(step, draft, at)).decode(),
    )
    log.append("approved", approved.model_dump(mode="json"))
    return approved


def _alert(step: _Step, draft: Draft, at: datetime) -> Alert:
    marks = guidance()["watermark"][draft.choices.status.value]
    note = (marks["ko"] + marks["en"]).strip(" :")
    return Alert(
        identifier=step.identifier,
        sender=draft.choices.sender,
        sent=cap_time(at),
        status=draft.choices.status,
        msg_type=step.msg_type,
        scope=Scope.PUBLIC,
        note=note or None,
        references=step.references,
        info=draft.info,
    )
