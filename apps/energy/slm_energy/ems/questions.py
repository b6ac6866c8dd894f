"""Questions about the plan while the site is at work, answered from the plan in force in words of code."""

from __future__ import annotations

from typing import Any

from slm_core.errors import SlmError
from slm_energy.ems.book import Book
from slm_energy.ems.made import Made
from slm_energy.ems.stepping import current, infeasible
from slm_energy.refusals import refused

REPLY = "question/reply"
KEPT = 20


def take(book: Book, text: str, id: str) -> list[Made]:
    """Answer a question about the plan in force, or about the one that could not be made."""
    from slm_energy.why.explaining import explain

    plan, said = infeasible(book) or current(book), book.get("plan/said")
    if said is not None and said["status"] == "none":  # why there is none is the answer, whatever was asked
        return [_reply(book, id, text, said[_lang(text)], [])]
    if plan is None:
        words = {"ko": "아직 계획이 없습니다.", "en": "There is no plan yet."}
        return [_reply(book, id, text, words[_lang(text)], [])]
    try:
        reason = explain(text, plan)
    except SlmError as error:
        return [_reply(book, id, text, refused(error).of(_lang(text)), [])]
    facts = [fact.id for fact in reason.facts]
    return [_reply(book, id, text, reason.text, facts)]


def _reply(book: Book, id: str, text: str, said: str, facts: list[str]) -> Made:
    payload: dict[str, Any] = {"question": id, "text": text[:300], "reply": said, "facts": facts}
    book.keep("questions", [*(book.get("questions") or []), payload][-KEPT:])
    return Made(REPLY, payload)


def _lang(text: str) -> str:
    return "ko" if any("가" <= letter <= "힣" for letter in text) else "en"
