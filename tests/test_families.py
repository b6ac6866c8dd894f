"""Every family on the device: Transformers folder -> GGUF -> llama.cpp says the same, with an adapter too.

The models are tiny and random, with weights so large that a wrong conversion shows (one per family is tried),
and the prompts are longer than the sliding window.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("peft", reason="needs the extra train")

import numpy as np
from family_proof import MISTAKES, PROMPTS, Measured, measure
from tiny_families import FAMILIES, WINDOW, write_folder
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

from slm_core.engine.llama import LlamaEngine
from slm_core.errors import GateFailed, UserError
from slm_core.gguf_head import read_header
from slm_finetune.base import dequantized_base
from slm_finetune.convert.checkpoint import Checkpoint
from slm_finetune.convert.command import convert, write
from slm_finetune.convert.proof import divergence
from slm_finetune.convert.tokenizer import load_tokenizer
from slm_finetune.convert.training_folder import keep
from slm_finetune.gguf_file import write_file

CLOSE, FAR = 1e-3, 0.1  # nat


@pytest.fixture(scope="module", params=sorted(MISTAKES))
def measured(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Measured:
    return measure(request.param, tmp_path_factory.mktemp(request.param))


def test_llama_cpp_says_what_transformers_says_and_a_mistake_would_show(measured: Measured) -> None:
    assert measured.entropy < 0.9 and measured.shortest > WINDOW
    assert measured.kl < CLOSE
    assert measured.wrong > FAR, measured.mistake


def test_an_adapter_says_the_same_in_both_and_changes_what_is_said(measured: Measured) -> None:
    assert measured.lora < CLOSE
    assert measured.on_off > FAR
    only_attention = measured.adapted == "attention only: experts cannot be adapted"
    assert only_attention == (measured.family == "mixtral")


def converted(name: str, folder: Path, kind: str = "f32", **changes: Any) -> tuple[Any, Checkpoint, Path]:
    """Return the model in Transformers, its folder, and the file made of it."""
    model = write_folder(FAMILIES[name], folder / "model", **changes)
    checkpoint = Checkpoint.of(folder / "model")
    write(checkpoint, kind, folder / "model.gguf")
    return model, checkpoint, folder / "model.gguf"


def kl(model: Any, checkpoint: Checkpoint, file: Path, prompts: tuple[str, ...] = PROMPTS) -> float:
    with LlamaEngine(file) as engine:
        return divergence(model, load_tokenizer(checkpoint), engine, None, prompts)


@pytest.mark.parametrize(("kind", "bar"), [("f16", 1e-3), ("q8_0", 0.05)])
def test_smaller_types_stay_close(tmp_path: Path, kind: str, bar: float) -> None:
    model, checkpoint, file = converted("qwen2", tmp_path, kind)
    assert kl(model, checkpoint, file) < bar
    assert file.stat().st_size < 0.7 * sum(p.numel() * 4 for p in model.parameters())


ROPE = {"rope_theta": 10_000.0}
YARN = ROPE | {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64}
GEMMA = {
    "full_attention": {"rope_theta": 1e6, "rope_type": "linear", "factor": 8.0},
    "sliding_attention": {"rope_theta": 5_000.0, "rope_type": "default"},
}
LONG = ROPE | {
    "rope_type": "longrope",
    "short_factor": [1.0 + 0.1 * i for i in range(8)],
    "long_factor": [2.0 + i for i in range(8)],
    "original_max_position_embeddings": 16,
}


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("llama", {"rope_parameters": ROPE | {"rope_type": "linear", "factor": 4.0}}),
        ("exaone", {"rope_parameters": FAMILIES["llama"].config["rope_parameters"]}),
        ("qwen3", {"rope_parameters": YARN}),
        ("phi3", {"rope_parameters": LONG, "original_max_position_embeddings": 16}),
        ("phi3", {"rope_parameters": ROPE | {"partial_rotary_factor": 0.5}}),
        ("gemma3", {"layer_types": ["full_attention"] * 2 + ["sliding_attention"]}),
        ("gemma3", {"rope_parameters": GEMMA}),
        ("llama", {"tie_word_embeddings": True}),
    ],
)
def test_scaled_positions_and_other_shapes_are_converted(
    tmp_path: Path, name: str, changes: dict[str, Any]
) -> None:
    model, checkpoint, file = converted(name, tmp_path, **changes)
    assert kl(model, checkpoint, file) < CLOSE


@pytest.mark.parametrize("name", ["mistral", "phi3", "qwen2"])
def test_where_llama_cpp_has_no_window_the_context_ends_with_it(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    more = {"use_sliding_window": True, "max_window_layers": 0} if name == "qwen2" else {}
    model, checkpoint, file = converted(name, tmp_path, sliding_window=WINDOW, **more)
    assert read_header(file).of_architecture("context_length") == WINDOW
    assert f"context {WINDOW} instead of 512" in capsys.readouterr().err
    within = PROMPTS[0][:40], PROMPTS[0][40:70]
    assert kl(model, checkpoint, file, within) < CLOSE
    ignored = convert(checkpoint, load_tokenizer(checkpoint), "f32")
    key = f"{ignored.architecture}.context_length"
    write_file(tmp_path / "ignored.gguf", ignored.replaced(values={key: 512}))
    assert kl(model, checkpoint, tmp_path / "ignored.gguf") > FAR


def test_of_a_gemma_3_that_sees_the_text_part_is_converted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from safetensors.numpy import load_file, save_file

    folder = tmp_path / "model"
    model = write_folder(FAMILIES["gemma3"], folder)
    text = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    whole = {"model_type": "gemma3", "text_config": text, "vision_config": {"hidden_size": 4}}
    (folder / "config.json").write_text(json.dumps(whole), encoding="utf-8")
    weights = {f"language_model.{n}": v for n, v in load_file(folder / "model.safetensors").items()}
    eye = {"vision_tower.patch.weight": np.zeros((4, 4), np.float32)}
    save_file(weights | eye, folder / "model.safetensors", metadata={"format": "pt"})
    checkpoint = Checkpoint.of(folder)
    write(checkpoint, "f32", tmp_path / "model.gguf")
    assert "left out: 1 tensors of the part that sees pictures" in capsys.readouterr().err
    assert kl(model, checkpoint, tmp_path / "model.gguf") < CLOSE


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("llama", {"model_type": "lama"}, r"'lama' is not converted(.|\n)*llama"),
        ("llama", {"hidden_act": "gelu"}, "hidden_act = 'gelu'"),
        ("llama", {"rope_parameters": ROPE | {"rope_type": "dynamic", "factor": 2.0}}, "'dynamic'"),
        ("llama", {"rope_parameters": ROPE | {"rope_type": "llama3"}}, "Transformers refuses"),
        ("qwen3", {"rope_parameters": YARN | {"attention_factor": 1.5}}, "attention_factor"),
        ("llama", {"rope_parameters": ROPE | {"partial_rotary_factor": 0.5}}, "partial_rotary_factor = 0.5"),
        ("llama", {"embedding_multiplier": 12.0}, "embedding_multiplier = 12.0 is not known"),
        ("llama", {"quantization_config": {"bits": 4}}, "quantized already"),
        ("gemma3", {"final_logit_softcapping": 30.0}, "final_logit_softcapping"),
        ("gemma3", {"query_pre_attn_scalar": 168}, "query_pre_attn_scalar = 168"),
        ("gemma3", {"sliding_window": None}, "sliding_window = None"),
        ("gemma", {"tie_word_embeddings": False}, "tie_word_embeddings"),
        ("exaone4", {"sliding_window": 16}, "slide with 64 layers"),
    ],
)
def test_what_llama_cpp_would_compute_otherwise_is_refused_by_name(
    tmp_path: Path, name: str, changes: dict[str, Any], said: str
) -> None:
    folder = tmp_path / "model"
    write_folder(FAMILIES[name], folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(config | changes), encoding="utf-8")
    with pytest.raises(UserError, match=said):
        write(Checkpoint.of(folder), "f32", tmp_path / "model.gguf")
    assert not list(tmp_path.glob("*.gguf"))


def test_a_folder_that_is_not_whole_is_told_what_it_lacks(tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    folder, out = tmp_path / "model", tmp_path / "model.gguf"
    write_folder(FAMILIES["mixtral"], folder)
    weights, whole = folder / "model.safetensors", load_file(folder / "model.safetensors")
    gone = "model.layers.1.self_attn.k_proj.weight"
    save_file({name: value for name, value in whole.items() if name != gone}, weights)
    with pytest.raises(UserError, match=r"1 tensors are missing, the first is blk\.1\.attn_k\.weight"):
        write(Checkpoint.of(folder), "f32", out)
    save_file({name: value for name, value in whole.items() if ".experts.3." not in name}, weights)
    with pytest.raises(UserError, match=r"3 experts in some layer(.|\n)*expected: 4"):
        write(Checkpoint.of(folder), "f32", out)
    save_file(whole | {"model.layers.0.mlp.extra.weight": np.zeros((2, 2), np.float32)}, weights)
    with pytest.raises(UserError, match=r"mlp\.extra\.weight is no tensor that llama\.cpp has for llama"):
        write(Checkpoint.of(folder), "f32", out)
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(UserError, match=r"model\.safetensors: no whole safetensors file"):
        write(Checkpoint.of(folder), "f32", out)
    weights.unlink()
    with pytest.raises(UserError, match=r"no model\.safetensors"):
        write(Checkpoint.of(folder), "f32", out)
    with pytest.raises(UserError, match=r"config\.json: no such file"):
        Checkpoint.of(tmp_path)
    assert not list(tmp_path.glob("*.gguf"))


@pytest.mark.parametrize("name", ["../secret.safetensors", "/etc/passwd", "..", "C:\\model.safetensors"])
def test_an_index_names_files_of_its_own_folder_only(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "model"
    write_folder(FAMILIES["mixtral"], folder)
    weights = folder / "model.safetensors"
    weights.rename(tmp_path / "secret.safetensors")
    index = {"weight_map": {"model.norm.weight": name}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    with pytest.raises(UserError, match=r"index\.json: .* names no file of this folder"):
        write(Checkpoint.of(folder), "f32", tmp_path / "model.gguf")
    (folder / "model.safetensors.index.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UserError, match=r"index\.json: no weight_map"):
        write(Checkpoint.of(folder), "f32", tmp_path / "model.gguf")


CUTS = {
    "gpt-2": [pre_tokenizers.ByteLevel(add_prefix_space=False)],
    "smollm": [
        pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False),
    ],
}


def cut_by(name: str) -> Any:
    """Return the pre-tokenizer that splits.toml describes."""
    from slm_finetune.convert.tokenizer import _splits

    if name in CUTS:
        return pre_tokenizers.Sequence(CUTS[name])
    expression = Regex(_splits()[name][0].removeprefix("split "))
    bytes_ = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return pre_tokenizers.Sequence([pre_tokenizers.Split(expression, "isolated"), bytes_])


def with_tokenizer(folder: Path, tokenizer: Tokenizer) -> Checkpoint:
    """Write a tiny Llama with another tokenizer."""
    tokenizer.add_special_tokens(["<s>", "</s>"])
    write_folder(FAMILIES["llama"], folder, vocab_size=tokenizer.get_vocab_size() + 3)
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    tokenizer.save(str(folder / "tokenizer.json"))
    return Checkpoint.of(folder)


@pytest.mark.parametrize("name", ["gpt-2", "smollm", "qwen2", "llama-bpe", "gpt-4o", "tekken"])
def test_each_known_way_to_cut_text_gives_the_same_ids_in_llama_cpp(tmp_path: Path, name: str) -> None:
    tokenizer = Tokenizer(models.BPE(ignore_merges=name in ("llama-bpe", "tekken")))
    tokenizer.pre_tokenizer = cut_by(name)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=500, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator([*PROMPTS, "2026 12345 It's WE'VE"] * 3, trainer)
    said = write(with_tokenizer(tmp_path / "model", tokenizer), "f16", tmp_path / "model.gguf")
    assert "token ids equal" in said
    assert read_header(tmp_path / "model.gguf").values["tokenizer.ggml.pre"] == name
    assert read_header(tmp_path / "model.gguf").tokens[-1].startswith("[PAD")


def test_a_tokenizer_that_llama_cpp_does_not_have_is_refused(tmp_path: Path) -> None:
    unigram = Tokenizer(models.Unigram([("<unk>", 0.0), ("a", -1.0), ("b", -2.0)], 0, False))
    with pytest.raises(UserError, match="Unigram tokenizer is not converted"):
        write(with_tokenizer(tmp_path / "a", unigram), "f16", tmp_path / "model.gguf")
    spaces = Tokenizer(models.BPE({"a": 0, "b": 1}, []))
    spaces.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    with pytest.raises(UserError, match=r"cuts text in a way that is not known: .*WhitespaceSplit"):
        write(with_tokenizer(tmp_path / "b", spaces), "f16", tmp_path / "model.gguf")


def test_a_file_whose_token_ids_differ_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from slm_finetune.convert import tokenizer

    write_folder(FAMILIES["mistral"], tmp_path / "model")
    monkeypatch.setattr(tokenizer, "_blank_first", lambda *_: False)  # a mistake of the conversion
    with pytest.raises(GateFailed, match=r"llama\.cpp cuts 'The river"):
        write(Checkpoint.of(tmp_path / "model"), "f16", tmp_path / "model.gguf")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("name", ["llama", "mixtral", "gemma3", "phi3", "exaone"])
def test_the_folder_kept_for_training_holds_the_weights_of_the_file(tmp_path: Path, name: str) -> None:
    from transformers import AutoModelForCausalLM

    model, checkpoint, file = converted(name, tmp_path)
    folder = keep(checkpoint, file, tmp_path)
    again = AutoModelForCausalLM.from_pretrained(folder)
    for key, value in model.state_dict().items():
        assert np.allclose(value, again.state_dict()[key], atol=1e-6), key
    assert dequantized_base(file, folder.name + "0" * 48, tmp_path) == folder


PLAIN = {
    "llama": {"rope_parameters": None},
    "qwen2": {},
    "qwen3": {"head_dim": 128},
    "phi3": {},
    "gemma3": {"head_dim": 256, "query_pre_attn_scalar": 256, "num_hidden_layers": 6, "layer_types": None},
}


@pytest.mark.parametrize("name", sorted(PLAIN))
def test_a_file_alone_is_enough_to_train_where_transformers_reads_all_of_it(
    tmp_path: Path, name: str
) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    model, checkpoint, file = converted(name, tmp_path, **PLAIN[name])
    again = AutoModelForCausalLM.from_pretrained(dequantized_base(file, "0" * 64, tmp_path))
    ids = torch.tensor([load_tokenizer(checkpoint)(PROMPTS[-1])["input_ids"]])
    with torch.no_grad():
        assert torch.allclose(model(ids).logits, again(ids).logits, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("mixtral", "lose the experts"),
        ("llama", "lose the rope factors"),
        ("qwen3", "attention.key_length = 32"),
        ("gemma3", "attention.key_length = 32"),
        ("gemma", "gemma cannot be trained from a GGUF file alone"),
    ],
)
def test_a_file_of_which_transformers_would_lose_something_is_not_trained_on(
    tmp_path: Path, name: str, said: str
) -> None:
    _, _, file = converted(name, tmp_path)
    with pytest.raises(UserError, match=rf"{said}(.|\n)*--trainable"):
        dequantized_base(file, "0" * 64, tmp_path)


@pytest.mark.parametrize("name", ["exaone", "exaone4", "gemma", "mixtral"])
def test_a_family_that_transformers_cannot_read_from_gguf_is_trained_and_proven_all_the_same(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from slm_core.dataset.row import Row, write_rows
    from slm_finetune.cli import main

    write_folder(FAMILIES[name], tmp_path / "model")
    file, out = str(tmp_path / "model.gguf"), tmp_path / "adapter"
    assert main(["convert", "--from", str(tmp_path / "model"), "--out", file, "--trainable"]) == 0
    assert capsys.readouterr().out.strip() == file
    assert "token ids equal" in (tmp_path / "model.md").read_text(encoding="utf-8")
    turns = ["system", "needs"], ["user", "물과 음식이 필요합니다"], ["assistant", '["water","food"]']
    messages = [{"role": role, "content": text} for role, text in turns]
    row = Row(messages=messages, task="needs", lang="ko", source="test", licence="CC0-1.0")
    write_rows(tmp_path / "data" / "train.jsonl", [row])
    words = ["lora", "--domain", "disaster", "--task", "needs", "--data", str(tmp_path / "data")]
    words += ["--model", file, "--out", str(out), "--max-steps", "2", "--set", "learning_rate=0.1"]
    assert main(words) == 0  # the parity gate passed
    assert ("adapting attention only" in capsys.readouterr().err) == (name == "mixtral")
    assert read_header(out / "adapter.gguf").architecture == read_header(Path(file)).architecture


@pytest.mark.parametrize("name", ["mistral", "phi3", "gemma3"])
def test_an_adapter_goes_back_to_the_names_of_peft(tmp_path: Path, name: str) -> None:
    from family_proof import adapted

    from slm_finetune.peft_files import peft_tensors
    from slm_finetune.training import adapter_tensors

    _, checkpoint, file = converted(name, tmp_path)
    peft, adapter = adapted(checkpoint, file, tmp_path)
    config = {"target_modules": sorted(peft.peft_config["default"].target_modules)}
    back = peft_tensors(adapter.path, config, (4, 2) if name == "mistral" else None)
    there = adapter_tensors(peft)
    assert back.keys() == there.keys()
    assert all(np.array_equal(back[key], there[key].astype(np.float16)) for key in there)
