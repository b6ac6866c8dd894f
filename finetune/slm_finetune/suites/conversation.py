"""Questions with free answers, in one or two turns, and what a chat suite is."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from slm_core.engine.contract import Messages
from slm_core.errors import UserError


@dataclass(frozen=True)
class Conversation:
    """What the user says turn by turn, with a reference answer for each turn where the suite has one."""

    number: str
    group: str
    turns: tuple[str, ...]
    references: tuple[str, ...] = ()
    temperature: float = 0.0

    @property
    def id(self) -> str:
        """Number and a digest of the turns."""
        return f"{self.number}-{digest(*self.turns)}"


class JudgePrompt(Protocol):
    """How a judge is asked to rate the answer of one turn, and what it said."""

    def messages(self, conversation: Conversation, answers: Sequence[str], turn: int) -> Messages:
        """Return the messages about the answer of `turn` (from 0)."""
        ...

    def rating(self, text: str) -> float | None:
        """Return the rating from 1 to 10; None where there is none."""
        ...


@dataclass(frozen=True)
class ChatSuite:
    """A suite whose answers are written out.

    Args:
        name: as the user types it.
        context: tokens that a slot must hold.
        max_tokens: of one answer.
        form: how the model is asked, in one line.
        read: folder to conversations and the name of the file that they come from.
        judge_prompt: folder to the prompt.
    """

    name: str
    context: int
    max_tokens: int
    form: str
    read: Callable[[Path], tuple[list[Conversation], str]]
    judge_prompt: Callable[[Path], JudgePrompt]


def digest(*texts: str) -> str:
    """Return twelve hexadecimal digits that change with the texts."""
    return hashlib.sha256("\x00".join(texts).encode()).hexdigest()[:12]


def texts(value: Any, where: str, what: str) -> tuple[str, ...]:
    """Return a list of one or two texts as a tuple.

    Raises:
        UserError: it is none, has another length, or holds something else.
    """
    ok = isinstance(value, list) and len(value) in (1, 2)
    if not ok or not all(isinstance(text, str) and text.strip() for text in value):
        raise UserError(f"{what} {value!r}"[:120], where=where, expected="a list of one or two texts")
    return tuple(value)


def sample(conversations: Sequence[Conversation], limit: int, seed: int) -> list[Conversation]:
    """Return `limit` conversations, category after category in turn, in the given order; 0 takes all."""
    if not limit or limit >= len(conversations):
        return list(conversations)
    shuffled = random.Random(seed).sample(range(len(conversations)), len(conversations))
    rank: dict[int, int] = {}
    seen: dict[str, int] = {}
    for i in shuffled:
        rank[i] = seen[conversations[i].group] = seen.get(conversations[i].group, 0) + 1
    return [conversations[i] for i in sorted(sorted(shuffled, key=lambda i: rank[i])[:limit])]
