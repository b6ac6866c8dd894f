"""The head of a GGUF file, as the `gguf` package reads it; whole, damaged and hostile."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
from tiny_gguf import CONTEXT, CONTROL

from slm_core.errors import UserError
from slm_core.gguf_head import Header, Tensor, read_header

MAGIC = b"GGUF" + struct.pack("<I", 3)
HUGE = (1 << 64) - 1


def text(content: bytes) -> bytes:
    return struct.pack("<Q", len(content)) + content


def test_the_head_of_a_file_says_what_the_gguf_package_says(tiny_model: Path) -> None:
    from gguf import GGUFReader

    header, theirs = read_header(tiny_model), GGUFReader(tiny_model)

    def value(key: str) -> Any:
        field = theirs.get_field(key)
        assert field is not None
        return field.contents()

    assert header.architecture == value("general.architecture") == "llama"
    assert header.tokens == value("tokenizer.ggml.tokens")
    assert list(header.values["tokenizer.ggml.token_type"]) == value("tokenizer.ggml.token_type")
    assert header.of_architecture("context_length") == CONTEXT
    assert header.parameters == sum(tensor.n_elements for tensor in theirs.tensors)
    assert {name: (list(t.sizes), t.kind, t.begin) for name, t in header.tensors.items()} == {
        t.name: (t.shape.tolist(), int(t.tensor_type), t.data_offset) for t in theirs.tensors
    }
    assert sorted(header.control_tokens) == sorted(CONTROL)
    assert header.special_tokens()["eos_token"] == "<|im_end|>"


def test_a_head_cut_off_anywhere_is_a_clear_error(tiny_model: Path, tmp_path: Path) -> None:
    whole = tiny_model.read_bytes()
    for size in (4, *range(10, 4000, 397)):
        path = tmp_path / "cut.gguf"
        path.write_bytes(whole[:size])
        with pytest.raises(UserError, match="cut off or damaged"):
            read_header(path)


def test_a_file_whose_last_weights_are_missing_is_refused_by_its_bytes(
    tiny_model: Path, tmp_path: Path
) -> None:
    path = tmp_path / "cut.gguf"
    path.write_bytes(tiny_model.read_bytes())
    end = max(tensor.end for tensor in read_header(path).tensors.values())
    path.write_bytes(tiny_model.read_bytes()[: end - 1])
    with pytest.raises(UserError, match=rf"cut off: {end - 1:,} bytes(.|\n)*make it again"):
        read_header(path)


def test_a_tensor_ends_where_the_gguf_package_says() -> None:
    from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

    kinds = "F32 F16 BF16 Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q2_K Q3_K Q4_K Q5_K Q6_K"
    for kind in (GGMLQuantizationType[name] for name in kinds.split()):
        weights, size = GGML_QUANT_SIZES[kind]
        assert Tensor((512, 3), int(kind), 64).end == 64 + 512 * 3 // weights * size, kind.name


@pytest.mark.parametrize("content", [b"", b"GG", b"PK\x03\x04 a zip"])
def test_a_file_of_another_kind_is_told_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.gguf"
    path.write_bytes(content)
    with pytest.raises(UserError, match="not a GGUF file"):
        read_header(path)


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"GGUF" + struct.pack("<IQQ", 1, 0, 0), id="a version that is read otherwise"),
        pytest.param(MAGIC + struct.pack("<QQ", 0, HUGE), id="pairs"),
        pytest.param(MAGIC + struct.pack("<QQ", HUGE, 0), id="tensors"),
        pytest.param(MAGIC + struct.pack("<QQQ", 0, 1, HUGE), id="a key"),
        pytest.param(
            MAGIC + struct.pack("<QQ", 0, 1) + text(b"k") + struct.pack("<IQ", 8, HUGE), id="a string"
        ),
        pytest.param(
            MAGIC + struct.pack("<QQ", 0, 1) + text(b"k") + struct.pack("<IIQ", 9, 4, HUGE), id="numbers"
        ),
        pytest.param(
            MAGIC + struct.pack("<QQ", 0, 1) + text(b"k") + struct.pack("<IIQQ", 9, 8, 2, HUGE), id="strings"
        ),
        pytest.param(
            MAGIC + struct.pack("<QQ", 0, 1) + text(b"k") + struct.pack("<IIQ", 9, 9, 1) * 9, id="nesting"
        ),
        pytest.param(MAGIC + struct.pack("<QQ", 1, 0) + text(b"t") + b"\xff" * 4, id="dimensions"),
    ],
)
def test_a_length_beyond_all_models_is_refused_and_not_obeyed(tmp_path: Path, head: bytes) -> None:
    path = tmp_path / "hostile.gguf"
    path.write_bytes(head + bytes(4096))
    with pytest.raises(UserError, match="cut off or damaged"):
        read_header(path)


def test_a_special_token_outside_the_vocabulary_is_left_out() -> None:
    header = Header(
        {
            "tokenizer.ggml.tokens": ["a", "b"],
            "tokenizer.ggml.bos_token_id": 1,
            "tokenizer.ggml.eos_token_id": 7,
        }
    )
    assert header.special_tokens() == {"bos_token": "b"}
