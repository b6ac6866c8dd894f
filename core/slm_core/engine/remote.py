"""The engine behind an address: any server with OpenAI's API (llama.cpp server, vLLM, Ollama).

Covered: chat, streaming, JSON schema, images, adapters that the server lists as models (vLLM's way), choices
through `top_logprobs`. Not covered: log-likelihoods, which that API does not have. A key is taken from
OPENAI_API_KEY.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

from slm_core.engine import choose
from slm_core.engine import schema as schemas
from slm_core.engine.call import Call, Emit
from slm_core.engine.contract import Choice, Messages, Mix, PromptTooLong, Reply, Sampling, Score, Usage
from slm_core.engine.http import Server, ServerRefused
from slm_core.engine.retry import settle
from slm_core.errors import CouldNot, SlmError, UserError, did_you_mean

_TOP = 20  # the most alternatives that OpenAI's API gives per token


class RemoteEngine:
    """A model on a server.

    Args:
        url: up to and with `/v1`.
        model: the server's name of it; left out, the only one it has.
        offline: refuse any address but this machine's.

    Raises:
        UserError: offline, the address is no HTTP one, or the server has no such model.
        CouldNot: it does not answer within 5 seconds.
    """

    model_sha256 = ""  # a server does not say

    def __init__(self, url: str, *, model: str | None = None, offline: bool = False) -> None:
        self._server = Server(url, offline=offline)
        listed = self._server.get("/models").get("data") or []
        self._listed = {str(entry["id"]): entry.get("parent") for entry in listed}
        self.model = self._pick(model, url)

    def adapters(self) -> Mapping[str, str]:
        """Return the adapters that the server lists; their sha256 is not known, hence empty."""
        parents = {name: "" for name, parent in self._listed.items() if parent == self.model}
        return parents or {
            name: "" for name, parent in self._listed.items() if parent is None and name != self.model
        }

    def bias(self, adapter: str | None, task: str) -> float:
        """Return 0: what training wrote into a file stays on the server."""
        return 0.0

    def chat(
        self,
        messages: Messages,
        *,
        adapter: str | Mix | None = None,
        schema: Mapping[str, Any] | None = None,
        sampling: Sampling = Sampling(),
        cancel: threading.Event | None = None,
    ) -> Reply:
        """Answer; see `Engine.chat`."""
        if adapter is not None and not isinstance(adapter, str):
            raise UserError("OpenAI's API names one adapter a request", where=" + ".join(adapter))
        if schema is None:
            return self._last(self._generate(self._body(messages, adapter, sampling), cancel))
        tight = schemas.compact(schema)
        form = {"response_format": {"type": "json_schema", "json_schema": {"name": "reply", "schema": tight}}}

        def ask(how: Sampling) -> Reply:
            return self._last(self._generate(self._body(messages, adapter, how) | form, cancel))

        return settle(ask, sampling, tight)

    def stream(
        self,
        messages: Messages,
        *,
        adapter: str | None = None,
        sampling: Sampling = Sampling(),
        cancel: threading.Event | None = None,
    ) -> Iterator[str | Reply]:
        """Yield pieces of text, then the `Reply`; see `Engine.stream`."""
        return self._generate(self._body(messages, adapter, sampling), cancel)

    def choose(self, messages: Messages, labels: Sequence[str], *, adapter: str | None = None) -> Choice:
        """Return the probabilities of the labels, from the alternatives of the first token; see
        `Engine.choose`.

        The API shows the twenty likeliest tokens only: a letter that is not among them gets the least of
        those shown.
        """
        begun = time.monotonic()
        letters = choose.letters(labels)
        body = self._body(choose.with_options(messages, labels), adapter, Sampling(max_tokens=1))
        answer = self._server.post("/chat/completions", body | {"logprobs": True, "top_logprobs": _TOP})
        shown = _alternatives(answer)
        if not shown:
            raise CouldNot(
                f"{self._server.url}: the server gives no token probabilities, which a choice needs"
            )
        weights = _letter_weights(shown, letters)
        if weights is None:
            raise CouldNot(f"{self.model} offers no letter of {', '.join(letters)} among {_TOP} tokens")
        total = math.fsum(weights)
        probabilities = {label: weight / total for label, weight in zip(labels, weights, strict=True)}
        return Choice(probabilities, _usage(answer.get("usage") or {}, 1, begun, time.monotonic()))

    def score(self, messages: Messages, text: str, *, adapter: str | None = None) -> Score:
        """Refuse: the API does not tell the likelihood of a given text."""
        raise UserError(
            "a server with OpenAI's API does not tell how likely a given text is",
            where=f"SLM_ENGINE={self._server.url}",
            mend="score with the engine in this process: SLM_ENGINE=llama",
        )

    def close(self) -> None:
        """Nothing stays open between requests."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _pick(self, model: str | None, url: str) -> str:
        known = list(self._listed)
        bases = [name for name, parent in self._listed.items() if parent is None]
        if model is None and len(bases) == 1:
            return bases[0]
        if model in known:
            return model
        what = "has several models" if model is None else f"has no model {model!r}"
        near = did_you_mean(model or "", known) or "name one with --model"
        raise UserError(
            f"the server {what}", where=url, expected=", ".join(known) or "it lists none", mend=near
        )

    def _body(self, messages: Messages, adapter: str | None, sampling: Sampling) -> dict[str, Any]:
        if adapter is not None and adapter not in self.adapters():
            known = ", ".join(self.adapters()) or "it lists none"
            raise UserError(f"the server has no adapter {adapter!r}", where=self._server.url, expected=known)
        if sampling.bias:
            raise UserError(
                "a server takes no bias of words, for only it knows its tokens",
                where=self._server.url,
                mend="SLM_ENGINE=llama",
            )
        return {
            "model": adapter or self.model,
            "messages": [dict(message) for message in messages],
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "seed": sampling.seed,
        }

    def _generate(self, body: Mapping[str, Any], cancel: threading.Event | None) -> Iterator[str | Reply]:
        begun, first, pieces = time.monotonic(), 0.0, list[str]()
        usage: Mapping[str, Any] = {}
        request = {**body, "stream": True, "stream_options": {"include_usage": True}}

        def work(emit: Emit) -> None:
            try:
                for event in self._server.events("/chat/completions", request):
                    if emit(event):
                        return
            except ServerRefused as error:
                raise _in_our_words(error) from error

        call = Call(work, after=lambda: None)
        told = False
        for event in call.events(cancel):
            told = told or bool(event.get("choices"))
            usage = event.get("usage") or usage
            if piece := _piece(event):
                first = first or time.monotonic()
                pieces.append(piece)
                yield piece
        if not told:
            raise CouldNot(f"{self._server.url}: the server streamed no reply")
        cost = _usage(usage, len(pieces), begun, first or time.monotonic())
        adapter = "" if body["model"] != self.model else None
        yield Reply("".join(pieces), None, cost, self.model_sha256, adapter)

    @staticmethod
    def _last(events: Iterator[str | Reply]) -> Reply:
        *_, reply = events
        assert isinstance(reply, Reply)
        return reply


def _in_our_words(error: ServerRefused) -> SlmError:
    """Every server has its own words for a prompt that is too long; both lengths are among them."""
    if error.status == 400 and "context" in error.message:
        return PromptTooLong(error.message, where=error.address, mend="shorten the text")
    return error


def _piece(event: Mapping[str, Any]) -> str:
    return "".join((choice.get("delta") or {}).get("content") or "" for choice in event.get("choices") or ())


def _usage(given: Mapping[str, Any], pieces: int, begun: float, first: float) -> Usage:
    """Where a server counts nothing, a piece stands for a token."""
    details = given.get("prompt_tokens_details") or {}
    return Usage(
        prompt=int(given.get("prompt_tokens") or 0),
        cached=int(details.get("cached_tokens") or 0),
        generated=int(given.get("completion_tokens") or pieces),
        first_token_s=first - begun,
        total_s=time.monotonic() - begun,
    )


def _alternatives(answer: Mapping[str, Any]) -> list[tuple[str, float]]:
    content = ((answer.get("choices") or [{}])[0].get("logprobs") or {}).get("content") or []
    tops = content[0].get("top_logprobs") if content else None
    return [(str(top["token"]), float(top["logprob"])) for top in tops or ()]


def _letter_weights(shown: Sequence[tuple[str, float]], letters: Sequence[str]) -> list[float] | None:
    """A letter may be shown twice, with and without a blank before it."""
    found = {
        letter: math.fsum(math.exp(log) for token, log in shown if token.strip() == letter)
        for letter in letters
    }
    if not any(found.values()):
        return None
    least = min(math.exp(log) for _, log in shown)
    return [found[letter] or least for letter in letters]
