"""LogicKor: 42 Korean questions of two turns in six categories (`questions.jsonl`: id, category, questions,
references).

Answers are greedy, as in its `generator.py`; a rating is given for each turn, and the score is the mean over
questions and turns (`score.py` of instructkr/LogicKor). Its own judge prompt lies in a program file of that
repository, so the judge gets one of ours with the same rules: 1 to 10, the reference beside it, and an answer
that is not in Korean gets 0.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from slm_core.engine.contract import Messages
from slm_core.errors import UserError
from slm_finetune.jsonl import read_jsonl
from slm_finetune.suites.conversation import ChatSuite, Conversation, texts

_RULES = """\
한국어 언어 모델의 답변을 공정하게 채점하세요.
- 질문이 요구한 것을 모두 다루었는지, 빠뜨리거나 틀린 것이 있는지 보세요.
- 답변의 길이는 점수에 영향을 주지 않습니다.
- 참고 답안이 있으면 그것에 비추어 보세요.
- 질문이 다른 언어를 요구하지 않았는데 한국어로 답하지 않았으면 0점입니다.
- 후속 질문이 있으면 그 답변만 채점하되, 앞의 대화와 맞는지 보세요.
먼저 짧게 평가하고, 마지막 줄에 1에서 10까지의 점수를 이 형식으로 쓰세요.
점수: 숫자"""
_RATING = re.compile(r"점수\s*[:：]\s*\[*(\d+(?:\.\d+)?)")


def read(folder: Path) -> tuple[list[Conversation], str]:
    """Return the conversations and the name of their file.

    Raises:
        UserError: no question file, or a bad line (named).
    """
    path = folder / "questions.jsonl"
    return [_conversation(where, row) for where, row in read_jsonl(path)], path.name


def _conversation(where: str, row: Mapping[str, Any]) -> Conversation:
    for key in ("id", "category", "questions", "references"):
        if key not in row:
            raise UserError(f"no {key}", where=where, expected="id, category, questions, references")
    turns = texts(row["questions"], where, "questions")
    given = row["references"] or [None] * len(turns)
    if not isinstance(given, list) or len(given) != len(turns):
        raise UserError(f"references {given!r}"[:120], where=where, expected="one a question, or null")
    return Conversation(str(row["id"]), str(row["category"]), turns, tuple(str(text or "") for text in given))


class Prompt:
    """Our judge prompt; the folder adds nothing to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def messages(self, conversation: Conversation, answers: Sequence[str], turn: int) -> Messages:
        """Show the dialogue up to this turn, with the reference of this turn."""
        parts = []
        for n in range(turn + 1):
            parts.append(f"[질문 {n + 1}]\n{conversation.turns[n]}")
            if conversation.references and conversation.references[n]:
                parts.append(f"[참고 답안 {n + 1}]\n{conversation.references[n]}")
            parts.append(f"[모델의 답변 {n + 1}]\n{answers[n]}")
        asked = f"답변 {turn + 1}을 채점하세요."
        return [
            {"role": "system", "content": _RULES},
            {"role": "user", "content": "\n\n".join([*parts, asked])},
        ]

    def rating(self, text: str) -> float | None:
        """Return the last number after 점수."""
        found = _RATING.findall(text.replace("*", ""))
        value = float(found[-1]) if found else None
        return value if value is not None and 0 <= value <= 10 else None


SUITE = ChatSuite(
    name="logickor",
    context=4096,
    max_tokens=1024,
    form="chat template, greedy, at most 1,024 tokens an answer",
    read=read,
    judge_prompt=Prompt,
)
