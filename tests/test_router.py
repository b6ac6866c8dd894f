"""The gate of `--domain auto`, and adapters that are mixed by weight."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
from tiny_gguf import write_tiny_adapter, write_tiny_model

from slm_core.cli.chat import Conversation
from slm_core.cli.main import main as slm
from slm_core.domain import domain_names, find_domain
from slm_core.engine.adapter import read_adapter
from slm_core.engine.contract import Sampling
from slm_core.engine.llama import LlamaEngine
from slm_core.errors import UserError
from slm_core.rag.embedder import E5
from slm_core.router import NONE, Route, open_gate
from slm_core.router.gate import Gate, gate_folder, write_gate
from slm_core.settings import data_folder, load_settings
from slm_finetune.cli import main as finetune
from slm_finetune.gguf_file import read_file, write_file
from slm_finetune.merged import merge
from slm_finetune.router.command import _read_test
from slm_finetune.router.texts import Text, gather, read_texts
from slm_finetune.router.training import routing, train_gate

if TYPE_CHECKING:
    from slm_core.engine.contract import Engine

FLOODS = [
    "강물이 넘쳐 마을이 잠겼습니다", "산사태로 도로가 막혔습니다", "지진으로 두 명이 다쳤습니다",
    "대피소에 식수가 필요합니다",
    "The river flooded the village", "Two people are missing after the landslide", "We need water and tents",
    "An earthquake damaged the bridge",
]  # fmt: skip
DEVICES = [
    "거실 에어컨을 24도로 맞춰 줘", "안방 조명을 꺼 줘", "배터리를 밤에 충전해 줘",
    "이번 달 전기 요금이 얼마야?",
    "Set the heating to 21 degrees", "Turn off the lights in the kitchen", "Charge the battery at night",
    "Why does the plan charge at three?",
]  # fmt: skip


def _texts() -> list[Text]:
    none = read_texts(Path(__file__).parents[1] / "datasets" / "router" / "none.jsonl", NONE)[::8]
    made = [(text, "disaster") for text in FLOODS] + [(text, "energy") for text in DEVICES]
    return [Text(text, label, "", text) for text, label in made] + none


@pytest.fixture(scope="module")
def gate() -> Gate:
    texts, embedder = _texts(), E5()
    trained = train_gate(texts, embedder, embedder.queries([text.text for text in texts]))
    return Gate(trained.card, trained.weights, trained.bias, embedder)


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("하천이 범람해서 주민 세 명이 실종되었습니다", "disaster"),
        ("Houses are under water and people need food", "disaster"),
        ("주방 불을 켜 줘", "energy"),
        ("Switch the air conditioning off in the bedroom", "energy"),
        ("오늘 저녁에 볼 영화 추천해 줘", None),
        ("Recommend a film for tonight", None),
    ],
)
def test_a_text_goes_to_its_domain_or_to_none(gate: Gate, text: str, domain: str | None) -> None:
    route = gate.route(text)
    assert route.domain == domain, route.reason
    assert sum(route.probabilities.values()) == pytest.approx(1)
    assert f"{max(route.probabilities.values()):.2f}" in route.reason


def test_an_empty_text_is_refused(gate: Gate) -> None:
    with pytest.raises(UserError, match="empty"):
        gate.route("  \n")


def test_two_domains_that_are_near_are_mixed_by_their_shares() -> None:
    near = Route("disaster", {"disaster": 0.6, "energy": 0.3, NONE: 0.1}, "")
    assert near.mix == pytest.approx({"disaster": 2 / 3, "energy": 1 / 3})
    assert Route("disaster", {"disaster": 0.9, "energy": 0.05, NONE: 0.05}, "").mix == {"disaster": 1.0}
    assert Route(None, {"disaster": 0.1, "energy": 0.1, NONE: 0.8}, "").mix == {}


def test_without_a_gate_the_command_says_how_to_get_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert slm(["ask", "auto", "주방 불을 켜 줘"]) == 2
    assert "mend: finetune router" in capsys.readouterr().err


def test_a_text_for_none_is_answered_by_none(gate: Gate, capsys: pytest.CaptureFixture[str]) -> None:
    write_gate(gate_folder(load_settings()), gate.card, gate.weights, gate.bias)
    assert slm(["ask", "auto", "오늘 저녁에 볼 영화 추천해 줘", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["domain"] is None
    assert max(said["probabilities"], key=said["probabilities"].get) == NONE


def test_the_gate_sends_a_report_to_the_rules_of_its_domain(
    gate: Gate, capsys: pytest.CaptureFixture[str]
) -> None:
    write_gate(gate_folder(load_settings()), gate.card, gate.weights, gate.bias)
    words = [
        "ask",
        "auto",
        "강릉시 옥계면이 침수되어 2명이 실종되었습니다",
        "--model",
        "smollm2-135m-instruct",
    ]
    assert slm([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["reply"]["missing"]["value"] == 2


def test_a_chat_takes_the_prompt_of_the_domain_that_its_first_words_are_for(
    gate: Gate, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[dict[str, str]]] = []

    class Recorder:
        def stream(self, messages: Any, **_: Any) -> Iterator[str]:
            asked.append(list(messages))
            yield "ok"

    monkeypatch.setattr("sys.stdin", io.StringIO("거실 에어컨을 24도로 맞춰 줘\n강물이 넘쳤습니다\n"))
    Conversation(cast("Engine", Recorder()), {}, gate, interactive=False).talk()
    prompt = {"role": "system", "content": find_domain("energy").chat_prompt["ko"]}
    assert [messages[0] for messages in asked] == [prompt, prompt]
    assert "energy" in capsys.readouterr().err


def test_a_flag_of_one_domain_and_a_lone_mix_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert slm(["ask", "auto", "물", "--task", "needs"]) == 2
    assert slm(["ask", "disaster", "물", "--mix"]) == 2
    assert "nothing to mix" in capsys.readouterr().err


def test_a_mix_without_the_adapters_is_told_and_a_server_is_refused_one(
    gate: Gate, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    undecided = gate.card.model_copy(update={"least": 0.0})
    write_gate(gate_folder(load_settings()), undecided, np.zeros_like(gate.weights), np.zeros_like(gate.bias))
    words = ["ask", "auto", "강릉시 옥계면이 침수되었습니다", "--mix", "--model", "smollm2-135m-instruct"]
    assert slm(words) == 0
    said = capsys.readouterr().err
    assert "nothing is mixed: no adapter of disaster, energy is in force" in said
    monkeypatch.setenv("SLM_ENGINE", "http://127.0.0.1:9/v1")
    assert slm(words) == 2
    assert "one adapter a request" in capsys.readouterr().err


def test_a_line_separator_inside_a_text_ends_no_line(tmp_path: Path) -> None:
    path = tmp_path / "none.jsonl"
    path.write_text('{"text": "one\u2028two"}\n\n{"text": "three"}\n', encoding="utf-8")
    assert [text.text for text in read_texts(path, NONE)] == ["one\u2028two", "three"]


def test_texts_in_another_encoding_are_told_with_file_and_line(tmp_path: Path) -> None:
    plain, test = tmp_path / "none.txt", tmp_path / "test.jsonl"
    plain.write_bytes("날씨가 좋다\n".encode() + "날씨가 좋다\n".encode("cp949"))
    with pytest.raises(UserError, match=r"none\.txt:2: no UTF-8"):
        read_texts(plain, NONE)
    test.write_bytes('{"text": "날씨", "domain": "none"}\n'.encode("cp949"))
    with pytest.raises(UserError, match=r"test\.jsonl:1: no UTF-8"):
        _read_test(test, ["disaster"])


def test_what_people_ask_a_domain_is_all_learnt_however_few_rows_are_wanted() -> None:
    found = gather([find_domain("disaster")], [], load_settings(), most=1)
    asked = read_texts(data_folder("disaster") / "asked.jsonl", "disaster")
    assert {"ko", "en"} == {text.lang for text in asked} and len(asked) > 100
    own = [text for text in found if text.label == "disaster"]
    assert set(asked) < set(own) and len(own) == len(asked) + 2


def test_a_gate_is_trained_and_measured_beside_its_peers_on_texts_it_does_not_learn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("slm_finetune.router.texts.gather", lambda *_: _texts())  # all of them take minutes
    traffic = [(FLOODS[0], "disaster"), ("Villages stand under water and people are missing", "disaster")]
    traffic += [("거실 난방을 20도로 올려 줘", "energy"), ("Turn on the lights in the bathroom", "energy")]
    test = tmp_path / "traffic.jsonl"
    lines = [json.dumps({"text": text, "lang": "", "domain": domain}) for text, domain in traffic]
    test.write_text("\n".join(lines), encoding="utf-8")
    assert finetune(["router", "--test", str(test), "--json"]) == 0
    out, err = capsys.readouterr()
    assert "1 texts are in the test too: not learnt from" in err
    told = [json.loads(line) for line in out.splitlines()]
    own, theirs = ([each for each in told if (each["on"] == str(test)) is there] for there in (False, True))
    assert [each["system"] for each in own] == [each["system"] for each in theirs]
    assert own[0]["system"] == "gate" and len(own) >= 3
    assert theirs[0]["texts"] == 4 and theirs[0]["accuracy"]["value"] >= 0.75
    assert open_gate(load_settings()).route(DEVICES[0]).domain == "energy"


def test_a_negative_number_of_texts_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert finetune(["router", "--most", "-1"]) == 2
    assert "--most: -1 texts" in capsys.readouterr().err


def test_a_gate_of_other_domains_or_with_other_weights_is_refused(gate: Gate) -> None:
    settings = load_settings()
    folder = gate_folder(settings)
    other = gate.card.model_copy(update={"classes": ("cctv", *gate.card.classes[1:])})
    write_gate(folder, other, gate.weights, gate.bias)
    with pytest.raises(UserError, match=f"installed are {', '.join(domain_names())}"):
        open_gate(settings)
    write_gate(folder, gate.card, gate.weights, gate.bias)
    open_gate(settings)
    with (folder / "gate.npz").open("ab") as file:
        file.write(b"x")
    with pytest.raises(UserError, match="describes another"):
        open_gate(settings)


def test_routing_counts_wrong_domains_apart_from_texts_that_nobody_took() -> None:
    texts = [Text("", label, "", "") for label in ("energy", "energy", "disaster", NONE)]
    found = routing("x", ["energy", NONE, "energy", "energy"], texts)
    assert (found.accuracy.value, found.wrong, found.missed) == (0.25, 0.5, 0.25)


def test_a_mix_of_two_adapters_is_their_weighted_sum(tmp_path: Path) -> None:
    """Against one merged file: base + 0.7 of the one and 0.3 of the other."""
    path = write_tiny_model(tmp_path / "tiny.gguf")
    folders = [write_tiny_adapter(tmp_path / name, seed=seed) for name, seed in (("a", 1), ("b", 2))]
    adapters = [read_adapter(folder / "adapter.gguf", folder.name, "tiny", "path") for folder in folders]
    base, one, two = read_file(path), *(merge(read_file(path), read_file(a.path)) for a in adapters)
    mixed = [
        type(t)(t.name, t.kind, 0.7 * one.tensors[t.name].data + 0.3 * two.tensors[t.name].data)
        for t in base.tensors.values()
    ]
    write_file(tmp_path / "mixed.gguf", base.replaced(tensors=mixed))
    asked, how = [{"role": "user", "content": "the river"}], Sampling(max_tokens=12)
    with LlamaEngine(tmp_path / "mixed.gguf", context=256) as engine:
        wanted = engine.chat(asked, sampling=how).text
    with LlamaEngine(path, adapters=adapters, context=256) as engine:
        reply = engine.chat(asked, adapter={"a": 0.7, "b": 0.3}, sampling=how)
        assert reply.text == wanted
        assert engine.chat(asked, adapter="a", sampling=how).text != wanted
        assert reply.adapter_sha256 == f"{adapters[0].sha256}*0.70+{adapters[1].sha256}*0.30"
        with pytest.raises(UserError, match="no adapter 'c'"):
            engine.chat(asked, adapter={"a": 0.5, "c": 0.5}, sampling=how)


def test_probabilities_of_the_gate_are_those_of_the_model_it_was_fitted_with(gate: Gate) -> None:
    shares = gate.probabilities(["강물이 넘쳤습니다", "turn on the light"])
    assert shares.shape == (2, 3) and np.allclose(shares.sum(axis=1), 1)
