"""What an engine promises: messages in, text or a typed object out.

Two engines keep it: `llama` (llama.cpp in this process) and `remote` (any OpenAI-compatible server). Domains,
commands and the evaluation know only this file.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from slm_core.errors import CouldNot, UserError

Messages = Sequence[Mapping[str, Any]]
Mix = Mapping[str, float]
"""Adapters by name and the weight with which each one's change is added to the base."""


class Cancelled(CouldNot):
    """The caller set `cancel` before the reply was finished."""


class InvalidReply(CouldNot):
    """The model gave no valid object in two tries; the message carries both texts."""


class PromptTooLong(UserError):
    """The prompt and the room for its reply do not fit into the model's context."""

    @classmethod
    def counted(cls, prompt: int, room: int, context: int) -> PromptTooLong:
        """Say it with the lengths of prompt, reply and slot, in tokens."""
        return cls(
            f"the prompt is {prompt} tokens long and the reply may take {room}, but a slot holds {context}",
            expected=f"at most {max(0, context - room)} tokens of prompt",
            mend="shorten the text, or ask for more with --context",
        )


@dataclass(frozen=True)
class Usage:
    """What a reply cost.

    Args:
        prompt: tokens of the prompt, cached ones included.
        cached: tokens of the prompt that were already in the slot.
        generated: tokens written.
        first_token_s: seconds from the request to the first token.
        total_s: seconds from the request to the last token.
    """

    prompt: int
    cached: int
    generated: int
    first_token_s: float
    total_s: float


@dataclass(frozen=True)
class Reply:
    """A finished reply: its text, the parsed object where a schema was given, its cost and its origin."""

    text: str
    value: Any
    usage: Usage
    model_sha256: str
    adapter_sha256: str | None
    retried: bool = False


@dataclass(frozen=True)
class Choice:
    """The probabilities of a closed set of labels (they sum to 1), and the cost."""

    probabilities: Mapping[str, float]
    usage: Usage

    @property
    def label(self) -> str:
        """The most probable label."""
        return max(self.probabilities, key=lambda label: self.probabilities[label])


@dataclass(frozen=True)
class Score:
    """Natural log-likelihood of a text after a prompt, summed over its tokens."""

    log_likelihood: float
    tokens: int


@dataclass(frozen=True)
class Sampling:
    """How a reply is drawn; the default is greedy and repeatable.

    Args:
        max_tokens: bound of the reply.
        temperature: 0 is greedy.
        seed: for temperatures above 0.
        bias: logit bias by text (each token of the text gets it), e.g. `{"[]": -0.7}`.
    """

    max_tokens: int = 256
    temperature: float = 0.0
    seed: int = 0
    bias: Mapping[str, float] = field(default_factory=dict)


class Engine(Protocol):
    """One base model in memory and every installed adapter of it; the adapter is chosen per request."""

    model: str
    model_sha256: str

    def adapters(self) -> Mapping[str, str]:
        """Return the adapters that may be named in a request: domain name to sha256."""
        ...

    def bias(self, adapter: str | None, task: str) -> float:
        """Return the logit bias of a task's stop words that was learnt for this adapter; 0 where none was.

        None asks the model's own file: a merged expert keeps what its adapter had learnt.
        """
        ...

    def chat(
        self,
        messages: Messages,
        *,
        adapter: str | Mix | None = None,
        schema: Mapping[str, Any] | None = None,
        sampling: Sampling = Sampling(),
        cancel: threading.Event | None = None,
    ) -> Reply:
        """Answer. With a schema the reply's `value` is the parsed, validated object (one retry).

        A mix of adapters adds what each changes, by weight. A server takes none (UserError).

        There is no `tools` beside it: a call of a tool is a typed reply whose schema has one branch for each
        tool (its name as `const`, its arguments typed). So a tool outside the list cannot be written, and an
        adapter is served the wire form that it was trained on, not the template's own form of a call.

        Raises:
            UserError: unknown adapter; the prompt does not fit (`PromptTooLong`, naming both lengths); image
                parts for a model that does not see.
            InvalidReply: no valid object came in two tries (the message carries the text).
            CouldNot: the engine broke.
            Cancelled: `cancel` was set.
        """
        ...

    def stream(
        self,
        messages: Messages,
        *,
        adapter: str | None = None,
        sampling: Sampling = Sampling(),
        cancel: threading.Event | None = None,
    ) -> Iterator[str | Reply]:
        """Yield pieces of text as they come and, last, the finished `Reply`. Closing the iterator cancels."""
        ...

    def choose(self, messages: Messages, labels: Sequence[str], *, adapter: str | None = None) -> Choice:
        """Return calibrated probabilities of a closed set of at most 26 labels, in one decoding step.

        Raises:
            UserError: fewer than two labels, too many, or two that are equal.
        """
        ...

    def score(self, messages: Messages, text: str, *, adapter: str | None = None) -> Score:
        """Return the log-likelihood of `text` as the reply.

        Raises:
            UserError: an adapter is named; scores exist for the base or a merged file only.
        """
        ...

    def close(self) -> None:
        """Free the model. Calling it twice is fine."""
        ...
