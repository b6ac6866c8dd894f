"""Questions about the plan while the site is at work, answered from the plan in force in words of code."""

from __future__ import annotations

from typing import Any

from slm_core.errors import SlmError
from slm_energy.ems.book import Book
from slm_energy.ems.made import Made
from slm_energy.ems.stepping import current, infeasible
from slm_energy.refusals import refused
from slm_energy.said import Said
from slm_energy.why.question import language

REPLY = "question/reply"
KEPT = 20


def take(book: Book, text: str, id: str) -> list[Made]:
    """Answer a question about the plan in force, or about the one that could not be made."""
    said, facts = reply_of(book, text)
    return [_reply(book, id, text, said, facts)]


def reply_of(book: Book, text: str) -> tuple[str, list[str]]:
    """Return the answer to a question, and the ids of the facts that it tells."""
    from slm_energy.why.explaining import explain

    plan, said = infeasible(book) or current(book), book.get("plan/said")
    lang = language(text, plan)
    if said is not None and said["status"] == "none":  # why there is none is the answer, whatever was asked
        return said[lang], []
    if plan is None:
        return Said("아직 계획이 없습니다.", "There is no plan yet.").of(lang), []
    try:
        reason = explain(text, plan)
    except SlmError as error:
        return refused(error).of(lang), []
    return reason.text, [fact.id for fact in reason.facts]


def _reply(book: Book, id: str, text: str, said: str, facts: list[str]) -> Made:
    payload: dict[str, Any] = {"question": id, "text": text[:300], "reply": said, "facts": facts}
    book.keep("questions", [*(book.get("questions") or []), payload][-KEPT:])
    return Made(REPLY, payload)
