"""The engine in this process: llama.cpp holds one base and every adapter given, each in its own slot."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from slm_core.engine import choose
from slm_core.engine import schema as schemas
from slm_core.engine.adapter import Adapter, biases
from slm_core.engine.call import Call, Emit
from slm_core.engine.contract import (
    Choice,
    Messages,
    Mix,
    PromptTooLong,
    Reply,
    Sampling,
    Score,
    Usage,
)
from slm_core.engine.prompt import PromptFormat
from slm_core.engine.retry import settle
from slm_core.engine.server import LlamaServer
from slm_core.engine.slots import ANSWERS, CHAT, Slots, choose_context, free_memory
from slm_core.errors import CouldNot, UserError
from slm_core.files import sha256_of
from slm_core.gguf_head import read_header

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from slm_core.engine.score import Scorer

_SURE = 100.0  # logit bias that leaves only the labels; larger ones cost float precision
_PLAIN = 1000.0  # logit bias that makes sure a whole character is sampled


@dataclass(frozen=True)
class _Task:
    """What is asked of llama.cpp: tokens of the prompt, slot, and request fields."""

    tokens: list[int]
    slot: int
    fields: Mapping[str, Any]
    mix: Mix = field(default_factory=dict)


class LlamaEngine:
    """llama.cpp in this process.

    Args:
        path: the base, a GGUF file.
        adapters: all that may be named in a request.
        model: catalog name, default the file's stem.
        model_sha256: where it is known already (half a gigabyte takes a second to hash).
        threads: processor threads, for `threads_reason`.
        context: tokens per slot; 0 chooses. `context` and `context_reason` say what became of it.

    Raises:
        UserError: the file is no whole GGUF, or an adapter belongs to another base.
        CouldNot: llama.cpp cannot load it.
    """

    def __init__(
        self,
        path: Path,
        *,
        adapters: Sequence[Adapter] = (),
        model: str | None = None,
        model_sha256: str | None = None,
        threads: int = 1,
        threads_reason: str = "asked for",
        context: int = 0,
    ) -> None:
        self.path, self.threads, self.threads_reason = path, threads, threads_reason
        self.model = model or path.stem
        self.header = read_header(path)
        self.model_sha256 = model_sha256 or sha256_of(path)
        self._adapters = {adapter.domain: adapter for adapter in adapters}
        trimmed_from = self.header.values.get("slm.trimmed_from")
        for adapter in self._adapters.values():
            adapter.check_base(self.model, self.model_sha256, trimmed_from=trimmed_from)
        self._format = PromptFormat.of(self.header)
        self._slots = Slots(self._adapters)
        self.context, self.context_reason = choose_context(
            context, self.header, len(self._slots), free_memory()
        )
        files = [adapter.path for adapter in self._adapters.values()]
        self._server = LlamaServer(
            path, adapters=files, slots=len(self._slots), context=self.context, threads=threads
        )
        self._calls: list[Call] = []
        self._scorer: Scorer | None = None
        self._scoring = threading.Lock()

    def adapters(self) -> Mapping[str, str]:
        """Return domain name to sha256 of every adapter that may be named."""
        return {name: adapter.sha256 for name, adapter in self._adapters.items()}

    def bias(self, adapter: str | None, task: str) -> float:
        """Return the bias that training wrote into the adapter's file, or the merged expert's, for a task."""
        if adapter is None:
            return biases(self.header.values).get(task, 0.0)
        return self._adapters[self._owner(adapter, ANSWERS)].bias.get(task, 0.0)

    def render(self, messages: Messages) -> str:
        """Return the prompt text, as the model's chat template gives it."""
        return self._format.render(messages)

    def tokenize(self, text: str) -> list[int]:
        """Return the token ids of prompt text; nothing is added, so there is no second begin token."""
        return self._server.tokenize(text)

    def chat(
        self,
        messages: Messages,
        *,
        adapter: str | Mix | None = None,
        schema: Mapping[str, Any] | None = None,
        sampling: Sampling = Sampling(),
        cancel: threading.Event | None = None,
    ) -> Reply:
        """Answer; see `Engine.chat`. A mix has no slot of its own: its prompt is read anew each time."""
        mix = {} if adapter is None or isinstance(adapter, str) else self._mix(adapter)
        owner = ANSWERS if mix else self._owner(adapter if isinstance(adapter, str) else None, ANSWERS)
        tokens = self.tokenize(self.render(messages))
        tight = None if schema is None else schemas.compact(schema)

        def ask(how: Sampling) -> Reply:
            task = replace(self._task(tokens, owner, how, tight), mix=mix)
            return self._last(self._generate(task, owner, cancel))

        return ask(sampling) if tight is None else settle(ask, sampling, tight)

    def stream(
        self,
        messages: Messages,
        *,
        adapter: str | None = None,
        sampling: Sampling = Sampling(),
        cancel: threading.Event | None = None,
    ) -> Iterator[str | Reply]:
        """Yield pieces of text, then the `Reply`; see `Engine.stream`."""
        owner = self._owner(adapter, CHAT)
        task = self._task(self.tokenize(self.render(messages)), owner, sampling, None)
        return self._generate(task, owner, cancel)

    def choose(self, messages: Messages, labels: Sequence[str], *, adapter: str | None = None) -> Choice:
        """Return the probabilities of the labels after one decoding step; see `Engine.choose`."""
        owner, letters = self._owner(adapter, ANSWERS), choose.letters(labels)
        text = self.render(choose.with_options(messages, labels))
        return self._pick(text, dict(zip(labels, letters, strict=True)), owner)

    def choose_next(self, text: str, pieces: Sequence[str]) -> Choice:
        """Return which of `pieces` follows raw text (no chat template), by the first token of each.

        Args:
            text: as a base model reads it; the model's begin token is put before it where it wants one.
            pieces: e.g. " A", " B"; their first tokens must differ here.

        Raises:
            UserError: fewer than two pieces, or two that begin with the same token.
            PromptTooLong: the text does not fit.
        """
        choose.letters(pieces)
        return self._pick(self._raw(text), {piece: piece for piece in pieces}, ANSWERS)

    def score(self, messages: Messages, text: str, *, adapter: str | None = None) -> Score:
        """Return the log-likelihood of a reply; see `Engine.score`."""
        if adapter is not None:
            raise UserError(
                "llama.cpp gives hidden states of the base only, so there is no score with an adapter",
                where=f"adapter {adapter!r}",
                mend="score the base, or merge the adapter into a model file and score that",
            )
        return self._likelihoods(self.render(messages), [self._format.defuse(text)])[0]

    def score_next(self, text: str, continuations: Sequence[str]) -> list[Score]:
        """Return the log-likelihood of each continuation of raw text (no chat template).

        Args:
            text: as a base model reads it; the model's begin token is put before it where it wants one.
            continuations: with the blank that parts them from the text, e.g. " yes", " no".

        Raises:
            UserError: a continuation is empty.
            PromptTooLong: text and continuation do not fit.
        """
        return self._likelihoods(self._raw(text), [self._format.defuse(more) for more in continuations])

    def next_token_distribution(self, prompt_text: str, adapter: str | None = None) -> NDArray[np.float64]:
        """Return the natural log-probability of every token of the vocabulary after the prompt, by token id.

        Four seconds for 151,936 tokens: meant for the parity gate, which compares two runtimes.
        """
        import numpy as np

        owner, size = self._owner(adapter, ANSWERS), len(self.header.tokens)
        tokens = self.tokenize(prompt_text)
        # Where half a character is sampled llama.cpp leaves the list out; the bias does not touch the list
        # itself.
        letter = self._next_token(prompt_text, tokens, "A")
        fields = {"temperature": 0.0, "n_probs": size, "logit_bias": [[letter, _PLAIN]], "max_tokens": 1}
        answer = self._ask(_Task(tokens, self._slots.number(owner), fields), owner)
        logs = np.full(size, -np.inf)
        for entry in _first_token(answer)["top_logprobs"]:
            if entry["logprob"] is not None:
                logs[entry["id"]] = entry["logprob"]
        peak = logs.max()
        normalised: NDArray[np.float64] = logs - (peak + np.log(np.exp(logs - peak).sum()))
        return normalised

    def close(self) -> None:
        """Wait for what still runs, then free the model; a second call does nothing."""
        for call in self._calls:
            call.thread.join()
        self._calls = []
        with self._scoring:
            if self._scorer is not None:
                self._scorer.close()
            self._scorer = None
        self._server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _owner(self, adapter: str | None, spare: str) -> str:
        if adapter is None:
            return spare
        if adapter not in self._adapters:
            known = ", ".join(self._adapters) or "none is installed"
            raise UserError(
                f"{self.model} has no adapter {adapter!r}",
                expected=known,
                mend=f"finetune lora --domain {adapter}",
            )
        return adapter

    def _mix(self, weights: Mix) -> Mix:
        """Return the weights, each adapter known."""
        for name in weights:
            self._owner(name, ANSWERS)
        return weights

    def _task(
        self, tokens: list[int], owner: str, sampling: Sampling, schema: Mapping[str, Any] | None
    ) -> _Task:
        if len(tokens) + sampling.max_tokens > self.context:
            raise PromptTooLong.counted(len(tokens), sampling.max_tokens, self.context)
        fields: dict[str, Any] = {
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "seed": sampling.seed,
            "logit_bias": [
                [id_, bias] for text, bias in sampling.bias.items() for id_ in self.tokenize(text)
            ],
            "stream_options": {"include_usage": True},
        }
        if schema is not None:
            fields["json_schema"] = schema
        return _Task(tokens, self._slots.number(owner), fields)

    def _request(self, task: _Task, owner: str) -> dict[str, Any]:
        # Every adapter with its scale: the binding loads them all in force, so silence would mix them.
        scales = task.mix or {owner: 1.0}
        lora = [{"id": i, "scale": scales.get(name, 0.0)} for i, name in enumerate(self._adapters)]
        return {
            **task.fields,
            "prompt": task.tokens,
            "id_slot": task.slot,
            "lora": lora,
            "cache_prompt": True,
        }

    def _ask(self, task: _Task, owner: str) -> Any:
        """One completion without streaming, after its turn in the slot's line."""
        if len(task.tokens) >= self.context:
            raise PromptTooLong.counted(len(task.tokens), 1, self.context)
        self._slots.take(task.slot, None)
        try:
            return self._server.complete(self._request(task, owner))
        finally:
            self._slots.give_back(task.slot)

    def _generate(self, task: _Task, owner: str, cancel: threading.Event | None) -> Iterator[str | Reply]:
        begun, first = time.monotonic(), None
        self._slots.take(task.slot, cancel)
        request = self._request(task, owner)

        def work(emit: Emit) -> None:
            self._server.complete(request, emit)

        call = Call(work, after=lambda: self._slots.give_back(task.slot))
        self._calls = [other for other in self._calls if other.thread.is_alive()] + [call]
        pieces: list[str] = []
        final: Mapping[str, Any] = {}
        for event in call.events(cancel):
            if "prompt_progress" in event:
                continue
            first = first or time.monotonic()
            final = event if "timings" in event else final
            if piece := _piece(event):
                pieces.append(piece)
                yield piece
        if not final:
            raise CouldNot("llama.cpp ended the reply without its figures")
        usage = _usage(final, begun, first or time.monotonic())
        known = self.adapters()
        said = "+".join(f"{known[name]}*{weight:.2f}" for name, weight in task.mix.items())
        yield Reply("".join(pieces), None, usage, self.model_sha256, said or known.get(owner))

    @staticmethod
    def _last(events: Iterator[str | Reply]) -> Reply:
        *_, reply = events
        assert isinstance(reply, Reply)
        return reply

    def _pick(self, text: str, pieces: Mapping[str, str], owner: str) -> Choice:
        """One decoding step in which nothing but the pieces' first different tokens can be written."""
        import math

        begun, tokens = time.monotonic(), self.tokenize(text)
        written = [self._continuation(text, tokens, piece) for piece in pieces.values()]
        at = _first_difference(written)
        tokens, ids = [*tokens, *written[0][:at]], [ids[at] for ids in written]
        if len(set(ids)) < len(ids):
            raise UserError(f"{self.model} begins two of {', '.join(pieces)} with the same token")
        fields = {
            "temperature": 1.0,
            "samplers": ["temperature"],
            "post_sampling_probs": True,
            "n_probs": len(ids),
            "logit_bias": [[id_, _SURE] for id_ in ids],
        }
        answer = self._ask(_Task(tokens, self._slots.number(owner), {**fields, "max_tokens": 1}), owner)
        found = {entry["id"]: entry["prob"] for entry in _first_token(answer)["top_probs"]}
        weights = [float(found.get(id_, 0.0)) for id_ in ids]
        total = math.fsum(weights)
        if total <= 0:
            raise CouldNot("llama.cpp gave no probability to any label")
        probabilities = {label: weight / total for label, weight in zip(pieces, weights, strict=True)}
        return Choice(probabilities, _usage(answer, begun, time.monotonic()))

    def _likelihoods(self, prompt: str, continuations: Sequence[str]) -> list[Score]:
        from slm_core.engine.score import Scorer

        tokens = self.tokenize(prompt)
        replies = [self._continuation(prompt, tokens, more) for more in continuations]
        with self._scoring:
            if self._scorer is None:
                self._scorer = Scorer(self.path, self.header, context=self.context, threads=self.threads)
            return self._scorer.score_each(tokens, replies)

    def _raw(self, text: str) -> str:
        """A silent file gets a begin token as llama.cpp gives it: with SentencePiece and with Llama 3."""
        values = self.header.values
        usual = (
            values.get("tokenizer.ggml.model") == "llama" or values.get("tokenizer.ggml.pre") == "llama-bpe"
        )
        begin = values.get("tokenizer.ggml.add_bos_token", usual)
        token = self.header.special_tokens().get("bos_token", "") if begin else ""
        return token + self._format.defuse(text)

    def _next_token(self, text: str, tokens: list[int], piece: str) -> int:
        """The token that writes `piece` here; with some tokenizers it depends on what stands before."""
        return self._continuation(text, tokens, piece)[0]

    def _continuation(self, text: str, tokens: list[int], more: str) -> list[int]:
        whole = self.tokenize(text + more)
        if whole[: len(tokens)] == tokens and len(whole) > len(tokens):
            return whole[len(tokens) :]
        return self.tokenize(more)


def _first_difference(written: Sequence[Sequence[int]]) -> int:
    """Where the pieces part: a blank before each may be a token of its own."""
    at = 0
    while len({ids[at] for ids in written}) == 1 and all(len(ids) > at + 1 for ids in written):
        at += 1
    return at


def _piece(event: Mapping[str, Any]) -> str:
    return "".join(choice.get("text") or "" for choice in event.get("choices", ()))


def _first_token(answer: Mapping[str, Any]) -> Any:
    logprobs = answer["choices"][0].get("logprobs")
    if not logprobs or not logprobs.get("content"):
        raise CouldNot("llama.cpp gave no token probabilities for this prompt")
    return logprobs["content"][0]


def _usage(answer: Mapping[str, Any], begun: float, first: float) -> Usage:
    timings = answer["timings"]
    cached, computed = int(timings["cache_n"]), int(timings["prompt_n"])
    generated = int(timings["predicted_n"])
    return Usage(cached + computed, cached, generated, first - begun, time.monotonic() - begun)
