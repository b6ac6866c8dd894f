"""A question with options, the prompt that asks it, and how a seeded sample is drawn."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random


@dataclass(frozen=True)
class Question:
    """One question.

    Args:
        group: subject or task.
        text: of the question, up to where the answer begins.
        options: the continuations that are compared, with the blank before them.
        answer: index of the right one.
        intro: what stands before everything.
        examples: solved questions between intro and text; the front ones are dropped where all is too long.
    """

    group: str
    text: str
    options: tuple[str, ...]
    answer: int
    intro: str = ""
    examples: tuple[str, ...] = ()

    def prompt(self, dropped: int = 0) -> str:
        """Return the text that the model reads, without the first `dropped` examples."""
        return self.intro + "".join(self.examples[dropped:]) + self.text

    @cached_property
    def id(self) -> str:
        """Group and a digest of what is asked (not of the key): an answer kept under it stays right."""
        asked = "\x00".join((self.prompt(), *self.options))
        return f"{self.group}-{hashlib.sha256(asked.encode()).hexdigest()[:12]}"


def sample(questions: Sequence[Question], limit: int, seed: int) -> list[Question]:
    """Return `limit` questions, drawn within each group, in the given order; 0 takes all.

    Every group gives its share of the limit, and at least one question where the limit allows.
    """
    if not limit or limit >= len(questions):
        return list(questions)
    random, groups = Random(seed), dict[str, list[int]]()
    for i, question in enumerate(questions):
        groups.setdefault(question.group, []).append(i)
    take = _shares({group: len(members) for group, members in groups.items()}, limit)
    chosen = [i for group, members in groups.items() for i in random.sample(members, take[group])]
    return [questions[i] for i in sorted(chosen)]


def _shares(sizes: Mapping[str, int], limit: int) -> dict[str, int]:
    """Whole numbers that sum to `limit`, as near to the proportional shares as at least one each allows."""
    total = sum(sizes.values())
    due = {group: limit * size / total for group, size in sizes.items()}
    largest = sorted(sizes, key=lambda group: -sizes[group])[:limit]
    take = {group: max(1, int(due[group])) if group in largest else 0 for group in sizes}
    while (left := limit - sum(take.values())) != 0:
        movable = [group for group in largest if left > 0 or take[group] > 1]
        best = max(movable, key=lambda group: (due[group] - take[group]) * left)
        take[best] += 1 if left > 0 else -1
    return take
