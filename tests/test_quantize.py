"""`finetune quantize`: the importance matrix, weighted rounding, the files and their table."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import tiny_gguf
from gguf import GGMLQuantizationType as Kind
from gguf import dequantize
from hypothesis import given
from hypothesis import strategies as st
from tiny_gguf import write_tiny_model

from slm_core.catalog import find_model
from slm_core.dataset.row import Message, Row, digest_of, write_rows
from slm_core.errors import CouldNot, MissingExtra, UserError
from slm_core.gguf_head import read_header
from slm_finetune.cli import main
from slm_finetune.gain.measure import kinds_of
from slm_finetune.gguf_file import GgufFile, Tensor, read_file, write_file
from slm_finetune.quantize import making
from slm_finetune.quantize.importance import Importance, collect, read_importance, write_importance
from slm_finetune.quantize.kinds import find_type
from slm_finetune.quantize.making import NOTE, make, quantized
from slm_finetune.quantize.rounding import weighted, weighted_error
from slm_finetune.quantize.series import _named, evenly, origin, steps_of

needs_llama = pytest.mark.skipif(find_spec("llama_cpp") is None, reason="needs the extra quantize")


def row(number: int) -> Row:
    user, target, lang = [
        ("water is out at camp", '["water"]', "en"),
        ("음식이 필요합니다 구역", '["food"]', "ko"),
    ][number % 2]
    return Row(
        messages=[
            {"role": "system", "content": "needs"},
            {"role": "user", "content": f"{user} {number}"},
            {"role": "assistant", "content": target},
        ],
        task="needs",
        lang=lang,
        source="test",
        licence="CC0-1.0",
    )


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model in float32 whose rows of 256 fit the K-quants."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiny_gguf, "WIDTH", 256)
        patch.setattr(tiny_gguf, "HIDDEN", 512)
        return write_tiny_model(tmp_path_factory.mktemp("source") / "tiny.gguf", std=0.1)


@pytest.fixture(scope="module")
def importance(source: Path) -> Importance:
    """Made up: some columns matter a hundred times more than others."""
    random = np.random.default_rng(2)
    matrices = {name: t.shape[-1] for name, t in read_file(source).tensors.items() if len(t.shape) == 2}
    sums = {
        name: np.exp(random.normal(0, 2, (1, columns))).astype(np.float32)
        for name, columns in matrices.items()
        if name != "token_embd.weight"
    }
    return Importance(sums, {name: np.array([7], np.float32) for name in sums}, "made up", 1)


@pytest.fixture(scope="module")
def imatrix(importance: Importance, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("imatrix") / "imatrix.gguf"
    write_importance(path, importance)
    return path


@pytest.fixture(scope="module")
def rows_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_rows(folder / "train.jsonl", [row(i) for i in range(12)])
    write_rows(folder / "dev.jsonl", [row(i) for i in range(12, 16)])
    write_rows(folder / "test.jsonl", [row(i) for i in range(16, 20)])
    return folder


# the importance matrix


def test_importance_is_the_mean_square_of_each_columns_inputs(tmp_path: Path) -> None:
    pytest.importorskip("transformers", reason="needs the extra train")
    from transformers import AutoTokenizer

    from slm_core.files import sha256_of
    from slm_finetune.base import dequantized_base
    from slm_finetune.examples import encode_row

    base = write_tiny_model(tmp_path / "tiny.gguf")
    folder = dequantized_base(base, sha256_of(base), tmp_path / "home")
    rows = [row(0), row(1), row(2)]
    found = collect(folder, base, rows, dataset="three rows")

    tensors = read_file(base).tensors
    tokenizer = AutoTokenizer.from_pretrained(folder)
    examples = [encode_row(tokenizer, r, 512) for r in rows]
    ids = [token for example in examples for token in (*example.prompt, *example.target)]
    embedded = tensors["token_embd.weight"].floats()[ids].astype(np.float64)
    normed = embedded / np.sqrt((embedded**2).mean(axis=1, keepdims=True) + 1e-5)
    of_q, of_v = found.of("blk.0.attn_q.weight"), found.of("blk.0.attn_v.weight")
    assert of_q is not None and of_v is not None
    np.testing.assert_allclose(of_q, (normed**2).mean(axis=0), rtol=1e-4)
    np.testing.assert_array_equal(of_q, of_v)  # they read the same input
    matrices = {name for name, tensor in tensors.items() if len(tensor.shape) == 2}
    assert set(found.sums) == matrices - {"token_embd.weight"}  # an embedding has no inputs, it is looked up
    assert found.counts["output.weight"] == [len(ids)]


def test_the_importance_file_is_llama_cpps_and_reads_back(imatrix: Path, importance: Importance) -> None:
    values = read_header(imatrix).values
    assert values["general.type"] == "imatrix"
    assert values["imatrix.datasets"] == ["made up"]
    assert (values["imatrix.chunk_count"], values["imatrix.chunk_size"]) == (1, 7)
    assert read_header(imatrix).tensors["blk.0.attn_q.weight.in_sum2"].sizes == (256, 1)
    assert read_header(imatrix).tensors["blk.0.attn_q.weight.counts"].sizes == (1, 1)
    again = read_importance(imatrix)
    for name in importance.sums:
        np.testing.assert_array_equal(again.of(name), importance.of(name))


def test_experts_have_a_count_each_and_one_that_no_token_reached_weighs_all_columns_alike() -> None:
    sums = np.array([[8.0, 4.0], [0.0, 0.0]], np.float32)
    experts = Importance({"e": sums}, {"e": np.array([4.0, 0.0], np.float32)}, "", 1)
    np.testing.assert_array_equal(experts.of("e"), [2, 1, 1, 1])
    assert experts.of("unknown") is None


def test_a_model_is_no_importance_matrix(source: Path) -> None:
    with pytest.raises(UserError, match="no importance matrix"):
        read_importance(source)


# weighted rounding


@pytest.mark.parametrize("kind", [Kind.Q4_0, Kind.Q5_0])
def test_weighted_rounding_costs_less_than_plain_rounding_on_every_matrix(
    kind: Kind, source: Path, importance: Importance
) -> None:
    for name in importance.sums:
        floats, means = read_file(source).tensors[name].floats(), importance.of(name)
        assert means is not None
        plain, better = Tensor.of(name, floats, kind), weighted(name, floats, kind, means)
        assert better.shape == floats.shape and better.data.nbytes == plain.data.nbytes
        assert weighted_error(floats, better, means) < 0.9 * weighted_error(floats, plain, means), name


@given(st.integers(0, 10_000), st.sampled_from([Kind.Q4_0, Kind.Q5_0]), st.floats(-6, 6))
def test_no_block_is_rounded_worse_than_plainly(seed: int, kind: Kind, size: float) -> None:
    random = np.random.default_rng(seed)
    floats = (random.normal(0, 10.0**size, (3, 64)) * (random.random((3, 64)) < 0.8)).astype(np.float32)
    means = (random.exponential(1, 64) * (random.random(64) < 0.7)).astype(np.float32)
    floats = np.clip(floats, -1e5, 1e5)  # the scale is a float16
    plain, better = Tensor.of("w", floats, kind), weighted("w", floats, kind, means)

    def by_block(tensor: Tensor) -> np.ndarray:
        errors = means.astype(np.float64) * (floats - dequantize(tensor.data, kind)) ** 2
        return errors.reshape(-1, 32).sum(axis=1)

    assert np.all(by_block(better) <= by_block(plain) * (1 + 1e-5))


def test_equal_importance_still_finds_a_better_scale_than_the_largest_weight_gives() -> None:
    floats = np.random.default_rng(0).normal(0, 1, (64, 256)).astype(np.float32)
    ones = np.ones(256, np.float32)
    plain = weighted_error(floats, Tensor.of("w", floats, Kind.Q4_0), ones)
    assert weighted_error(floats, weighted("w", floats, Kind.Q4_0, ones), ones) < 0.95 * plain


# files


def test_the_output_matrix_stays_in_eight_bits_and_norms_in_float(source: Path) -> None:
    made = quantized(read_file(source), find_type("Q4_0"), note="n", importance=None)
    kinds = {name: tensor.kind for name, tensor in made.tensors.items()}
    assert kinds["output.weight"] == Kind.Q8_0
    assert kinds["blk.0.ffn_down.weight"] == kinds["token_embd.weight"] == Kind.Q4_0
    assert kinds["output_norm.weight"] == Kind.F32
    assert made.values["general.file_type"].content == 2


def test_an_embedding_that_is_also_the_output_matrix_stays_in_eight_bits(source: Path) -> None:
    tied = read_file(source).replaced(without=["output.weight"])
    made = quantized(tied, find_type("q4_0"), note="n", importance=None)
    assert made.tensors["token_embd.weight"].kind == Kind.Q8_0


def test_rows_that_fit_no_block_stay_in_float16(source: Path) -> None:
    odd = Tensor.of("odd.weight", np.ones((2, 40), np.float32), Kind.F32)
    file = GgufFile(read_file(source).values, {"odd.weight": odd})
    assert (
        quantized(file, find_type("q8_0"), note="n", importance=None).tensors["odd.weight"].kind == Kind.F16
    )


@needs_llama
@pytest.mark.parametrize(("name", "kinds"), [("q4_k_m", "Q4_K"), ("q5_k_m", "Q5_K"), ("q6_k", "Q6_K")])
def test_llama_cpp_makes_k_quants_and_the_importance_matrix_changes_their_bytes(
    name: str, kinds: str, source: Path, imatrix: Path, importance: Importance, tmp_path: Path
) -> None:
    plain, better = tmp_path / "plain.gguf", tmp_path / "better.gguf"
    make(source, plain, find_type(name), note="without", imatrix=None)
    make(source, better, find_type(name), note="with", imatrix=imatrix)
    assert kinds in kinds_of(plain) and kinds_of(plain) == kinds_of(better)
    assert read_header(better).values[NOTE] == "with"
    before, after = read_file(plain).tensors, read_file(better).tensors
    floats = read_file(source).tensors
    for matrix in importance.sums:
        means = importance.of(matrix)
        assert means is not None
        assert not np.array_equal(before[matrix].data, after[matrix].data), matrix
        errors = [weighted_error(floats[matrix].floats(), t[matrix], means) for t in (before, after)]
        assert errors[1] < errors[0], matrix
    np.testing.assert_array_equal(before["token_embd.weight"].data, after["token_embd.weight"].data)


@needs_llama
def test_rows_that_k_quants_cannot_take_fall_back_and_the_mix_says_so(tmp_path: Path) -> None:
    narrow = write_tiny_model(tmp_path / "narrow.gguf")  # rows of 64 and 96
    make(narrow, tmp_path / "q.gguf", find_type("q4_k_m"), note="n", imatrix=None)
    kinds = kinds_of(tmp_path / "q.gguf")
    assert "Q5_0" in kinds and not [kind for kind in kinds if "_K" in kind]


@needs_llama
def test_what_llama_cpp_cannot_do_is_told_in_its_words_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "broken.gguf").write_bytes(b"GGUF\x03\x00\x00\x00")
    with pytest.raises(CouldNot, match=r"could not make q6_k of broken\.gguf"):
        make(tmp_path / "broken.gguf", tmp_path / "q.gguf", find_type("q6_k"), note="n", imatrix=None)
    assert [path.name for path in tmp_path.iterdir()] == ["broken.gguf"]


def test_without_llama_cpp_a_k_quant_names_the_pip_command(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "has_llama", lambda: False)
    with pytest.raises(MissingExtra, match=r"pip install 'ondevice-slm\[quantize\]'"):
        make(source, tmp_path / "q.gguf", find_type("q4_k_m"), note="n", imatrix=None)


# the command


def test_an_unknown_type_is_refused_with_the_nearest() -> None:
    with pytest.raises(UserError, match=r"no type 'q4_k_l'(.|\n)*did you mean q4_k_m\?"):
        find_type("q4_k_l")


def test_types_that_gain_nothing_from_importance_are_made_once() -> None:
    types = [find_type(name) for name in ("q8_0", "q4_0", "q4_0")]
    assert [step.name for step in steps_of(types, None)] == ["q8_0", "q4_0", "q4_0-imatrix"]
    assert [step.name for step in steps_of(types, True)] == ["q8_0", "q4_0-imatrix"]
    assert [step.name for step in steps_of(types, False)] == ["q8_0", "q4_0"]


def test_korean_rows_calibrate_as_much_as_english_ones_where_there_are_fewer() -> None:
    rows = [row(2 * i) for i in range(30)] + [row(2 * i + 1) for i in range(5)]
    assert [r.lang for r in evenly(rows, 8)].count("ko") == 4
    assert [r.lang for r in evenly(rows, 20)].count("ko") == 5  # all there are
    assert evenly(rows, 8) == evenly(rows, 8) and len(evenly(rows, 99)) == 35


def test_rows_are_told_apart_by_what_is_asked_and_answered_and_by_their_id() -> None:
    given = row(0)
    asked = (Message(role="user", content="other words"), given.messages[-1])
    told = (*given.messages[:-1], Message(role="assistant", content='["food"]'))
    changes = ({"messages": asked}, {"messages": told}, {"id": "x"})
    others = [given.model_copy(update=change) for change in changes]
    assert len({digest_of([each]) for each in (given, *others)}) == 4
    assert digest_of([given]) == digest_of([given.model_copy()])


def test_a_file_is_quantized_under_its_own_name_so_that_a_trimmed_one_spares_its_base(
    source: Path, tmp_path: Path
) -> None:
    trimmed = tmp_path / "ko-only.gguf"
    write_file(trimmed, read_file(source).replaced(values={"slm.trimmed_from": "ab" * 32}))
    assert _named(find_model(str(trimmed))) == "ko-only"
    assert _named(find_model("smollm2-135m-instruct")) == "smollm2-135m-instruct"


def test_the_table_says_that_float32_came_from_a_four_bit_file(source: Path, tmp_path: Path) -> None:
    make(source, tmp_path / "base.gguf", find_type("q4_0"), note="n", imatrix=None)
    assert origin(tmp_path / "base.gguf", None).endswith("its weights come from a 4-bit file (Q4_0)")
    assert origin(tmp_path / "base.gguf", "none").startswith("the base itself")


def test_the_command_makes_measures_tells_what_is_missing_and_goes_on(
    source: Path,
    rows_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("transformers", reason="needs the extra train")
    monkeypatch.setattr(making, "has_llama", lambda: False)
    asked = ["quantize", "--domain", "disaster", "--model", str(source), "--adapter", "none"]
    asked += ["--task", "needs", "--dataset", str(rows_dir), "--no-score", "--calibration-rows", "4"]
    asked += ["--type", "q4_0", "--type", "q4_k_m", "--imatrix", "--out", str(tmp_path / "out")]
    assert main([*asked, "--json"]) == 0
    said = capsys.readouterr()
    gains = {gain["name"]: gain for gain in map(json.loads, said.out.splitlines())}
    assert list(gains) == ["float32", "q4_0-imatrix"]
    assert gains["float32"]["kl"] == 0 and 0 < gains["q4_0-imatrix"]["kl"] < 1
    assert gains["q4_0-imatrix"]["bytes"] < gains["float32"]["bytes"] / 3
    assert "q4_k_m-imatrix" in said.err and "pip install" in said.err
    assert gains["float32"]["note"].startswith("the base itself")

    assert main([*asked, "--data", "nowhere.jsonl"]) == 2
    assert "--data nowhere.jsonl: no such file" in capsys.readouterr().err

    assert main(asked) == 0
    said = capsys.readouterr()
    assert "tiny-disaster-q4_0-imatrix.gguf: kept" in said.err
    assert "pip install 'ondevice-slm[quantize]'" in said.out.split("bytes by kind")[0]
    report = (tmp_path / "out" / "tiny-disaster.md").read_text(encoding="utf-8")
    assert said.out.strip() in report and "4 (" in report
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["tiny-disaster-imatrix.gguf", "tiny-disaster-q4_0-imatrix.gguf", "tiny-disaster.md"]
