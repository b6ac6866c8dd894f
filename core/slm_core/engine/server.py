"""llama.cpp in this process, through xllamacpp: started, asked, stopped.

Completions go through the binding's function calls. Tokenization exists only on the HTTP listener that the
binding always opens, so that is where it is asked: it is llama.cpp's own tokenizer, hence exact for every
model it can load, which a second implementation over the vocabulary could not promise. The listener sits on
loopback, on a free port, and answers only to a random key that never leaves this object.
"""

from __future__ import annotations

import http.client
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from slm_core.errors import CouldNot

_QUIET = -1
_BATCH = (
    256  # tokens per prompt step: a cancelled prompt stops after the step in work, and speed is that of 512
)
_LISTENER_S = 600  # a starved machine is slow, not dead


class LlamaServer:
    """One loaded model file with its adapters and slots.

    Args:
        path: the model's GGUF file.
        adapters: LoRA files; their ids are their places in this sequence.
        slots: how many sequences are kept at once.
        context: tokens per slot.
        threads: for prompt and reply.
        embedding: give the hidden state of every token instead of text; see score.py.
    """

    def __init__(
        self,
        path: Path,
        *,
        adapters: Sequence[Path],
        slots: int,
        context: int,
        threads: int,
        embedding: bool = False,
    ) -> None:
        import xllamacpp

        self._key = secrets.token_urlsafe(32)
        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.api_keys = [self._key]
        params.verbosity = _QUIET
        params.n_parallel = slots
        params.n_ctx = context * slots  # llama.cpp divides it
        params.kv_unified = False
        params.n_batch = params.n_ubatch = context if embedding else min(_BATCH, context)
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
        params.cache_ram_mib = 0  # pinned slots keep their own prompt; a second copy may grow to 8 GiB
        params.cache_idle_slots = False
        params.fit_params = False  # the context was chosen, with a reason, before
        params.ctx_shift = False
        params.warmup = False
        params.ui = False
        params.lora_adapters = [_lora(xllamacpp, adapter) for adapter in adapters]
        if embedding:
            params.embedding = True
            params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_NONE
            params.embd_normalize = -1
        try:
            self._server = xllamacpp.Server(params)
        except Exception as error:  # the binding raises bare Exception, RuntimeError or OSError alike
            raise CouldNot(f"{path}: llama.cpp could not load it: {error}") from error
        self.address: str = self._server.listening_address
        # A server freed before its listener and its loop run never ends (tried). This answer needs both.
        self._ask("GET", "/slots")

    def complete(self, request: Mapping[str, Any], on_event: Callable[[Any], bool] | None = None) -> Any:
        """Run one completion; with `on_event` streamed, and stopped when that returns True.

        Raises:
            CouldNot: llama.cpp refused the request.
        """
        if on_event is None:
            return _checked(self._server.handle_completions(dict(request)))
        failure: list[BaseException] = []

        def forward(event: Any) -> bool:
            try:
                return on_event(_checked(event))
            except BaseException as error:  # the binding would swallow it and let the generation run on
                failure.append(error)
                return True

        _checked(
            self._server.handle_completions({**request, "stream": True, "return_progress": True}, forward)
        )
        if failure:
            raise failure[0]
        return None

    def embeddings(self, tokens: Sequence[int]) -> Any:
        """Return the hidden states of a prompt: a list of one vector per token."""
        answer = self._ask("POST", "/embedding", {"content": list(tokens)})
        return answer[0]["embedding"]

    def tokenize(self, text: str) -> list[int]:
        """Return token ids; control tokens in the text are recognised, none is added."""
        answer = self._ask(
            "POST", "/tokenize", {"content": text, "add_special": False, "parse_special": True}
        )
        return [int(token) for token in answer["tokens"]]

    def close(self) -> None:
        """Free model and listener."""
        self._server = None

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        connection = http.client.HTTPConnection(urlsplit(self.address).netloc, timeout=_LISTENER_S)
        try:
            headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
            connection.request(method, path, json.dumps(body).encode() if body else None, headers)
            return _checked(json.loads(connection.getresponse().read()))
        except (OSError, http.client.HTTPException) as error:
            raise CouldNot(f"llama.cpp's listener did not answer {path}: {error}") from error
        finally:
            connection.close()


def _lora(xllamacpp: Any, path: Path) -> Any:
    info = xllamacpp.CommonAdapterLoraInfo()
    info.path, info.scale = str(path), 1.0
    return info


def _checked(answer: Any) -> Any:
    if isinstance(answer, Mapping) and "error" in answer:
        raise CouldNot(f"llama.cpp: {answer['error'].get('message', answer['error'])}")
    return answer
