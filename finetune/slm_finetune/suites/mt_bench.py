"""MT-Bench, and Vicuna-80 in the same format: two-turn (one-turn) questions and the judge's prompts.

Files as in FastChat (lm-sys, `fastchat/llm_judge/data`): `question.jsonl` (question_id, category, turns,
reference), also named `*question.jsonl`, and `judge_prompts.jsonl` beside it or one folder up. Answers are
sampled as there (Zheng et al. 2023): temperature 0.7 for writing and roleplay, 0.1 for stem and humanities, 0
for extraction, math, coding and reasoning, 0.7 for other categories; at most 1,024 tokens; here with a seed.
The judge gets the single-answer prompts (single-v1, single-math-v1 where there is a reference, and their
multi-turn forms); the score is the mean of its ratings over all turns.
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

_TEMPERATURES = {
    "stem": 0.1, "humanities": 0.1, "extraction": 0.0, "math": 0.0, "coding": 0.0, "reasoning": 0.0,
}  # fmt: skip
_OTHER = 0.7
_RATING = re.compile(r"\[\[(\d+(?:\.\d+)?)\]\]"), re.compile(r"\[(\d+(?:\.\d+)?)\]")
_FIELD = re.compile(r"\{(\w+)\}")
_NAMES = ("single-v1", "single-v1-multi-turn", "single-math-v1", "single-math-v1-multi-turn")


def read(folder: Path) -> tuple[list[Conversation], str]:
    """Return the conversations and the name of their file.

    Raises:
        UserError: no question file or several, or a bad line (named).
    """
    found = sorted(folder.glob("question.jsonl")) or sorted(folder.glob("*question.jsonl"))
    if len(found) != 1:
        said = "several question files" if found else "no question file of MT-Bench in this folder"
        raise UserError(said, where=folder, expected="question.jsonl")
    return [_conversation(where, row) for where, row in read_jsonl(found[0])], found[0].name


def _conversation(where: str, row: Mapping[str, Any]) -> Conversation:
    for key in ("question_id", "category", "turns"):
        if key not in row:
            raise UserError(f"no {key}", where=where, expected="question_id, category, turns")
    category, turns = str(row["category"]), texts(row["turns"], where, "turns")
    given = row.get("reference") or []
    if not isinstance(given, list) or len(given) not in (0, len(turns)):
        raise UserError(f"reference {given!r}"[:120], where=where, expected="one a turn")
    references = tuple(str(text or "") for text in given) if any(given) else ()
    return Conversation(
        str(row["question_id"]), category, turns, references, _TEMPERATURES.get(category, _OTHER)
    )


class Prompts:
    """The judge's prompts of the folder."""

    def __init__(self, folder: Path) -> None:
        beside = folder / "judge_prompts.jsonl"
        path = beside if beside.is_file() else folder.parent / "judge_prompts.jsonl"
        rows = {str(row.get("name")): row for _, row in read_jsonl(path if path.is_file() else beside)}
        for name in _NAMES:
            if not {"system_prompt", "prompt_template"} <= rows.get(name, {}).keys():
                raise UserError(f"no prompt {name}", where=path, expected=", ".join(_NAMES))
        self._rows = {name: rows[name] for name in _NAMES}

    def messages(self, conversation: Conversation, answers: Sequence[str], turn: int) -> Messages:
        """Fill the prompt of this turn."""
        name = "single-math-v1" if conversation.references else "single-v1"
        row = self._rows[f"{name}-multi-turn" if turn else name]
        values = {"question": conversation.turns[0], "answer": answers[0]}
        for n in range(turn + 1):
            values |= {f"question_{n + 1}": conversation.turns[n], f"answer_{n + 1}": answers[n]}
        values |= {f"ref_answer_{n}": text for n, text in enumerate(conversation.references, 1)}
        return [
            {"role": "system", "content": str(row["system_prompt"]).strip()},
            {"role": "user", "content": _filled(str(row["prompt_template"]), values)},
        ]

    def rating(self, text: str) -> float | None:
        """Return what stands in [[ ]], as FastChat reads it."""
        found = next((match for pattern in _RATING if (match := pattern.search(text))), None)
        value = float(found[1]) if found else None
        return value if value is not None and 1 <= value <= 10 else None


def _filled(template: str, values: Mapping[str, str]) -> str:
    """Not `str.format`: a template from outside could reach into objects with it."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise UserError(
                f"the prompt wants {match[1]}", where="judge_prompts.jsonl", expected=", ".join(values)
            )
        return values[match[1]]

    return _FIELD.sub(value, template)


SUITE = ChatSuite(
    name="mt-bench",
    context=4096,
    max_tokens=1024,
    form="chat template, MT-Bench's temperatures with seed 0, at most 1,024 tokens an answer",
    read=read,
    judge_prompt=Prompts,
)
