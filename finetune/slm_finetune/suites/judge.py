"""A judge, held against people first: below the bar, or without verdicts of people, nothing is scored.

Agreement is measured with the same prompt that rates the answers, the reference included where the suite has
one for the question (known by its first turn), on a file of one kind of verdicts:

    pairs    {"conversation_a", "conversation_b", "turn", "winner": "model_a" | "model_b" | "tie"}, the format
             of lmsys/mt_bench_human_judgments. Both answers are rated; agreement is the share of pairs with a
             winner where the judge rates that one higher by more than 0.1 (FastChat's TIE_DELTA). Human ties
             are left out (setup S2 of Zheng et al. 2023); a tie of the judge is no agreement.
    ratings  {"conversation", "turn", "rating": 1 to 10}: the share within 1 of the person's rating.

A conversation is a list of {"role", "content"}; other keys are the collector's notes. From more than 100
verdicts 100 are drawn, seeded; fewer than 30 are too few to tell.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError

from slm_core.engine.contract import Engine, PromptTooLong, Sampling
from slm_core.errors import UserError
from slm_finetune.jsonl import read_jsonl
from slm_finetune.measure import Progress
from slm_finetune.suites.conversation import Conversation, JudgePrompt, digest
from slm_finetune.suites.kept import Kept

BAR = 0.7
LEAST, MOST = 30, 100
WITHIN = 1.0
_TIE = 0.1
_TOKENS = 512  # of a judgement


class Said(BaseModel):
    """One message of a conversation."""

    role: str
    content: str


class Verdict(BaseModel):
    """What a person says of one turn; `references` are the suite's, never the file's."""

    turn: int = Field(ge=1, le=2)
    references: tuple[str, ...] = ()


class Pair(Verdict):
    """Which of two answers a person holds better."""

    conversation_a: list[Said]
    conversation_b: list[Said]
    winner: Literal["model_a", "model_b", "tie"]


class Rated(Verdict):
    """How a person rates an answer."""

    conversation: list[Said]
    rating: float = Field(ge=0, le=10)


Verdicts = Sequence[Pair] | Sequence[Rated]


@dataclass(frozen=True)
class Agreement:
    """The share of verdicts of people that the judge shares; `kind` says which verdicts."""

    value: float
    n: int
    kind: str

    @property
    def line(self) -> str:
        """Return it in words."""
        return f"agreement {self.value:.2f} on {self.n} {self.kind} (bar {BAR})"


class Judge:
    """A model that rates; every rating is kept."""

    def __init__(self, engine: Engine, prompt: JudgePrompt, kept: Kept) -> None:
        self._engine, self._prompt, self._kept = engine, prompt, kept

    def rate(self, conversation: Conversation, answers: Sequence[str], turn: int) -> float | None:
        """Return the rating of one answer; None where the judge gave none, or the dialogue is too long."""
        messages = self._prompt.messages(conversation, answers, turn)
        id_ = digest(*(str(message["content"]) for message in messages))
        if id_ not in self._kept.records:
            try:
                text = self._engine.chat(messages, sampling=Sampling(max_tokens=_TOKENS)).text
            except PromptTooLong:
                text = ""
            self._kept.keep(id_, {"rating": self._prompt.rating(text), "text": text})
        rating: float | None = self._kept.records[id_]["rating"]
        return rating


def read_verdicts(path: Path, questions: Iterable[Conversation] = ()) -> Verdicts:
    """Return the verdicts of a file, all of one kind.

    Args:
        path: the file.
        questions: of the suite; a verdict on one of them gets its references.

    Raises:
        UserError: a line is neither kind, or the kinds are mixed.
    """
    pairs: list[Pair] = []
    rated: list[Rated] = []
    references = {_words(each.turns[0]): each.references for each in questions if each.references}
    for where, row in read_jsonl(path):
        own = {"references": references.get(_asked(row), ())}
        try:
            if "winner" in row:
                pairs.append(Pair.model_validate({**row, **own}))
            else:
                rated.append(Rated.model_validate({**row, **own}))
        except ValidationError as error:
            first = error.errors()[0]
            at = ".".join(str(part) for part in first["loc"])
            expected = "conversation_a, conversation_b, turn, winner; or conversation, turn, rating"
            raise UserError(f"{at}: {first['msg']}", where=where, expected=expected) from error
        if pairs and rated:
            raise UserError("pairs and ratings in one file", where=where, expected="one kind of verdicts")
    return pairs or rated


def measure_agreement(judge: Judge, verdicts: Verdicts) -> Agreement | None:
    """Hold the judge against people; None where there are too few verdicts to tell."""
    usable = [v for v in verdicts if not isinstance(v, Pair) or v.winner != "tie"]
    if len(usable) < LEAST:
        return None
    if len(usable) > MOST:
        usable = random.Random(0).sample(usable, MOST)
    progress, agreed = Progress("agreement", len(usable)), 0
    try:
        for done, verdict in enumerate(usable, 1):
            agreed += _agrees(judge, verdict)
            progress.show(done, partial(float, agreed / done))
    finally:
        progress.end()
    kind = "pairs" if isinstance(usable[0], Pair) else "ratings"
    return Agreement(agreed / len(usable), len(usable), kind)


def _agrees(judge: Judge, verdict: Pair | Rated) -> bool:
    if isinstance(verdict, Rated):
        said = _rating(judge, verdict.conversation, verdict)
        return said is not None and abs(said - verdict.rating) <= WITHIN
    a = _rating(judge, verdict.conversation_a, verdict)
    b = _rating(judge, verdict.conversation_b, verdict)
    if a is None or b is None:
        return False
    ahead = a - b if verdict.winner == "model_a" else b - a
    return ahead > _TIE


def _rating(judge: Judge, said: Sequence[Said], verdict: Verdict) -> float | None:
    turn = verdict.turn
    turns = tuple(message.content for message in said if message.role == "user")
    answers = [message.content for message in said if message.role == "assistant"]
    if min(len(turns), len(answers)) < turn:
        return None
    return judge.rate(Conversation("", "", turns[:turn], verdict.references), answers, turn - 1)


def _asked(row: Mapping[str, Any]) -> str:
    """Return the first message of a row that is not checked yet, empty where there is none."""
    said = row.get("conversation_a") or row.get("conversation")
    first = said[0] if isinstance(said, list) and said else None
    return _words(str(first.get("content"))) if isinstance(first, dict) else ""


def _words(text: str) -> str:
    return " ".join(text.split())
