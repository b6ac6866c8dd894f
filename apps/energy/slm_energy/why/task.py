"""The task `explain`: sentences of code to fluent prose that tells the same facts and nothing else.

Wire form: the text as one JSON string. A reply that checking.py finds fault with is refused, so that the
sentences of code are shown, with the fault as the note.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from slm_core.domain import Task
from slm_energy.why.checking import check_reply
from slm_energy.why.fact import Fact

if TYPE_CHECKING:
    from slm_energy.why.explaining import Reason

PROMPT = "explain"
INSTRUCTIONS = (
    "You get facts about an energy plan and sentences that tell them, as JSON. Write the sentences as one "
    "short fluent text in the language `lang` (ko: Korean, polite -ㅂ니다; en: English). Keep every number "
    "with its unit, every hour and every name exactly. Add nothing, leave nothing out, turn nothing round. "
    "Answer with the text alone, as a JSON string."
)
MOST_CHARACTERS = 1200
SCHEMA: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": MOST_CHARACTERS}


class ExplainRequest(BaseModel):
    """What is to be told.

    Args:
        lang: of the reply.
        facts: each as a short list (fact.py).
        sentences: that tell them, in order.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    lang: Literal["ko", "en"]
    facts: tuple[Fact, ...] = Field(max_length=40)
    sentences: tuple[str, ...] = Field(max_length=40)


class Explanation(BaseModel):
    """The text."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str = Field(min_length=1, max_length=MOST_CHARACTERS * 3)


def request_of(reason: Reason) -> ExplainRequest | None:
    """Return what the model is asked for a reason; None where code tells it alone.

    Those are questions asked back and conflicts, which are lists that gain nothing by being joined.
    """
    if reason.conflict is not None or len(reason.sentences) < 2:
        return None
    lines = tuple(sentence.text for sentence in reason.sentences)
    return ExplainRequest(lang=reason.question.lang, facts=reason.facts, sentences=lines)


def explain_by_rules(request: ExplainRequest) -> Explanation:
    """Return the sentences of code, one after the other."""
    return Explanation(text=" ".join(request.sentences) or "-")


def encode(reply: Explanation, request: ExplainRequest) -> str:
    """Return the wire form."""
    return json.dumps(reply.text, ensure_ascii=False)


def decode(wire: Any, request: ExplainRequest) -> Explanation:
    """Read the wire form and hold it against the facts.

    Raises:
        ValueError: it is no text, or says something else than the facts; the first fault is named.
    """
    if not isinstance(wire, str) or not wire.strip():
        raise ValueError("expected a text")
    problems = check_reply(wire.strip(), request.facts)
    if problems:
        raise ValueError(f"{problems[0].field}: {problems[0].reason}")
    return Explanation(text=wire.strip())


def items(reply: Explanation) -> frozenset[str]:
    """Return what the metric counts: the text."""
    return frozenset({reply.text})


EXPLAIN = Task(
    name="explain",
    titles={"ko": "계획의 이유", "en": "Reason of a plan"},
    request=ExplainRequest,
    reply=Explanation,
    prompt=PROMPT,
    instructions=INSTRUCTIONS,
    items=items,
    metric="accuracy",
    schema=SCHEMA,
    encode=encode,
    decode=decode,
    rules=explain_by_rules,
    max_tokens=512,
    deadline_s=30.0,
    severity=0,
)
