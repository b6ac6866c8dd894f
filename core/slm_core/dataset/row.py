"""One training example, as it lies in a JSONL file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from slm_core.errors import UserError
from slm_core.files import write_atomically


class Message(BaseModel):
    """One turn of a conversation."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: Literal["system", "user", "assistant"]
    content: str


class Row(BaseModel):
    """One example: a conversation whose last message is the target.

    `group` names what must stay on one side of a split (an event, a document, a template); empty means the
    row stands for itself. `id` survives rebuilding: it is derived from the content unless the source has one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    messages: tuple[Message, ...] = Field(min_length=2)
    task: str
    lang: str
    source: str
    licence: str
    group: str = ""
    id: str = ""

    @model_validator(mode="after")
    def _complete(self) -> Row:
        if self.messages[-1].role != "assistant":
            raise ValueError(f"the last message must be the assistant's, not the {self.messages[-1].role}'s")
        if not self.id:
            object.__setattr__(self, "id", _content_id(self))
        return self

    @property
    def target(self) -> str:
        """The text that is learnt."""
        return self.messages[-1].content

    @property
    def user(self) -> str:
        """The last user message: what was asked."""
        return next((m.content for m in reversed(self.messages) if m.role == "user"), "")

    def prompt(self) -> list[dict[str, str]]:
        """Return all messages before the target, as plain dictionaries."""
        return [message.model_dump() for message in self.messages[:-1]]


def read_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a JSONL file; empty lines are skipped.

    Raises:
        UserError: the file is missing or a line is no row; it names `file:line` and the field.
    """
    if not path.is_file():
        what = "a folder" if path.is_dir() else "no such file"
        raise UserError(what, where=path, expected="a JSONL file of dataset rows")
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield parse_row(line, f"{path}:{number}")


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Write rows as JSONL, atomically, non-ASCII text as it is."""
    lines = (json.dumps(row.model_dump(mode="json"), ensure_ascii=False) + "\n" for row in rows)
    write_atomically(path, "".join(lines).encode())


def digest_of(rows: Iterable[Row]) -> str:
    """Return 16 hexadecimal digits that change with the id, the prompt or the target of any of the rows."""
    said = [[row.id, row.prompt(), row.target] for row in rows]
    return hashlib.sha256(json.dumps(said, ensure_ascii=False).encode()).hexdigest()[:16]


def parse_row(line: str | bytes, where: str) -> Row:
    """Read one line of JSONL.

    Raises:
        UserError: it is no row; `where` and the field are named.
    """
    try:
        return Row.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        at = ".".join(str(part) for part in first["loc"]) or "the line"
        raise UserError(
            f"{at}: {first['msg']}",
            where=where,
            expected='{"messages": [{"role", "content"}, ...], "task", "lang", "source", "licence", "group"}',
        ) from error


def _content_id(row: Row) -> str:
    text = json.dumps([row.task, [[m.role, m.content] for m in row.messages]], ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
