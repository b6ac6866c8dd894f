"""The head of a GGUF file: its metadata and the number of its parameters, without its weights.

The `gguf` package reads the same in 3 to 30 seconds for a vocabulary of 151,936 (an object per token); an
engine starts with this, so it is read straight from the mapped bytes.

Layout (GGUF 2 and 3, little-endian): magic `GGUF`, u32 version, u64 tensors, u64 pairs; then per pair a
string key, a u32 type and the value; then per tensor a string name, u32 dimensions, u64 each, u32 type, u64
offset. A string is a u64 length and UTF-8 bytes, an array a u32 type, a u64 length and its items. Source: the
GGUF specification of the ggml project. Not covered: big-endian files, arrays of arrays (in no model).
"""

from __future__ import annotations

import math
import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from slm_core.errors import UserError

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_VERSIONS = (2, 3)
_UNREAD = "tokenizer.ggml.merges"  # as long as the vocabulary, and nobody here asks for it
# A damaged length must become an error, not a request for that much memory or time.
_MOST = 1 << 22  # pairs, tensors, items of an array; vocabularies stay below 300,000
_LONGEST = 1 << 26  # bytes of one string, or of all strings of an array
_DIMENSIONS = 4  # GGML_MAX_DIMS
_ALIGNMENT = 32  # where general.alignment says nothing else
CONTROL = 3  # token type of <|im_start|> and its like
# Tensor type to weights and bytes of a block. Source: the block structures of llama.cpp's ggml-common.h.
_BLOCKS = {
    0: (1, 4),  # F32
    1: (1, 2),  # F16
    2: (32, 18),  # Q4_0
    3: (32, 20),  # Q4_1
    6: (32, 22),  # Q5_0
    7: (32, 24),  # Q5_1
    8: (32, 34),  # Q8_0
    10: (256, 84),  # Q2_K
    11: (256, 110),  # Q3_K
    12: (256, 144),  # Q4_K
    13: (256, 176),  # Q5_K
    14: (256, 210),  # Q6_K
    30: (1, 2),  # BF16
}


@dataclass(frozen=True)
class Tensor:
    """Where a tensor lies: its sizes (the innermost first, as the file has them), type and first byte."""

    sizes: tuple[int, ...]
    kind: int
    begin: int

    @property
    def end(self) -> int:
        """The byte after its last; `begin` for a type that is not known here."""
        weights, size = _BLOCKS.get(self.kind, (1, 0))
        return self.begin + math.prod(self.sizes) // weights * size


@dataclass(frozen=True)
class Header:
    """Metadata of a GGUF file by key, and its tensors by name."""

    values: Mapping[str, Any]
    tensors: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def parameters(self) -> int:
        """The number of elements of all tensors."""
        return sum(math.prod(tensor.sizes) for tensor in self.tensors.values())

    @property
    def architecture(self) -> str:
        """`llama`, `qwen2`, ..., or nothing where the file does not say."""
        return str(self.values.get("general.architecture", ""))

    def of_architecture(self, key: str, default: Any = None) -> Any:
        """Return e.g. `context_length` of `qwen2.context_length`."""
        return self.values.get(f"{self.architecture}.{key}", default)

    @property
    def tokens(self) -> list[str]:
        """The vocabulary as it is written in the file, by id."""
        tokens = self.values.get("tokenizer.ggml.tokens")
        return list(tokens) if isinstance(tokens, list) else []

    @property
    def control_tokens(self) -> list[str]:
        """The tokens that steer the model (turn marks); never text."""
        types = self.values.get("tokenizer.ggml.token_type")
        kinds = types if isinstance(types, tuple) else ()
        return [token for token, kind in zip(self.tokens, kinds, strict=False) if kind == CONTROL]

    def special_tokens(self) -> dict[str, str]:
        """Return `bos_token`, `eos_token`, `unk_token` and `pad_token`, those that the file names."""
        ids = {"bos": "bos", "eos": "eos", "unk": "unknown", "pad": "padding"}
        tokens = self.tokens
        found = {short: self.values.get(f"tokenizer.ggml.{key}_token_id", -1) for short, key in ids.items()}
        return {f"{short}_token": tokens[id_] for short, id_ in found.items() if id_ in range(len(tokens))}


def read_header(path: Path) -> Header:
    """Read the head of a GGUF file.

    Raises:
        UserError: there is no file, it is no GGUF, its head is damaged, or bytes of its tensors are missing.
    """
    if not path.is_file():
        raise UserError("no such file", where=path, expected="a .gguf file")
    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise UserError(
                "not a GGUF file (it does not begin with GGUF)", where=path, expected="a .gguf file"
            )
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            try:
                header = _Reader(data).header()
            except (struct.error, ValueError, KeyError) as error:
                raise UserError(
                    f"the file is cut off or damaged within its head: {error}",
                    where=path,
                    expected="a whole GGUF file of version 2 or 3",
                    mend="fetch or make it again",
                ) from error
            _need_whole(header, path, len(data))
            return header


def _need_whole(header: Header, path: Path, there: int) -> None:
    """A broken download leaves a sound head, and llama.cpp says no more than that it could not load it."""
    for name, tensor in header.tensors.items():
        if tensor.end > there:
            raise UserError(
                f"the file is cut off: {there:,} bytes, which end before {name} does",
                where=path,
                expected="a whole GGUF file",
                mend="fetch or make it again",
            )


class _Reader:
    def __init__(self, data: mmap.mmap) -> None:
        self.data, self.at = data, 4

    def header(self) -> Header:
        version = self._scalar("I")
        if version not in _VERSIONS:
            raise ValueError(f"version {version}")
        tensors, pairs = self._count(), self._count()
        values: dict[str, Any] = {}
        for _ in range(pairs):
            key = self._string().decode()
            values[key] = self._value(self._scalar("I"), keep=key != _UNREAD)
        found = dict(self._tensor() for _ in range(tensors))
        step = values.get("general.alignment", _ALIGNMENT)
        if not isinstance(step, int) or step < 1:
            raise ValueError(f"an alignment of {step!r}")
        begin = -(-self.at // step) * step  # the bytes of the tensors follow, aligned
        placed = {name: replace(tensor, begin=begin + tensor.begin) for name, tensor in found.items()}
        return Header(values, placed)

    def _scalar(self, code: str) -> Any:
        (value,) = struct.unpack_from(f"<{code}", self.data, self.at)
        self.at += struct.calcsize(f"<{code}")
        return value

    def _count(self, most: int = _MOST, code: str = "Q") -> int:
        count: int = self._scalar(code)
        if count > most:
            raise ValueError(f"a length of {count}")
        return count

    def _string(self) -> bytes:
        begin = self.at + 8
        self.at = begin + self._count(_LONGEST)
        if self.at > len(self.data):
            raise ValueError("a string past the end")
        return self.data[begin : self.at]

    def _value(self, kind: int, keep: bool = True) -> Any:
        if kind == _STRING:
            return self._string().decode(errors="replace")
        if kind != _ARRAY:
            return self._scalar(self._code(kind))
        item, count = self._scalar("I"), self._count()
        if item == _STRING:
            return self._strings(count, keep)
        code = f"<{count}{self._code(item)}"
        values = struct.unpack_from(code, self.data, self.at)
        self.at += struct.calcsize(code)
        return values

    def _code(self, kind: int) -> str:
        if kind not in _SCALARS:
            raise ValueError(f"a value of type {kind}")
        return _SCALARS[kind]

    def _strings(self, count: int, keep: bool) -> list[str]:
        """The hot loop: hundreds of thousands of short strings."""
        data, at, length_at, found = self.data, self.at, struct.Struct("<Q").unpack_from, []
        end = min(len(data), at + _LONGEST)
        for _ in range(count):
            (length,) = length_at(data, at)
            at += 8 + length
            if at > end:
                raise ValueError("an array of strings past the end")
            if keep:
                found.append(data[at - length : at].decode(errors="replace"))
        self.at = at
        return found

    def _tensor(self) -> tuple[str, Tensor]:
        name = self._string().decode()
        sizes = tuple(self._scalar("Q") for _ in range(self._count(_DIMENSIONS, "I")))
        return name, Tensor(sizes, self._scalar("I"), self._scalar("Q"))
