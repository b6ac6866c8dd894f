"""What if: the hours of the plan under other limits and prices, solved beside it and never followed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import time
from html import escape
from typing import Any

from pydantic import ValidationError

from slm_core.errors import CouldNot, SlmError, UserError
from slm_core.ui.frame import Frame
from slm_core.ui.lines import Line, lines
from slm_energy.page.planview import energy, net
from slm_energy.page.room import Room
from slm_energy.page.shown import empty, fault, heading, quiet, section, table
from slm_energy.page.words import Words
from slm_energy.page.working import Task, at_work, working
from slm_energy.plan.problem import Problem
from slm_energy.plan.safe import failed
from slm_energy.plan.schedule import Schedule
from slm_energy.site import Car, Site

SOLVER_S = 10.0
PRICES = (0.5, 2.0)
_MOST_KWH, _MOST_KW = 100.0, 50.0


@dataclass(frozen=True)
class Wish:
    """What the sliders say.

    Args:
        limited: whether there is a peak limit. peak_kw: which.
        reserve: percent of the battery that is never used.
        car: name of a car; needs_kwh by `leaves` o'clock.
        price: what every price is multiplied with.
    """

    limited: bool
    peak_kw: float
    reserve: float
    car: str | None
    needs_kwh: float
    leaves: float
    price: float


def wished(problem: Problem, wish: Wish) -> Problem:
    """Return the same hours as the sliders want them.

    Raises:
        UserError: a value that the site cannot have.
    """
    site = problem.site
    update: dict[str, Any] = {"peak_kw": wish.peak_kw if wish.limited else None}
    if site.battery is not None:
        update["battery"] = {**site.battery.model_dump(), "reserve": wish.reserve / 100}
    leaves = time(int(wish.leaves) % 24, round(wish.leaves % 1 * 60))
    update["cars"] = [
        {**car.model_dump(), "needs_kwh": wish.needs_kwh, "leaves": leaves}
        if car.name == wish.car
        else car.model_dump()
        for car in site.cars
    ]
    try:
        changed = Site.model_validate({**site.model_dump(by_alias=True), **update})
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UserError(f"{place}: {first['msg']}") from error
    price = problem.price.with_values([wish.price * each for each in problem.price.values])
    return replace(problem, site=changed, price=price)


def add_what_if(frame: Frame, room: Room, site_line: Any, words: Words) -> None:
    """Add the sliders; `site_line` changes when the site does, and they then stand as the site is."""
    import gradio as gr

    desk = Desk(room, words)
    gr.HTML(f"<h2>{escape(words['what_if'])}</h2>{quiet(words['what_if_note'])}", elem_classes="slm-energy")
    limited = gr.Checkbox(label=words["peak_on"])
    peak = gr.Slider(1, 100, value=50, step=1, label=words["peak_kw"])
    reserve = gr.Slider(0, 95, value=0, step=1, label=words["reserve"])
    car = gr.Dropdown([], label=words["car"])
    needs = gr.Slider(0, _MOST_KWH, value=0, step=1, label=words["needs_kwh"])
    leaves = gr.Slider(0, 23.5, value=7, step=0.5, label=words["leaves"])
    price = gr.Slider(*PRICES, value=1, step=0.05, label=words["price_factor"])
    with gr.Row():
        solve = gr.Button(words["resolve"], variant="primary", min_width=120)
        back = gr.Button(words["as_now"], min_width=120)
    view = gr.HTML(empty(words["what_if_empty"]))
    sliders = [limited, peak, reserve, car, needs, leaves, price]
    hidden: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    gr.on([site_line.change, back.click], desk.as_now, None, sliders, **hidden)
    car.input(desk.of_car, car, [needs, leaves], **hidden)
    solve.click(desk.solve, sliders, view, **hidden)


class Desk:
    """What the sliders and buttons do."""

    def __init__(self, room: Room, words: Words) -> None:
        self._room, self._words = room, words

    def as_now(self) -> list[Any]:
        """Return the sliders as the site is; what it has no part for is not shown."""
        import gradio as gr

        snapshot = self._room.now()
        site, plan = snapshot.site, snapshot.plan
        if site is None:
            return [gr.update()] * 7
        seen = max(plan.cost_before.peak_kw, plan.problem.peak_so_far_kw) if plan else 0.0
        highest = max(10.0, 1.5 * max(seen, site.peak_kw or 0.0))
        battery, names = site.battery, [car.name for car in site.cars]
        shown_peak = site.peak_kw or seen or highest
        needs, leaves = self.of_car(names[0] if names else None)
        return [
            site.peak_kw is not None,
            gr.update(maximum=round(highest), value=min(round(shown_peak, 1), round(highest))),
            gr.update(value=round(100 * battery.reserve) if battery else 0, visible=battery is not None),
            gr.update(choices=names, value=names[0] if names else None, visible=bool(names)),
            needs,
            leaves,
            1.0,
        ]

    def of_car(self, name: str | None) -> tuple[Any, Any]:
        """Return the sliders of a car as the site has it."""
        import gradio as gr

        site = self._room.now().site
        car: Car | None = next((each for each in site.cars if each.name == name), None) if site else None
        if car is None:
            return gr.update(visible=False), gr.update(visible=False)
        most = max(_MOST_KWH, 2 * car.needs_kwh)
        hour = car.leaves.hour + car.leaves.minute / 60
        return (
            gr.update(maximum=most, value=car.needs_kwh, visible=True),
            gr.update(value=round(2 * hour) / 2, visible=True),
        )

    def solve(self, *entered: Any) -> Iterator[str]:
        """Yield what is shown: that it works, then the plan under the sliders beside the one in force."""
        words = self._words
        yield working(words, 0)
        try:
            plan = self._room.now().question
            if plan is None:
                raise CouldNot(words["no_plan"])
            problem = wished(plan.problem, Wish(*entered))
            for step in at_work(lambda task: solved(problem, words, task), words):
                yield step if isinstance(step, str) else what_if_view(plan, *step.result(), words)
        except SlmError as error:
            yield fault(error, words.lang)


def solved(problem: Problem, words: Words, task: Task) -> tuple[Schedule, str]:
    """Return the plan, and why there is none where there is none."""
    from slm_energy.plan.solve import solve
    from slm_energy.why.explaining import explain

    plan = solve(problem, seconds=SOLVER_S)
    if plan.status != "infeasible" or task.given_up():
        return plan, failed(plan).of(words.lang) if plan.flows is None else ""
    task.doing = words["conflict_search"]
    return plan, explain(words["why_none"], plan, words.lang).text


def what_if_view(plan: Schedule, other: Schedule, why: str, words: Words) -> str:
    """Return the plan in force beside the one that was asked for; only figures, nothing is followed."""
    if other.flows is None or other.cost is None:
        return section(f'<p class="slm-fault">{escape(words["no_such_plan"])}</p>', f"<p>{escape(why)}</p>")
    money = plan.problem.site.currency
    cost, flows = plan.cost, plan.flows
    rows = [
        _row(words["cost"], cost.total if cost else None, other.cost.total, money, words),
        _row(words["peak"], cost.peak_kw if cost else None, other.cost.peak_kw, "kW", words),
        _row(words["bought"], energy(flows.buy) if flows else None, energy(other.flows.buy), "kWh", words),
    ]
    header = ("", words["in_force"], words["asked"], words["difference"])
    drawn = [Line(words["asked"], net(other.flows), 3, filled=True)]
    if flows is not None:
        drawn.append(Line(words["in_force"], net(flows), 5))
    load = other.problem.load
    chart = lines(words["chart_grid"], load.start, load.step, drawn, unit="kW")
    chart = f'<div class="slm-beside">{chart}</div>'  # a narrow column needs larger letters
    told = words["solved_in"].format(s=f"{other.seconds:.1f}", gap=f"{100 * other.gap:.2f}")
    return section(
        heading(words["beside"]), table(header, rows), chart, quiet(told), quiet(words["not_followed"])
    )


def _row(name: str, now: float | None, then: float, unit: str, words: Words) -> tuple[str, ...]:
    if now is None:
        return name, "–", words.amount(then, unit), "–"
    change = words.amount(then - now, unit, signed=True)
    return name, words.amount(now, unit), words.amount(then, unit), change
