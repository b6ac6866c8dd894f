"""`finetune prune`: which weights, layers and channels go; llama.cpp runs what Transformers computes."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

pytest.importorskip("trl", reason="needs the extra train")

import numpy as np
import tiny_gguf
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny_gguf import write_tiny_adapter, write_tiny_model

from slm_core.dataset.row import Row, write_rows
from slm_core.engine import open_engine
from slm_core.engine.llama import LlamaEngine
from slm_core.errors import UserError
from slm_core.files import sha256_of
from slm_core.gguf_head import read_header
from slm_core.settings import load_settings
from slm_finetune.adapter_gguf import set_metadata
from slm_finetune.base import dequantized_base
from slm_finetune.cli import main
from slm_finetune.examples import prompt_text
from slm_finetune.gguf_file import KIND, GgufFile, Tensor, read_file, write_file
from slm_finetune.merged import with_weights
from slm_finetune.prune.decoder import encode
from slm_finetune.prune.masks import Pattern, magnitude, pattern_mask, ratio_mask, wanda
from slm_finetune.prune.methods import Plan, Pruned, prune
from slm_finetune.prune.shapes import BLOCK, keeping_zeros
from slm_finetune.prune.structured import block_influence, kept_channels, least_influential
from slm_finetune.prune.unstructured import apply_masks
from slm_finetune.training import load_base

TEXTS = ["강물이 불어나 두 명이 실종되었습니다", "water and food", "the river is rising", "음식이 필요합니다"]


def row(text: str, number: int = 0) -> Row:
    messages = [
        {"role": "system", "content": "needs"},
        {"role": "user", "content": f"{text} {number}"},
        {"role": "assistant", "content": '["water"]'},
    ]
    return Row(messages=messages, task="needs", lang="ko", source="test", licence="CC0-1.0")


ROWS = [row(text) for text in TEXTS]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model of four layers, with MLPs of two times 256 channels."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiny_gguf, "LAYERS", 4)
        patch.setattr(tiny_gguf, "HIDDEN", 512)
        return write_tiny_model(tmp_path_factory.mktemp("base") / "tiny.gguf", std=0.3)


@pytest.fixture(scope="module")
def folder(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dequantized_base(base, sha256_of(base), tmp_path_factory.mktemp("home"))


def pruned(folder: Path, plan: Plan) -> tuple[object, object, Pruned]:
    model, tokenizer, _ = load_base(folder)
    model.eval()
    return model, tokenizer, prune(model, plan, encode(tokenizer, ROWS))


def test_wanda_keeps_a_small_weight_on_a_large_input_where_magnitude_drops_it() -> None:
    weight, norms = np.array([[4.0, 1.0, -3.0, 0.5]]), np.array([1.0, 10.0, 0.1, 1.0])
    assert ratio_mask(magnitude(weight), 0.5).tolist() == [[True, False, True, False]]
    assert ratio_mask(wanda(weight, norms), 0.5).tolist() == [[True, True, False, False]]


@given(
    rows=st.integers(1, 5),
    groups=st.integers(1, 6),
    seed=st.integers(0, 99),
    pattern=st.sampled_from(["2:4", "1:4", "1:2", "4:8"]),
)
def test_a_pattern_keeps_exactly_its_number_in_every_group(
    rows: int, groups: int, seed: int, pattern: str
) -> None:
    shape = Pattern.read(pattern)
    scores = np.random.default_rng(seed).integers(0, 3, (rows, groups * shape.of))  # with many ties
    kept = pattern_mask(scores, shape).reshape(rows, groups, shape.of).sum(axis=2)
    assert (kept == shape.kept).all()


@given(columns=st.integers(2, 40), sparsity=st.floats(0.01, 0.99), seed=st.integers(0, 99))
def test_a_share_is_taken_from_every_row_alike_and_the_best_stay(
    columns: int, sparsity: float, seed: int
) -> None:
    scores = np.random.default_rng(seed).random((3, columns))
    mask = ratio_mask(scores, sparsity)
    assert (mask.sum(axis=1) == columns - int(columns * sparsity)).all()
    for one, kept in zip(scores, mask, strict=True):
        assert kept.all() or one[kept].min() > one[~kept].max()


@pytest.mark.parametrize("text", ["4:2", "2-4", "0:4", "4:4", "two:four"])
def test_a_pattern_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UserError, match=r"--pattern(.|\n)*2:4"):
        Pattern.read(text)


@pytest.mark.parametrize(
    ("method", "sparsity", "pattern", "said"),
    [
        ("wanda", 1.5, None, "--sparsity"),
        ("wanda", 0.5, "2:4", "--pattern"),
        ("layers", None, "2:4", "--pattern"),
    ],
)
def test_flags_that_make_no_sense_together_are_refused(
    method: str, sparsity: float | None, pattern: str | None, said: str
) -> None:
    with pytest.raises(UserError, match=said):
        Plan.of(method, sparsity, pattern)


def test_the_layer_that_changes_nothing_goes_first(folder: Path) -> None:
    model, tokenizer, _ = load_base(folder)
    for part in (model.model.layers[2].self_attn.o_proj, model.model.layers[2].mlp.down_proj):
        part.weight.data *= 1e-3
    influence = block_influence(model, encode(tokenizer, ROWS))
    assert influence[2] < 1e-4 < min(influence[:2] + influence[3:])
    assert least_influential(influence, 0.25) == [2]


@pytest.mark.parametrize("sparsity", [0.01, 0.99])
def test_a_share_that_takes_no_layer_or_all_of_them_is_refused(sparsity: float) -> None:
    with pytest.raises(UserError, match="of 4 layers is"):
        least_influential([0.4, 0.3, 0.2, 0.1], sparsity)


def test_channels_stay_to_a_multiple_of_256_the_most_important_of_each_layer() -> None:
    importance = np.arange(2 * 1024, dtype=float).reshape(2, 1024)
    importance[1] = importance[1, ::-1]
    kept = kept_channels(importance, 0.3)
    assert kept.shape == (2, 768)
    assert kept[0].tolist() == list(range(256, 1024)) and kept[1].tolist() == list(range(768))
    with pytest.raises(UserError, match="as a multiple of 256"):
        kept_channels(importance, 0.05)


def kl(model: object, tokenizer: object, file: Path) -> float:
    """Return the mean KL(Transformers || llama.cpp) of the next token after a few prompts."""
    engine = open_engine(load_settings(), model=str(file), adapters={})
    assert isinstance(engine, LlamaEngine)
    found = []
    with engine:
        for one in ROWS[:3]:
            text = prompt_text(tokenizer, one.prompt())
            ids = torch.tensor([tokenizer(text, add_special_tokens=False)["input_ids"]])
            with torch.no_grad():
                p = torch.log_softmax(model(ids).logits[0, -1].double(), -1).numpy()
            assert -(np.exp(p) * p).sum() < 0.9 * np.log(len(p)), "too flat to show a fault"
            found.append(float((np.exp(p) * (p - engine.next_token_distribution(text))).sum()))
    return float(np.mean(found))


@pytest.mark.parametrize(
    ("method", "sparsity", "key", "size"),
    [("layers", 0.25, "block_count", 3), ("mlp", 0.5, "feed_forward_length", 256)],
)
def test_what_is_smaller_runs_on_the_device_and_says_what_transformers_says(
    base: Path, folder: Path, tmp_path: Path, method: str, sparsity: float, key: str, size: int
) -> None:
    model, tokenizer, result = pruned(folder, Plan.of(method, sparsity, None))
    file = with_weights(result.cut(read_file(base)), model.state_dict())
    write_file(tmp_path / "small.gguf", file)
    assert read_header(tmp_path / "small.gguf").of_architecture(key) == size
    assert (tmp_path / "small.gguf").stat().st_size < base.stat().st_size
    assert kl(model, tokenizer, tmp_path / "small.gguf") < 1e-3


def test_without_recovery_the_kept_layers_are_those_of_the_file_byte_for_byte(
    base: Path, folder: Path
) -> None:
    _, _, result = pruned(folder, Plan.of("layers", 0.5, None))
    before, after = read_file(base), result.cut(read_file(base))
    blocks = {name for name in after.tensors if name.startswith("blk.")}
    assert len(blocks) == sum(name.startswith("blk.") for name in before.tensors) // 2
    whole = {t.data.tobytes() for t in before.tensors.values()}
    assert all(tensor.data.tobytes() in whole for tensor in after.tensors.values())


@pytest.mark.parametrize("method", ["magnitude", "wanda"])
def test_two_of_four_weights_are_zero_in_the_file_whose_size_stays(
    base: Path, folder: Path, tmp_path: Path, method: str
) -> None:
    model, tokenizer, result = pruned(folder, Plan.of(method, None, "2:4"))
    template = keeping_zeros(quantized(base, KIND.Q4_1))
    file = with_weights(result.cut(template), model.state_dict())
    assert 0.5 <= zeros(file) < 0.53  # a few weights are zero by rounding
    assert file.tensors["blk.0.attn_q.weight"].kind == KIND.Q8_0, "Q4_1 has no exact zero"
    write_file(tmp_path / "whole.gguf", template)
    write_file(tmp_path / "sparse.gguf", file)
    assert (tmp_path / "sparse.gguf").stat().st_size == (tmp_path / "whole.gguf").stat().st_size
    near, far = (kl(model, tokenizer, tmp_path / f"{name}.gguf") for name in ("sparse", "whole"))
    assert near < 0.1 < far, "Q8_0 rounds; the whole file is another model"


def quantized(base: Path, kind: KIND):
    file = read_file(base)
    matrices = [t for t in file.tensors.values() if t.name.startswith("blk.") and len(t.shape) == 2]
    return file.replaced(tensors=[Tensor.of(t.name, t.floats(), kind) for t in matrices])


def test_wanda_sees_what_the_pruned_blocks_before_give(folder: Path) -> None:
    model, _, result = pruned(folder, Plan.of("wanda", 0.9, None))
    whole, tokenizer, _ = load_base(folder)
    name = "model.layers.3.mlp.gate_proj.weight"
    inputs = [hidden_before_gate(model, tokenizer, 3), hidden_before_gate(whole, tokenizer, 3)]
    weight = dict(whole.named_parameters())[name].detach().numpy()
    masks = [ratio_mask(wanda(weight, norms), 0.9) for norms in inputs]
    agreed = [(mask == result.masks[name]).mean() for mask in masks]
    assert agreed[0] > agreed[1]


def hidden_before_gate(model: object, tokenizer: object, layer: int) -> np.ndarray:
    heard: list[torch.Tensor] = []
    part = model.model.layers[layer].mlp.gate_proj
    hook = part.register_forward_pre_hook(lambda _, inputs: heard.append(inputs[0][0].detach()))
    for example in encode(tokenizer, ROWS):
        with torch.no_grad():
            model(torch.tensor([[*example.prompt, *example.target]]))
    hook.remove()
    return torch.cat(heard).norm(dim=0).numpy()


def test_what_was_pruned_is_zero_again_after_a_merge_has_filled_it(folder: Path) -> None:
    model, _, result = pruned(folder, Plan.of("magnitude", 0.5, None))
    weight = model.model.layers[1].self_attn.q_proj.weight
    weight.data += 0.25
    apply_masks(model, result.masks)
    mask = result.masks["model.layers.1.self_attn.q_proj.weight"]
    assert (weight.detach().numpy()[~mask] == 0).all() and (weight.detach().numpy()[mask] != 0).any()


def zeros(file: GgufFile) -> float:
    """The share of zeros in the matrices of the blocks."""
    matrices = [t.floats() for t in file.tensors.values() if BLOCK.match(t.name) and len(t.shape) == 2]
    return sum(int(np.count_nonzero(m == 0)) for m in matrices) / sum(m.size for m in matrices)


@pytest.fixture
def data() -> Path:
    """A few rows of the domain disaster."""
    folder = Path(os.environ["SLM_HOME"]) / "datasets" / "disaster"
    for side, count in (("train", 24), ("dev", 4), ("test", 2)):
        rows = [row(TEXTS[i % 4], i + 100 * len(side)) for i in range(count)]
        write_rows(folder / f"{side}.jsonl", rows)
    return folder


def test_the_command_prunes_recovers_and_shows_each_stage_in_one_table(
    base: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    adapter = write_tiny_adapter(tmp_path / "adapter", std=0.05)
    set_metadata(adapter / "adapter.gguf", {"slm.domain": "disaster", "slm.bias.needs": -1.5})
    words = ["prune", "--domain", "disaster", "--model", str(base), "--adapter", str(adapter), "--no-score"]
    more = ["--method", "layers", "--recover-steps", "8", "--set", "learning_rate=0.02"]
    out = tmp_path / "out" / "small.gguf"
    assert main([*words, *more, "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    for stage in ("| before |", "| pruned |", "| recovered |", "1 of 4 layers", "LoRA r 8, 8 steps"):
        assert stage in printed
    assert perplexity(printed, "recovered") < perplexity(printed, "pruned")
    values = read_header(out).values
    assert values["slm.domain"] == "disaster", "slm ask prompts it as the adapter was trained"
    assert values["slm.bias.needs"] == -1.5, "and biases its stop words as the adapter had learnt"
    assert "1 of 4 layers" in values["slm.pruned"] and len(values["slm.pruned_from"]) == 64
    assert [path.name for path in sorted(out.parent.iterdir())] == ["small.gguf", "small.md"]
    assert not list((Path(os.environ["SLM_HOME"]) / "runs").glob("prune-*"))


@pytest.mark.parametrize("method", ["magnitude", "wanda"])
def test_the_table_says_that_zeros_save_nothing_and_their_file_is_as_large(
    method: str, base: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["prune", "--domain", "disaster", "--model", str(base), "--adapter", "none", "--no-score"]
    assert main([*words, "--method", method, "--json", "--out", str(tmp_path / "sparse.gguf")]) == 0
    before, pruned = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (
        pruned["note"] == "zeros are stored and multiplied like any weight: neither bytes nor time are saved"
    )
    assert before["note"] == "" and pruned["kinds"] == before["kinds"]
    assert pruned["kl"] > before["kl"]


def perplexity(table: str, stage: str) -> float:
    rows = [line.split(" | ") for line in table.splitlines() if line.startswith("| ")]
    place = next(cells for cells in rows if cells[0] == "| file").index("perplexity")
    return float(next(cells for cells in rows if cells[0] == f"| {stage}")[place])


def test_the_base_is_never_written_over(base: Path, data: Path) -> None:
    words = ["prune", "--domain", "disaster", "--model", str(base), "--adapter", "none", "--method", "mlp"]
    before = sha256_of(base)
    assert main([*words, "--out", str(base)]) == 2
    assert sha256_of(base) == before
