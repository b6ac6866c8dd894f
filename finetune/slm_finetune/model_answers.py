"""Systems that ask the model: the expert (an adapter, or one file), and the bare base told what to do."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from slm_core.domain import Task
from slm_core.engine.contract import Engine, InvalidReply, Messages, Mix, PromptTooLong, Sampling
from slm_finetune.measure import Answer, Case, Measured
from slm_finetune.metrics import Items


class Expert:
    """The adapter, prompted as it was trained.

    Args:
        engine: has the adapter installed, or is the expert in one file.
        task: what is asked.
        adapter: its name in the engine (the domain's); None where it is merged into the file.
        bias: logit bias of the task's stop words, chosen on dev rows.
    """

    name = "expert"

    def __init__(self, engine: Engine, task: Task, adapter: str | None, bias: float) -> None:
        self.note = f"{engine.model}, bias {bias:+g}" if bias else engine.model
        self.base_sha256 = engine.model_sha256 or None
        self.adapter_sha256: str | None = engine.adapters().get(adapter) or None if adapter else None
        self._engine, self._task, self._adapter = engine, task, adapter
        self._bias = dict.fromkeys(task.stop_words, bias) if bias else {}

    def answer(self, case: Case) -> Answer:
        """Ask the prompt of the row."""
        return ask(self._engine, self._task, case, case.row.prompt(), self._adapter, self._bias)


class Base:
    """The base without adapter, told what to do; examples, where given, come first and stay in the slot."""

    adapter_sha256: str | None = None

    def __init__(self, name: str, engine: Engine, task: Task, examples: Sequence[Case] = ()) -> None:
        """Put instructions and examples into the head of every prompt."""
        self.name, self.note = name, f"{engine.model}, {len(examples)} examples"
        self.base_sha256 = engine.model_sha256 or None
        self._engine, self._task = engine, task
        self._head = [{"role": "system", "content": task.instructions}]
        for example in examples:
            self._head += [_user(example), {"role": "assistant", "content": example.row.target}]

    def answer(self, case: Case) -> Answer:
        """Ask after the examples."""
        return ask(self._engine, self._task, case, [*self._head, _user(case)], None, {})


def _user(case: Case) -> dict[str, str]:
    return {"role": "user", "content": case.row.user}


def ask(
    engine: Engine,
    task: Task,
    case: Case,
    messages: Messages,
    adapter: str | Mix | None,
    bias: Mapping[str, float],
) -> Answer:
    """Ask the engine once; a reply that breaks the schema twice, or that the task refuses, is unreadable."""
    start = time.perf_counter()
    sampling = Sampling(max_tokens=task.max_tokens, bias=bias)
    try:
        reply = engine.chat(messages, adapter=adapter, schema=task.wire_schema(), sampling=sampling)
    except (InvalidReply, PromptTooLong):
        return Answer(None, 0, 1000 * (time.perf_counter() - start), _served(task, case, None))
    try:
        found = task.read(reply.value, case.request)
    except ValueError:
        found = None
    items = None if found is None else task.items(found)
    return Answer(items, reply.usage.generated, 1000 * reply.usage.total_s, _served(task, case, found))


def _served(task: Task, case: Case, found: Any) -> Items | None:
    """Return what is given in the end: rules and model joined, or the rules where the model is of no use."""
    if task.rules is None:
        return None if found is None else task.items(found)
    rules = task.rules(case.request)
    if found is None:
        return task.items(rules)
    return task.items(task.combine(rules, found) if task.combine else found)


class Served:
    """The expert with the rules, as `slm ask` answers; it repeats what the expert was asked already."""

    name, note = "expert+rules", "the expert's replies joined with the rules, as slm ask gives them"

    def __init__(self, expert: Measured) -> None:
        self.base_sha256 = expert.system.base_sha256
        self.adapter_sha256 = expert.system.adapter_sha256
        self._answers = {c.row.id: a for c, a in zip(expert.cases, expert.answers, strict=True)}

    def answer(self, case: Case) -> Answer:
        """Return the joined answer."""
        answer = self._answers[case.row.id]
        return replace(answer, items=answer.served)
