"""A closed set of labels as one token: each label gets a letter, the model picks the letter."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping, Sequence
from typing import Any

from slm_core.engine.contract import Messages
from slm_core.errors import UserError

MAX_LABELS = 26
_HANGUL = re.compile(r"[가-힣]")


def letters(labels: Sequence[str]) -> list[str]:
    """Return one letter per label.

    Raises:
        UserError: fewer than two labels, more than 26, or two that are equal.
    """
    if not 2 <= len(labels) <= MAX_LABELS:
        raise UserError(f"{len(labels)} labels to choose from", expected=f"2 to {MAX_LABELS}")
    if len(set(labels)) < len(labels):
        raise UserError(f"labels are not all different: {', '.join(labels)}", expected="each label once")
    return list(string.ascii_uppercase[: len(labels)])


def with_options(messages: Messages, labels: Sequence[str]) -> list[Mapping[str, Any]]:
    """Return the messages with the lettered labels below the last one, in the language of that one."""
    if not messages:
        raise UserError("there is no message", where="messages", expected="at least one")
    last = messages[-1]
    if not isinstance(last["content"], str):
        raise UserError("a choice is made over text", where="messages", expected="a text as the last message")
    options = "\n".join(f"{letter}. {label}" for letter, label in zip(letters(labels), labels, strict=True))
    ask = (
        "알맞은 것의 글자 하나로만 답하세요."
        if _HANGUL.search(last["content"])
        else "Answer with one letter only."
    )
    return [*messages[:-1], {**last, "content": f"{last['content']}\n\n{options}\n{ask}"}]
