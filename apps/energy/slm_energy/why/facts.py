"""The facts that explain what a plan does at an hour, what an hour would change, its peak and its cost.

Everything is read from the solved plan and from plans solved again (counterfactual.py); nothing is estimated.
"Then" is the hour asked about. Prices are held against the hours in which the part can be used at all.
"""

from __future__ import annotations

from collections.abc import Sequence

from slm_energy.plan.comparing import compare
from slm_energy.plan.schedule import Cost, Flows, Schedule
from slm_energy.site import Battery, Car, Deferrable, Room
from slm_energy.why.counterfactual import Counterfactual
from slm_energy.why.fact import Fact, fact
from slm_energy.why.parts import (
    NOTHING_KW,
    Act,
    Part,
    Span,
    allowed,
    clock,
    hours_of,
    mean,
    parts,
    power,
)

_SAME_PRICE = 1e-6
_AT_LIMIT = 0.995  # of a limit counts as reaching it


def facts_at(schedule: Schedule, part: Part, act: Act, span: Span) -> list[Fact]:
    """Return what holds at the hour in the plan: power, price, surplus, the limits that bind."""
    assert schedule.flows is not None
    found = [_doing(schedule, part, act, span), *_surplus(schedule, span)]
    at = clock(schedule.problem, span.first)
    if act == "charge" and mean(schedule.flows.buy.values, span) <= NOTHING_KW and found[0].number:
        found.append(fact("nothing_bought", time=at))  # then the price is no reason
    else:
        found += _prices(schedule, part, act, span)
    return found + _bounds(schedule, part, act, span)


def fixed_facts(schedule: Schedule, part: Part, act: Act, span: Span) -> list[Fact]:
    """Return what a safety load does at the hour, which no plan changes."""
    return [_doing(schedule, part, act, span), fact("fixed", part=part.name)]


def _doing(schedule: Schedule, part: Part, act: Act, span: Span) -> Fact:
    assert schedule.flows is not None
    kw, at = mean(power(schedule.flows, part, act), span), clock(schedule.problem, span.first)
    if kw > NOTHING_KW:
        return fact(act, kw, "kW", part=part.name, time=at)
    return fact(f"no_{act}", part=part.name, time=at)


def _prices(schedule: Schedule, part: Part, act: Act, span: Span) -> list[Fact]:
    """Price then against mean and best hour: the cheapest, for a discharging battery the dearest."""
    problem = schedule.problem
    unit, prices = f"{problem.site.currency}/kWh", problem.price.values
    hours = hours_of(problem, allowed(problem, part))
    here = mean(prices, span)
    every = [mean(prices, hour) for hour in hours]
    if not every:
        return []
    usual = sum(every) / len(every)
    at = clock(problem, span.first)
    found = [fact("price", here, unit, time=at)]
    if max(every) - min(every) < _SAME_PRICE:
        return [*found, fact("flat")]
    found.append(fact("mean_price", usual, unit))
    if usual > 0:
        gap = fact("price_gap", 100 * (here / usual - 1), "%", time=at)
        found.append(gap if gap.number else fact("same_price", time=at))
    give = act == "discharge"
    best = (max if give else min)(zip(every, hours, strict=True), key=lambda each: each[0])
    if abs(best[0] - here) < _SAME_PRICE:
        return [*found, fact("dearest" if give else "cheapest", time=at)]
    best_at = clock(problem, best[1].first)
    return [
        *found,
        fact("high_price" if give else "low_price", best[0], unit, time=best_at),
        *_rank(every, here, at, give),
    ]


def _rank(every: Sequence[float], here: float, at: str, give: bool) -> list[Fact]:
    better = sum(price > here + _SAME_PRICE if give else price < here - _SAME_PRICE for price in every)
    kind = "high_rank" if give else "rank"
    return [fact(kind, better + 1, "rank", time=at), fact("hours", len(every), "h")]


def _surplus(schedule: Schedule, span: Span) -> list[Fact]:
    """What the panels give beyond the load that is not planned."""
    problem = schedule.problem
    if max(problem.pv.values, default=0.0) <= NOTHING_KW:
        return []
    at = clock(problem, span.first)
    over = mean(
        [max(0.0, pv - load) for pv, load in zip(problem.pv.values, problem.load.values, strict=True)], span
    )
    if over > NOTHING_KW:
        return [fact("surplus", over, "kW", time=at)]
    return [fact("no_surplus", time=at)]


def _bounds(schedule: Schedule, part: Part, act: Act, span: Span) -> list[Fact]:
    site = schedule.problem.site
    if part.kind == "battery" and site.battery is not None:
        return [*_battery_bounds(schedule, site.battery, act, span), *_grid_bounds(schedule, span)]
    if part.kind == "car":
        car = next(each for each in site.cars if each.name == part.name)
        return [*_car_bounds(schedule, part, car, span), *_grid_bounds(schedule, span)]
    if part.kind == "load":
        load = next(each for each in site.deferrables if each.name == part.name)
        return [*_load_bounds(load), *_grid_bounds(schedule, span)]
    room = next(each for each in site.rooms if each.name == part.name)
    return [*_room_bounds(room), *_grid_bounds(schedule, span)]


def _battery_bounds(schedule: Schedule, battery: Battery, act: Act, span: Span) -> list[Fact]:
    assert schedule.flows is not None
    flows, problem = schedule.flows, schedule.problem
    found = []
    soc = flows.soc.values[span.last - 1]
    end = clock(problem, span.last)
    full, empty = battery.full * battery.capacity_kwh, battery.reserve * battery.capacity_kwh
    values = (flows.charge if act == "charge" else flows.discharge).values
    if act == "charge" and soc >= full - 0.01 * battery.capacity_kwh:
        found.append(fact("full", soc, "kWh", part=battery.name, time=end))
    if act == "discharge" and soc <= empty + 0.01 * battery.capacity_kwh:
        found.append(fact("empty", soc, "kWh", part=battery.name, time=end))
    most = battery.charge_kw if act == "charge" else battery.discharge_kw
    if mean(values, span) >= _AT_LIMIT * most:
        found.append(fact("at_power", most, "kW", part=battery.name))
    charging = act == "charge" and mean(values, span) > NOTHING_KW
    return found + (_later_use(schedule, battery, span) if charging else [])


def _later_use(schedule: Schedule, battery: Battery, span: Span) -> list[Fact]:
    """The hour after it in which the battery gives most, and the price it saves then."""
    assert schedule.flows is not None
    problem, values = schedule.problem, schedule.flows.discharge.values
    later = [hour for hour in hours_of(problem, [True] * len(values)) if hour.first >= span.last]
    best = max(later, key=lambda hour: mean(values, hour), default=None)
    if best is None or mean(values, best) <= NOTHING_KW:
        return []
    at = clock(problem, best.first)
    return [
        fact("later_use", mean(values, best), "kW", part=battery.name, time=at),
        fact("later_price", mean(problem.price.values, best), f"{problem.site.currency}/kWh", time=at),
    ]


def _car_bounds(schedule: Schedule, part: Part, car: Car, span: Span) -> list[Fact]:
    assert schedule.flows is not None
    found = [
        fact("need", car.needs_kwh, "kWh", part=car.name, time=f"{car.leaves:%H:%M}"),
        _stay(car),
    ]
    if mean(power(schedule.flows, part, "charge"), span) >= _AT_LIMIT * car.charge_kw:
        found.append(fact("at_power", car.charge_kw, "kW", part=car.name))
    return found


def _load_bounds(load: Deferrable) -> list[Fact]:
    found = [fact("needs_hours", load.hours, "h", part=load.name)]
    if load.earliest != load.latest:
        found.append(fact("window", part=load.name, time=f"{load.earliest:%H:%M}~{load.latest:%H:%M}"))
    return found


def _room_bounds(room: Room) -> list[Fact]:
    """The side of the band that its power works towards, and from when it must be kept."""
    side = ("keep_low", room.low) if room.mode == "heat" else ("keep_high", room.high)
    at = "" if room.from_ == room.to else f"{room.from_:%H:%M}"
    return [fact(side[0], side[1], "°C", part=room.name, time=at)]


def _grid_bounds(schedule: Schedule, span: Span) -> list[Fact]:
    assert schedule.flows is not None
    site, bought = schedule.problem.site, mean(schedule.flows.buy.values, span)
    at, found = clock(schedule.problem, span.first), []
    if site.peak_kw is not None and bought >= _AT_LIMIT * site.peak_kw:
        found.append(fact("at_peak", site.peak_kw, "kW", time=at))
    elif bought >= _AT_LIMIT * site.import_kw:
        found.append(fact("at_import", site.import_kw, "kW", time=at))
    return found


def change_facts(schedule: Schedule, change: Counterfactual, part: Part, at: str) -> list[Fact]:
    """Return what a plan solved again differs by; `at` is the hour that was forbidden or asked for."""
    unit = schedule.problem.site.currency
    asked = fact(
        change.how if change.how == "until" else f"{change.how}_{change.act}", part=part.name, time=at
    )
    if not change.solved:
        return [asked, fact("impossible")]
    cost, peak = fact("more_cost", change.cost, unit), fact("more_peak", change.peak_kw, "kW")
    found = [asked, cost if cost.number else fact("same_cost"), peak if peak.number else fact("same_peak")]
    if change.instead is not None and change.how != "until":
        found.append(fact("instead", part=part.name, time=clock(schedule.problem, change.instead.first)))
    return found


def outside_facts(schedule: Schedule, part: Part, span: Span) -> list[Fact]:
    """Return that a part cannot be used at an hour, and when it can."""
    site, found = (
        schedule.problem.site,
        [fact("outside", part=part.name, time=clock(schedule.problem, span.first))],
    )
    if part.kind == "car":
        car = next(each for each in site.cars if each.name == part.name)
        return [*found, _stay(car)]
    load = next(each for each in site.deferrables if each.name == part.name)
    return [*found, *_load_bounds(load)]


def _stay(car: Car) -> Fact:
    return fact("stay", part=car.name, time=f"{car.arrives:%H:%M}~{car.leaves:%H:%M}")


def lower_facts(schedule: Schedule, change: Counterfactual, kw: float) -> list[Fact]:
    """Return what a lower peak would cost."""
    lower = fact("lower_peak", kw, "kW")
    if not change.solved:
        return [lower, fact("lower_impossible")]
    cost = fact("lower_cost", change.cost, schedule.problem.site.currency)
    return [lower, cost if cost.number else fact("lower_same")]


def cost_facts(schedule: Schedule) -> list[Fact]:
    """Return what the plan costs against the same hours without planning, and both peaks."""
    assert schedule.cost is not None
    unit, costs = schedule.problem.site.currency, compare(schedule)
    saving = costs.saved or 0.0
    saved = fact("saving", saving, unit)
    found = [fact("cost", costs.after or 0.0, unit), fact("cost_before", costs.before, unit)]
    found.append(saved if saved.number else fact("no_saving"))
    if saved.number and costs.before > 0:
        found.append(fact("saving_share", 100 * saving / costs.before, "%", required=False))
    peak, before = fact("peak", schedule.cost.peak_kw, "kW"), schedule.cost_before.peak_kw
    return [*found, peak, fact("peak_before", before, "kW")]


def peak_facts(schedule: Schedule) -> list[Fact]:
    """Return when the plan buys most, who draws what then, and which limit or charge it meets."""
    assert schedule.flows is not None and schedule.cost is not None
    problem, site, flows = schedule.problem, schedule.problem.site, schedule.flows
    step = max(range(len(problem.load)), key=lambda each: flows.buy.values[each])
    at, span = clock(problem, step), Span(step, step + 1)
    found = [
        fact("peak", schedule.cost.peak_kw, "kW", time=at),
        fact("base_load", problem.load.values[step], "kW", time=at),
    ]
    found += _drawn_then(flows, parts(site), step, at)
    found += _surplus_then(flows, step, at)
    if site.peak_kw is not None and schedule.cost.peak_kw >= _AT_LIMIT * site.peak_kw:
        found.append(fact("at_peak", site.peak_kw, "kW", time=at))
    elif mean(flows.buy.values, span) >= _AT_LIMIT * site.import_kw:
        found.append(fact("at_import", site.import_kw, "kW", time=at))
    demand = _demand(schedule.cost, site.currency)
    return found + ([demand] if demand else [])


def _drawn_then(flows: Flows, every: Sequence[Part], step: int, at: str) -> list[Fact]:
    drawn = [
        (power(flows, part, act)[step], part, act)
        for part in every
        for act in part.acts
        if act != "discharge"
    ]
    big = sorted((each for each in drawn if each[0] > NOTHING_KW), key=lambda each: -each[0])
    return [
        fact(f"{act}:{part.name}", kw, "kW", part=part.name, time=at, required=number < 3)
        for number, (kw, part, act) in enumerate(big)
    ]


def _surplus_then(flows: Flows, step: int, at: str) -> list[Fact]:
    pv = flows.pv_used.values[step]
    return [fact("pv", pv, "kW", time=at)] if pv > NOTHING_KW else []


def _demand(cost: Cost, currency: str) -> Fact | None:
    found = fact("demand_cost", cost.demand, currency)
    return found if found.number else None
