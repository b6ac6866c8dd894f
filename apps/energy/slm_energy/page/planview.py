"""The plan in force: what it costs and its peak beside no planning, charts, and when each part runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from html import escape

from slm_core.ui.lines import Limit, Line, lines
from slm_energy.ems.brief import brief_words, runs
from slm_energy.page.room import Snapshot
from slm_energy.page.shown import empty, figure, heading, listed, quiet, section, table
from slm_energy.page.words import Words
from slm_energy.plan.comparing import peaks
from slm_energy.plan.schedule import Flows, Schedule
from slm_energy.series import Series

_KINDS = {"optimal": "slm-ready", "feasible": "slm-ready", "fallback": "slm-warning"}
_NEAR = 1.4  # a limit farther above all that is drawn would only press the lines flat


def plan_view(snapshot: Snapshot, words: Words) -> str:
    """Return the plan as HTML, or what is missing for one."""
    if snapshot.site is None:
        return empty(words["no_site"])
    parts = [_standing(snapshot, words)]
    plan = snapshot.plan
    if plan is None or plan.flows is None:
        return section(*parts, empty(words["no_plan"]), _requests(snapshot, words))
    hours = len(plan.problem.load) * plan.problem.load.hours
    span = words["span"].format(at=words.clock(plan.problem.start), hours=hours)
    parts += [quiet(span), figures(plan, words), *charts(plan, words, snapshot.now), schedule(plan, words)]
    parts += [_requests(snapshot, words), _sources(snapshot.notes, words)]
    return section(*parts)


def _standing(snapshot: Snapshot, words: Words) -> str:
    """Say how the planning stands, and what the guard of the peak advises."""
    lang, said = words.lang, snapshot.said
    told = ""
    if said:
        kind = _KINDS.get(said["status"], "slm-fault")
        told = f'<p class="{kind}" role="status">{escape(said[lang])}</p>'
    if snapshot.asked is not None:
        told += quiet(words["ask_why"])
    guard = snapshot.guard
    if guard:
        told += f'<p class="slm-guard slm-severity-{int(guard["severity"])}">{escape(guard[lang])}</p>'
    return told


def figures(plan: Schedule, words: Words) -> str:
    """Return cost, peak and energy from the grid, each beside the same hours without planning."""
    assert plan.cost is not None and plan.flows is not None
    money, before, after = plan.problem.site.currency, plan.cost_before, plan.cost
    peak, found = "peak" if plan.problem.load.hours <= 0.25 else "peak_step", peaks(plan)
    cards = [
        _figure(words["cost"], before.total, after.total, money, words),
        _figure(words[peak], found.before, found.after, "kW", words),
        _figure(words["bought"], energy(plan.before.buy), energy(plan.flows.buy), "kWh", words),
    ]
    seen = plan.problem.peak_so_far_kw
    note = words["peak_so_far"].format(kw=words.amount(seen, "kW")) if seen else ""
    light = "" if found.billed else words["peak_unbilled"]
    return f'<div class="slm-figures">{"".join(cards)}</div>{quiet(note)}{quiet(light)}'


def _figure(title: str, before: float, after: float, unit: str, words: Words) -> str:
    kind = "" if abs(after - before) < 0.05 else "slm-less" if after < before else "slm-more"
    told = f"{words['without']} {words.amount(before, unit)}"
    return figure(
        title, words.amount(after, unit), told, words.amount(after - before, unit, signed=True), kind
    )


def energy(series: Series) -> float:
    """Return the kWh of a power."""
    return sum(series.values) * series.hours


def charts(plan: Schedule, words: Words, now: datetime | None) -> Iterator[str]:
    """Yield what is expected, what is bought, and what each part does."""
    assert plan.flows is not None
    problem, flows = plan.problem, plan.flows
    load = problem.load
    expected = [
        Line(words["load"], load.values, 0, filled=True),
        Line(words["pv"], problem.pv.values, 1),
        Line(words["price"], problem.price.values, 4, right=True),
    ]
    rate = f"{words.of('money', problem.site.currency)}/kWh"
    yield heading(words["chart_expected"])
    yield lines(words["chart_expected"], load.start, load.step, expected, unit="kW", right_unit=rate, now=now)
    yield heading(words["chart_grid"])
    grid = [Line(words["after"], net(flows), 5, filled=True), Line(words["before"], net(plan.before), 4)]
    if problem.site.battery is not None:
        grid.append(Line(words["charge"], flows.soc.values, 2, right=True))
    limits = _limits(plan, [value for line in grid if not line.right for value in line.values], words)
    yield lines(
        words["chart_grid"], load.start, load.step, grid, unit="kW", right_unit="kWh", limits=limits, now=now
    )
    parts = list(_parts(plan, words))
    if parts:
        yield heading(words["chart_parts"])
        yield lines(words["chart_parts"], load.start, load.step, parts, unit="kW", now=now)


def net(flows: Flows) -> list[float]:
    """Return kW from the grid, below zero where it is fed in."""
    return [buy - sell for buy, sell in zip(flows.buy.values, flows.sell.values, strict=True)]


def _limits(plan: Schedule, drawn: Sequence[float], words: Words) -> list[Limit]:
    site, most = plan.problem.site, max(drawn, default=0.0)
    known = [("peak_limit", site.peak_kw), ("import_limit", site.import_kw)]
    return [
        Limit(kw, words[name].format(kw=words.amount(kw, "kW")))
        for name, kw in known
        if kw is not None and kw <= _NEAR * max(most, 1.0)
    ]


def _parts(plan: Schedule, words: Words) -> Iterator[Line]:
    """The battery (charging above zero, discharging below), then cars, loads and rooms."""
    assert plan.flows is not None
    flows, battery = plan.flows, plan.problem.site.battery
    named: dict[str, Sequence[float]] = {}
    if battery is not None:
        pairs = zip(flows.charge.values, flows.discharge.values, strict=True)
        plain = brief_words(words.lang)["battery"]
        name = plain if battery.name == "battery" else battery.name
        named[f"{name} ({words['sign']})"] = [into - out for into, out in pairs]
    for kind in (flows.cars, flows.loads, flows.rooms):
        named |= {name: series.values for name, series in kind.items()}
    for look, (name, values) in enumerate(named.items()):
        yield Line(name, values, look)


def schedule(plan: Schedule, words: Words) -> str:
    """Return when each part runs and with how much."""
    rows = [(name, ", ".join(spans)) for name, spans in runs(plan, brief_words(words.lang))]
    if not rows:
        return ""
    shown = table((words["part"], words["when"]), rows, numbers_from=2)
    return heading(words["schedule"]) + shown


def _requests(snapshot: Snapshot, words: Words) -> str:
    """What the grid operator asked for, newest first, and what was answered."""
    if not snapshot.requests:
        return ""
    zone = snapshot.now.tzinfo
    rows = [
        (
            each["name"],
            _span(each, zone, words),
            words["accepted" if each["accept"] else "declined"],
            each[words.lang],
        )
        for each in reversed(snapshot.requests)
    ]
    header = tuple(words[name] for name in ("request", "when", "answer", "reason"))
    return heading(words["requests"]) + table(header, rows, numbers_from=4)


def _span(request: Mapping[str, str | None], zone: tzinfo | None, words: Words) -> str:
    first, last = (
        datetime.fromisoformat(at).astimezone(zone) if at else None
        for at in (request["start"], request["end"])
    )
    if first and last and first.date() == last.date():
        return f"{words.clock(first)}–{last:%H:%M}"
    return "–".join(words.clock(at) if at else "" for at in (first, last))


def _sources(notes: Sequence[Mapping[str, str]], words: Words) -> str:
    if not notes:
        return ""
    said = listed(note[words.lang] for note in notes)
    return f"<details><summary>{escape(words['sources'])}</summary>{said}</details>"
