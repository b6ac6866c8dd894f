"""What `finetune eval` says: one object per task, language and system, as a table, as JSON, row by row."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from slm_core.domain import Task
from slm_core.files import write_atomically
from slm_finetune.measure import Measured, is_closed, languages
from slm_finetune.metrics import Interval, ItemScore, confidence, difference, per_item

LINEAR = ("tfidf", "e5")
HEAD = (
    "task", "lang", "system", "n", "metric", "value", "95% interval", "to best linear", "tokens", "ms",
    "unreadable", "base", "adapter",
)  # fmt: skip


@dataclass(frozen=True)
class Result:
    """One measured figure, with what it was measured on; `partial` where Ctrl-C came before the end."""

    domain: str
    task: str
    lang: str
    n: int
    metric: str
    value: float
    ci95: tuple[float, float]
    tokens_per_reply: float
    ms_per_reply: float
    base_sha256: str | None
    adapter_sha256: str | None
    system: str
    unreadable: int
    note: str
    partial: bool
    to_linear: Interval | None = None


@dataclass(frozen=True)
class Absent:
    """A system that could not do a task, and why."""

    task: str
    system: str
    reason: str


def results(domain: str, measured: Sequence[Measured]) -> list[Result]:
    """Return the figures of all systems on one task: over all rows and, where they are mixed, by language."""
    langs = languages(case.row for case in measured[0].cases) if measured else []
    found = _compared(domain, measured, "+".join(langs))
    if len(langs) > 1:
        for lang in langs:
            found += _compared(domain, [m.only(lang) for m in measured], lang)
    return found


def to_json(result: Result) -> str:
    """Return one line of JSON; the difference to the best linear peer only where there is one."""
    values = asdict(result)
    gap = values.pop("to_linear")
    if gap:
        values["to_linear"] = {"value": gap["value"], "ci95": [gap["low"], gap["high"]]}
    return json.dumps(values, ensure_ascii=False)


def table(found: Sequence[Result], absent: Iterable[Absent]) -> str:
    """Return the figures as aligned columns, then how each system was set up and which could not answer."""
    rows = [HEAD, *[_cells(result) for result in found]]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    notes = {f"{r.task} {r.system}: {r.note}" for r in found if r.note}
    lines += ["", *sorted(notes), *[f"{a.task} {a.system}: {a.reason}" for a in absent]]
    if any(result.partial for result in found):
        lines.append("partial: stopped by Ctrl-C; a system with fewer rows is measured on those it answered")
    return "\n".join(lines)


def item_table(measured: Measured) -> str:
    """Return precision, recall and F1 by item; by kind of item (`dead`, `place`) where values are open."""
    lines = [
        f"{measured.task.name} {measured.system.name}",
        f"{'item':<24} {'n':>5} {'prec.':>6} {'recall':>6} {'F1':>6}",
    ]
    lines += [
        f"{s.item[:24]:<24} {s.support:>5} {s.precision:>6.3f} {s.recall:>6.3f} {s.f1:>6.3f}"
        for s in item_scores(measured)
    ]
    return "\n".join(lines)


def item_scores(measured: Measured) -> list[ItemScore]:
    """Return the scores behind `item_table`."""
    whole = is_closed(measured.task)
    return per_item(measured.gold, measured.predicted, str if whole else lambda item: item.partition("=")[0])


def write_predictions(path: Path, measured: Iterable[Measured]) -> None:
    """Write id, gold and predicted items of every row and system as JSONL, to compare runs later."""
    lines = [line for m in measured for line in _prediction_lines(m)]
    write_atomically(path, "".join(f"{line}\n" for line in lines).encode())


def _prediction_lines(measured: Measured) -> Iterable[str]:
    for case, answer in zip(measured.cases, measured.answers, strict=True):
        predicted = None if answer.items is None else sorted(answer.items)
        line: dict[str, Any] = {"id": case.row.id, "task": measured.task.name, "lang": case.row.lang}
        line |= {"system": measured.system.name, "gold": sorted(case.gold), "predicted": predicted}
        yield json.dumps(line, ensure_ascii=False)


def _compared(domain: str, measured: Sequence[Measured], lang: str) -> list[Result]:
    answered = [m for m in measured if m.answers]
    linear = [m for m in answered if m.system.name in LINEAR and not m.partial]
    peer = max(linear, key=lambda m: confidence(m.counts, m.task.metric).value, default=None)
    return [_result(domain, m, lang, peer) for m in answered]


def _result(domain: str, measured: Measured, lang: str, peer: Measured | None) -> Result:
    task, system, n = measured.task, measured.system, len(measured.answers)
    figure = confidence(measured.counts, task.metric)
    return Result(
        domain, task.name, lang, n, task.metric, figure.value, (figure.low, figure.high),
        sum(answer.tokens for answer in measured.answers) / n,
        sum(answer.ms for answer in measured.answers) / n,
        system.base_sha256, system.adapter_sha256, system.name, measured.predicted.count(None), system.note,
        measured.partial, _gap(task, measured, peer),
    )  # fmt: skip


def _gap(task: Task, measured: Measured, peer: Measured | None) -> Interval | None:
    if peer is None or measured is peer:
        return None
    return difference(measured.counts, peer.counts[: len(measured.answers)], task.metric)


def _cells(result: Result) -> tuple[str, ...]:
    gap = result.to_linear
    difference_ = f"{gap.value:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}]" if gap else "-"
    return (
        result.task, result.lang, result.system, str(result.n), result.metric, f"{result.value:.3f}",
        f"[{result.ci95[0]:.3f}, {result.ci95[1]:.3f}]", difference_, f"{result.tokens_per_reply:.1f}",
        f"{result.ms_per_reply:.0f}", str(result.unreadable), _short(result.base_sha256),
        _short(result.adapter_sha256),
    )  # fmt: skip


def _short(sha256: str | None) -> str:
    return sha256[:8] if sha256 else "-"
