"""Every system of a plan on every task of its rows."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from slm_core.domain import Task
from slm_core.engine.contract import Engine
from slm_core.errors import UserError
from slm_core.expert_file import learnt_tasks
from slm_core.files import sha256_of
from slm_finetune.cases import read_cases
from slm_finetune.learnt import unseen
from slm_finetune.measure import Case, Interrupted, Measured, NotApplicable, System, measure
from slm_finetune.model_answers import Base, Expert, Served
from slm_finetune.plan import ASKING, LEARNING, ORDER, Plan
from slm_finetune.report import Absent, write_predictions


@dataclass
class Outcome:
    """What was measured so far, by task; `stopped` once Ctrl-C came. `biases` are those that were tuned."""

    measured: dict[str, list[Measured]] = field(default_factory=dict)
    absent: list[Absent] = field(default_factory=list)
    biases: dict[str, float] = field(default_factory=dict)
    stopped: bool = False


@dataclass(frozen=True)
class _Sides:
    """The rows of one task: to answer, to learn from, to choose on."""

    cases: Sequence[Case]
    train: Sequence[Case]
    dev: Sequence[Case]


def compare(plan: Plan) -> Outcome:
    """Measure all systems; Ctrl-C ends it early and the outcome says so.

    Raises:
        UserError: rows that the domain cannot read, no rows that were asked for, rows that a baseline has
            learnt from, or none that the adapter has not.
    """
    tasks = _tasks(plan)
    sides = {task.name: _sides(plan, task) for task in tasks}
    outcome = Outcome()
    with _engine(plan) as engine:
        try:
            for task in tasks:
                _measure_task(plan, task, sides[task.name], engine, outcome)
        except Interrupted as stop:
            outcome.measured.setdefault(stop.measured.task.name, []).append(stop.measured)
            outcome.stopped = True
        except KeyboardInterrupt:
            outcome.stopped = True
    return outcome


def keep(plan: Plan, outcome: Outcome, out: Path | None) -> None:
    """Write the tuned biases into the adapter, and the predictions where a file was named."""
    from slm_finetune.adapter_gguf import set_metadata

    if plan.adapter and any(
        plan.adapter.bias.get(task, 0.0) != bias for task, bias in outcome.biases.items()
    ):
        set_metadata(plan.adapter.path, {f"slm.bias.{task}": bias for task, bias in outcome.biases.items()})
        _rename_adapter(outcome, plan.adapter.sha256, sha256_of(plan.adapter.path))
    if out:
        write_predictions(out, [m for group in outcome.measured.values() for m in group])


def _rename_adapter(outcome: Outcome, old: str, new: str) -> None:
    """The file that gives these answers from now on has another sha256: the bias is in it."""
    for measured in (m for group in outcome.measured.values() for m in group):
        if measured.system.adapter_sha256 == old:
            measured.system.adapter_sha256 = new


def _measure_task(plan: Plan, task: Task, sides: _Sides, engine: Engine | None, outcome: Outcome) -> None:
    done = outcome.measured.setdefault(task.name, [])
    for name in plan.systems:
        try:
            system = _system(name, plan, task, sides, engine, outcome)
        except NotApplicable as reason:
            outcome.absent.append(Absent(task.name, name, str(reason)))
            continue
        done.append(measure(task, system, sides.cases))
        if name == "expert" and task.rules and task.combine:
            done.append(measure(task, Served(done[-1]), sides.cases))


def _system(
    name: str, plan: Plan, task: Task, sides: _Sides, engine: Engine | None, outcome: Outcome
) -> System:
    from slm_finetune.baselines import e5, few_shot, linear, majority, peer, rules

    if name == "rules":
        return rules.Rules(task)
    if name not in ORDER:
        return peer.Peer(task, name)
    if name == "majority":
        return majority.Majority(sides.train)
    if name == "tfidf":
        return linear.tfidf(task, sides.train)
    if name == "e5":
        return e5.E5(task, sides.train, sides.cases, plan.settings.home / "cache")
    asked = cast(Engine, engine)  # open whenever one of the systems below is in the plan
    if name == "few-shot":
        return few_shot.best_few_shot(asked, task, sides.train, sides.dev)
    if name == "base":
        return Base("base", asked, task)
    own = None if plan.whole and not _adapted(plan, task) else plan.domain.name
    return Expert(asked, task, own, _bias(plan, task, sides, own, asked, outcome))


def _adapted(plan: Plan, task: Task) -> bool:
    """Whether an adapter besides an expert in one file answers the task, as `slm ask` has it."""
    return plan.adapter is not None and task.name in learnt_tasks(plan.domain, plan.adapter.tasks)


def _bias(plan: Plan, task: Task, sides: _Sides, own: str | None, engine: Engine, outcome: Outcome) -> float:
    from slm_finetune import bias

    if plan.tune and task.stop_words:
        outcome.biases[task.name] = bias.best(bias.sweep(engine, task, plan.domain.name, sides.dev))
        return outcome.biases[task.name]
    return engine.bias(own, task.name)


def _tasks(plan: Plan) -> list[Task]:
    """Return the tasks to measure, in the domain's order."""
    asked = plan.domain.task(plan.task) if plan.task else None
    only = asked.name if asked else None
    names = {case.row.task for case in read_cases(plan.data, plan.domain, asked)}
    tasks = [task for task in plan.domain.tasks if task.name in names and only in (None, task.name)]
    if not tasks:
        what = f"no rows of task {only}" if only else "no rows"
        raise UserError(
            what, where=plan.data, expected=f"rows of {', '.join(sorted(names))}" if names else None
        )
    if plan.tune and not any(task.stop_words for task in tasks):
        raise UserError(
            "no task here has stop words to bias", where="--tune", expected="a task whose reply is a list"
        )
    return tasks


def _sides(plan: Plan, task: Task) -> _Sides:
    asked = unseen(_cases(plan, plan.data, task), plan.learnt, plan.data)
    if plan.limit and plan.limit < len(asked):
        asked = random.Random(plan.seed).sample(asked, plan.limit)
    learns = bool(LEARNING & {*plan.systems})
    chooses = (plan.tune or "few-shot" in plan.systems) and plan.dev.is_file()
    train = _cases(plan, plan.train, task) if learns else []
    dev = _cases(plan, plan.dev, task) if chooses else []
    _check_apart(plan, asked, train, dev)
    if learns and not train:
        raise UserError(f"no rows of task {task.name} to learn the baselines from", where=plan.train)
    return _Sides(asked, train, dev)


def _cases(plan: Plan, path: Path, task: Task) -> list[Case]:
    return list(read_cases(path, plan.domain, task))


def _check_apart(plan: Plan, asked: Sequence[Case], train: Sequence[Case], dev: Sequence[Case]) -> None:
    """A figure on rows that were learnt from, or chosen on, says nothing."""
    ids = {case.row.id for case in asked}
    for side, path in ((train, plan.train), (dev, plan.dev)):
        shared = sum(case.row.id in ids for case in side)
        if shared:
            raise UserError(
                f"{shared} rows are also in {path}",
                where=plan.data,
                expected="rows that nothing was learnt from or chosen on",
            )


@contextmanager
def _engine(plan: Plan) -> Iterator[Engine | None]:
    """Open the engine where a system asks the model."""
    if not ASKING & {*plan.systems}:
        yield None
        return
    from slm_core.engine import open_engine

    adapters = {plan.domain.name: plan.adapter} if plan.adapter else {}
    print(f"loading {plan.settings.model}", file=sys.stderr, flush=True)
    engine = open_engine(plan.settings, adapters=adapters)
    try:
        yield engine
    finally:
        engine.close()
