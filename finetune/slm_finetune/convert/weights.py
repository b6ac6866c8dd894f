"""The weights: Transformers' names and layout to llama.cpp's.

Norms, biases and the router of experts stay float32, as llama.cpp's own converter leaves them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
from gguf import MODEL_ARCH_NAMES, get_tensor_name_map
from numpy.typing import NDArray

from slm_core.errors import UserError
from slm_finetune.adapter_gguf import permute
from slm_finetune.convert.checkpoint import Checkpoint
from slm_finetune.gguf_file import KIND, Tensor

Named = Iterator[tuple[str, NDArray[np.float32]]]
_EXPERT = re.compile(r"^(?P<block>.+\.)block_sparse_moe\.experts\.(?P<number>\d+)\.(?P<part>w[123]\.weight)$")
_COMPUTED = ".rotary_emb.inv_freq"  # in old folders; llama.cpp computes it
_HEAD = "lm_head.weight"


def tensors(checkpoint: Checkpoint, kind: KIND, vocabulary: int) -> dict[str, Tensor]:
    """Return every tensor under llama.cpp's name and in its layout.

    Args:
        checkpoint: the folder.
        kind: F32, F16 or Q8_0 for matrices; a row that does not fit Q8_0's blocks of 32 stays F16.
        vocabulary: rows of the embedding, which the tokens of the file must match.

    Raises:
        UserError: a tensor that this architecture does not have, or an embedding of another size.
    """
    made = {}
    for name, values in _llama_cpp(checkpoint):
        if name in ("token_embd.weight", "output.weight") and len(values) != vocabulary:
            raise UserError(f"{name} has {len(values)} rows", expected=f"vocab_size = {vocabulary}")
        made[name] = _tensor(name, values, kind)
    return made


def _llama_cpp(checkpoint: Checkpoint) -> Named:
    config, family = checkpoint.config, checkpoint.family
    arch = next(arch for arch, name in MODEL_ARCH_NAMES.items() if name == family.architecture)
    names = get_tensor_name_map(arch, config.num_hidden_layers)
    kv_heads = config.num_key_value_heads or config.num_attention_heads
    heads = {".attn_q.": config.num_attention_heads, ".attn_k.": kv_heads} if family.permuted else {}
    for name, values in _stacked(checkpoint.tensors()):
        if name.endswith(_COMPUTED) or (name == _HEAD and _tied(checkpoint)):
            continue
        mapped = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if mapped is None:
            raise UserError(
                f"{name} is no tensor that llama.cpp has for {family.architecture}", where=checkpoint.folder
            )
        for part, count in heads.items():
            if part in mapped:
                values = permute(values, count)
        yield mapped, values + 1 if family.norm_plus_one and mapped.endswith("norm.weight") else values


def _tied(checkpoint: Checkpoint) -> bool:
    """Whether the output matrix is the embedding, so that the file holds it once."""
    if checkpoint.config.tie_word_embeddings:
        return True
    if checkpoint.family.tied:
        raise UserError(
            "tie_word_embeddings = False",
            where=checkpoint.folder,
            expected=f"llama.cpp has no output matrix of its own for {checkpoint.family.architecture}",
        )
    return False


def _stacked(named: Named) -> Named:
    """Yield the experts of a layer as one tensor [experts, out, in], everything else as it is."""
    experts: dict[str, dict[int, Any]] = {}
    for name, values in named:
        if match := _EXPERT.match(name):
            merged = f"{match['block']}block_sparse_moe.experts.{match['part']}".removeprefix("model.")
            experts.setdefault(merged, {})[int(match["number"])] = values
        else:
            yield name, values
    for name, by_number in experts.items():
        merged = name.replace("block_sparse_moe", "feed_forward")  # how the gguf package knows them
        yield merged, np.stack([by_number[number] for number in sorted(by_number)])


def _tensor(name: str, values: NDArray[np.float32], kind: KIND) -> Tensor:
    if values.ndim == 1 or ".ffn_gate_inp." in name or name.startswith("rope_"):
        return Tensor.of(name, values, KIND.F32)
    if kind == KIND.Q8_0 and values.shape[-1] % 32:
        return Tensor.of(name, values, KIND.F16)
    return Tensor.of(name, values, kind)
