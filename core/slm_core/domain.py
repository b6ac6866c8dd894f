"""The contract between the core and a domain.

A domain is a package that exposes one `Domain` through the entry-point group `ondevice_slm.domains`
(`disaster = "slm_disaster:DOMAIN"`). The domains of this repository and those of somebody else are
found in the same way; nothing in `slm_core` or `slm_finetune` names one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ValidationError

from slm_core.dataset.row import Row
from slm_core.dataset.source import Importer, Rejected, Source
from slm_core.errors import UserError, did_you_mean
from slm_core.event import Event, Memory
from slm_core.settings import Settings

if TYPE_CHECKING:
    from slm_core.bus.discovery import Entity
    from slm_core.expert import Answer

GROUP = "ondevice_slm.domains"
Metric = Literal["accuracy", "micro_f1"]


class TextRequest(BaseModel):
    """The usual request: one text from outside, which is data and never an instruction."""

    text: str


@dataclass(frozen=True)
class Task:
    """One thing that a domain's expert does: a typed request in, a typed and checked reply out.

    The model writes the *wire* form of a reply: compact JSON that follows `schema`. `encode` makes it (the
    target of training), `decode` reads it back and checks it against the request. Left out, both are the
    reply's own JSON.

    Args:
        name: identifier, `[a-z_]+`, the `task` of its dataset rows.
        titles: what a person reads, by language (`ko`, `en`).
        request: pydantic model of what is asked. With a single field `text` the user message is that text.
        reply: pydantic model of the answer.
        prompt: system prompt of the adapter. Short, for the adapter has learnt the rest.
        instructions: system prompt for a base without adapter (zero- and few-shot).
        items: what the metric counts in a reply, e.g. its labels. An absent field is no item.
        metric: `accuracy` (the set of items is equal) or `micro_f1` (over the items of all rows).
        schema: JSON schema of the wire form; every string and array bounded. Default: that of `reply`.
        encode: reply and request to wire form.
        decode: parsed wire form and request to reply. Raises ValueError where the wire form says nothing
            usable.
        rules: the deterministic answer. It serves where the model is missing, late or too small.
        combine: joins the answer of the rules and the model's into the one that is given.
        stop_words: wire tokens that end a list; `finetune eval --tune` learns one logit bias for them on
            the dev set.
        max_tokens: bound of the wire form, in tokens.
        rag: whether documents are put before the question.
        deadline_s: seconds after which the rules answer instead.
        severity: 0 (routine) to 3 (life and limb); the more severe is served first.
        peers: deterministic answers of other projects, by name (`hassil`): `finetune eval --baseline NAME`
            measures them beside the expert, they are never served.
    """

    name: str
    titles: Mapping[str, str]
    request: type[BaseModel]
    reply: type[BaseModel]
    prompt: str
    instructions: str
    items: Callable[[Any], frozenset[str]]
    metric: Metric = "accuracy"
    schema: Mapping[str, Any] | None = None
    encode: Callable[[Any, Any], str] | None = None
    decode: Callable[[Any, Any], Any] | None = None
    rules: Callable[[Any], Any] | None = None
    combine: Callable[[Any, Any], Any] | None = None
    stop_words: tuple[str, ...] = ()
    max_tokens: int = 256
    rag: bool = False
    deadline_s: float = 30.0
    severity: int = 1
    peers: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)

    def wire_schema(self) -> Mapping[str, Any]:
        """Return the JSON schema that the model's output must follow."""
        return self.schema if self.schema is not None else self.reply.model_json_schema()

    def user_text(self, request: BaseModel) -> str:
        """Return the user message of a request: its text, or its JSON where it has more fields."""
        if list(type(request).model_fields) == ["text"]:
            return str(request.text)  # type: ignore[attr-defined]
        return request.model_dump_json()

    def parse_request(self, text: str) -> BaseModel:
        """Undo `user_text`.

        Raises:
            UserError: the text is not a request of this task.
        """
        try:
            if list(self.request.model_fields) == ["text"]:
                return self.request(text=text)
            return self.request.model_validate_json(text)
        except ValidationError as error:
            raise UserError(f"not a request of task {self.name}: {error.errors()[0]['msg']}") from error

    def write(self, reply: BaseModel, request: BaseModel) -> str:
        """Return the wire form of a reply, without white space between its tokens."""
        return self.encode(reply, request) if self.encode else _compact(reply.model_dump(mode="json"))

    def read(self, wire: Any, request: BaseModel) -> Any:
        """Return the checked reply of a parsed wire form.

        Raises:
            ValueError: it is no reply to this request.
        """
        return self.decode(wire, request) if self.decode else self.reply.model_validate(wire)

    def messages(self, request: BaseModel, *, system: str | None = None) -> list[dict[str, str]]:
        """Return system and user message, with the adapter's prompt unless another is given."""
        return [
            {"role": "system", "content": self.prompt if system is None else system},
            {"role": "user", "content": self.user_text(request)},
        ]


@dataclass(frozen=True)
class Ask:
    """A question to the model that an event gives rise to.

    The answer comes back to `handle` as an event on `stream`, of the kind of the event that asked, with the
    payload `{"event": its id, "source": its source, "task": name, "reply": {...}, "by", "model",
    "model_sha256", "adapter_sha256"}`.

    Args:
        task: name of the domain's task.
        request: what is asked.
        stream: where the answer goes.
        severity: 0 (routine) to 3 (life and limb), as the rules see it; the more severe is asked first.
    """

    task: str
    request: BaseModel
    stream: str
    severity: int = 0


@dataclass(frozen=True)
class BatchOptions:
    """How `slm batch` is to work.

    Args:
        languages: of the reports, of `ko` and `en`.
        settings: in force.
        map: a TOML file that says what columns mean whose names do not tell.
        ask: the expert, by name of the task and request; None where the rules answer alone. It raises
            SlmError where it cannot answer.
    """

    languages: tuple[str, ...]
    settings: Settings
    map: Path | None = None
    ask: Callable[[str, BaseModel], Answer] | None = None


@dataclass(frozen=True)
class Batch:
    """What came of a batch of files.

    Args:
        files: name to content, as they are to be written.
        summary: the result for programs, JSON.
        lines: the result for people.
        rejected: what could not be read, each with its place and reason.
        fault: why the result is not what was asked for (exit code 1); empty where it is.
    """

    files: Mapping[str, bytes]
    summary: Mapping[str, Any]
    lines: tuple[str, ...]
    rejected: tuple[Rejected, ...] = ()
    fault: str = ""


@dataclass(frozen=True)
class Domain:
    """Everything the core knows of one field.

    Args:
        name: identifier, `[a-z]+`, also the name of its data and adapter folders.
        titles: by language (`ko`, `en`).
        chat_prompt: system prompt of `slm chat --domain`, by language.
        tasks: in the order in which they are shown; the first is the default of `slm ask`.
        bases: catalog names with an adapter of this domain.
        min_model: the smallest catalog model it is honest with; below it the rules answer alone and say so.
        importers: published formats this domain reads, by name (`--source NAME=PATH`).
        build_dataset: sources and a seed to dataset rows; a bad record comes as `Rejected`, never as an
            error. The source format `own` means the domain's own seeds and generator; no
            sources at all means `own`.
        package: folder that holds `adapter/<base>/`.
        streams: topic filters below `slm/<site>/<domain>/` that it listens to (`report/in`, `sensor/#`).
        handle: takes one event and returns those that follow from it; a function of event and memory only,
            so that a message delivered twice has its effect once.
        inside: streams that the runtime alone feeds to `handle`: the answers of the model, `clock/tick`.
        texts: those of the streams on which plain text is taken as `{"text": ...}`.
        asks: what the model is to be asked about an event that was handled.
        at_work: a text and the memory of the last run to the reply in words of code, where it is about that
            run and neither an order nor a question to documents; None where it is not.
        replay: reads a recording into events with the times of the recording; what cannot be read comes as
            `Rejected`.
        simulate: a seed to a realistic stream of our own writing, every event marked simulated.
        demo_speed: at which `slm demo` plays it beside a page; 1 is real time.
        entities: what Home Assistant shows of it.
        report: what stands in the memory, in words of code; `ko` or `en`.
        knowledge: folder of the documents that may be searched and cited; a relative one lies in the
            domain's data folder, which is known only once the settings are read.
        subjects: a text to those of the domain's subjects that it names (a flood, a fire); what documents say
            of one does not answer a question about another.
        batch: files and folders to the files of a report (`slm batch D IN... OUT`); it writes nothing itself.
        chores: a `slm_core.ui.Live` to what is done every two seconds at work, with a page or without.
        page: adds the domain's own parts to a `slm_core.ui.Frame`; loads Gradio only then.
    """

    name: str
    titles: Mapping[str, str]
    chat_prompt: Mapping[str, str]
    tasks: tuple[Task, ...]
    bases: tuple[str, ...]
    min_model: str
    build_dataset: Callable[[Sequence[Source], int], Iterable[Row | Rejected]]
    package: Path
    importers: Mapping[str, Importer] = field(default_factory=dict)
    streams: tuple[str, ...] = ()
    handle: Callable[[Event, Memory], Iterable[Event]] | None = None
    inside: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    asks: Callable[[Event], Iterable[Ask]] | None = None
    at_work: Callable[[str, Memory], str | None] | None = None
    replay: Callable[[Path], Iterable[Event | Rejected]] | None = None
    simulate: Callable[[int], Iterable[Event]] | None = None
    demo_speed: float = 1.0
    entities: tuple[Entity, ...] = ()
    report: Callable[[Memory, str], str] | None = None
    knowledge: Path | None = None
    subjects: Callable[[str], frozenset[str]] | None = None
    batch: Callable[[Sequence[Path], BatchOptions], Batch] | None = None
    chores: Callable[[Any], Iterable[Callable[[], object]]] | None = None
    page: Callable[[Any], None] | None = None

    def task(self, name: str | None = None) -> Task:
        """Return the task of that name, or the first.

        Raises:
            UserError: there is none; the known names are listed.
        """
        if name is None:
            return self.tasks[0]
        known = {task.name: task for task in self.tasks}
        if name not in known:
            raise UserError(f"domain {self.name} has no task {name!r}", expected=", ".join(known))
        return known[name]


def domain_names() -> list[str]:
    """Return the names of all installed domains, sorted."""
    return sorted({point.name for point in entry_points(group=GROUP)})


def find_domain(name: str) -> Domain:
    """Load an installed domain.

    Raises:
        UserError: no installed package offers it, its package is broken, or what it offers is no Domain.
    """
    points = {point.name: point for point in entry_points(group=GROUP)}
    if name not in points:
        known = ", ".join(sorted(points)) or "none is installed"
        mend = did_you_mean(name, points) if points else "pip install ondevice-slm"
        raise UserError(f"unknown domain {name!r}", expected=known, mend=mend)
    return _load(points[name])


def _load(point: EntryPoint) -> Domain:
    owner = point.dist.name if point.dist else "an unknown package"
    where, expected = f"entry point {point.value} of {owner}", "slm_core.domain.Domain"
    try:
        domain = point.load()
    except Exception as error:  # importing runs somebody else's code, which may fail in any way
        reason = f"domain {point.name!r} cannot be loaded: {type(error).__name__}: {error}"
        raise UserError(reason, where=where, expected=expected, mend=f"mend or uninstall {owner}") from error
    if not isinstance(domain, Domain):
        found = f"domain {point.name!r} is of the type {type(domain).__name__}"
        raise UserError(found, where=where, expected=expected, mend=f"mend or uninstall {owner}")
    return domain


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
