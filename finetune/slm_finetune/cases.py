"""Questions with their right answers, from dataset rows and from files that a person labelled.

A dataset row carries its answer in the wire form, and the domain's own decoder reads it. Labels of somebody
who should not depend on that decoder, or on anything of the domain's code, name the items themselves:

    {"id": "blind-001", "task": "record", "lang": "ko", "user": "...", "items": ["hazard=flood", "dead=2"]}
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ValidationError

from slm_core.dataset.row import Message, Row, parse_row
from slm_core.domain import Domain, Task
from slm_core.errors import UserError
from slm_finetune.measure import Case


class Labelled(BaseModel):
    """One line of a labelled file; other keys are the labeller's notes."""

    id: str
    task: str
    lang: str
    user: str
    items: list[str]


def read_cases(path: Path, domain: Domain, only: Task | None = None) -> Iterator[Case]:
    """Yield the cases of a JSONL file, dataset rows or labelled lines, as they come; of one task, or of all.

    Raises:
        UserError: the file is missing, a line is neither, or its task or target is none of the domain's.
    """
    if not path.is_file():
        raise UserError("no such file", where=path, expected="a JSONL file of dataset rows or labelled lines")
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                case = _case(line, f"{path}:{number}", domain, only)
                if case is not None:
                    yield case


def read_case(task: Task, row: Row) -> Case:
    """Read a row as a question of `task`.

    Raises:
        UserError: its target is no reply of this task; the row is named.
    """
    request = task.parse_request(row.user)
    try:
        gold = task.items(task.read(json.loads(row.target), request))
    except ValueError as error:
        raise UserError(
            f"the target {row.target[:80]!r} is no reply of task {task.name}: {error}",
            where=f"row {row.id}",
            mend="slm dataset check names every such row",
        ) from error
    return Case(row, request, gold)


def _case(line: str, where: str, domain: Domain, only: Task | None) -> Case | None:
    labelled = _labelled(line, where)
    if labelled is None:
        row = parse_row(line, where)
        task = domain.task(row.task)
        return read_case(task, row) if only in (None, task) else None
    task = domain.task(labelled.task)
    if only not in (None, task):
        return None
    request = task.parse_request(labelled.user)
    asked = [Message.model_validate(message) for message in task.messages(request)]
    messages = (*asked, Message(role="assistant", content=""))
    row = Row(messages=messages, task=task.name, lang=labelled.lang, source=where, licence="", id=labelled.id)
    return Case(row, request, frozenset(labelled.items))


def _labelled(line: str, where: str) -> Labelled | None:
    """Read a labelled line; None where it is something else."""
    try:
        value = json.loads(line)
    except json.JSONDecodeError:
        return None
    if not isinstance(value, dict) or "items" not in value:
        return None
    try:
        return Labelled.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        at = ".".join(str(part) for part in first["loc"])
        expected = '{"id", "task", "lang", "user", "items": ["kind=value", ...]}'
        raise UserError(f"{at}: {first['msg']}", where=where, expected=expected) from error
