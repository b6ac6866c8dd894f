"""Texts without labels become training rows whose target is the teacher's reply.

This is where a teacher helps most: it has seen more than the student's few labelled rows, and its replies
carry that over (Kim and Rush 2016, sequence-level knowledge distillation). Each reply follows the task's
schema, and the domain's own reader must accept it; what it refuses is dropped and counted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from slm_core.dataset.row import Message, Row
from slm_core.domain import Domain
from slm_core.engine.contract import Engine, InvalidReply, PromptTooLong, Sampling
from slm_core.errors import UserError
from slm_core.settings import Settings
from slm_finetune.distill.prompts import Reading
from slm_finetune.distill.remembered import Asking, Told, name_of, remembered
from slm_finetune.distill.teacher import TeacherFile, open_speaker
from slm_finetune.jsonl import read_jsonl


class Text(BaseModel):
    """One line of a file of texts: what is asked, of which task."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    task: str
    lang: str
    user: str
    source: str = "texts without labels"
    licence: str = "unknown"
    id: str = ""


def read_texts(path: Path, domain: Domain) -> list[Text]:
    """Read a JSONL file of texts.

    Raises:
        UserError: the file is missing or empty, or a line is no text of one of the domain's tasks.
    """
    return [_text(row, where, domain) for where, row in read_jsonl(path)]


def replied_rows(
    file: TeacherFile, texts: Sequence[Text], reading: Reading, settings: Settings
) -> tuple[list[Row], int]:
    """Return the texts with the teacher's replies, and how many had none that its task accepts."""
    folder = settings.home / "runs" / f"teacher-{file.key}-replies"
    rows = [_row(text, reading.domain, file) for text in texts]
    names = [f"{name_of(_question(row, reading))}.json" for row in rows]

    @contextmanager
    def opened() -> Iterator[Asking]:
        with closing(open_speaker(file, settings)) as engine:

            def ask(i: int) -> Told:
                reply = _ask(engine, file, reading, rows[i])
                return Told(json.dumps(reply, ensure_ascii=False).encode(), reply is not None)

            yield ask

    replies = [json.loads(data) for data in remembered(folder, names, "usable replies", opened)]
    answered = [
        _with_target(row, reply) for row, reply in zip(rows, replies, strict=True) if reply is not None
    ]
    return answered, len(rows) - len(answered)


def _question(row: Row, reading: Reading) -> list[Any]:
    """Everything that the reply depends on besides the teacher."""
    task = reading.domain.task(row.task)
    return [row.task, reading.messages(row), task.wire_schema(), task.max_tokens]


def _ask(engine: Engine, file: TeacherFile, reading: Reading, row: Row) -> str | None:
    """Return the wire form that the teacher writes, None where the task cannot use it."""
    task = reading.domain.task(row.task)
    adapter = file.adapter.domain if file.adapter else None
    sampling = Sampling(max_tokens=task.max_tokens)
    try:
        messages = reading.messages(row)
        reply = engine.chat(messages, adapter=adapter, schema=task.wire_schema(), sampling=sampling)
        request = task.parse_request(row.user)
        return task.write(task.read(reply.value, request), request)
    except (InvalidReply, PromptTooLong, ValueError):
        return None


def _text(row: Mapping[str, Any], where: str, domain: Domain) -> Text:
    expected = '{"task", "lang", "user"} and if need be "source", "licence", "id"'
    try:
        text = Text.model_validate(row)
    except ValidationError as error:
        first = error.errors()[0]
        at = ".".join(str(part) for part in first["loc"])
        raise UserError(f"{at}: {first['msg']}", where=where, expected=expected) from error
    domain.task(text.task).parse_request(text.user)
    return text


def _row(text: Text, domain: Domain, file: TeacherFile) -> Row:
    """The text as a row that still lacks its target."""
    task = domain.task(text.task)
    asked = [Message.model_validate(each) for each in task.messages(task.parse_request(text.user))]
    return Row(
        messages=(*asked, Message(role="assistant", content="")),
        task=text.task,
        lang=text.lang,
        source=f"{text.source}; replies by {file.title}",
        licence=text.licence,
        id=text.id,
    )


def _with_target(row: Row, reply: str) -> Row:
    return row.model_copy(update={"messages": (*row.messages[:-1], Message(role="assistant", content=reply))})
