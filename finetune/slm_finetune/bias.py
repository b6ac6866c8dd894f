"""The decision bias: how ready an expert is to end a list, learnt on dev rows.

Greedy decoding writes an item where it is more likely than not. Micro-F1 already gains by an item whose
chance is above half of the F1 reached (Lipton and others 2014), so the best list is longer. One logit bias on
the task's stop words moves that balance, and costs nothing to run. It is chosen on dev rows only, never on
those that are reported.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence

from slm_core.domain import Task
from slm_core.engine.contract import Engine
from slm_core.errors import UserError
from slm_finetune.measure import Case, measure
from slm_finetune.metrics import score
from slm_finetune.model_answers import Expert

VALUES = (0.0, -0.5, -1.0, -1.5, -2.0, -2.5)
ROWS = 400
SEED = 0
Curve = dict[float, float]


def sweep(engine: Engine, task: Task, adapter: str, dev: Sequence[Case]) -> Curve:
    """Return the metric of each bias on at most 400 seeded dev rows, and print it on stderr.

    It ends early once two stronger biases in a row were worse than the best: the curve has one hill.

    Raises:
        UserError: the task has no stop words, or there are no dev rows.
    """
    if not task.stop_words:
        raise UserError(
            f"task {task.name} has no stop words to bias",
            where="--tune",
            expected="a task whose reply is a list",
        )
    if not dev:
        raise UserError(
            f"no dev rows of task {task.name}", where="--tune", expected="dev.jsonl beside the training rows"
        )
    rows = random.Random(SEED).sample(list(dev), min(len(dev), ROWS))
    curve: Curve = {}
    for bias in VALUES:
        curve[bias] = score(measure(task, Expert(engine, task, adapter, bias), rows).counts, task.metric)
        print(
            f"{task.name} bias {bias:+.1f}: {task.metric} {curve[bias]:.4f} on {len(rows)} dev rows",
            file=sys.stderr,
            flush=True,
        )
        last = list(curve.values())[-2:]
        if len(curve) > 2 and max(last) < max(curve.values()):
            break
    return curve


def best(curve: Curve) -> float:
    """Return the best bias; of equals the one nearest to none."""
    return max(curve, key=lambda bias: (curve[bias], -abs(bias)))
