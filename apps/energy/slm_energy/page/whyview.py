"""How a reason is shown: its sentences, the facts behind them, and what could be relaxed."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from slm_energy.page.shown import heading, quiet, section, table
from slm_energy.page.words import Words
from slm_energy.why.conflict import Conflict
from slm_energy.why.explaining import Reason
from slm_energy.why.fact import Fact
from slm_energy.why.reply import limit_name

ALL = "all"  # the choice that stands for the smallest relaxation as a whole


def reason_view(reason: Reason, words: Words) -> str:
    """Return a reply: its words, then every fact that was computed for it."""
    told = "".join(f"<p>{escape(each.text)}</p>" for each in reason.sentences)
    facts = ""
    if reason.facts:
        known = {limit.id: limit for limit in reason.conflict.limits} if reason.conflict else {}
        limits = {id: limit_name(limit, words.lang) for id, limit in known.items()}
        rows = [_fact(each, limits, words) for each in reason.facts]
        header = tuple(words[name] for name in ("fact", "part", "when", "value"))
        shown = table(header, rows, numbers_from=3)
        summary = escape(f"{words['facts']} {len(rows)}")
        facts = f"<details open><summary>{summary}</summary>{shown}</details>"
    return section(
        heading(words["answer"]), f'<div class="slm-reply">{told}</div>', facts, quiet(words["by_code"])
    )


def _fact(fact: Fact, limits: Mapping[str, str], words: Words) -> tuple[str, ...]:
    name, limit = words.of("fact_kind", fact.kind), limits.get(fact.id.partition(":")[2])
    name += f" ({limit})" if limit else ""
    number = "" if fact.number is None else words.amount(fact.number, fact.unit)
    return name, fact.part, fact.time, number


def choices(conflict: Conflict | None, words: Words) -> list[tuple[str, str]]:
    """Return what could be relaxed, as labels and values: the smallest of all, then each limit alone."""
    if conflict is None:
        return []
    known = {limit.id: limit for limit in conflict.limits}

    def label(amounts: dict[str, float]) -> str:
        parts = [
            f"{limit_name(known[name], words.lang)} "
            f"{'+' if known[name].relax == 'raise' else '−'}{words.amount(amount, known[name].unit)}"
            for name, amount in amounts.items()
            if name in known
        ]
        return ", ".join(parts)

    found = []
    if conflict.relaxation:
        found.append((f"{words['smallest']}: {label(dict(conflict.relaxation))}", ALL))
    for name, amount in conflict.alone.items():
        if amount is not None and dict(conflict.relaxation) != {name: amount}:
            found.append((f"{words['alone']}: {label({name: amount})}", name))
    return found


def amounts_of(conflict: Conflict, choice: str) -> dict[str, float]:
    """Return by limit what a choice relaxes; empty where the choice is none of the conflict's."""
    if choice == ALL:
        return dict(conflict.relaxation)
    amount = conflict.alone.get(choice)
    return {} if amount is None else {choice: amount}
