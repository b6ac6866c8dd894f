"""Why a target is right, as a second thing to learn from the same message.

Hsieh and others 2023 ("Distilling Step-by-Step!") train a small model on the label and on a rationale as two
tasks, told apart by the prompt; Liu and others 2024 ("Mind's Mirror") likewise, with a self-evaluation that
is not done here. The rationale is only learnt, never asked for on the device, so a reply costs no token more.

The model words, code computes: a rationale with a number, time, quote or name that neither the message nor
the target holds (slm_core.grounding), or that only repeats the target, is dropped and counted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from slm_core.dataset.row import Message, Row
from slm_core.engine.contract import Engine, PromptTooLong, Sampling
from slm_core.errors import UserError
from slm_core.settings import Settings
from slm_finetune.distill.remembered import Asking, Told, name_of, remembered
from slm_finetune.distill.teacher import TeacherFile, open_speaker
from slm_finetune.jsonl import read_jsonl

WHY = "{prompt}: why"  # the system prompt under which a rationale is learnt
TOKENS = 64
LONGEST = 400  # characters of a rationale
_QUOTED = re.compile(r"(?<!\w)[\"“「'‘]([^\"”」'’]{2,})[\"”」'’]")
_ASK = {
    "ko": "메시지: {user}\n답: {target}\n\n이 답이 왜 옳은지 한국어 한 문장으로 쓰세요. "
    "메시지에 있는 말만 인용하고, 다른 숫자나 이름은 쓰지 말고, 답을 되풀이하지 마세요.",
    "en": "Message: {user}\nAnswer: {target}\n\nSay in one sentence why this answer is right. "
    "Quote only words of the message, use no other number or name, and do not repeat the answer.",
}


class Rationale(BaseModel):
    """One line of a file of rationales."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    rationale: str = Field(min_length=1, max_length=LONGEST)


@dataclass(frozen=True)
class Explained:
    """Rows whose targets are rationales, and what was not used: told of another row, or not borne out."""

    rows: list[Row]
    foreign: int
    dropped: int


def rationale_rows(rows: Sequence[Row], told: Mapping[str, str]) -> Explained:
    """Return one more row for each rationale (by id of its row) that its message and target bear out."""
    known = {row.id: row for row in rows}
    borne = {id_: why for id_, why in told.items() if id_ in known and is_borne_out(why, known[id_])}
    foreign = sum(id_ not in known for id_ in told)
    return Explained(
        [_row(known[id_], why) for id_, why in borne.items()], foreign, len(told) - foreign - len(borne)
    )


def is_borne_out(rationale: str, row: Row) -> bool:
    """Whether a rationale says something of its own, and each number, time, name and quote in it is in the
    row's message or target.
    """
    from slm_core.grounding import unsupported

    sources = (row.user, row.target)
    quotes = [" ".join(quote.split()) for quote in _QUOTED.findall(rationale)]
    given = [" ".join(source.split()) for source in sources]
    quoted = all(any(quote.casefold() in source.casefold() for source in given) for quote in quotes)
    echo = rationale.lstrip()[:1] in ("", "[", "{") or row.target in rationale
    return not echo and quoted and not unsupported(rationale, sources)


def read_rationales(path: Path) -> dict[str, str]:
    """Read a JSONL file of {"id", "rationale"}.

    Raises:
        UserError: the file is missing or empty, a line is something else, or an id comes twice.
    """
    found: dict[str, str] = {}
    for where, row in read_jsonl(path):
        one = _rationale(row, where)
        if one.id in found:
            raise UserError(f"a second rationale of row {one.id}", where=where)
        found[one.id] = one.rationale
    return found


def asked_rationales(file: TeacherFile, rows: Sequence[Row], settings: Settings) -> dict[str, str]:
    """Ask the teacher's base why each target is right (its adapter knows replies only); kept as it comes."""
    folder = settings.home / "runs" / f"teacher-{file.sha256[:16]}-why"
    names = [f"{name_of(_question(row))}.json" for row in rows]

    @contextmanager
    def opened() -> Iterator[Asking]:
        with closing(open_speaker(file, settings)) as engine:

            def ask(i: int) -> Told:
                why = _ask(engine, rows[i])
                return Told(json.dumps(why, ensure_ascii=False).encode(), is_borne_out(why, rows[i]))

            yield ask

    told = remembered(folder, names, "rationales that their message bears out", opened)
    return {row.id: json.loads(data) for row, data in zip(rows, told, strict=True)}


def _ask(engine: Engine, row: Row) -> str:
    asked = [{"role": "user", "content": _question(row)}]
    try:
        reply = engine.chat(asked, sampling=Sampling(max_tokens=TOKENS))
    except PromptTooLong:
        return ""
    return reply.text.strip().partition("\n")[0][:LONGEST]


def _question(row: Row) -> str:
    return _ASK["ko" if row.lang == "ko" else "en"].format(user=row.user, target=row.target)


def _row(row: Row, rationale: str) -> Row:
    prompt = [
        Message(role="system", content=WHY.format(prompt=message.content))
        if message.role == "system"
        else message
        for message in row.messages[:-1]
    ]
    messages = (*prompt, Message(role="assistant", content=rationale))
    return row.model_copy(update={"messages": messages, "id": f"{row.id}-why"})


def _rationale(row: Mapping[str, Any], where: str) -> Rationale:
    try:
        return Rationale.model_validate(row)
    except ValidationError as error:
        first = error.errors()[0]
        at = ".".join(str(part) for part in first["loc"])
        raise UserError(f"{at}: {first['msg']}", where=where, expected='{"id", "rationale"}') from error
