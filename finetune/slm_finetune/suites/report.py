"""What `finetune eval --suite` says: a table with what was measured on what, or one JSON object a figure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from slm_finetune.suites.figures import Figure
from slm_finetune.suites.published import published
from slm_finetune.suites.scoring import Answer

_SHORT = 20  # figures that a table shows without --items
HEAD = ("group", "n", "metric", "value", "95% interval")


@dataclass(frozen=True)
class Asked:
    """What was measured: a file, and the way it was asked.

    Args:
        suite: its name.
        split: of the questions.
        model: catalog name or file.
        sha256: of the file.
        quantization: as the file's head names it.
        form: prompt and likelihood.
        shots: examples before each question.
        drawn: questions that were to be answered.
        there: questions that the folder holds.
        seed: of the sample.
    """

    suite: str
    split: str
    model: str
    sha256: str
    quantization: str
    form: str
    shots: int
    drawn: int
    there: int
    seed: int

    def lines(self, answered: int) -> list[str]:
        """Return the head of the table."""
        sampled = self.drawn < self.there
        of = f"{self.drawn} of {self.there} questions" if sampled else f"{self.there} questions"
        part = f"{answered} answered of " if answered < self.drawn else ""
        drawn = f" (a sample within groups, seed {self.seed})" if sampled else ""
        return [
            f"{self.suite} {self.split}: {part}{of}{drawn}",
            f"asked: {self.form}; {self.shots} examples",
            f"model: {self.model}, {self.quantization} (sha256 {self.sha256[:12]})",
        ]


def table(run: Asked, figures: Sequence[Figure], answers: Sequence[Answer], groups: bool) -> str:
    """Return head, figures and notes; `groups` also shows those of single subjects."""
    shown = figures if groups else [f for f in figures if not _single(f, answers) or len(figures) < _SHORT]
    rows = [HEAD, *[_cells(figure) for figure in shown]]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD))]
    body = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*run.lines(len(answers)), "", *body, "", *notes(run, answers)])


def notes(run: Asked, answers: Sequence[Answer]) -> list[str]:
    """Return what the figures do not say: time, what did not fit, what others published."""
    seconds = sum(answer.ms for answer in answers) / 1000
    lines = [f"{seconds / len(answers):.2f} s a question, {seconds / 60:.1f} min in all"]
    if cut := sum(answer.dropped > 0 for answer in answers):
        lines.append(f"{cut} prompts were too long and lost examples at the front")
    if lost := sum(answer.predicted is None for answer in answers):
        lines.append(f"{lost} questions did not fit at all and count as wrong")
    lines += [f"published: {p.value:g} {p.what} ({p.source})" for p in published(run.suite, run.model)]
    return lines


def to_json(run: Asked, figure: Figure, partial: bool) -> str:
    """Return one figure as a line."""
    value: dict[str, Any] = {
        "suite": run.suite,
        "split": run.split,
        "group": figure.group,
        "metric": figure.metric,
        "n": figure.n,
        "value": figure.value.value,
        "ci95": [figure.value.low, figure.value.high],
        "shots": run.shots,
        "asked": run.drawn,
        "there": run.there,
        "seed": run.seed,
        "model": run.model,
        "model_sha256": run.sha256,
        "quantization": run.quantization,
        "form": run.form,
        "partial": partial,
    }
    return json.dumps(value, ensure_ascii=False)


def _single(figure: Figure, answers: Sequence[Answer]) -> bool:
    return any(answer.question.group == figure.group for answer in answers)


def _cells(figure: Figure) -> tuple[str, ...]:
    value = figure.value
    interval = f"[{value.low:.3f}, {value.high:.3f}]"
    return figure.group, str(figure.n), figure.metric, f"{value.value:.3f}", interval
