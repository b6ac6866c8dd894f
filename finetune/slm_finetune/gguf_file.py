"""A whole GGUF file in hand: read it, change some of it, write it.

Tensors stay as the file has them, so what is not changed goes over byte for byte. The `gguf` package reads,
quantizes and writes; it makes no K-quants (Q4_K, Q6_K, ...), which only llama.cpp's own code does.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from gguf import (
    GGMLQuantizationType,
    GGUFReader,
    GGUFValueType,
    GGUFWriter,
    LlamaFileType,
    dequantize,
    quantize,
)
from gguf.quants import quant_shape_from_byte_shape, quant_shape_to_byte_shape
from numpy.typing import NDArray

from slm_core.errors import CouldNot, UserError
from slm_core.gguf_head import read_header

KIND = GGMLQuantizationType
ARCHITECTURE = "general.architecture"
_OF_THE_READER = "GGUF."  # its own counts, which are no metadata


@dataclass(frozen=True)
class Tensor:
    """One tensor as the file has it.

    Args:
        name: e.g. `blk.0.attn_q.weight`.
        kind: its type in the file.
        data: floats of that shape for F32 and F16; else bytes, [rows..., bytes a row].
    """

    name: str
    kind: GGMLQuantizationType
    data: NDArray[Any]

    @property
    def shape(self) -> tuple[int, ...]:
        """The logical shape, rows first: [out, in] of a linear layer."""
        shape = self.data.shape
        return shape if self._plain else tuple(quant_shape_from_byte_shape(shape, self.kind))

    @property
    def _plain(self) -> bool:
        return self.kind in (KIND.F32, KIND.F16)

    def floats(self) -> NDArray[np.float32]:
        """Return the values."""
        return np.asarray(self.data if self._plain else dequantize(self.data, self.kind), dtype=np.float32)

    @classmethod
    def of(cls, name: str, floats: NDArray[Any], kind: GGMLQuantizationType) -> Tensor:
        """Make a tensor of a kind.

        Raises:
            UserError: the `gguf` package cannot make that kind, or rows of that length do not fit its blocks.
        """
        array = np.ascontiguousarray(floats, dtype=np.float32)
        if kind == KIND.F32:
            return cls(name, kind, array)
        if kind == KIND.F16:
            return cls(name, kind, array.astype(np.float16))
        try:
            quant_shape_to_byte_shape(array.shape, kind)
            return cls(name, kind, quantize(array, kind))
        except (NotImplementedError, ValueError) as error:
            raise UserError(
                f"{name} {list(array.shape)} cannot be made {kind.name}: {error}",
                expected="F32, F16, Q8_0, Q5_1, Q5_0, Q4_1 or Q4_0, with rows of a multiple of 32",
            ) from error

    def like(self, floats: NDArray[Any]) -> Tensor:
        """Return other values in the kind of this tensor where it can be made, else in Q8_0, else F16."""
        for kind in (self.kind, KIND.Q8_0):
            try:
                return Tensor.of(self.name, floats, kind)
            except UserError:
                continue
        return Tensor.of(self.name, floats, KIND.F16)


@dataclass(frozen=True)
class Value:
    """One value of the metadata, with its type in the file (and that of its items where it is a list)."""

    kind: GGUFValueType
    content: Any
    item_kind: GGUFValueType | None = None

    @classmethod
    def of(cls, content: Any) -> Value:
        """Take the usual type: string, bool, uint32, float32, or a list of one of them."""
        if isinstance(content, list):
            return cls(GGUFValueType.ARRAY, content, _usual(content[0]) if content else GGUFValueType.STRING)
        return cls(_usual(content), content)


@dataclass(frozen=True)
class GgufFile:
    """Metadata by key and tensors by name, both in the file's order."""

    values: Mapping[str, Value]
    tensors: Mapping[str, Tensor]

    @property
    def architecture(self) -> str:
        """`llama`, `qwen2`, ..."""
        return str(self.values[ARCHITECTURE].content)

    def of_architecture(self, key: str, default: Any = None) -> Any:
        """Return e.g. `block_count` of `qwen2.block_count`."""
        found = self.values.get(f"{self.architecture}.{key}")
        return default if found is None else found.content

    def replaced(
        self,
        *,
        values: Mapping[str, Value | Any] | None = None,
        tensors: Iterable[Tensor] = (),
        without: Iterable[str] = (),
    ) -> GgufFile:
        """Return the file with some values and tensors changed or added, and some names taken out."""
        given = {k: v if isinstance(v, Value) else self._typed(k, v) for k, v in (values or {}).items()}
        changed = {tensor.name: tensor for tensor in tensors}
        gone = set(without)
        return GgufFile(
            {k: v for k, v in {**self.values, **given}.items() if k not in gone},
            {name: t for name, t in {**self.tensors, **changed}.items() if name not in gone},
        )

    def _typed(self, key: str, content: Any) -> Value:
        """Keep the type that the key had."""
        old = self.values.get(key)
        return replace(old, content=content) if old else Value.of(content)


def type_name(values: Mapping[str, Any]) -> str | None:
    """Return what most tensors of a file are made of, as its head says, e.g. `Q4_0`; else None."""
    number = values.get("general.file_type")
    known = {int(kind): kind.name for kind in LlamaFileType}
    return known[number].removeprefix("MOSTLY_").removeprefix("ALL_") if number in known else None


def stays_float32(name: str, dimensions: int) -> bool:
    """Whether llama.cpp keeps a tensor in float32 in any type of file: norms, biases, a mixture's routers."""
    return dimensions < 2 or ".ffn_gate_inp." in name


def read_file(path: Path) -> GgufFile:
    """Read a GGUF file; its tensors are mapped, not copied. 15 seconds for a vocabulary of 151,936.

    Raises:
        UserError: there is no whole GGUF file.
    """
    read_header(path)  # the package maps a cut-off file without a word
    reader = GGUFReader(str(path))
    values = {
        key: Value(field.types[0], field.contents(), field.types[-1] if len(field.types) > 1 else None)
        for key, field in reader.fields.items()
        if not key.startswith(_OF_THE_READER)
    }
    return GgufFile(values, {t.name: Tensor(t.name, t.tensor_type, t.data) for t in reader.tensors})


def write_file(path: Path, file: GgufFile) -> None:
    """Write a GGUF file so that it is whole or not there.

    Raises:
        CouldNot: too little disk.
    """
    need_disk(path.parent, sum(tensor.data.nbytes for tensor in file.tensors.values()), path.name)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        temporary = Path(folder) / path.name
        writer = GGUFWriter(str(temporary), file.architecture)
        for key, value in file.values.items():
            if key != ARCHITECTURE:
                writer.add_key_value(key, value.content, value.kind, value.item_kind)
        for tensor in file.tensors.values():
            writer.add_tensor(tensor.name, np.ascontiguousarray(tensor.data), raw_dtype=tensor.kind)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        temporary.replace(path)


def new_file(given: Path, source: Path | None = None) -> Path:
    """Return the whole path of a GGUF file to write, and make its folder.

    Raises:
        UserError: another ending, a folder, or the file that it is made from.
    """
    out = given.expanduser().resolve()
    if out.suffix != ".gguf" or out.is_dir() or (source is not None and out == source.resolve()):
        raise UserError("cannot write there", where=out, expected="--out names a new .gguf file")
    out.parent.mkdir(parents=True, exist_ok=True)
    return out


def need_disk(folder: Path, needed: float, what: str) -> None:
    """Make a folder, and make sure that something of `needed` bytes finds room in it.

    Raises:
        CouldNot: it does not; both figures are said.
    """
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise CouldNot(f"{folder}: {needed / 1e9:.1f} GB needed for {what}, {free / 1e9:.1f} GB free")


def _usual(content: Any) -> GGUFValueType:
    kinds = {bool: GGUFValueType.BOOL, int: GGUFValueType.UINT32, float: GGUFValueType.FLOAT32}
    return kinds.get(type(content), GGUFValueType.STRING)
