"""From one situation record and an operator's choices to every text of an alert, by code.

| text | language | characters |
|---|---|---|
| `sms_90`, `sms_157` | Korean emergency text for older and newer handsets | 90, 157 |
| `caption_ko`, `caption_en` | television caption | 250 |
| CAP info | ko-KR and en-US | no limit |

Every text says what, where, when, what to do and who says so. Where it is too long the parts of DROP_ORDER
go, one after the other. Place, hazard, time, action and sender never go: a text that is still too long fails,
and a draft that fails or lacks one of the five cannot be approved. Characters are counted, composed (NFC).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal
from uuid import uuid4

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from slm_core.errors import UserError
from slm_disaster.alerts import wording
from slm_disaster.alerts.faults import refused
from slm_disaster.alerts.message import (
    Area,
    CapTime,
    Category,
    Certainty,
    Circle,
    Info,
    Pair,
    Polygon,
    ResponseType,
    Sender,
    Severity,
    Status,
    Text,
    Urgency,
    cap_time,
)
from slm_disaster.alerts.romanised import romanised_place
from slm_disaster.alerts.wording import Language
from slm_disaster.rules.reading import DRILL
from slm_disaster.schema import Record

LIMITS: dict[str, tuple[Language, int]] = {
    "sms_90": ("ko", 90),
    "sms_157": ("ko", 157),
    "caption_ko": ("ko", 250),
    "caption_en": ("en", 250),
}
LANGUAGES: tuple[Language, ...] = ("ko", "en")
# What goes first where a text is too long. The five elements of ELEMENTS are never dropped.
DROP_ORDER = ("second further advice", "first further advice", "damage", "casualties")
EVENT_LIMIT = 34  # a feed rule of Google Public Alerts: the name of an event has fewer than 35 characters
ELEMENTS = ("what", "where", "when", "do-what", "who")


class Cancelling(StrEnum):
    """Why an alert is cancelled."""

    ENDED = "ended"
    ERROR = "error"


def _one_line(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


Line = Annotated[Text, AfterValidator(_one_line)]


class Choices(BaseModel):
    """What the operator decides, entered in one form.

    `entry` is the number of the form, made when it is filled in. It begins with the status, so that what was
    entered as an exercise cannot be turned into an actual alert: that takes a new form.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: Literal[Status.ACTUAL, Status.EXERCISE, Status.TEST]
    sender: Sender
    agency_ko: Line
    agency_en: Line
    urgency: Urgency
    severity: Severity
    certainty: Certainty
    expires: CapTime
    when: CapTime | None = None
    names_en: Mapping[str, Line] = Field(default_factory=dict)
    polygon: tuple[Polygon, ...] = ()
    circle: tuple[Circle, ...] = ()
    geocode: tuple[Pair, ...] = ()
    cancelling: Cancelling | None = None
    entry: str = ""

    @model_validator(mode="after")
    def _numbered(self) -> Choices:
        if not self.entry:
            object.__setattr__(self, "entry", f"{self.status}-{uuid4().hex[:12]}")
        elif not self.entry.startswith(f"{self.status}-"):
            raise ValueError(
                f"form {self.entry} was not filled in for status {self.status}; fill in a new one"
            )
        return self


class DraftText(BaseModel):
    """One text, the most characters it may have, and what was left out so that it fits."""

    model_config = ConfigDict(frozen=True)

    text: str
    limit: int
    dropped: tuple[str, ...] = ()

    @property
    def length(self) -> int:
        """How many characters the text has."""
        return character_count(self.text)


class Draft(BaseModel):
    """Every text of an alert, and what stands against sending it.

    `missing` lists absent elements, `faults` what else forbids approval, `notes` what to know before it.
    """

    model_config = ConfigDict(frozen=True)

    record: Record
    choices: Choices
    texts: Mapping[str, DraftText]
    info: tuple[Info, ...]
    missing: tuple[str, ...]
    faults: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def ready(self) -> bool:
        """Whether a person may approve it."""
        return not self.missing and not self.faults


def choices_of(**entered: object) -> Choices:
    """Return the choices of a form.

    Raises:
        CapRefused: a field is wrong; it is named.
    """
    try:
        return Choices.model_validate(entered)
    except ValidationError as error:
        raise refused(error, "the form") from error


def draft_alert(record: Record, choices: Choices) -> Draft:
    """Return the draft of an alert. The same record and choices give the same draft."""
    parts = {language: _parts(record, choices, language) for language in LANGUAGES}
    missing = _missing(parts)
    texts = {name: _fitted(parts[language], limit) for name, (language, limit) in LIMITS.items()}
    return Draft(
        record=record,
        choices=choices,
        texts=texts,
        info=() if missing else tuple(_info(record, choices, part) for part in parts.values()),
        missing=missing,
        faults=_faults(record, choices, texts),
        notes=_notes(record, choices),
    )


def character_count(text: str) -> int:
    """Return how many characters a text has, composed (NFC): what handset and caption limits count."""
    return len(unicodedata.normalize("NFC", text))


class _Parts(BaseModel):
    """The pieces of a text in one language."""

    language: Language
    watermark: str
    event: str
    what: str
    where: str
    when: str
    who: str
    casualties: str
    damage: str
    advice: tuple[str, ...]

    def element(self, name: str) -> str:
        """Return one of ELEMENTS; empty where it is missing."""
        return (self.advice or ("",))[0] if name == "do-what" else str(getattr(self, name))


def _parts(record: Record, choices: Choices, language: Language) -> _Parts:
    cancels = choices.cancelling
    time = record.time.value if record.time else ""
    given = _korean_time(choices.when) if choices.when else time
    return _Parts(
        language=language,
        watermark=wording.guidance()["watermark"][choices.status.value][language],
        event=wording.event_name(record, language),
        what=wording.what(record, language),
        where=_one_line(wording.where(record, language, choices.names_en)),
        when=_one_line(wording.when(given, language)),
        who=choices.agency_ko if language == "ko" else choices.agency_en,
        casualties="" if cancels else wording.casualties(record, language),
        damage="" if cancels else _one_line(wording.damage(record, language)),
        advice=tuple(_advice(record, cancels, language)),
    )


def _korean_time(time: str) -> str:
    return cap_time(datetime.fromisoformat(time))[:16]


def _advice(record: Record, cancels: Cancelling | None, language: Language) -> list[str]:
    if cancels is None:
        return wording.advice(record, language)
    words = wording.guidance()
    ending = words["cancel"][cancels.value][language]
    return [ending, words["release"][f"action_{language}"]] if cancels is Cancelling.ENDED else [ending]


def _missing(parts: Mapping[Language, _Parts]) -> tuple[str, ...]:
    absent = []
    for element in ELEMENTS:
        lacking = [language for language, part in parts.items() if not part.element(element)]
        if len(lacking) == len(parts):
            absent.append(element)
        else:
            absent.extend(f"{element} ({language})" for language in lacking)
    return tuple(absent)


def _faults(record: Record, choices: Choices, texts: Mapping[str, DraftText]) -> tuple[str, ...]:
    faults = [
        f"{name}: {text.length} characters without what may be dropped, {text.limit} fit"
        for name, text in texts.items()
        if text.length > text.limit
    ]
    if choices.status is Status.ACTUAL and DRILL in record.dropped:
        faults.append(f"status Actual, but {DRILL}")
    return tuple(faults)


def _notes(record: Record, choices: Choices) -> tuple[str, ...]:
    notes = list(record.dropped)
    entry = wording.hazard_entry(record)
    if entry is not None:
        notes.append(f"guidance after: {entry['source']}, {entry['date']}")
        if not entry["checked"]:
            notes.append("this guidance has not yet been held against the official guide")
    by_rule = [found.value for found in record.place if romanised_place(found.value) != found.value]
    if any(name not in choices.names_en for name in by_rule):
        notes.append("place names in English are romanised by rule: check them")
    return tuple(notes)


def _fitted(parts: _Parts, limit: int) -> DraftText:
    """Leave out the parts of DROP_ORDER, one after the other, until the text fits."""
    dropped: list[str] = []
    text = _sentence(parts, dropped)
    for name in DROP_ORDER:
        if character_count(text) <= limit:
            break
        shorter = _sentence(parts, [*dropped, name])
        if shorter != text:
            dropped.append(name)
            text = shorter
    return DraftText(text=text, limit=limit, dropped=tuple(dropped))


def _sentence(parts: _Parts, dropped: list[str]) -> str:
    further = [
        each for each, name in zip(parts.advice[1:3], DROP_ORDER[1::-1], strict=False) if name not in dropped
    ]
    facts = [each for each in _facts(parts, dropped) if each]
    said = ". ".join([*facts, *parts.advice[:1], *further])
    end = f"[{parts.who}]" if parts.language == "ko" else f"- {parts.who}"
    return f"{parts.watermark}{said}. {end}" if said else ""


def _facts(parts: _Parts, dropped: list[str]) -> list[str]:
    return [
        _head(parts),
        "" if "casualties" in dropped else parts.casualties,
        "" if "damage" in dropped else _capital(parts.damage),
    ]


def _head(parts: _Parts) -> str:
    if parts.language == "ko":
        return " ".join(each for each in (parts.when, parts.where, parts.what) if each)
    return ", ".join(each for each in (_capital(parts.what), parts.where, parts.when) if each)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _info(record: Record, choices: Choices, parts: _Parts) -> Info:
    entry = wording.hazard_entry(record)
    assert entry is not None  # `what` is not missing
    over = choices.cancelling is not None or wording.is_release(record)
    response = wording.guidance()["release"]["response"] if over else entry["response"]
    mark = parts.watermark
    return Info(
        language="ko-KR" if parts.language == "ko" else "en-US",
        category=(Category(entry["category"]),),
        event=_event(record, parts),
        response_type=(ResponseType(response),),
        urgency=Urgency.PAST if over else choices.urgency,
        severity=choices.severity,
        certainty=choices.certainty,
        onset=choices.when or wording.onset(record),
        expires=choices.expires,
        sender_name=parts.who,
        headline=mark + _head(parts),
        description=mark + ". ".join(each for each in _facts(parts, []) if each) + ".",
        instruction=mark + ". ".join(parts.advice) + ".",
        area=(
            Area(
                area_desc=parts.where,
                polygon=choices.polygon,
                circle=choices.circle,
                geocode=choices.geocode,
            ),
        ),
    )


def _event(record: Record, parts: _Parts) -> str:
    """Return the name of the event with its level, or without where that is too long."""
    name = parts.watermark + parts.event
    if character_count(name) <= EVENT_LIMIT:
        return name
    return parts.watermark + wording.hazard_name(record, parts.language)


def demand_ready(draft: Draft) -> None:
    """Refuse a draft that lacks an element or has a fault.

    Raises:
        UserError: all of them, in one message.
    """
    if draft.ready:
        return
    against = [f"missing: {', '.join(draft.missing)}"] if draft.missing else []
    raise UserError(
        "this draft cannot be approved: " + "; ".join([*against, *draft.faults]),
        where="the draft",
        expected="what, where, when, what to do and who, in every text, within its length",
        mend="complete the report or the form and draft again",
    )
