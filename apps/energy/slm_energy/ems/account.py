"""What a day cost as it was run, beside what it would have cost without planning: the measured saving."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from math import isnan
from typing import Any

from slm_energy.ems.book import Book
from slm_energy.ems.pricing import pricing
from slm_energy.plan.baseline import baseline
from slm_energy.plan.problem import Problem
from slm_energy.series import Series

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Day:
    """A local day in the site's currency and kW; `before` is without planning.

    Costs are without the demand charge; peaks are those of the steps that count for a demand charge.
    `missing` counts the steps in which the load was not known; they are in neither of the two.
    """

    day: date
    cost: float
    cost_before: float
    peak_kw: float
    peak_before_kw: float
    bought_kwh: float
    missing: int


def close_day(book: Book, day: date) -> Day | None:
    """Account for a day that is over, and keep it; None where nothing was run or no price is known."""
    start, end = book.midnight(day), book.midnight(day + _DAY)
    load = book.history("load", start, end)
    buy, sell = book.history("buy", start, end), book.history("sell", start, end)
    known = [not isnan(value) for value in buy.values]
    if not any(known) or not len(load):
        return None
    costs = pricing(book, start, len(load))
    price, before = costs.price, _without_plan(book, load, costs.price)
    billed = [here and (costs.billed is None or costs.billed[n]) for n, here in enumerate(known)]
    hours, site = load.hours, book.site
    assert site is not None

    def cost(bought: Series, sold: Series) -> float:
        return hours * sum(
            p * b - site.export_price * s
            for p, b, s, k in zip(price.values, bought.values, sold.values, known, strict=True)
            if k
        )

    wear = site.battery.wear_per_kwh if site.battery else 0.0
    ran = book.history("battery", start, end)
    given = hours * sum(max(0.0, -kw) for kw in ran.values if not isnan(kw))
    account = Day(
        day,
        round(cost(buy, sell) + wear * given, 4),
        round(cost(before.buy, before.sell) + wear * hours * sum(before.discharge.values), 4),
        max((kw for kw, k in zip(buy.values, billed, strict=True) if k), default=0.0),
        max((kw for kw, k in zip(before.buy.values, billed, strict=True) if k), default=0.0),
        round(hours * sum(kw for kw, k in zip(buy.values, known, strict=True) if k), 3),
        len(known) - sum(known),
    )
    book.keep(f"account/{day.isoformat()}", {**vars(account), "day": day.isoformat()})
    return account


def accounts(book: Book) -> Iterator[Day]:
    """Yield the accounts of the days that are over, oldest first."""
    for _, kept in book.kept("account/"):
        yield Day(**{**kept, "day": date.fromisoformat(kept["day"])})


def _without_plan(book: Book, load: Series, price: Series) -> Any:
    """The flows of the day by rule. The day after is added empty, so that no window ends with the day."""
    site = book.site
    assert site is not None
    day = len(load)

    def longer(series: Series, last: float | None = None) -> Series:
        held = [value for value in series.values if not isnan(value)]
        fill = (held[-1] if held else 0.0) if last is None else last
        values = tuple(fill if isnan(value) else value for value in series.values)
        return replace(series, values=values + (fill,) * day)

    start, end = load.start, load.end
    pv = book.history("pv", start, end) if book.meters("pv") else load.with_values([0.0] * day)
    outdoor = book.history("outdoor", start, end) if book.meters("outdoor") else None
    problem = Problem(
        site,
        longer(load, 0.0),
        longer(pv, 0.0),
        longer(price),
        longer(outdoor) if outdoor else None,
        soc_kwh=book.get("rule/charge"),
        done=_done(book, start),
    )
    flows = baseline(problem)
    if site.battery is not None:
        book.keep("rule/charge", flows.soc.values[day - 1])
    book.keep("rule/done", _left_running(site, flows, day))
    cut = {name: getattr(flows, name).from_step(0, day) for name in ("buy", "sell", "discharge")}
    return replace(flows, **cut)


def _done(book: Book, start: datetime) -> dict[str, float]:
    return dict(book.get("rule/done") or {})


def _left_running(site: Any, flows: Any, day: int) -> dict[str, float]:
    """What the windows that run over midnight had of this day: kWh of cars, hours of loads."""
    hours = flows.buy.hours
    done: dict[str, float] = {}
    for car in site.cars:
        if car.leaves <= car.arrives:
            first = _step_of(car.arrives, hours)
            done[car.name] = sum(flows.cars[car.name].values[first:day]) * hours * car.efficiency
    for each in site.deferrables:
        if each.latest <= each.earliest and each.latest.hour + each.latest.minute:
            first = _step_of(each.earliest, hours)
            done[each.name] = sum(flows.loads[each.name].values[first:day]) * hours / each.kw
    return done


def _step_of(clock: Any, hours: float) -> int:
    return int((clock.hour + clock.minute / 60) / hours)
