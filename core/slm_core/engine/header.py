"""The head of a GGUF file: architecture, tokenizer, chat template.

The `gguf` package reads the same in 3 to 30 seconds for a vocabulary of 151,936 (an object per token); an
engine starts with this, so it is read straight from the mapped bytes. Format: GGUF 2 and 3, little-endian.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slm_core.errors import CouldNot, UserError

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_UNREAD = "tokenizer.ggml.merges"  # as long as the vocabulary, and nobody here asks for it
CONTROL = 3  # token type of <|im_start|> and its like


@dataclass(frozen=True)
class Header:
    """Metadata of a GGUF file, by key."""

    values: Mapping[str, Any]

    @property
    def architecture(self) -> str:
        """`llama`, `qwen2`, ..."""
        return str(self.values.get("general.architecture", ""))

    def of_architecture(self, key: str, default: Any = None) -> Any:
        """Return e.g. `context_length` of `qwen2.context_length`."""
        return self.values.get(f"{self.architecture}.{key}", default)

    @property
    def tokens(self) -> list[str]:
        """The vocabulary as it is written in the file, by id."""
        return list(self.values.get("tokenizer.ggml.tokens", ()))

    @property
    def control_tokens(self) -> list[str]:
        """The tokens that steer the model (turn marks); never text."""
        types = self.values.get("tokenizer.ggml.token_type", ())
        return [token for token, kind in zip(self.tokens, types, strict=False) if kind == CONTROL]

    def special_tokens(self) -> dict[str, str]:
        """Return `bos_token`, `eos_token`, `unk_token` and `pad_token`, those that the file names."""
        ids = {"bos": "bos", "eos": "eos", "unk": "unknown", "pad": "padding"}
        found = {short: self.values.get(f"tokenizer.ggml.{key}_token_id") for short, key in ids.items()}
        return {f"{short}_token": self.tokens[id_] for short, id_ in found.items() if id_ is not None}


def read_header(path: Path) -> Header:
    """Read the metadata of a GGUF file.

    Raises:
        UserError: there is no file, or it is no GGUF.
        CouldNot: the file ends in the middle of its head.
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
                return Header(_Reader(data).metadata())
            except (struct.error, IndexError, KeyError, UnicodeDecodeError) as error:
                raise CouldNot(f"{path}: the file is cut off or damaged within its head") from error


class _Reader:
    def __init__(self, data: mmap.mmap) -> None:
        self.data, self.at = data, 8

    def metadata(self) -> dict[str, Any]:
        self.at += 8  # number of tensors
        values: dict[str, Any] = {}
        for _ in range(self._scalar("Q")):
            key = self._string().decode()
            values[key] = self._value(self._scalar("I"), keep=key != _UNREAD)
        return values

    def _scalar(self, code: str) -> Any:
        (value,) = struct.unpack_from(f"<{code}", self.data, self.at)
        self.at += struct.calcsize(f"<{code}")
        return value

    def _string(self) -> bytes:
        length = self._scalar("Q")
        if self.at + length > len(self.data):
            raise IndexError(length)
        self.at += length
        return self.data[self.at - length : self.at]

    def _value(self, kind: int, keep: bool = True) -> Any:
        if kind == _STRING:
            return self._string().decode(errors="replace")
        if kind != _ARRAY:
            return self._scalar(_SCALARS[kind])
        item, count = self._scalar("I"), self._scalar("Q")
        if item in _SCALARS:
            code = f"<{count}{_SCALARS[item]}"
            values = struct.unpack_from(code, self.data, self.at)
            self.at += struct.calcsize(code)
            return values
        if item == _STRING:
            return self._strings(count, keep)
        return [self._value(item) for _ in range(count)]

    def _strings(self, count: int, keep: bool) -> list[str]:
        """The hot loop: hundreds of thousands of short strings."""
        data, at, length_at, found = self.data, self.at, struct.Struct("<Q").unpack_from, []
        for _ in range(count):
            (length,) = length_at(data, at)
            at += 8 + length
            if keep:
                found.append(data[at - length : at].decode(errors="replace"))
        if at > len(data):
            raise IndexError(at)
        self.at = at
        return found
