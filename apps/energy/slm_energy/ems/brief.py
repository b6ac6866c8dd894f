"""The report of a site at work in words of code: plan, saving, peaks, faults, anomalies, answers, orders."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from slm_core.errors import SlmError
from slm_core.event import Memory
from slm_energy.ems.account import Day, accounts
from slm_energy.ems.book import METERED, Book
from slm_energy.ems.orders import orders
from slm_energy.ems.pricing import GIVEN, history_peaks, peaks_of
from slm_energy.ems.stepping import current
from slm_energy.plan.comparing import compare, peaks
from slm_energy.plan.schedule import Flows, Schedule
from slm_energy.series import Series

MOST = 8
_ON_KW = 0.05


def report(memory: Memory, lang: str) -> str:
    """Return what stands in the memory, `ko` or `en`."""
    book, words = Book(memory), brief_words(lang)
    parts = [
        [_head(book, words)],
        list(_measured(book, words)),
        list(_plan(book, words, lang)),
        list(_accounts(book, words)),
        list(_listed(words["findings"], [each[lang] for each in book.get("findings") or []], words)),
        list(_listed(words["anomalies"], [each[lang] for _, each in book.kept("anomaly/")], words)),
        list(_listed(words["requests"], list(_requests(book, words, lang)), words)),
        list(_listed(words["questions"], list(_answers(book)), words)),
        list(_listed(words["orders"], [f"{each.text}: {words[each.phase]}" for each in orders(book)], words)),
    ]
    return "\n\n".join("\n".join(lines) for lines in parts if lines)


def _head(book: Book, words: Mapping[str, str]) -> str:
    if book.site is None:
        return f"# {words['title']}\n{words['no_site']}"
    return f"# {words['title']}: {book.site.name}\n{words['tariff']}: {book.site.tariff}"


def _measured(book: Book, words: Mapping[str, str]) -> Iterator[str]:
    yield f"## {words['measured']}"
    for quantity in METERED:
        days = book.days(quantity)
        if days:
            said = words["days"].format(n=len(days), first=days[0], last=days[-1])
            yield f"- {quantity} ({', '.join(book.meters(quantity))}): {said}"


def _plan(book: Book, words: Mapping[str, str], lang: str) -> Iterator[str]:
    said, plan = book.get("plan/said"), current(book)
    yield f"## {words['plan']}"
    yield said[lang] if said else words["no_plan"]
    if plan is None or plan.flows is None or plan.cost is None:
        return
    hours = len(plan.problem.load) * plan.problem.load.hours
    yield words["start"].format(at=f"{plan.problem.start:%Y-%m-%d %H:%M}", hours=hours)
    money = plan.problem.site.currency
    costs = compare(plan)
    first, then = costs.before - costs.demand_before, (costs.after or 0.0) - costs.demand_after
    yield _pair(words, "cost", amount(first, money), amount(then, money))
    if costs.demand_before or costs.demand_after:
        yield _pair(words, "demand", amount(costs.demand_before, money), amount(costs.demand_after, money))
    peak = "peak" if plan.problem.load.hours <= 0.25 else "peak_step"
    most = peaks(plan)
    yield _pair(words, peak if most.billed else "peak_step", f"{most.before:.1f} kW", f"{most.after:.1f} kW")
    notes = [note[lang] for note in book.get("plan/notes") or []]
    yield f"- {words['source']}: {'; '.join(notes)}"
    rows = list(runs(plan, words))
    if rows:
        yield f"### {words['schedule']}"
        yield from (f"- {name}: {', '.join(spans)}" for name, spans in rows)


def _pair(words: Mapping[str, str], name: str, before: str, after: str) -> str:
    return f"- {words[name]}: {words['before']} {before}, {words['after']} {after}"


def runs(plan: Schedule, words: Mapping[str, str]) -> Iterator[tuple[str, list[str]]]:
    """Yield for each part when it draws and how much on average, in stretches."""
    flows = plan.flows
    if flows is None:
        return
    battery = plan.problem.site.battery
    named: dict[str, Series] = {}
    if battery is not None:
        part = words["battery"] if battery.name == "battery" else battery.name  # nobody gave it a name
        named[words["battery_charge"].format(part=part)] = flows.charge
        named[words["battery_discharge"].format(part=part)] = flows.discharge
    for kind in _kinds(flows):
        named |= kind
    for name, series in named.items():
        form = "%H:%M" if len(series) * series.hours <= 24 else "%m-%d %H:%M"
        spans = [f"{start:{form}}–{end:%H:%M} {kw:.1f} kW" for start, end, kw in stretches(series)]
        if spans:
            yield name, spans


def stretches(series: Series) -> Iterator[tuple[datetime, datetime, float]]:
    """Yield beginning, end and mean power of each stretch in which something runs."""
    first: int | None = None
    for number, value in enumerate((*series.values, 0.0)):
        if value > _ON_KW and first is None:
            first = number
        elif value <= _ON_KW and first is not None:
            inside = series.values[first:number]
            yield series.at(first), series.at(number), sum(inside) / len(inside)
            first = None


def _kinds(flows: Flows) -> Iterator[dict[str, Series]]:
    for kind in (flows.cars, flows.loads, flows.rooms):
        yield dict(kind)


def _accounts(book: Book, words: Mapping[str, str]) -> Iterator[str]:
    days = list(accounts(book))
    if not days or book.site is None:
        return
    before, after = sum(day.cost_before for day in days), sum(day.cost for day in days)
    money, saved = book.site.currency, before - after
    share = f"{saved / before:.1%}" if before > 0 else "-"
    yield f"## {words['accounts']}"
    yield "- " + words["saved"].format(
        n=len(days),
        before=amount(before, money),
        after=amount(after, money),
        saved=amount(saved, money),
        share=share,
    )
    yield from _demand(book, days, words)
    for month, kw in list(peaks_of(book).items())[-3:]:
        which = "month_peak" if book.site.step_minutes == 15 else "month_peak_step"
        yield f"- {words[which]} {month:%Y-%m}: {kw:.1f} kW"


def _demand(book: Book, days: Sequence[Day], words: Mapping[str, str]) -> Iterator[str]:
    """What the newest month's demand charge is as it was run, and what it would be without planning."""
    from slm_energy.tariff import TimeOfUse, billing_demand, find_tariff

    site, month = book.site, days[-1].day.replace(day=1)
    if site is None or site.tariff == GIVEN:
        return
    try:
        tariff = find_tariff(site.tariff, month)
    except SlmError:
        return
    if not isinstance(tariff, TimeOfUse):
        return
    inside = [day for day in days if day.day >= month]
    history = history_peaks(book)
    won = []
    for kw in (max(day.peak_before_kw for day in inside), max(day.peak_kw for day in inside)):
        peaks = {**history, month: max(kw, history.get(month, 0.0))}
        demand = billing_demand(peaks, site.contract_kw, month)
        won.append(
            f"{float(demand.kw):.1f} kW, {amount(float(demand.kw * tariff.demand_rate), site.currency)}"
        )
    yield f"- {words['monthly']}: {words['before']} {won[0]}; {words['as_run']} {won[1]}"


def _requests(book: Book, words: Mapping[str, str], lang: str) -> Iterator[str]:
    for _, each in book.kept("grid_event/"):
        yield f"{each['name']}: {words['accepted' if each['accept'] else 'declined']}. {each[lang]}"


def _answers(book: Book) -> Iterator[str]:
    for each in book.get("questions") or []:
        yield f"{each['text']}\n  {each['reply']}"


def _listed(title: str, lines: Sequence[str], words: Mapping[str, str]) -> Iterator[str]:
    if not lines:
        return
    yield f"## {title}"
    yield from (f"- {line}" for line in lines[-MOST:])
    if len(lines) > MOST:
        yield f"- {words['more'].format(n=len(lines) - MOST)}"


def amount(value: float, currency: str) -> str:
    """Return an amount of money as people write it: whole won, cents of others."""
    if currency in ("원", "₩", "KRW"):
        return f"{value:,.0f}원"
    return f"{value:,.2f} {currency}"


def brief_words(lang: str) -> Mapping[str, str]:
    """Return the words of the report in a language."""
    found: Mapping[str, str] = _table()["ko" if lang == "ko" else "en"]
    return found


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).with_name("brief.toml")).read_text(encoding="utf-8"))
