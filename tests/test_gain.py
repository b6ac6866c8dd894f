"""Files, merged experts and the one measurement that every tool which makes a model smaller is held to."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tiny_gguf import write_tiny_adapter, write_tiny_model

from slm_core.dataset.row import Message, Row
from slm_core.domain import find_domain
from slm_core.engine.adapter import read_adapter
from slm_core.engine.llama import LlamaEngine
from slm_core.engine.score import Scorer
from slm_core.errors import CouldNot, UserError
from slm_core.settings import load_settings
from slm_finetune.gain import Candidate, Probe, measure_files
from slm_finetune.gain.closeness import closeness
from slm_finetune.gain.speed import ROUNDS, Run, measure_speeds
from slm_finetune.gguf_file import KIND, Tensor, read_file, write_file
from slm_finetune.merged import merge, with_weights

TEXT = "<|im_start|>user\nthe river is rising<|im_end|>\n"


def _rows() -> list[Row]:
    texts = [
        ("the river is rising and food is missing", '["food"]'),
        ("강물이 불어나 물이 필요합니다", '["water"]'),
    ]
    return [
        Row(
            messages=(Message(role="user", content=text), Message(role="assistant", content=target)),
            task="needs", lang="en", source="test", licence="CC0-1.0", id=f"row-{number}",
        )
        for number, (text, target) in enumerate(texts)
    ]  # fmt: skip


def _kl(p: np.ndarray, q: np.ndarray) -> float:
    return float((np.exp(p) * (p - q)).sum())


def test_a_file_that_is_read_and_written_is_the_same_byte_for_byte(tmp_path: Path) -> None:
    path = write_tiny_model(tmp_path / "tiny.gguf")
    write_file(tmp_path / "copy.gguf", read_file(path))
    assert (tmp_path / "copy.gguf").read_bytes() == path.read_bytes()


def test_a_changed_value_keeps_its_type_and_the_rest_of_the_file(tmp_path: Path) -> None:
    file = read_file(write_tiny_model(tmp_path / "tiny.gguf"))
    write_file(tmp_path / "new.gguf", file.replaced(values={"llama.context_length": 512, "slm.note": "cut"}))
    again = read_file(tmp_path / "new.gguf")
    assert again.of_architecture("context_length") == 512
    assert again.values["llama.context_length"].kind == file.values["llama.context_length"].kind
    assert again.values["slm.note"].content == "cut"
    assert np.array_equal(again.tensors["output.weight"].data, file.tensors["output.weight"].data)


@pytest.mark.parametrize("kind", [KIND.Q8_0, KIND.Q5_0, KIND.Q4_0, KIND.F16])
def test_a_quantized_tensor_has_the_shape_and_nearly_the_values_that_went_in(kind: KIND) -> None:
    floats = np.random.default_rng(0).normal(size=(6, 64)).astype(np.float32)
    tensor = Tensor.of("x", floats, kind)
    assert tensor.shape == (6, 64)
    assert np.abs(tensor.floats() - floats).max() < 0.3


def test_a_kind_that_cannot_be_made_is_refused_and_like_falls_back() -> None:
    floats = np.zeros((2, 256), np.float32)
    with pytest.raises(UserError, match="cannot be made Q4_K"):
        Tensor.of("x", floats, KIND.Q4_K)
    assert Tensor("x", KIND.Q4_K, np.zeros((2, 144), np.uint8)).like(floats).kind == KIND.Q8_0
    assert Tensor("x", KIND.Q4_K, np.zeros((2, 144), np.uint8)).like(np.zeros((2, 50))).kind == KIND.F16


def test_the_merged_file_says_what_base_and_adapter_say(tmp_path: Path) -> None:
    path = write_tiny_model(tmp_path / "tiny.gguf")
    folder = write_tiny_adapter(tmp_path / "adapter", bias={"needs": -1.25})
    write_file(tmp_path / "merged.gguf", merge(read_file(path), read_file(folder / "adapter.gguf")))
    adapter = read_adapter(folder / "adapter.gguf", "x", "tiny", "path")
    with LlamaEngine(path, adapters=[adapter], context=256) as engine:
        on, off = engine.next_token_distribution(TEXT, "x"), engine.next_token_distribution(TEXT)
    with LlamaEngine(tmp_path / "merged.gguf", context=256) as engine:
        merged = engine.next_token_distribution(TEXT)
        assert engine.bias(None, "needs") == -1.25 and engine.bias(None, "record") == 0
    assert _kl(on, merged) < 1e-5 < 0.1 < _kl(on, off)


def test_weights_of_transformers_come_back_permuted_for_llama(tmp_path: Path) -> None:
    """The rows of q lie in another order on the device."""
    file = read_file(write_tiny_model(tmp_path / "tiny.gguf"))
    name = "model.layers.0.self_attn.q_proj.weight"
    values = np.arange(64 * 64, dtype=np.float32).reshape(64, 64)
    once = with_weights(file, {name: values}).tensors["blk.0.attn_q.weight"].floats()
    assert not np.array_equal(once, values)
    assert np.array_equal(np.sort(once[:, 0]), values[:, 0])
    assert np.array_equal(once[1], values[8])  # heads of 16: rows 0 and 8 are a rotary pair
    with pytest.raises(UserError, match="no tensor of the architecture llama"):
        with_weights(file, {"model.layers.0.strange.weight": values})


def test_a_file_is_no_distance_from_itself_and_a_coarser_one_is(tmp_path: Path) -> None:
    path = write_tiny_model(tmp_path / "tiny.gguf", std=0.2)
    file = read_file(path)
    coarse = [Tensor.of(t.name, t.floats(), KIND.Q4_0) for t in file.tensors.values() if len(t.shape) == 2]
    write_file(tmp_path / "coarse.gguf", file.replaced(tensors=coarse))
    states = tmp_path / "states.npz"
    same = closeness(path, _rows(), 1, reference=path, states=states)
    far = closeness(tmp_path / "coarse.gguf", _rows(), 1, reference=path, states=states)
    assert same.kl is not None and far.kl is not None
    assert same.kl < 1e-6 < far.kl
    assert same.rows == 2 and same.tokens == far.tokens


def test_perplexity_is_that_of_the_reply_with_the_end_of_its_turn(tmp_path: Path) -> None:
    path, row = write_tiny_model(tmp_path / "tiny.gguf"), _rows()[0]
    with LlamaEngine(path, context=256) as engine:
        text = engine.render(row.prompt())
        ids = engine.tokenize(text + row.target + "<|im_end|>")[len(engine.tokenize(text)) :]
        surprise = 0.0
        for number, token in enumerate(ids):
            so_far = row.target[: sum(len(t) for t in [engine.header.tokens[i] for i in ids[:number]])]
            surprise -= float(engine.next_token_distribution(text + so_far)[token])
    found = closeness(path, [row], 1)
    assert found.tokens == len(ids)
    assert np.log(found.perplexity) == pytest.approx(surprise / len(ids), abs=0.02)


def test_a_row_with_a_token_across_the_end_of_its_prompt_is_left_out_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in for a tokenizer that merges a prompt's last letters with the reply's first."""
    path, rows = write_tiny_model(tmp_path / "tiny.gguf"), _rows()
    tokenize, target = Scorer.tokenize, rows[0].target

    def merging(scorer: Scorer, text: str) -> list[int]:
        ids = tokenize(scorer, text)
        return ids[1:] if target in text else ids

    monkeypatch.setattr(Scorer, "tokenize", merging)
    found = closeness(path, rows, 1)
    assert (found.rows, found.skipped) == (len(rows) - 1, 1)


def test_quality_is_kept_and_speed_is_measured_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, asked = write_tiny_model(tmp_path / "tiny.gguf"), list[int]()

    def run(path: Path, text: str, threads: int, adapter: Path | None) -> Run:
        asked.append(threads)
        return Run(1, 1.0, float(threads))

    monkeypatch.setattr("slm_finetune.gain.speed._in_a_process", run)
    domain = find_domain("disaster")
    for threads in (1, 2, 1):
        probe = Probe(domain, domain.task("needs"), tuple(_rows()), (), load_settings(threads=threads))
        assert measure_files([Candidate("tiny", path)], probe)[0].decode == threads
    assert asked == [1] * ROUNDS + [2] * ROUNDS + [1] * ROUNDS
    assert len(list((load_settings().home / "cache" / "gain").glob("*-quality.json"))) == 1


def test_files_take_turns_so_that_slow_minutes_of_the_machine_change_no_ratio(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, order = tmp_path / "one.gguf", tmp_path / "two.gguf", list[str]()
    lora, adapters = tmp_path / "adapter.gguf", list[Path | None]()

    def run(path: Path, text: str, threads: int, adapter: Path | None) -> Run:
        order.append(path.stem)
        adapters.append(adapter)
        busy = 10 if len(order) > 4 else 1  # from the third round on
        speed = (30 if path == one else 60) / busy
        return Run(1, 3 * speed, speed)

    monkeypatch.setattr("slm_finetune.gain.speed._in_a_process", run)
    first, second = measure_speeds([one, two], "text", 1, rounds=3, adapters=[None, lora])
    assert order == ["one", "two"] * 3 and adapters == [None, lora] * 3
    assert (first.decode, second.decode) == (30, 60)
    assert (second.prefill_ratio, second.decode_ratio) == (2, 2)


def test_a_file_that_finds_no_room_says_how_much_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = read_file(write_tiny_model(tmp_path / "tiny.gguf"))
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=1000))
    with pytest.raises(CouldNot, match=r"GB needed for merged\.gguf, 0\.0 GB free"):
        write_file(tmp_path / "merged.gguf", file)
    assert [each.name for each in tmp_path.iterdir()] == ["tiny.gguf"]


def test_speed_is_measured_in_a_process_of_its_own(tmp_path: Path) -> None:
    path = write_tiny_model(tmp_path / "tiny.gguf")
    (speed,) = measure_speeds([path], "the river is rising", 1, rounds=1)
    assert speed.prefill > 0 and speed.decode > 0 and speed.resident > 1e6
    assert speed.prefill_ratio == speed.decode_ratio == 1
