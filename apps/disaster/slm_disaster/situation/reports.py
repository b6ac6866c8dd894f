"""`report/in` and `expert/record`: what somebody wrote, read by rules and refined by the expert later."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from slm_core.event import Event
from slm_disaster.rules import combine, read_by_rules
from slm_disaster.rules.places import places as find_places
from slm_disaster.schema import Found, Record
from slm_disaster.situation.incident import Report
from slm_disaster.situation.orders import orders
from slm_disaster.situation.places import Place, resolve_all
from slm_disaster.situation.screening import screen

LONGEST = 4000
_KEPT = 500  # texts whose reading is known: the pipeline, the line before the model and its answer ask for it
M = TypeVar("M", bound=BaseModel)
_ISSUER = re.compile(r"[\[【]([^\]】]{2,20})[\]】]")


class ReportPayload(BaseModel):
    """The payload of `report/in`.

    `official` is the sender's word: let only those publish on `report/in` whose word it is, or clear it on
    the way there.
    """

    model_config = ConfigDict(extra="ignore", strict=True)

    text: str = Field(min_length=1, max_length=LONGEST)
    lang: str = Field(default="", max_length=10)
    reporter: str | None = Field(default=None, max_length=100)
    official: bool = False
    lat: float | None = Field(default=None, ge=-90, le=90)
    lon: float | None = Field(default=None, ge=-180, le=180)
    place: str | None = Field(default=None, max_length=200)
    region: str | None = Field(default=None, max_length=500)


class ExpertRecord(BaseModel):
    """The payload of `expert/record`: what the expert read in the report of that event id."""

    model_config = ConfigDict(extra="ignore")

    event: str = Field(min_length=1, max_length=200)
    source: str = Field(max_length=200)
    reply: Record


def read_report(event: Event) -> Report:
    """Return a report as the rules read it; words that give orders to the machine are flagged and read over.

    Raises:
        ValueError: the payload is no report: what is wrong with it, for the dead letter.
    """
    given = _payload(ReportPayload, event.payload)
    text = given.text.strip()
    if not text:
        raise ValueError("text: is empty")
    clean, flags = screen(text)
    named = [name for name in (given.place, *(given.region or "").split(",")) if name and name.strip()]
    issuers = [match[1].strip().removesuffix("청") for match in _ISSUER.finditer(text)]
    bare = Report(
        id=report_key(event.source, event.id),
        source=_speaker(given, issuers, event.source),
        time=event.time,
        text=text,
        official=given.official,
        lang=given.lang or ("ko" if re.search("[가-힣]", text) else "en"),
        record=Record(),
        flags=tuple(flags),
        context=tuple(dict.fromkeys([*(name.strip() for name in named), *issuers])),
        lat=given.lat,
        lon=given.lon,
    )
    return understood(bare, _read(clean), clean)


def report_key(source: str, event_id: str) -> str:
    """Return the name of a report: an id is its sender's own, so two senders may use the same one."""
    return hashlib.sha256(f"{source}\0{event_id}".encode()).hexdigest()[:24]


def refined(report: Report, record: Record) -> Report:
    """Return the report with what the expert adds to the rules; what it quotes wrongly is left out."""
    clean, _ = screen(report.text)
    return understood(report, combine(_read(clean), _quoting(record, clean)), clean)


def understood(report: Report, record: Record, clean: str) -> Report:
    """Return the report with its record, and the places and orders that follow from it."""
    told = tuple(orders(clean, record))
    named = record.place or (find_places(clean) if told else [])
    places = resolve_all([found.value for found in named], report.context)
    given = [name for name in report.context if name not in _bracketed(report.text)]
    if not places and given:
        places = resolve_all(given)
    return report.model_copy(update={"record": record, "places": _once(places), "orders": told})


def about_something(report: Report) -> bool:
    """Whether a report tells of a hazard, people, needs, damage or an order; the rest makes no incident."""
    record = report.record
    counted = record.dead or record.missing or record.injured
    told = record.hazard or counted or record.needs or record.infrastructure or record.level
    return bool(told) or any(order.released or order.kind == "evacuation" for order in report.orders)


def parse_expert(event: Event) -> ExpertRecord:
    """Return the payload of `expert/record`.

    Raises:
        ValueError: it is none.
    """
    return _payload(ExpertRecord, event.payload)


@lru_cache(_KEPT)
def _read(clean: str) -> Record:
    return read_by_rules(clean)  # nobody changes it: `understood` and `combine` make copies


def _payload(model: type[M], payload: dict[str, Any]) -> M:
    try:
        return model.model_validate(payload)
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def _speaker(given: ReportPayload, issuers: list[str], source: str) -> str:
    """Who says it: the reporter; of an official report the authority that signed; else the sender.

    A citizen's text in an authority's brackets stays a citizen's.
    """
    if given.reporter:
        return given.reporter
    return issuers[-1] if given.official and issuers else source


def _bracketed(text: str) -> list[str]:
    return [match[1].strip().removesuffix("청") for match in _ISSUER.finditer(text)]


def _once(places: Iterable[Place]) -> tuple[Place, ...]:
    return tuple({(place.full or place.name, place.detail): place for place in places}.values())


def _quoting(record: Record, text: str) -> Record:
    """Return the record without the fields whose quote does not stand where it says."""
    kept: dict[str, Any] = {}
    for key in Record.model_fields:
        value = getattr(record, key)
        if isinstance(value, Found):
            kept[key] = value if _stands(value, text) else None
        elif value and isinstance(value[0], Found):
            kept[key] = [each for each in value if _stands(each, text)]
    return record.model_copy(update=kept)


def _stands(found: Found[Any], text: str) -> bool:
    span = found.span
    return bool(span.quote) and text[span.start : span.end] == span.quote
