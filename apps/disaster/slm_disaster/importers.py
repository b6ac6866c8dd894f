"""Published formats as dataset rows: Disaster Response Messages, CrisisLexT26, Korean emergency messages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from slm_core.dataset.records import read_records
from slm_core.dataset.row import Message, Row
from slm_core.dataset.source import Rejected, Source
from slm_core.domain import TextRequest
from slm_core.errors import UserError
from slm_disaster import information, informative, needs, one_label, record
from slm_disaster.rules import read_by_rules
from slm_disaster.rules.tables import labelled, masked, span, table
from slm_disaster.schema import Found, Hazard, Need, Needs, Record

LONGEST = 800

_Columns = Mapping[str, Any]
_Maker = Callable[[_Columns, str], Row | None]

MUNRO = (
    "Disaster Response Messages, R. Munro and Figure Eight 2012, "
    "https://huggingface.co/datasets/community-datasets/disaster_response_messages"
)


def disaster_response(source: Source) -> Iterator[Row | Rejected]:
    """Rows of the task `needs` from Disaster Response Messages (Munro 2012): one 0/1 column a need."""
    yield from _rows(
        source, (_needs_row,), "a CSV of Disaster Response Messages", ("id", "message", "event", "water")
    )


def crisislex(source: Source) -> Iterator[Row | Rejected]:
    """Rows of the tasks `informative` and `information` from CrisisLexT26: a CSV for each event.

    A post whose information type nobody labelled gives no row of `information`.
    """
    columns = ("Tweet ID", "Tweet Text", "Informativeness", "Information Type")
    yield from _rows(source, (_informative_row, _information_row), "a CSV of CrisisLexT26", columns)


def safetydata(source: Source) -> Iterator[Row | Rejected]:
    """Silver rows of the task `record` from Korean emergency messages (DSSP-IF-00247, DisasterMsg3 and 4).

    The hazard is the one of the message's own kind (DST_SE_NM), the other fields are read by the rules.
    """
    yield from _rows(source, (_message_row,), "재난문자 rows with the field MSG_CN, msg or text", ())


def _rows(
    source: Source, makers: Sequence[_Maker], expected: str, columns: tuple[str, ...]
) -> Iterator[Row | Rejected]:
    if source.path is None:
        raise UserError(
            f"{source.format} needs a path", where="--source", expected=f"{source.format}=PATH: {expected}"
        )
    first = True
    for entry in read_records(source.path):
        if isinstance(entry, Rejected):
            yield entry
            continue
        given = {str(name).strip(): value for name, value in entry.columns.items()}
        missing = [name for name in columns if name not in given]
        if first and missing:
            raise UserError(f"column {missing[0]!r} is missing", where=entry.where, expected=expected)
        first = False
        for make in makers:
            try:
                made = make(given, entry.where)
            except (ValueError, KeyError) as error:
                yield Rejected(entry.where, str(error), str(given)[:200])
            else:
                yield from () if made is None else (made,)


def _needs_row(columns: _Columns, where: str) -> Row:
    text = _text(columns["message"])
    chosen = [need for need in Need if _flag(columns, need)]
    event = str(columns["event"])
    return _row(
        needs.PROMPT,
        text,
        needs.encode_needs(Needs(needs=chosen), TextRequest(text=text)),
        lang="en",
        source=MUNRO,
        licence="CC-BY-4.0",
        group="" if event in ("NULL", "None") else event,
        id=f"drm-{columns['id']}",
    )


def _flag(columns: _Columns, need: Need) -> bool:
    value = str(columns[need.value]).strip()
    if value not in ("0", "1"):
        raise ValueError(f"{need.value}: {value!r} is neither 0 nor 1")
    return value == "1"


_INFORMATIVENESS = {
    "related and informative": informative.Informative.INFORMATIVE,
    "related - but not informative": informative.Informative.NOT_INFORMATIVE,
    "not related": informative.Informative.NOT_RELATED,
}


def _informative_row(columns: _Columns, where: str) -> Row:
    text = _text(columns["Tweet Text"])
    label = str(columns["Informativeness"]).strip()
    if label.lower() not in _INFORMATIVENESS:
        raise ValueError(f"Informativeness: {label!r} is none of the three classes")
    reply = informative.Informativeness(label=_INFORMATIVENESS[label.lower()])
    target = one_label.encode(reply, TextRequest(text=text))
    return _crisislex_row(informative.PROMPT, text, target, where, f"crisislex-{columns['Tweet ID']}")


def _information_row(columns: _Columns, where: str) -> Row | None:
    text = _text(columns["Tweet Text"])
    label = str(columns["Information Type"]).strip()
    if label.lower() == "not labeled":
        return None
    name = re.sub(r"\W+", "_", label.lower())
    if name not in {*information.Information}:
        raise ValueError(f"Information Type: {label!r} is none of the seven classes")
    reply = information.InformationType(label=information.Information(name))
    target = one_label.encode(reply, TextRequest(text=text))
    id = f"crisislex-information-{columns['Tweet ID']}"
    return _crisislex_row(information.PROMPT, text, target, where, id)


def _crisislex_row(task: str, text: str, target: str, where: str, id: str) -> Row:
    event = Path(where.rpartition(":")[0]).stem
    return _row(
        task, text, target, lang="en", source="CrisisLexT26", licence="research use", group=event, id=id
    )


def _message_row(columns: _Columns, where: str) -> Row:
    fields = {key.lower(): value for key, value in columns.items() if value not in (None, "")}
    text = _text(_first(fields, "msg_cn", "msg", "text"))
    request = TextRequest(text=text)
    number = _first(fields, "sn", "md101_sn", default="")
    day = re.sub(r"\D", "", _first(fields, "crt_dt", "create_date", "created", default=""))[:8]
    region = _first(fields, "rcptn_rgn_nm", "location_name", "region", default="").split(",")[0].strip()
    labelled_record = _by_kind(read_by_rules(text), text, _first(fields, "dst_se_nm", "kind", default=""))
    return _row(
        record.PROMPT,
        text,
        record.encode_record(labelled_record, request),
        lang="ko",
        source="재난문자 (silver: hazard by its kind, the rest by rules)",
        licence="public-sector data",
        group=f"{region} {day}".strip(),
        id=f"safetydata-{number}" if number else "",
    )


def _by_kind(found: Record, text: str, kind: str) -> Record:
    """Take the hazard from the message's kind where the text has a word for it; absent where it has none."""
    name = table("kinds")["kinds"].get(kind.strip())
    if name is None:
        return found
    words = table("lexicon")
    for lists in (words["hazard"], words["weak_hazard"]):
        for start, end, label in labelled(masked(text), lists):
            if label == name:
                hazard = Found[Hazard](value=Hazard(name), span=span(text, start, end))
                return found.model_copy(update={"hazard": hazard})
    return found.model_copy(update={"hazard": None})


def _first(fields: Mapping[str, Any], *names: str, default: str | None = None) -> str:
    for name in names:
        if name in fields:
            return str(fields[name])
    if default is None:
        raise ValueError(f"none of the fields {', '.join(names)} is filled")
    return default


def _text(value: Any) -> str:
    """Return a message with single spaces, at most 800 characters."""
    text = " ".join(str(value or "").split())[:LONGEST].rstrip()
    if not text:
        raise ValueError("the message is empty")
    return text


def _row(task: str, text: str, target: str, **rest: str) -> Row:
    messages = (
        Message(role="system", content=task),
        Message(role="user", content=text),
        Message(role="assistant", content=target),
    )
    return Row(messages=messages, task=task, **rest)
