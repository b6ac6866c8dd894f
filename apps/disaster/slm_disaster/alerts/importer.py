"""CAP 1.2 files as dataset rows of the task `record`: what the structure bears out, quoted in the text.

The text is headline and description of an info block in Korean or English. The hazard is that of the element
`event`, the places are those of `areaDesc`; each only where its words stand in the text. Level, stage, time,
people and damage have no element of their own: the rules read them, so that nothing which the text says is
labelled as absent. A block whose event the text never names gives no row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from slm_core.dataset.row import Message, Row
from slm_core.dataset.source import Rejected, Source
from slm_core.domain import TextRequest
from slm_core.errors import UserError
from slm_disaster import record
from slm_disaster.alerts.cap import parse_alert
from slm_disaster.alerts.faults import CapRefused
from slm_disaster.alerts.message import Alert, Info, Status
from slm_disaster.rules import read_by_rules
from slm_disaster.rules.tables import labelled, masked, span, table
from slm_disaster.schema import Found, Hazard, Record

LONGEST = 800
LANGUAGES = ("ko", "en")
_TAG = re.compile(r"<[^<>]{1,40}>")


def cap(source: Source) -> Iterator[Row | Rejected]:
    """Yield the rows of a CAP file, or of every .cap and .xml file in a folder."""
    for path in _files(source):
        try:
            alert = parse_alert(path.read_bytes(), path)
        except CapRefused as refused:
            yield Rejected(str(path), refused.what)
            continue
        if alert.status is not Status.ACTUAL:
            yield Rejected(str(path), f"status {alert.status}: not a report of something real")
            continue
        yield from _rows(alert, path)


def _files(source: Source) -> list[Path]:
    if source.path is None:
        raise UserError("cap needs a path", where="--source", expected="cap=PATH: a CAP 1.2 file or a folder")
    if not source.path.is_dir():
        return [source.path]
    files = sorted(path for path in source.path.iterdir() if path.suffix.lower() in (".cap", ".xml"))
    if not files:
        raise UserError("no CAP file in this folder", where=source.path, expected=".cap or .xml")
    return files


def _rows(alert: Alert, path: Path) -> Iterator[Row | Rejected]:
    if not alert.info:
        yield Rejected(str(path), "the message has no info block")
    seen: set[str] = set()
    for place, info in enumerate(alert.info):
        where = f"{path}:info[{place}]"
        text = report_text(info)
        if text in seen:
            yield Rejected(where, "the text of an earlier info block again", text[:200])
            continue
        seen.add(text)
        try:
            yield _row(alert, info, text, place)
        except ValueError as error:
            yield Rejected(where, str(error), text[:200])


def report_text(info: Info) -> str:
    """Return headline and description on one line, without HTML tags, at most 800 characters."""
    parts = [_TAG.sub(" ", part) for part in (info.headline, info.description) if part and part.strip()]
    stop = [part if part.rstrip().endswith((".", "!", "?")) else f"{part}." for part in parts]
    return " ".join(" ".join(stop).split())[:LONGEST].rstrip()


def _row(alert: Alert, info: Info, text: str, place: int) -> Row:
    language = (info.language or "en-US").split("-")[0].lower()
    if language not in LANGUAGES:
        raise ValueError(f"language {info.language}: only Korean and English are read")
    if not text:
        raise ValueError("neither headline nor description")
    request = TextRequest(text=text)
    target = record.encode_record(labelled_by_structure(info, text), request)
    return Row(
        messages=(
            Message(role="system", content=record.PROMPT),
            Message(role="user", content=text),
            Message(role="assistant", content=target),
        ),
        task=record.PROMPT,
        lang=language,
        source=f"CAP 1.2 of {alert.sender} (hazard and place by its structure, the rest by rules)",
        licence="as the sender of the message grants",
        group=alert.identifier,
        id=f"cap-{alert.identifier}-{place}",
    )


def labelled_by_structure(info: Info, text: str) -> Record:
    """Return the record of an info block.

    Raises:
        ValueError: no hazard is known for its event, or its text has no word for that hazard.
    """
    hazard = _hazard(info, text)
    by_rules = read_by_rules(text)
    places = _places(info, text) or by_rules.place
    return by_rules.model_copy(update={"hazard": hazard, "place": places, "dropped": []})


def _hazard(info: Info, text: str) -> Found[Hazard]:
    words = table("lexicon")
    named = labelled(info.event, words["hazard"]) or labelled(info.event, words["weak_hazard"])
    if not named:
        raise ValueError(f"event {info.event[:60]!r} is none of the hazards")
    kind = named[0][2]
    for lists in (words["hazard"], words["weak_hazard"]):
        for start, end, label in labelled(masked(text), lists):
            if label == kind:
                return Found[Hazard](value=Hazard(kind), span=span(text, start, end))
    raise ValueError(f"the text has no word for the event {info.event[:60]!r}")


def _places(info: Info, text: str) -> list[Found[str]]:
    found: dict[str, Found[str]] = {}
    for area in info.area:
        for name in re.split(r"\s*[;,]\s*", area.area_desc.strip()):
            start = text.find(name) if 2 <= len(name) <= record.QUOTE_LIMIT else -1
            if start >= 0:
                found.setdefault(name, Found[str](value=name, span=span(text, start, start + len(name))))
    return sorted(found.values(), key=lambda each: each.span.start)[: record.LIMITS["place"]]
