"""When a plan is due, what it is asked, and what is done when there can be none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from slm_core.errors import CouldNot, SlmError
from slm_energy.ems.book import Book
from slm_energy.ems.expecting import NO_LOAD, expected
from slm_energy.ems.grid_events import capped, priced
from slm_energy.ems.pricing import Pricing, pricing
from slm_energy.ems.running import state
from slm_energy.plan.comparing import compare
from slm_energy.plan.problem import Problem
from slm_energy.plan.schedule import Schedule
from slm_energy.refusals import refused
from slm_energy.said import Said

# Two days where steps are coarse: a plan is then cheap, and what is left at its end matters less.
LOOKS, LOOKS_FURTHER = timedelta(hours=24), timedelta(hours=48)
LIVE, RECORDED = timedelta(hours=1), timedelta(hours=6)  # a recording of a year must not take a day
WAITS_S = 10.0


@dataclass(frozen=True)
class Asked:
    """A problem, and where its numbers come from."""

    problem: Problem
    notes: tuple[Mapping[str, str], ...]


def due(book: Book, now: datetime, *, recorded: bool) -> str | None:
    """Return why a new plan is due at the step that begins now, None where it is not."""
    if book.site is None:
        return None
    if book.get("plan/wanted"):
        return str(book.get("plan/wanted"))
    made = book.get("plan/made")
    if made is None:
        return "there is none"
    every = RECORDED if recorded else LIVE
    passed = now - datetime.fromisoformat(made)
    return f"the last is {every // timedelta(hours=1)} h old" if passed >= every else None


def want(book: Book, why: str) -> None:
    """Ask for a new plan at the next step, whatever the age of the last."""
    book.keep("plan/wanted", why)


def ask(book: Book, start: datetime) -> Asked:
    """Return what a plan from `start` on is asked.

    Raises:
        CouldNot: nothing was measured, or no price is known.
        UserError: no table of the tariff holds.
    """
    site = book.site
    if site is None:
        raise CouldNot("no site is known; send config/site")
    if not book.meters("load"):
        raise CouldNot(NO_LOAD)
    cost = _priced_ahead(book, start)
    steps = len(cost.price)
    ahead = expected(book, start, steps)
    price, events = priced(book, cost.price)
    request, asked = capped(book, cost.price)
    now, notes = state(book, start), list(ahead.notes)
    if site.rooms and ahead.outdoor is None:
        site = site.model_copy(update={"rooms": ()})
        notes.append(
            {
                "ko": "방: 외기 온도를 재는 곳이 없어 뺐음",
                "en": "rooms: left out, for nobody measures outdoors",
            }
        )
    if site.battery is not None and not book.meters("soc") and book.get("state") is None:
        notes.append(_assumed(now.soc_kwh or 0.0))
    known = {part.name for part in (*site.cars, *site.deferrables)}
    problem = Problem(
        now.of(site),
        ahead.load,
        ahead.pv,
        price,
        ahead.outdoor,
        soc_kwh=now.soc_kwh,
        demand_price=cost.demand_price,
        peak_so_far_kw=cost.peak_so_far_kw,
        billed=cost.billed,
        request=request,
        done={name: amount for name, amount in now.done.items() if name in known},
        running=now.on & known,
    )
    return Asked(
        problem, (*notes, {"ko": f"요금: {cost.note}", "en": f"price: {cost.note}"}, *events, *asked)
    )


def _assumed(kwh: float) -> dict[str, str]:
    return {
        "ko": f"배터리: 재는 곳이 없어 {kwh:.1f} kWh에서 시작한다고 봄",
        "en": f"battery: taken to hold {kwh:.1f} kWh at the start, for nobody measures it",
    }


def _priced_ahead(book: Book, start: datetime) -> Pricing:
    """Return the prices of as many hours as a plan looks ahead; of a day where no more are known."""
    further = LOOKS_FURTHER if book.step >= timedelta(minutes=30) else LOOKS
    try:
        return pricing(book, start, further // book.step)
    except CouldNot:
        if further == LOOKS:
            raise
        return pricing(book, start, LOOKS // book.step)


def mark_made(book: Book, at: datetime) -> None:
    """Note that a plan was made, or tried, at a moment."""
    book.keep("plan/made", at.astimezone(UTC).isoformat())
    book.keep("plan/wanted", None)


def why_none(error: SlmError) -> Said:
    """Return in both languages why no plan could be asked for."""
    why = refused(error)
    return Said(f"계획을 세울 수 없습니다: {why.ko}", f"no plan can be made: {why.en}")


def brief_plan(schedule: Schedule) -> dict[str, Any]:
    """Return the figures of a plan for the wire; costs credit what is left in the battery."""
    before, after, costs = schedule.cost_before, schedule.cost, compare(schedule)
    return {
        "status": schedule.status,
        "currency": schedule.problem.site.currency,
        "cost_before": round(costs.before, 2),
        "cost_after": None if costs.after is None else round(costs.after, 2),
        "peak_before_kw": round(before.peak_kw, 2),
        "peak_after_kw": round(after.peak_kw, 2) if after else None,
        "seconds": round(schedule.seconds, 2),
    }
