"""The expert of a domain: rules, model and adapter behind one question. Every surface asks here.

Text from outside is data. It never selects the task, the model or the adapter, and it cannot end its turn
(`engine/prompt.py`); what the model writes is held against the task's schema and, by the task, against the
text.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel

from slm_core.adapters import NONE, installed_adapter, resolve_adapter
from slm_core.catalog import Model, Progress, find_model
from slm_core.domain import Domain, Task, find_domain
from slm_core.engine import LOCAL, open_engine
from slm_core.engine.contract import Engine, InvalidReply, Mix, Reply, Sampling, Usage
from slm_core.errors import CouldNot, UserError
from slm_core.expert_file import learnt_tasks, read_expert
from slm_core.gguf_head import read_header
from slm_core.settings import Settings

By = Literal["rules", "expert", "rules+expert"]


@dataclass(frozen=True)
class Answer:
    """A typed reply, who gave it and at what cost.

    Args:
        reply: of the task's reply model.
        by: the rules alone, the model alone, or both joined by the task.
        usage: of the model, None where it was not asked.
        notes: what the reader should know, e.g. why the rules answered alone.
        model: name of the base that was asked, None where none was.
        model_sha256: of its file; empty where a server does not say.
        adapter_sha256: None where no adapter was in force.
    """

    reply: BaseModel
    by: By
    usage: Usage | None = None
    notes: tuple[str, ...] = ()
    model: str | None = None
    model_sha256: str | None = None
    adapter_sha256: str | None = None


class Expert:
    """A domain with an engine, or without one: then its rules answer.

    Args:
        domain: whose tasks are served.
        engine: None where no model is good enough or to be had.
        settings: in force.
        bare: ask the base with written instructions, though the engine has the domain's adapter.
        whole: tasks that the engine's file itself was trained on, None where it is a plain base.
        mix: adapters to mix by weight instead of the domain's own alone (`slm ask auto --mix`).
        trained: tasks that the adapter was trained on, None where nothing tells. The rules answer a task that
            neither adapter nor file has learnt, the file with instructions where it has no rules.
        notes: what every answer carries.
    """

    def __init__(
        self,
        domain: Domain,
        engine: Engine | None,
        settings: Settings,
        *,
        bare: bool = False,
        mix: Mix | None = None,
        whole: frozenset[str] | None = None,
        trained: frozenset[str] | None = None,
        notes: tuple[str, ...] = (),
    ) -> None:
        self.domain, self.engine, self.settings, self.notes = domain, engine, settings, notes
        has = engine is not None and domain.name in engine.adapters()
        self.adapter = domain.name if has and not bare else None
        self.mix, self._whole = mix, whole
        self._trained = trained

    def answer(
        self, task_name: str | None, request: BaseModel, cancel: threading.Event | None = None
    ) -> Answer:
        """Answer one request of a task (None: the domain's first).

        Raises:
            UserError: unknown task, an empty text, or one that does not fit.
            CouldNot: no model can be asked or its reply is of no use, and the task has no rules.
            Cancelled: `cancel` was set.
        """
        task = self.domain.task(task_name)
        if not task.user_text(request).strip():
            raise UserError("the text is empty", where=f"{self.domain.name} {task.name}", expected="a text")
        rules: BaseModel | None = task.rules(request) if task.rules else None
        if self.engine is None:
            return _by_rules(rules, self.notes)
        adapter = self._adapter(task)
        expert = self.adapter is not None or self._whole is not None
        if rules is not None and expert and not self._learnt(task):
            return _by_rules(rules, (*self.notes, _unlearnt(self.domain, task)))
        try:
            reply = self._ask(self.engine, adapter, task, request, cancel)
        except InvalidReply as error:
            return self._without_expert(rules, adapter, None, error)
        try:
            found: BaseModel = task.read(reply.value, request)
        except ValueError as error:
            return self._without_expert(rules, adapter, reply, error)
        joined = rules is not None and task.combine is not None
        result = task.combine(rules, found) if joined and task.combine else found
        return self._told(result, "rules+expert" if joined else "expert", adapter, reply)

    def close(self) -> None:
        """Free the engine."""
        if self.engine is not None:
            self.engine.close()

    def _adapter(self, task: Task) -> str | None:
        """Return the adapter to ask: none for a task that it was not trained on."""
        return self.adapter if self._trained is None or task.name in self._trained else None

    def _learnt(self, task: Task) -> bool:
        """Whether adapter or file was trained on the task, and so is prompted without instructions."""
        return self._adapter(task) is not None or task.name in (self._whole or ())

    def _ask(
        self,
        engine: Engine,
        adapter: str | None,
        task: Task,
        request: BaseModel,
        cancel: threading.Event | None,
    ) -> Reply:
        bias = engine.bias(adapter, task.name)
        return engine.chat(
            task.messages(request, system=None if self._learnt(task) else task.instructions),
            adapter=self.mix if adapter and self.mix else adapter,
            schema=task.wire_schema(),
            sampling=Sampling(task.max_tokens, bias=dict.fromkeys(task.stop_words, bias) if bias else {}),
            cancel=cancel,
        )

    def _without_expert(
        self, rules: BaseModel | None, adapter: str | None, reply: Reply | None, error: Exception
    ) -> Answer:
        if rules is None:
            text = f"\n  it wrote: {reply.text}" if reply else ""
            raise CouldNot(f"the model's reply is of no use: {error}{text}") from error
        why = str(error).splitlines()[0]
        note = f"the rules answered alone, the model's reply is of no use: {why}"
        return self._told(rules, "rules", adapter, reply, note)

    def _told(
        self, result: BaseModel, by: By, adapter: str | None, reply: Reply | None, *more: str
    ) -> Answer:
        assert self.engine is not None
        own = self.engine.adapters()[adapter] if adapter else None
        return Answer(
            reply=result,
            by=by,
            usage=reply.usage if reply else None,
            notes=(*self.notes, *more),
            model=self.engine.model,
            model_sha256=self.engine.model_sha256,
            adapter_sha256=reply.adapter_sha256 if reply and self.mix else own,
        )


def open_expert(
    domain: Domain,
    settings: Settings,
    *,
    model: str | None = None,
    adapter: str | None = None,
    mix: Mix | None = None,
    progress: Progress | None = None,
) -> Expert:
    """Open a domain's expert, or its rules where no model is fit for it or none can be had.

    Args:
        domain: whose tasks are served.
        settings: in force.
        model: catalog name or path, default `settings.model`.
        adapter: what `--adapter` takes; None is the installed one.
        mix: domains whose adapters are mixed, by weight, this domain's among them; one without an adapter
            is left out.
        progress: where a fetch of the model reports to.

    Raises:
        UserError: unknown model or adapter, or one of another base.
        CouldNot: the model cannot be had, and not every task has rules.
    """
    if settings.engine != LOCAL:
        return _on_server(domain, settings, model, adapter)
    base = find_model(model or settings.model)
    if base.expert is not None:
        return _in_one_file(domain, settings, base, adapter, progress)
    small = base.smaller_than(find_model(domain.min_model))
    if small and adapter in (None, NONE):
        return Expert(domain, None, settings, notes=(_too_small(domain, base.name),))
    chosen = resolve_adapter(adapter, domain, base.name, settings)
    notes: tuple[str, ...] = (_unfit(domain, base.name),) if small else ()
    notes += () if chosen or adapter == NONE else (_untrained(domain, base.name),)
    loaded = {domain.name: chosen} if chosen else {}
    for other in (mix or {}).keys() - {domain.name}:
        found = resolve_adapter(None, find_domain(other), base.name, settings)
        loaded |= {other: found} if found else {}
    try:
        engine = open_engine(settings, model, loaded, progress)
    except CouldNot as error:
        if any(task.rules is None for task in domain.tasks):
            raise
        return Expert(
            domain, None, settings, notes=(f"the rules answered alone, the model cannot be had: {error}",)
        )
    mixed = mix if mix and len(mix) > 1 and mix.keys() <= loaded.keys() else None
    return Expert(domain, engine, settings, mix=mixed, trained=chosen.tasks if chosen else None, notes=notes)


def _in_one_file(
    domain: Domain, settings: Settings, base: Model, adapter: str | None, progress: Progress | None
) -> Expert:
    """Open a file that holds base and adapter, as `finetune quantize` and its like write it.

    An adapter may be in force besides: one that was trained on this very file (`finetune distill --model`).
    """
    assert base.path is not None
    file = read_expert(read_header(base.path).values)
    if file is None or file.domain != domain.name:
        what = f"this file is the expert of {base.expert}"
        raise UserError(what, where=base.path, expected=f"a base, or the expert of {domain.name}")
    if adapter == domain.name and installed_adapter(domain, base.name, settings) is None:
        raise UserError(
            "the adapter is in the file already", where="--adapter", expected=f"none: {base.path}"
        )
    chosen = resolve_adapter(adapter, domain, base.name, settings)
    more = ", and an adapter trained on it" if chosen else ""
    engine = open_engine(settings, str(base.path), {domain.name: chosen} if chosen else {}, progress)
    return Expert(
        domain,
        engine,
        settings,
        whole=learnt_tasks(domain, file.tasks),
        trained=chosen.tasks if chosen else None,
        notes=(f"{base.name} is the expert of {domain.name} in one file{more}",),
    )


def _on_server(domain: Domain, settings: Settings, model: str | None, adapter: str | None) -> Expert:
    engine = open_engine(settings, model)
    if adapter not in (None, NONE, domain.name):
        raise UserError(
            "a server has its own adapters", where=f"--adapter {adapter}", expected=f"{domain.name} or {NONE}"
        )
    if adapter == domain.name and adapter not in engine.adapters():
        known = ", ".join(engine.adapters()) or "it lists none"
        raise UserError(f"the server has no adapter {adapter!r}", where=settings.engine, expected=known)
    expert = Expert(domain, engine, settings, bare=adapter == NONE)
    if expert.adapter is None and adapter != NONE:
        expert.notes = (_untrained(domain, engine.model),)
    return expert


def _by_rules(rules: BaseModel | None, notes: tuple[str, ...]) -> Answer:
    if rules is None:
        raise CouldNot("; ".join(notes) + "; this task has no rules that could answer alone")
    return Answer(rules, "rules", notes=notes)


def _too_small(domain: Domain, base: str) -> str:
    return f"the rules answered alone: {_unfit(domain, base)}"


def _unfit(domain: Domain, base: str) -> str:
    return f"{base} is below {domain.min_model}, the smallest base that {domain.name} is honest with"


def _unlearnt(domain: Domain, task: Task) -> str:
    return f"the rules answered alone: the expert of {domain.name} was not trained on {task.name}"


def _untrained(domain: Domain, base: str) -> str:
    return f"no adapter of {domain.name} for {base}: the base follows written instructions"
