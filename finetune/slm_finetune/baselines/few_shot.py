"""The base without adapter, told what to do and shown 0 or 4 examples: whichever does better on dev rows."""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from itertools import zip_longest

from slm_core.domain import Task
from slm_core.engine.contract import Engine
from slm_finetune.measure import Case, measure
from slm_finetune.metrics import score
from slm_finetune.model_answers import Base

EXAMPLES = 4
WITH_ITEMS = 2
CHOOSING_ROWS = 60
SEED = 0


def best_few_shot(engine: Engine, task: Task, train: Sequence[Case], dev: Sequence[Case]) -> Base:
    """Return few-shot with 0 or with 4 examples, chosen on at most 60 dev rows.

    Args:
        engine: its base is asked.
        task: what is asked.
        train: where the examples come from.
        dev: rows to choose on; where there are none, training rows that are no examples.
    """
    examples = pick_examples(train)
    rows = dev or [case for case in train if case not in examples]
    rows = random.Random(SEED).sample(list(rows), min(len(rows), CHOOSING_ROWS))
    candidates = [Base("few-shot", engine, task), Base("few-shot", engine, task, examples)]
    values = [score(measure(task, candidate, rows).counts, task.metric) for candidate in candidates]
    figures = ", ".join(f"{c.note} {v:.3f}" for c, v in zip(candidates, values, strict=True))
    print(
        f"{task.name} few-shot on {len(rows)} {'dev' if dev else 'train'} rows: {figures}",
        file=sys.stderr,
        flush=True,
    )
    return candidates[values.index(max(values))]


def pick_examples(train: Sequence[Case]) -> list[Case]:
    """Return up to 4 seeded training rows: 2 with items, 2 without where there are such, else all with items.

    None is longer than the median, and each brings a new language or new items where it can. Those without
    items and those with them alternate, for a small model tends to repeat the last answers.
    """
    if not train:
        return []
    median = sorted(len(case.row.user) for case in train)[len(train) // 2]
    short = [case for case in train if len(case.row.user) <= median]
    random.Random(SEED).shuffle(short)
    without = _varied([case for case in short if not case.gold], EXAMPLES - WITH_ITEMS)
    having = _varied([case for case in short if case.gold], EXAMPLES - len(without))
    return [case for pair in zip_longest(having, without) for case in pair if case is not None]


def _varied(cases: Sequence[Case], wanted: int) -> list[Case]:
    picked: list[Case] = []
    left = list(cases)
    while left and len(picked) < wanted:
        langs = {case.row.lang for case in picked}
        items = frozenset().union(*(case.gold for case in picked))
        # `max` takes the first of equals, so the seeded order decides.
        best = max(left, key=lambda case: (case.row.lang not in langs, not case.gold & items))
        picked.append(best)
        left.remove(best)
    return picked
