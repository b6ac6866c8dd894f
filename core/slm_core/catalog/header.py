"""The figures in the head of a GGUF file, read without loading its weights.

Layout (GGUF 2 and 3, little-endian): magic `GGUF`, u32 version, u64 tensors, u64 pairs; then per pair a
string key, a u32 type and the value; then per tensor a string name, u32 dimensions, u64 each, u32 type, u64
offset. A string is a u64 length and UTF-8 bytes. Source: the GGUF specification of the ggml project.
"""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import Any, BinaryIO

from slm_core.errors import UserError

_SCALARS = {
    0: "<B",
    1: "<b",
    2: "<H",
    3: "<h",
    4: "<I",
    5: "<i",
    6: "<f",
    7: "<?",
    10: "<Q",
    11: "<q",
    12: "<d",
}
_STRING, _ARRAY = 8, 9
LONGEST = 1 << 26  # bytes of one string or array of numbers; vocabularies stay far below
_FIGURES = {
    "context_length": "context",
    "block_count": "layers",
    "embedding_length": "d_model",
    "feed_forward_length": "ffn",
    "attention.head_count": "heads",
    "attention.head_count_kv": "kv_heads",
    "attention.key_length": "head_dim",
}


def read_header(path: Path) -> dict[str, Any]:
    """Return the figures of `catalog.Model` that the file itself states.

    Raises:
        UserError: there is no such file, or it is no whole GGUF model.
    """
    try:
        with path.open("rb") as file:
            pairs, parameters = _read(file)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise UserError("no such file", where=path, expected="a .gguf file") from error
    except (KeyError, ValueError) as error:
        raise UserError(
            "this is no readable GGUF model", where=path, expected="GGUF version 2 or 3"
        ) from error
    return _figures(pairs, parameters)


def _figures(pairs: dict[str, Any], parameters: int) -> dict[str, Any]:
    architecture = str(pairs.get("general.architecture", ""))
    figures = {ours: pairs.get(f"{architecture}.{theirs}") for theirs, ours in _FIGURES.items()}
    if not figures["head_dim"] and figures["d_model"] and isinstance(figures["heads"], int):
        figures["head_dim"] = figures["d_model"] // figures["heads"]
    figures = {key: value for key, value in figures.items() if isinstance(value, int)}
    return figures | {
        "architecture": architecture or None,
        "parameters": parameters,
        "vocabulary": pairs.get("tokenizer.ggml.tokens"),
        "chat": "tokenizer.chat_template" in pairs,
    }


def _read(file: BinaryIO) -> tuple[dict[str, Any], int]:
    magic, version, tensors, count = struct.unpack("<4sIQQ", _take(file, 24))
    if magic != b"GGUF" or version not in (2, 3):
        raise ValueError(f"magic {magic!r}, version {version}")
    pairs = {}
    for _ in range(count):
        key = _string(file)
        pairs[key] = _value(file, _number(file, "<I"))
    return pairs, sum(_tensor_elements(file) for _ in range(tensors))


def _tensor_elements(file: BinaryIO) -> int:
    _string(file)
    dimensions = _number(file, "<I")
    elements: int = math.prod(struct.unpack(f"<{dimensions}Q", _take(file, 8 * dimensions)))
    _take(file, 12)  # type and offset
    return elements


def _value(file: BinaryIO, kind: int) -> Any:
    """A scalar or a string as it is; of an array only its length, which is all that the figures need."""
    if kind == _STRING:
        return _string(file)
    if kind != _ARRAY:
        return _number(file, _SCALARS[kind])
    kind, length = _number(file, "<I"), _number(file, "<Q")
    if kind in _SCALARS:
        _take(file, length * struct.calcsize(_SCALARS[kind]))
    elif kind == _STRING:
        for _ in range(length):  # a vocabulary has 150,000 of them: no calls that are not needed
            _take(file, int.from_bytes(_take(file, 8), "little"))
    else:
        raise ValueError("arrays of arrays are in no model")
    return length


def _number(file: BinaryIO, form: str) -> Any:
    return struct.unpack(form, _take(file, struct.calcsize(form)))[0]


def _string(file: BinaryIO) -> str:
    return _take(file, _number(file, "<Q")).decode()


def _take(file: BinaryIO, count: int) -> bytes:
    # A damaged length must not become a request for that much memory.
    data = file.read(count) if count <= LONGEST else b""
    if len(data) != count:
        raise ValueError("the file ends in its head")
    return data
