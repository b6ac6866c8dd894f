"""The plan of a day ahead as a document, in one language."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slm_core.report.document import Block, Bullets, Document, Heading, Picture, Table, Text
from slm_core.report.drawing import Drawing, Stroke, Words
from slm_energy.ems.brief import amount, brief_words, runs
from slm_energy.plan.comparing import Comparison, compare, peaks
from slm_energy.plan.safe import failed
from slm_energy.plan.schedule import Cost, Schedule

if TYPE_CHECKING:
    from slm_energy.daily.batch import Day

MOST_FINDINGS = 40
_WIDTH, _HEIGHT, _EDGE = 640.0, 220.0, 30.0
_LINES = (("load", "#2563eb"), ("pv", "#d97706"), ("buy", "#dc2626"))


def document(day: Day, lang: str) -> Document:
    """Return the report of a day."""
    words = _words()[lang]
    blocks = [*_summary(day, words, lang), *_plan(day, words, lang), *_readings(day, words, lang)]
    if day.notes:
        blocks += [Heading(words["sources"]), Bullets([note[lang] for note in day.notes])]
    title = words["title"].format(site=day.site.name)
    return Document(title, lang, (*blocks, Text(words["made"], quiet=True)))


def _summary(day: Day, words: Mapping[str, str], lang: str) -> Iterator[Block]:
    yield Heading(words["summary"])
    plan, money = day.plan, day.site.currency
    if plan is None:
        assert day.refused is not None
        yield Text(words["none"].format(why=day.refused.of(lang)))
        return
    hours = len(plan.problem.load) * plan.problem.load.hours
    lines = [words["start"].format(at=f"{plan.problem.start:%Y-%m-%d %H:%M}", hours=hours)]
    if plan.cost is None:
        lines.append(words["none"].format(why=failed(plan).of(lang)))
        lines += [words["conflict"].format(said=said) for said in _conflict(plan, lang)]
    else:
        found = compare(plan)
        first, then = found.before - found.demand_before, (found.after or 0.0) - found.demand_after
        costs = {
            "before": amount(first, money),
            "after": amount(then, money),
            "saved": amount(first - then, money),
        }
        lines.append(words["cost"].format(**costs))
        if found.demand_before or found.demand_after:
            monthly = {
                "before": amount(found.demand_before, money),
                "after": amount(found.demand_after, money),
            }
            lines.append(words["monthly"].format(**monthly))
        found_peaks = peaks(plan)
        lines.append(words["peak"].format(before=found_peaks.before, after=found_peaks.after))
    yield Bullets(lines)


def _amounts(money: str, **figures: float) -> dict[str, str]:
    return {name: amount(value, money) for name, value in figures.items()}


def _conflict(plan: Schedule, lang: str) -> Iterator[str]:
    if plan.status == "infeasible":
        from slm_energy.why.explaining import explain

        yield explain(
            "왜 안 돼?" if lang == "ko" else "why is there no plan?", plan, "ko" if lang == "ko" else "en"
        ).text


def _plan(day: Day, words: Mapping[str, str], lang: str) -> Iterator[Block]:
    plan = day.plan
    if plan is None or plan.flows is None or plan.cost is None:
        return
    yield Picture(_drawing(plan, words), words["picture"])
    yield Heading(words["table"])
    yield _costs(plan.cost_before, plan.cost, compare(plan), day.site.currency, words)
    rows = [(name, ", ".join(spans)) for name, spans in runs(plan, brief_words(lang))]
    if rows:
        yield Heading(words["schedule"])
        yield Table((words["part"], words["when"]), rows, numbers_from=2)


def _costs(before: Cost, after: Cost, found: Comparison, money: str, words: Mapping[str, str]) -> Table:
    figures = [
        (name, sign * getattr(before, name), sign * getattr(after, name))
        for name, sign in (("energy", 1), ("export", -1), ("wear", 1), ("demand", 1))
    ]
    figures.append(("left", -found.credit_before, -found.credit_after))
    rows = [(words[name], amount(b, money), amount(a, money)) for name, b, a in figures if b or a]
    rows.append((words["total"], amount(found.before, money), amount(found.after or 0.0, money)))
    return Table((words["item"], words["before"], words["after"]), rows, total=True)


def _readings(day: Day, words: Mapping[str, str], lang: str) -> Iterator[Block]:
    yield Heading(words["readings"])
    header = tuple(words[name] for name in ("file", "quantity", "rows", "span", "missing"))
    rows = [
        (
            name, quantity, f"{one.used:,}/{one.rows:,}",
            f"{one.series.start:%Y-%m-%d %H:%M} – {one.series.end:%Y-%m-%d %H:%M}",
            f"{one.series.missing / max(1, len(one.series)):.1%}",
        )
        for name, quantity, one in day.metered
    ]  # fmt: skip
    yield Table(header, rows, numbers_from=4)
    found = [f"{name}: {each.line(lang)}" for name, _, one in day.metered for each in one.findings]
    yield Heading(words["findings"])
    yield Bullets(found[:MOST_FINDINGS] or [words["no_findings"]])
    if len(found) > MOST_FINDINGS:
        yield Text(words["more"].format(n=len(found) - MOST_FINDINGS), quiet=True)


def _drawing(plan: Schedule, words: Mapping[str, str]) -> Drawing:
    assert plan.flows is not None
    drawn = {"load": plan.problem.load.values, "pv": plan.problem.pv.values, "buy": plan.flows.buy.values}
    top = max(1e-9, *(max(values) for values in drawn.values()))
    shapes: list[Any] = []
    for number, (name, colour) in enumerate(_LINES):
        points = _stairs(drawn[name], top)
        shapes += [Stroke(*one, *two, colour) for one, two in pairwise(points)]
        shapes.append(Words(_EDGE + 110.0 * number, 12.0, words[name], size=11.0, colour=colour))
    for hour in range(0, 25, 6):
        step = round(hour / plan.problem.load.hours)
        if step <= len(plan.problem.load):
            x = _x(step, len(plan.problem.load))
            shapes.append(
                Words(x, _HEIGHT - 4, f"{plan.problem.load.at(step):%H:%M}", size=10.0, anchor="middle")
            )
    shapes.append(Words(2.0, 24.0, f"{top:.0f} kW", size=10.0))
    return Drawing(_WIDTH, _HEIGHT, tuple(shapes), words["picture"])


def _stairs(values: Sequence[float], top: float) -> tuple[tuple[float, float], ...]:
    floor, room = _HEIGHT - 18, _HEIGHT - 18 - 28
    return tuple(
        (_x(number + edge, len(values)), floor - max(0.0, value) / top * room)
        for number, value in enumerate(values)
        for edge in (0, 1)
    )


def _x(number: int, count: int) -> float:
    return _EDGE + number / max(1, count) * (_WIDTH - 2 * _EDGE)


@cache
def _words() -> dict[str, dict[str, str]]:
    return tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
