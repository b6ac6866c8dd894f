"""The guard of the 15-minute peak at work: each reading of the load is held against the running window."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from slm_core.event import Event
from slm_energy.ems.book import Book
from slm_energy.ems.made import Made
from slm_energy.ems.running import planned_parts
from slm_energy.ems.stepping import current
from slm_energy.meter.live import Live, Sample, read_sample
from slm_energy.plan.schedule import Schedule

STREAM = "peak/guard"
KEPT = timedelta(minutes=20)
_NAMED = "guard/readings"


def watch(book: Book, event: Event) -> list[Made]:
    """Return the advice that a power reading gives rise to; nothing while the window heads for no peak.

    Energy told when its quarter is over comes too late for a guard, and a site without a limit or a demand
    charge has nothing to guard.
    """
    plan, site = current(book), book.site
    if site is None or not event.stream.startswith("meter/load/"):
        return []
    sample = read_sample(event.payload, event.time)
    if sample.kind != "mean" or plan is None or plan.flows is None:
        return []
    number = plan.problem.steps_to(event.time)
    if not 0 <= number < len(plan.problem.load):
        return []
    _remember(book, event.time, _bought(book, event, sample, plan, number))
    return _advised(book, event.time, plan, number)


def _bought(book: Book, event: Event, sample: Sample, plan: Schedule, number: int) -> float:
    """kW drawn from the grid now: what meters of load and panels said last, and what the plan runs."""
    assert plan.flows is not None
    flows = plan.flows
    now = sample.value
    gone = {f"meter/{quantity}/{name}" for quantity in ("load", "pv") for name in book.gone_since(quantity)}
    for key, kept in book.kept("meter/"):
        quantity = key.split("/")[1]
        if quantity in ("load", "pv") and event.stream != key and key not in gone:
            last = _last(Live.model_validate(kept))
            now += last if quantity == "load" else -last
    return (
        now
        + sum(planned_parts(flows, number).values())
        + flows.charge.values[number]
        - flows.discharge.values[number]
    )


def _last(live: Live) -> float:
    if live.kind != "mean":
        return 0.0
    if live.waiting:
        return live.waiting[-1][1]
    return live.last[1] if live.last else 0.0


def _remember(book: Book, at: datetime, kw: float) -> None:
    oldest = (at - KEPT).isoformat()
    kept = [each for each in book.get(_NAMED) or [] if each[0] >= oldest]
    book.keep(_NAMED, [*kept, [at.isoformat(), round(kw, 3)]])


def _advised(book: Book, now: datetime, plan: Schedule, number: int) -> list[Made]:
    from slm_energy.plan.guard import Reading, advise, running_window, target
    from slm_energy.plan.shedding import sheddable

    assert plan.flows is not None
    goal, why = target(plan.problem)
    if goal is None:
        return []
    readings = [Reading(datetime.fromisoformat(at), kw) for at, kw in book.get(_NAMED) or []]
    advice = advise(running_window(readings, now, goal), goal, sheddable(plan.problem, plan.flows, number))
    if not advice.shed and advice.excess_kw <= 0:
        book.keep("guard", None)
        return []
    said: dict[str, Any] = {
        "time": now.isoformat(),
        "projected_kw": round(advice.window.projected_kw, 1),
        "limit_kw": goal,
        "shed": [each.name for each in advice.shed],
        "ko": f"{advice.said.ko} ({why.ko})",
        "en": f"{advice.said.en} ({why.en})",
        "severity": 2,
    }
    before = book.get("guard")
    book.keep("guard", said)
    same = before is not None and before["shed"] == said["shed"] and before["limit_kw"] == goal
    return [] if same else [Made(STREAM, said, 2)]
