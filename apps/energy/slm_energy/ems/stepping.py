"""What the passing of time brings: steps are run, days closed, plans made, set-points told.

Time is that of the events, so that a recording and a live site do the same.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

from slm_core.errors import SlmError
from slm_energy.ems.account import close_day
from slm_energy.ems.anomalies import look
from slm_energy.ems.book import KEPT_DAYS, Book
from slm_energy.ems.made import Made
from slm_energy.ems.peaks import note_peak
from slm_energy.ems.planning import ask, brief_plan, due, mark_made, why_none
from slm_energy.ems.readings import holes, settle
from slm_energy.ems.running import planned_parts, run_step
from slm_energy.plan.schedule import Schedule
from slm_energy.said import Said

GRACE = timedelta(seconds=60)  # readings of a step may come so much after its end
MOST_BEHIND = timedelta(days=3)
PLAN = "plan/current"


def advance(book: Book, now: datetime, *, recorded: bool, more_comes: bool = False) -> list[Made]:
    """Return what follows from the time that has passed since the last call.

    Args:
        book: of the site.
        now: of the event.
        recorded: plans are made less often.
        more_comes: what came is one of several parts (site, history, prices); a plan waits for the last.
    """
    if book.site is None:
        return []
    here, made = book.floor(now), list[Made]()
    reached = book.get("ran_to")
    at = here if reached is None else datetime.fromisoformat(reached).astimezone(book.zone)
    at = max(at, (here.astimezone(UTC) - MOST_BEHIND).astimezone(book.zone))
    if reached is None:
        book.keep("ran_to", here.astimezone(UTC).isoformat())
    if _after(at, book.step).astimezone(UTC) + GRACE <= now:
        made += settle(book, now)
    while (end := _after(at, book.step)).astimezone(UTC) + GRACE <= now:
        made += _finish(book, at)
        at = end
        book.keep("ran_to", at.astimezone(UTC).isoformat())
        if book.today(at) != book.today(at - book.step):
            made += _midnight(book, book.today(at))
    if not more_comes and book.get("looked") != book.today(here).isoformat():
        book.keep("looked", book.today(here).isoformat())
        made += look(book, book.today(here))
    # From the first step that is not over: what the plan before it did is then known, charge included.
    why = None if more_comes else due(book, at, recorded=recorded)
    if why is not None:
        made += replan(book, at, why)
    new_step = here.astimezone(UTC).isoformat() != book.get("told_at")
    book.keep("told_at", here.astimezone(UTC).isoformat())
    if why is not None or (new_step and not recorded):  # their state is the value of the present step
        made += _emhass(book, here)
    return [*made, *_set_points(book, here)]


def replan(book: Book, start: datetime, why: str) -> list[Made]:
    """Make a plan from a step on, or say why there is none and what is followed instead."""
    from slm_energy.plan.rolling import next_plan
    from slm_energy.plan.safe import safe

    mark_made(book, start)
    last = current(book)
    try:
        asked = ask(book, start)
    except SlmError as error:
        said = _with_last(why_none(error), last, start)
        _say(book, said, "none", start)
        return [Made(PLAN, {"status": "none", "why": why, "ko": said.ko, "en": said.en}, 1, retained=True)]
    new = next_plan(asked.problem)
    followed = safe(asked.problem, new, last)
    book.keep(PLAN, _written(followed.schedule))
    book.keep("plan/asked", None if followed.reason is None else _written(new))
    book.keep("plan/notes", list(asked.notes))
    said = followed.reason or Said("계획을 세웠습니다", "a plan was made")
    _say(book, said, followed.schedule.status, start)
    payload = {
        "why": why,
        "start": start.astimezone(UTC).isoformat(),
        "step_minutes": round(book.step / timedelta(minutes=1)),
        **brief_plan(followed.schedule),
        "ko": said.ko,
        "en": said.en,
        "flows": _flows(followed.schedule),
    }
    return [Made(PLAN, payload, 1 if followed.reason else 0, retained=True)]


def _with_last(said: Said, last: Schedule | None, start: datetime) -> Said:
    """Say what is followed while there is no plan."""
    if last is None or last.flows is None or last.problem.load.end <= start:
        return Said(
            f"{said.ko}; 기본 규칙(자가소비)을 따릅니다", f"{said.en}; the rule (self-consumption) holds"
        )
    until = f"{last.problem.load.end:%m-%d %H:%M}"
    return Said(
        f"{said.ko}; {until}까지 마지막 계획을 따릅니다", f"{said.en}; the last plan holds until {until}"
    )


def current(book: Book) -> Schedule | None:
    """Return the plan in force; one that an older version wrote otherwise counts as none."""
    kept = book.get(PLAN)
    return _read(kept) if kept else None


def infeasible(book: Book) -> Schedule | None:
    """Return the plan that could not be made, where another is followed instead."""
    kept = book.get("plan/asked")
    return _read(kept) if kept else None


@lru_cache(maxsize=2)
def _read(kept: str) -> Schedule | None:
    from slm_energy.plan.store import from_json

    try:
        return from_json(kept.encode())
    except SlmError:
        return None


def _written(schedule: Schedule) -> str:
    from slm_energy.plan.store import to_json

    return to_json(schedule).decode()


def _finish(book: Book, at: datetime) -> list[Made]:
    """Run one step that is over."""
    from slm_energy.plan.safe import part_of

    plan = current(book)
    number = plan.problem.steps_to(at) if plan else -1
    if plan is None or plan.flows is None or not 0 <= number < len(plan.problem.load):
        ran = run_step(book, at, None, 0.0)
    else:
        price, below = plan.problem.price.values[number], charge_below(plan, number)
        ran = run_step(book, at, part_of(plan.flows, number, 1), price, below)
    return [] if ran is None else _peak(book, at, ran.buy.values[0])


def charge_below(plan: Schedule, number: int) -> float | None:
    """Return the power bought above which the battery must not charge in a step: it would make a new peak.

    That is the peak that the month is billed for anyway or that the plan makes, where the step counts for it,
    and the peak that was agreed in every step; None where nothing is at stake.
    """
    problem, found = plan.problem, list[float]()
    counts = problem.billed is None or problem.billed[number]
    if problem.demand_price > 0 and counts and plan.cost is not None:
        found.append(max(problem.peak_so_far_kw, plan.cost.peak_kw))
    if problem.site.peak_kw is not None:
        found.append(problem.site.peak_kw)
    return min(found, default=None)


def _peak(book: Book, at: datetime, kw: float) -> list[Made]:
    """Keep the highest billed mean of the month; a new one above what was agreed is told."""
    assert book.site is not None
    if not note_peak(book, at, kw):
        return []
    limit = book.site.peak_kw
    if limit is None or kw <= limit:
        return []
    said = Said(
        f"{at:%m-%d %H:%M} 15분 평균 {kw:.1f} kW: 목표 피크 {limit:g} kW를 넘었습니다",
        f"{at:%m-%d %H:%M}: a mean of {kw:.1f} kW passed the agreed peak of {limit:g} kW",
    )
    payload = {"kw": round(kw, 2), "limit_kw": limit, "start": at.isoformat(), "ko": said.ko, "en": said.en}
    return [Made("peak/passed", payload, 2)]


def _midnight(book: Book, today: date) -> list[Made]:
    yesterday = today - timedelta(days=1)
    book.forget(today - timedelta(days=KEPT_DAYS))
    made = holes(book, yesterday)
    try:
        account = close_day(book, yesterday)
    except SlmError:  # no price is known for that day
        account = None
    if account is None:
        return made
    return [*made, Made(f"account/{yesterday.isoformat()}", {**vars(account), "day": yesterday.isoformat()})]


def _set_points(book: Book, here: datetime) -> list[Made]:
    """Return what each part is to do in this step, where that differs from what was told last."""
    plan = current(book)
    if plan is None or plan.flows is None:
        return []
    number = plan.problem.steps_to(here)
    if not 0 <= number < len(plan.problem.load):
        return []
    flows = plan.flows
    wanted = (
        {"battery": flows.charge.values[number] - flows.discharge.values[number]}
        if plan.problem.site.battery
        else {}
    )
    wanted |= planned_parts(flows, number)
    told, made = book.get("set_points") or {}, []
    for name, kw in wanted.items():
        if told.get(name) != round(kw, 3):
            payload: dict[str, Any] = {
                "part": name,
                "kw": round(kw, 3),
                "start": here.astimezone(UTC).isoformat(),
            }
            below = charge_below(plan, number) if name == "battery" else None
            if below is not None:
                payload["charge_below_kw"] = round(below, 3)
            if name in flows.temperature:
                payload["target_c"] = round(flows.temperature[name].values[number], 2)
            made.append(Made(f"set_point/{name}", payload, retained=True))
    if made:
        book.keep("set_points", {name: round(kw, 3) for name, kw in wanted.items()})
    return made


def _emhass(book: Book, now: datetime) -> list[Made]:
    from slm_energy.emhass.sensors import events
    from slm_energy.ems.publishing import published

    plan = current(book)
    told = events(published(plan), now) if plan else []
    return [Made(event.stream, event.payload, retained=True) for event in told]


def _flows(schedule: Schedule) -> dict[str, list[float]]:
    """kW by name, for whoever draws or follows the plan."""
    flows = schedule.flows
    if flows is None:
        return {}
    plain = {name: getattr(flows, name) for name in ("buy", "sell", "pv_used", "charge", "discharge", "soc")}
    series = {**plain, **flows.cars, **flows.loads, **flows.rooms}
    return {name: [round(value, 3) for value in each.values] for name, each in series.items()}


def _say(book: Book, said: Said, status: str, at: datetime) -> None:
    book.keep("plan/said", {"ko": said.ko, "en": said.en, "status": status, "at": at.isoformat()})


def _after(at: datetime, step: timedelta) -> datetime:
    return (at.astimezone(UTC) + step).astimezone(at.tzinfo)
