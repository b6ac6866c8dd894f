"""What people and the grid operator ask of the plan: a limit relaxed by a click, an event of OpenADR."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from slm_core.errors import SlmError
from slm_energy.ems.book import Book
from slm_energy.ems.made import Made
from slm_energy.ems.planning import want
from slm_energy.ems.stepping import current, infeasible


def relax(book: Book, payload: Mapping[str, Any]) -> list[Made]:
    """Relax limits of the site by so much each, for a person who clicked it, and plan anew.

    Raises:
        ValueError: there is no plan, no such limit, or nobody who asks.
    """
    from slm_energy.plan.limits import apply

    by, amounts = str(payload.get("by", "")).strip(), payload.get("amounts")
    plan = infeasible(book) or current(book)
    if plan is None or book.site is None or not by or not isinstance(amounts, dict):
        raise ValueError("plan/relax: a plan, the amounts by limit and the name of a person are needed")
    try:
        relaxed = apply(plan.problem, {str(name): float(amount) for name, amount in amounts.items()})
    except (SlmError, TypeError) as error:
        raise ValueError(str(error)) from error
    rooms = tuple(room.model_copy(update={"now": None}) for room in relaxed.site.rooms) or book.site.rooms
    book.learn(relaxed.site.model_copy(update={"rooms": rooms}))
    want(book, "a limit was relaxed")
    return [Made("plan/relaxed", {"amounts": dict(amounts), "by": by})]


def take(book: Book, payload: Mapping[str, Any]) -> list[Made]:
    """Keep an event of the grid operator with the decision about it; an accepted one changes the plan.

    Raises:
        ValueError: it is no such event.
    """
    from slm_energy.openadr.signal import GridEvent

    try:
        event = GridEvent.model_validate_json(str(payload.get("event", "")))
    except ValidationError as error:
        raise ValueError(f"openadr/in: {error.errors()[0]['msg']}") from error
    decision = payload.get("decision")
    if not isinstance(decision, dict):
        raise ValueError("openadr/in: no decision")
    kept = {
        "name": event.name or event.id,
        "source": event.source,
        "status": event.status,
        "start": event.start.isoformat() if event.start else None,
        "end": event.end.isoformat() if event.end else None,
        "accept": bool(decision.get("accept")),
        "ko": str(decision.get("ko", "")),
        "en": str(decision.get("en", "")),
        "event": event.model_dump_json(),
    }
    book.keep(f"grid_event/{event.source}/{event.id}", kept)
    if kept["accept"]:
        want(book, "an event of the grid operator")
    return [Made("openadr/taken", {name: value for name, value in kept.items() if name != "event"}, 1)]
