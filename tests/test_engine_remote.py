"""The engine behind an address: llama.cpp's own server on the tiny model, and servers of another make."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from slm_core.engine import open_engine
from slm_core.engine.contract import Cancelled, PromptTooLong, Reply, Sampling
from slm_core.engine.llama import LlamaEngine
from slm_core.engine.remote import RemoteEngine
from slm_core.engine.server import LlamaServer
from slm_core.errors import CouldNot, UserError
from slm_core.settings import load_settings

ASK = [{"role": "user", "content": "강물이 불어나 two people are missing"}]
SHORT = Sampling(max_tokens=12)


@pytest.fixture(scope="module")
def server(tiny_model: Path) -> Iterator[LlamaServer]:
    server = LlamaServer(tiny_model, adapters=(), slots=2, context=512, threads=1)
    yield server
    server.close()


@pytest.fixture
def remote(server: LlamaServer, monkeypatch: pytest.MonkeyPatch) -> RemoteEngine:
    monkeypatch.setenv("OPENAI_API_KEY", server._key)
    return RemoteEngine(f"{server.address}/v1")


def test_a_server_answers_as_the_engine_in_this_process(remote: RemoteEngine, tiny_model: Path) -> None:
    reply = remote.chat(ASK, sampling=SHORT)
    with LlamaEngine(tiny_model) as engine:
        here = engine.chat(ASK, sampling=SHORT)
    assert reply.text == here.text
    assert (reply.usage.prompt, reply.usage.generated) == (here.usage.prompt, here.usage.generated)
    assert 0 < reply.usage.first_token_s <= reply.usage.total_s


def test_a_second_request_counts_the_cached_tokens(remote: RemoteEngine) -> None:
    remote.chat(ASK, sampling=SHORT)
    assert remote.chat(ASK, sampling=SHORT).usage.cached > 0


def test_streamed_pieces_join_to_the_text(remote: RemoteEngine) -> None:
    *pieces, reply = remote.stream(ASK, sampling=Sampling(30, temperature=1.5, seed=3))
    assert isinstance(reply, Reply)
    assert "".join(str(piece) for piece in pieces) == reply.text


def test_a_typed_reply_is_valid(remote: RemoteEngine) -> None:
    schema = {"type": "object", "properties": {"kind": {"enum": ["홍수", "산불"]}}, "required": ["kind"]}
    assert remote.chat(ASK, schema=schema, sampling=Sampling(60)).value["kind"] in ("홍수", "산불")


def test_cancel_ends_a_request(remote: RemoteEngine) -> None:
    cancel = threading.Event()
    with pytest.raises(Cancelled):
        for _ in remote.stream(ASK, sampling=Sampling(400), cancel=cancel):
            cancel.set()


def test_a_prompt_that_does_not_fit_shows_the_servers_lengths(remote: RemoteEngine) -> None:
    with pytest.raises(PromptTooLong, match=r"\d+ tokens(.|\n)*512 tokens"):
        remote.chat([{"role": "user", "content": "water " * 1000}])


def test_a_wrong_key_is_told_in_the_servers_words(
    server: LlamaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "wrong")
    with pytest.raises(CouldNot, match=r"401: .*[Kk]ey"):
        RemoteEngine(f"{server.address}/v1")


def test_an_unknown_model_is_refused_with_those_the_server_has(
    server: LlamaServer, remote: RemoteEngine
) -> None:
    with pytest.raises(UserError, match=r"no model 'nosuch'(.|\n)*tiny.gguf"):
        RemoteEngine(f"{server.address}/v1", model="nosuch")


def test_an_adapter_that_the_server_does_not_list_is_refused(remote: RemoteEngine) -> None:
    with pytest.raises(UserError, match=r"no adapter 'disaster'"):
        remote.chat(ASK, adapter="disaster")


def test_scores_and_biases_are_refused(remote: RemoteEngine) -> None:
    with pytest.raises(UserError, match="how likely"):
        remote.score(ASK, "water")
    with pytest.raises(UserError, match="bias"):
        remote.chat(ASK, sampling=Sampling(bias={"[]": -1}))


def test_a_choice_none_of_whose_letters_is_likely_is_an_error(remote: RemoteEngine) -> None:
    with pytest.raises(CouldNot, match="no letter of A, B"):
        remote.choose(ASK, ["홍수", "산불"])


def test_a_server_that_is_not_there_is_told_at_once() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with pytest.raises(CouldNot, match="no connection within 5 seconds"):
        RemoteEngine(f"http://127.0.0.1:{port}/v1")


@pytest.mark.parametrize("host", ["192.0.2.1", "models.example"])
def test_offline_asks_no_server_beyond_this_machine(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: Any) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket, "create_connection", forbidden)
    monkeypatch.setattr(socket, "getaddrinfo", forbidden)
    with pytest.raises(UserError, match="offline"):
        open_engine(load_settings(engine=f"http://{host}:8000/v1", offline=True))


Handler = Callable[[str, dict[str, Any]], Any]


@pytest.fixture
def other_server() -> Iterator[Callable[[Handler], str]]:
    """A server of another make: `handler(path, body)` gives the JSON, or the raw bytes of a stream."""
    running: list[ThreadingHTTPServer] = []

    def start(handler: Handler) -> str:
        class Requests(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(handler(self.path, {}))

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self._answer(handler(self.path, body))

            def _answer(self, value: Any) -> None:
                data = value if isinstance(value, bytes) else json.dumps(value).encode()
                self.send_response(200)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Requests)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        running.append(server)
        return f"http://127.0.0.1:{server.server_port}/v1"

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


VLLM = {"data": [{"id": "qwen", "parent": None}, {"id": "disaster", "parent": "qwen"}]}


def said(text: str) -> bytes:
    events = [{"choices": [{"delta": {"content": text}}]}, {"choices": [], "usage": {"prompt_tokens": 5}}]
    return (
        b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events) + b"data: [DONE]\n\n"
    )


def test_an_adapter_is_the_model_name_that_the_server_lists_for_it(other_server: Any) -> None:
    asked: list[dict[str, Any]] = []

    def handler(path: str, body: dict[str, Any]) -> Any:
        asked.append(body)
        return VLLM if path == "/v1/models" else said("네")

    engine = RemoteEngine(other_server(handler))
    assert (engine.model, list(engine.adapters())) == ("qwen", ["disaster"])
    reply = engine.chat(ASK, adapter="disaster")
    assert asked[-1]["model"] == "disaster"
    assert (reply.text, reply.usage.prompt, reply.usage.generated) == ("네", 5, 1)


def test_images_are_passed_through_as_they_are(other_server: Any) -> None:
    asked: list[dict[str, Any]] = []

    def handler(path: str, body: dict[str, Any]) -> Any:
        asked.append(body)
        return VLLM if path == "/v1/models" else said("a river")

    picture = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]
    RemoteEngine(other_server(handler)).chat([{"role": "user", "content": picture}])
    assert asked[-1]["messages"] == [{"role": "user", "content": picture}]


def top(*pairs: tuple[str, float]) -> dict[str, Any]:
    alternatives = [{"token": token, "logprob": log} for token, log in pairs]
    return {
        "choices": [{"logprobs": {"content": [{"top_logprobs": alternatives}]}}],
        "usage": {"prompt_tokens": 9},
    }


def test_a_choice_joins_a_letter_with_and_without_its_blank(other_server: Any) -> None:
    shown = top(("A", -1.0), (" A", -2.0), ("B", -1.5), ("The", -3.0))
    engine = RemoteEngine(other_server(lambda path, _: VLLM if path == "/v1/models" else shown))
    choice = engine.choose(ASK, ["홍수", "산불", "지진"])
    assert choice.label == "홍수"
    assert sum(choice.probabilities.values()) == pytest.approx(1)
    assert choice.probabilities["산불"] / choice.probabilities["지진"] == pytest.approx(2.718281828**1.5)


def test_a_server_without_token_probabilities_says_so(other_server: Any) -> None:
    bare = {"choices": [{"message": {"content": "A"}}]}
    engine = RemoteEngine(other_server(lambda path, _: VLLM if path == "/v1/models" else bare))
    with pytest.raises(CouldNot, match="gives no token probabilities"):
        engine.choose(ASK, ["a", "b"])


@pytest.mark.parametrize("answer", [b"<html>", b"data: {broken\n\n"])
def test_an_answer_that_is_no_json_is_shown(other_server: Any, answer: bytes) -> None:
    engine = RemoteEngine(other_server(lambda path, _: VLLM if path == "/v1/models" else answer))
    with pytest.raises(CouldNot, match=r"no JSON|no reply"):
        engine.chat(ASK)


def test_an_error_in_the_middle_of_a_stream_is_told(other_server: Any) -> None:
    broken = (
        b'data: {"choices":[{"delta":{"content":"a"}}]}\n\ndata: {"error":{"message":"out of memory"}}\n\n'
    )
    engine = RemoteEngine(other_server(lambda path, _: VLLM if path == "/v1/models" else broken))
    with pytest.raises(CouldNot, match="out of memory"):
        engine.chat(ASK)
