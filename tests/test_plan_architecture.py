"""What a model costs, counted from its figures: held against published counts, files and Transformers."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slm_core.catalog import load_catalog
from slm_core.errors import UserError
from slm_core.gguf_head import Header, read_header
from slm_core.kv_cache import KvCache, pattern
from slm_core.plan.architecture import Architecture
from slm_core.plan.families import load_families
from slm_core.plan.paper import figure, load_paper
from slm_core.plan.references import find_architecture, load_references
from slm_core.plan.weights import BITS, MIXES

PUBLISHED = {  # the publishers' safetensors; Qwen1.5 MoE, Mixtral and OLMoE with all experts
    "llama-3-8b-instruct": 8_030_261_248,
    "mistral-7b-v0.1": 7_241_732_096,
    "gemma-2b-it": 2_506_172_416,
    "gemma-7b-it": 8_537_680_896,
    "phi-3-mini-4k-instruct": 3_821_079_552,
    "smollm2-135m-instruct": 134_515_008,
    "qwen2.5-coder-0.5b-instruct": 494_032_768,
    "mixtral-8x7b-instruct": 46_702_792_704,
    "qwen1.5-moe-a2.7b": 14_315_784_192,
    "olmoe-1b-7b": 6_919_161_856,
}
TINY = {
    "vocabulary": 96,
    "context": 64,
    "d_model": 32,
    "layers": 3,
    "heads": 4,
    "kv_heads": 2,
    "head_dim": 8,
    "ffn": 48,
    "tied": False,
}
EXPERTS = {"experts": 6, "experts_used": 2, "expert_ffn": 24}


def known() -> list[str]:
    """The catalog's models whose figures are known, and the references."""
    return [name for name, model in load_catalog().items() if model.ffn] + list(load_references())


@pytest.mark.parametrize(("name", "parameters"), PUBLISHED.items())
def test_the_formula_gives_the_published_count(name: str, parameters: int) -> None:
    assert find_architecture(name).parameters == parameters


@pytest.mark.parametrize("name", known())
def test_every_model_counts_to_what_the_catalog_says(name: str) -> None:
    published = {**load_references(), **load_catalog()}[name].parameters
    assert published is not None
    rounded = published % 10_000_000 == 0  # a model card's figure
    assert find_architecture(name).parameters == pytest.approx(published, rel=0.01 if rounded else 0)


def test_gemmas_paper_and_files_agree_but_for_128_rows_of_the_vocabulary() -> None:
    for name, embedding, rest in (
        ("gemma-2b-it", 524_550_144, 1_981_884_416),
        ("gemma-7b-it", 786_825_216, 7_751_248_896),
    ):
        model = find_architecture(name)
        assert model.parameters - model.vocabulary * model.d_model == rest
        assert (model.vocabulary + 128) * model.d_model == embedding


@pytest.mark.parametrize(
    ("name", "billions"),
    [("mixtral-8x7b-instruct", 12.9), ("qwen1.5-moe-a2.7b", 2.7), ("olmoe-1b-7b", 1.3)],
)
def test_of_a_mixture_a_token_passes_only_the_experts_it_is_sent_to(name: str, billions: float) -> None:
    model = find_architecture(name)
    assert model.active_parameters / 1e9 == pytest.approx(billions, abs=0.05)
    assert model.active_parameters < model.parameters / 3
    assert find_architecture("llama-3-8b-instruct").active_parameters == PUBLISHED["llama-3-8b-instruct"]


def test_a_file_counts_as_its_own_tensors_do(tiny_model: Path) -> None:
    header = read_header(tiny_model)
    model = Architecture.of_header(header, "tiny")
    assert model.parameters_in_file == header.parameters
    assert model.kv_bytes_per_token() == KvCache.of_header(header).bytes_per_token()


def test_an_output_stored_apart_is_in_the_file_and_not_in_the_published_count() -> None:
    model = find_architecture("qwen2.5-coder-0.5b-instruct")
    assert model.parameters_in_file == 630_167_424
    assert model.parameters_in_file - model.parameters == model.vocabulary * model.d_model


@pytest.mark.parametrize("architecture", load_families())
def test_transformers_builds_every_family_with_as_many_parameters(architecture: str) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from slm_core.plan.meta import count_on_meta

    figures = TINY | {"architecture": architecture}
    if "moe" in architecture:
        figures |= EXPERTS | ({"shared_ffn": 40} if architecture == "qwen2moe" else {})
    if architecture in ("phi2", "opt"):
        figures |= {"kv_heads": figures["heads"]}
    if architecture in ("granitemoe", "olmoe"):
        figures |= {"ffn": EXPERTS["expert_ffn"]}
    model = Architecture.of_figures(architecture, figures)
    assert count_on_meta(model) == model.parameters


@pytest.mark.parametrize("name", [*PUBLISHED, "gemma-3-4b-it", "exaone-4.0-1.2b", "opt-13b"])
def test_transformers_builds_the_real_models_with_as_many_parameters(name: str) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from slm_core.plan.meta import count_on_meta

    assert count_on_meta(find_architecture(name)) == find_architecture(name).parameters


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("gemma-7b-it", "MHA"),
        ("llama-3-8b-instruct", "GQA"),
        ("gemma-2b-it", "MQA"),
        ("mistral-7b-v0.1", "GQA + window 4,096"),
        ("gemma-3-1b-it", "MQA + window 512"),
    ],
)
def test_the_form_of_the_attention_is_named(name: str, form: str) -> None:
    assert find_architecture(name).attention == form


def test_of_gemma_3_every_sixth_layer_sees_everything() -> None:
    windowed = find_architecture("gemma-3-1b-it").windowed
    assert [layer for layer, narrow in enumerate(windowed, 1) if not narrow] == [6, 12, 18, 24]
    assert all(find_architecture("mistral-7b-v0.1").windowed)


def test_shared_keys_and_values_make_the_cache_smaller() -> None:
    gqa = find_architecture("llama-3-8b-instruct")
    assert gqa.kv_bytes_per_token() == 131_072
    assert gqa.kv_bytes() == 1 << 30
    assert replace(gqa, kv_heads=32).kv_bytes_per_token() == 4 * gqa.kv_bytes_per_token()


def test_a_window_bounds_the_cache_by_theory_and_llama_cpp_keeps_to_it_where_it_can() -> None:
    mistral = find_architecture("mistral-7b-v0.1")
    assert mistral.kv_bytes(32_768) == mistral.kv_bytes(4096) == 4096 * 131_072
    assert mistral.kv_allocated(32_768) == 32_768 * 131_072  # converted as Llama: no window
    gemma = find_architecture("gemma-3-1b-it")
    layer = 2 * gemma.kv_heads * gemma.head_dim * 2
    assert gemma.kv_bytes(4096) == layer * (4 * 4096 + 22 * 512)
    assert gemma.kv_allocated(4096) == layer * (4 * 4096 + 22 * 768)  # window + prompt step of 256
    assert gemma.kv_allocated(4096, slots=3) == 3 * gemma.kv_allocated(4096)
    assert gemma.kv_allocated(100) == layer * 26 * 256  # padded


def test_the_pattern_that_a_file_states_wins() -> None:
    figures = {
        "block_count": 4,
        "embedding_length": 32,
        "attention.head_count": 4,
        "attention.sliding_window": 512,
        "context_length": 4096,
        "feed_forward_length": 48,
    }
    values = {"general.architecture": "gemma3", "tokenizer.ggml.tokens": ["a", "b"]} | {
        f"gemma3.{key}": value for key, value in figures.items()
    }
    two_of_four = {"gemma3.attention.sliding_window_pattern": (True, False)}
    of_a_layer = 2 * 32
    assert KvCache.of_header(Header(values)) == KvCache(0, 4 * of_a_layer, 512)
    stated = Header(values | two_of_four)
    assert KvCache.of_header(stated) == KvCache(2 * of_a_layer, 2 * of_a_layer, 512)
    assert Architecture.of_header(stated, "stated").cache == KvCache.of_header(stated)


def test_bits_are_those_of_the_gguf_package() -> None:
    from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

    for name, bits in BITS.items():
        weights, size = GGML_QUANT_SIZES[GGMLQuantizationType[name]]
        assert bits == 8 * size / weights, name


@pytest.mark.parametrize(
    ("name", "quantization"),
    [
        ("qwen2.5-coder-0.5b-instruct", "Q4_K_M"),
        ("qwen2.5-coder-1.5b-instruct", "Q4_K_M"),
        ("qwen3-4b", "Q4_K_M"),
        ("gemma-3-270m", "Q4_K_M"),
        ("phi-3-mini-4k-instruct", "Q4_K_M"),
        ("qwen3-0.6b", "Q8_0"),
        ("qwen3-1.7b", "Q8_0"),
    ],
)
def test_bytes_are_those_of_the_published_file_without_its_vocabulary(name: str, quantization: str) -> None:
    size = load_catalog()[name].size
    assert size is not None
    assert 0 < size - find_architecture(name).weight_bytes(quantization) < 7_000_000


def bytes_of_tensors(path: Path) -> int:
    from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

    sizes = {
        int(kind): size for kind, size in GGML_QUANT_SIZES.items() if isinstance(kind, GGMLQuantizationType)
    }
    tensors = read_header(path).tensors.values()
    return sum(prod(tensor.sizes) // sizes[tensor.kind][0] * sizes[tensor.kind][1] for tensor in tensors)


def test_bytes_are_exactly_those_of_a_real_files_tensors(smollm2: Path) -> None:
    assert Architecture.of_header(read_header(smollm2)).weight_bytes("Q4_1") == bytes_of_tensors(smollm2)


@pytest.mark.weights_05b
def test_bytes_of_a_mix_of_quantizations_are_exact_too(qwen_05b: Path) -> None:
    assert find_architecture("qwen2.5-coder-0.5b-instruct").weight_bytes("Q4_K_M") == bytes_of_tensors(
        qwen_05b
    )
    assert Architecture.of_header(read_header(qwen_05b)).weight_bytes("Q4_K_M") == bytes_of_tensors(qwen_05b)


def test_a_new_token_reads_one_row_of_the_embedding_and_the_experts_in_use() -> None:
    llama, mixtral = find_architecture("llama-3-8b-instruct"), find_architecture("mixtral-8x7b-instruct")
    table = 2 * llama.vocabulary * llama.d_model
    assert llama.weight_bytes("F16") - llama.bytes_read_per_token("F16") == table - 2 * llama.d_model
    assert mixtral.bytes_read_per_token("F16") < mixtral.weight_bytes("F16") / 3
    tied = find_architecture("gemma-2b-it")
    assert tied.bytes_read_per_token("Q8_0") == tied.weight_bytes("Q8_0")


@pytest.mark.parametrize("quantization", [*BITS.keys() - MIXES.values(), *MIXES])
def test_fewer_bits_are_fewer_bytes(quantization: str) -> None:
    model = find_architecture("llama-3-8b-instruct")
    assert model.weight_bytes(quantization) <= model.weight_bytes("F32")


def test_an_unknown_quantization_is_refused_with_the_nearest() -> None:
    with pytest.raises(UserError, match="did you mean Q4_K_M"):
        find_architecture("qwen3-4b").weight_bytes("q4_K_M")


def test_a_token_takes_two_operations_a_weight_and_more_the_more_it_sees() -> None:
    model = find_architecture("llama-3-8b-instruct")
    weights = model.parameters - model.vocabulary * model.d_model
    assert model.decode_flops(1) == pytest.approx(2 * weights, rel=1e-3)
    assert model.decode_flops(1001) - model.decode_flops(1) == 4 * 4096 * 32 * 1000
    mistral = find_architecture("mistral-7b-v0.1")
    assert mistral.decode_flops(4096) == mistral.decode_flops(30_000)


@given(tokens=st.integers(1, 60), window=st.integers(0, 40), every=st.integers(0, 3))
def test_a_prompt_takes_what_its_tokens_take_but_for_the_outputs_nobody_reads(
    tokens: int, window: int, every: int
) -> None:
    figures = TINY | {"architecture": "llama", "window": window, "windowed": pattern(3, every)}
    model = Architecture.of_figures("tiny", figures)
    unread = 2 * model.vocabulary * model.d_model * (tokens - 1)
    each = sum(model.decode_flops(seen) for seen in range(1, tokens + 1))
    assert model.prefill_flops(tokens) == each - unread


def test_a_model_without_figures_says_which_are_missing() -> None:
    with pytest.raises(UserError, match="no vocabulary, d_model") as refused:
        find_architecture("hyperclovax-seed-0.5b")
    assert "path of its .gguf" in str(refused.value)


def test_a_file_of_an_unknown_family_or_with_uneven_layers_is_refused() -> None:
    figures = {
        "context_length": 64,
        "block_count": 2,
        "embedding_length": 32,
        "feed_forward_length": (48, 48),
        "attention.head_count": 4,
    }
    values = {f"llama.{key}": value for key, value in figures.items()}
    tokens = {"tokenizer.ggml.tokens": ["a", "b"], "general.architecture": "llama"}
    assert Architecture.of_header(Header(values | tokens), "even").ffn == 48
    with pytest.raises(UserError, match="no single figure for ffn"):
        Architecture.of_header(Header(values | tokens | {"llama.feed_forward_length": (48, 32)}), "uneven")
    with pytest.raises(UserError, match="no single figure for heads"):
        Architecture.of_header(Header(values | tokens | {"llama.attention.head_count": 0}), "zero")
    strange = {key.replace("llama", "llama9"): value for key, value in values.items()}
    with pytest.raises(UserError, match=r"'llama9' is not one(.|\n)*llama(.|\n)*families.toml"):
        Architecture.of_header(Header(strange | tokens | {"general.architecture": "llama9"}), "strange")


def test_every_cell_of_the_papers_table_is_ours_or_has_its_reason() -> None:
    table = load_paper()
    assert len(table.rows) == 8
    assert len(table.models) == 5
    for model in table.models.values():
        for row in table.rows:
            same = model.table.get(row) == figure(model.architecture, row)
            assert same == (model.reason(row) is None), (model.title, row)


def test_a_score_has_a_value_or_a_reason_and_always_a_source() -> None:
    for model in load_paper().models.values():
        assert {score.test for score in model.scores} == {"MMLU", "MT-Bench"}
        for score in model.scores:
            assert score.source
            assert score.value is not None or score.reason
            assert score.paper in (None, score.value) or score.reason
