"""`slm ask energy` about the site itself: reasons out of the plan in force, and what no text can do."""

from __future__ import annotations

from slm_core.event import Memory
from slm_energy.command.verbs import is_cancelling
from slm_energy.command.wording import CANCEL
from slm_energy.ems.book import Book
from slm_energy.ems.orders import orders
from slm_energy.ems.questions import reply_of
from slm_energy.ems.stepping import current
from slm_energy.said import Said
from slm_energy.why.question import asks_about_a_plan, language

_NO_PLAN = Said(
    "계획을 두고 묻는 말인데, 이 현장의 계획이 이 장비에 아직 없습니다. `slm run energy`를 현장의 브로커에 "
    "붙이면 그 계획으로 까닭을 답합니다. 문서에서 찾으려면 --task documents를 쓰십시오.",
    "This asks about a plan, and this device has none of this site yet. Once `slm run energy` works at the "
    "site's broker, the reasons are told from its plan. --task documents searches the documents.",
)
_OF = Said("({at}부터의 계획)", "(the plan from {at})")


def answer(text: str, memory: Memory) -> str | None:
    """Return the reply to what is asked about the site at work; None where it is about something else.

    Args:
        text: of the user; data only.
        memory: of the site's last run; empty where there was none.
    """
    lang, book = language(text), Book(memory)
    if is_cancelling(text):
        waiting = [order.text for order in orders(book) if order.phase == "waiting"]
        return "\n".join([CANCEL.of(lang), *(f"- {each}" for each in waiting)])
    if not asks_about_a_plan(text):
        return None
    plan = current(book)
    if plan is None and not book.get("plan/said"):
        return _NO_PLAN.of(lang)
    reply = reply_of(book, text)[0]
    if plan is None:
        return reply
    since = _OF.of(language(text, plan)).format(at=f"{plan.problem.start:%Y-%m-%d %H:%M}")
    return f"{reply}\n{since}"
