"""The same cuts in a GGUF file: blocks renumbered, MLPs narrower; what is not cut stays byte for byte."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slm_core.errors import UserError
from slm_finetune.gguf_file import KIND, GgufFile, Tensor

BLOCK = re.compile(r"^blk\.(\d+)\.(.+)$")
ROWS, COLUMNS = ("ffn_gate.weight", "ffn_up.weight", "ffn_gate.bias", "ffn_up.bias"), "ffn_down.weight"
ZERO_STAYS = (KIND.F32, KIND.F16, KIND.Q8_0, KIND.Q5_0, KIND.Q4_0)  # scale alone, no offset: zero is kept


def without_blocks(file: GgufFile, gone: Sequence[int]) -> GgufFile:
    """Return the file without some blocks.

    Raises:
        UserError: its metadata hold a list with one entry a layer, which differ.
    """
    layers = int(file.of_architecture("block_count"))
    kept = [i for i in range(layers) if i not in gone]
    place = {old: new for new, old in enumerate(kept)}
    values: dict[str, Any] = {f"{file.architecture}.block_count": len(kept)}
    for key, value in file.values.items():
        if key.startswith(f"{file.architecture}.") and isinstance(value.content, list):
            if len(value.content) != layers:
                raise UserError(f"{key} is a list that is not one entry a layer", where="--method layers")
            values[key] = [value.content[i] for i in kept]
    tensors = {}
    for tensor in file.tensors.values():
        match = BLOCK.match(tensor.name)
        number = int(match[1]) if match else None
        if match and number not in place:
            continue
        name = f"blk.{place[number]}.{match[2]}" if match and number is not None else tensor.name
        tensors[name] = replace(tensor, name=name)
    return GgufFile(file.replaced(values=values).values, tensors)


def with_channels(file: GgufFile, kept: NDArray[np.int64]) -> GgufFile:
    """Return the file with these MLP channels, [layers, kept].

    Rows of gate and up are taken over byte for byte; columns of down run through the blocks of a
    quantization, so that matrix is quantized again.
    """
    changed = []
    for layer, channels in enumerate(kept):
        for name in (f"blk.{layer}.{part}" for part in ROWS):
            if name in file.tensors:
                tensor = file.tensors[name]
                changed.append(replace(tensor, data=np.ascontiguousarray(tensor.data[channels])))
        down = file.tensors[f"blk.{layer}.{COLUMNS}"]
        changed.append(down.like(down.floats()[:, channels]))
    key = f"{file.architecture}.feed_forward_length"
    return file.replaced(values={key: kept.shape[1]}, tensors=changed)


def keeping_zeros(file: GgufFile) -> GgufFile:
    """Return the file with Q8_0 for those matrices of its blocks whose kind has no exact zero."""
    changed = [
        Tensor.of(tensor.name, tensor.floats(), KIND.Q8_0)
        for tensor in file.tensors.values()
        if BLOCK.match(tensor.name) and len(tensor.shape) == 2 and tensor.kind not in ZERO_STAYS
    ]
    return file.replaced(tensors=changed)
