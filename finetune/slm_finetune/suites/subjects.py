"""Letter questions of one subject each: what MMLU and KMMLU have in common."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path

from slm_core.errors import UserError
from slm_finetune.suites.figures import Figure, Pairs, accuracy, mean_accuracy
from slm_finetune.suites.scoring import Answer

LETTERS = ("A", "B", "C", "D")
OPTIONS = tuple(f" {letter}" for letter in LETTERS)
SHOTS = 5


def categories(table: str) -> dict[str, str]:
    """Return the category of each subject, from a table of ours."""
    text = files("slm_finetune.suites").joinpath(table).read_text(encoding="utf-8")
    return {row["subject"]: row["category"] for row in csv.DictReader(text.splitlines())}


def lettered(question: str, options: Sequence[str], cue: str) -> str:
    """Return question, options and the cue that the letter follows, a line each."""
    lines = [f"{letter}. {option}" for letter, option in zip(LETTERS, options, strict=True)]
    return "\n".join([question, *lines, cue])


def first(examples: Sequence[str], shots: int, where: Path) -> tuple[str, ...]:
    """Return the first `shots` examples.

    Raises:
        UserError: there are not as many.
    """
    if shots > len(examples):
        raise UserError(f"{len(examples)} examples", where=where, expected=f"{shots}", mend="--shots")
    return tuple(examples[:shots])


def by_category(of: Mapping[str, str]) -> Callable[[Sequence[Answer]], list[Figure]]:
    """Return the figures of a suite: subjects, categories, mean of the subjects, and all questions."""

    def figures(answers: Sequence[Answer]) -> list[Figure]:
        subjects: dict[str, list[tuple[int, int | None]]] = {}
        for answer in answers:
            subjects.setdefault(answer.question.group, []).append((answer.question.answer, answer.predicted))
        parts: dict[str, list[tuple[int, int | None]]] = {}
        for subject, pairs in subjects.items():
            parts.setdefault(of[subject], []).extend(pairs)
        everything: Pairs = [pair for pairs in subjects.values() for pair in pairs]
        found = [Figure(name, "accuracy", len(pairs), accuracy(pairs)) for name, pairs in subjects.items()]
        found += [
            Figure(name, "accuracy", len(pairs), accuracy(pairs)) for name, pairs in sorted(parts.items())
        ]
        mean = mean_accuracy(subjects)
        found.append(Figure(f"mean of {len(subjects)} subjects", "accuracy", len(everything), mean))
        return [*found, Figure("all", "accuracy", len(everything), accuracy(everything))]

    return figures
