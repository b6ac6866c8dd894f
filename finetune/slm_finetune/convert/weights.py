"""The weights: Transformers' names and layout to llama.cpp's, and back.

Norms, biases and the router of experts stay float32, as llama.cpp's own converter leaves them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slm_core.errors import UserError
from slm_finetune.adapter_gguf import permute, tensor_names, unpermute
from slm_finetune.convert.checkpoint import Checkpoint
from slm_finetune.gguf_file import KIND, Tensor, stays_float32

Floats = NDArray[np.float32]
_EXPERT = re.compile(
    r"^model\.(?P<layer>layers\.\d+)\.block_sparse_moe\.experts\.(?P<number>\d+)\.(?P<part>w[123])"
)
_COMPUTED = ".rotary_emb.inv_freq"  # in old folders; llama.cpp computes it
_HEAD = "lm_head.weight"


@dataclass(frozen=True)
class Place:
    """Where a tensor of the folder lies in the file.

    Args:
        name: llama.cpp's.
        heads: whose rows stand in rotary pairs there; 0 where rows stay.
        plus: added to the values there.
        expert: number in a tensor that stacks all experts of a layer.
    """

    name: str
    heads: int = 0
    plus: float = 0.0
    expert: int | None = None

    def to_file(self, values: Floats) -> Floats:
        """Return the values in llama.cpp's layout."""
        return (permute(values, self.heads) if self.heads else values) + np.float32(self.plus)

    def from_file(self, values: Floats) -> Floats:
        """Undo `to_file`."""
        values = values if self.expert is None else values[self.expert]
        return (unpermute(values, self.heads) if self.heads else values) - np.float32(self.plus)


class Layout:
    """Places of a model's tensors."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        """Take names from the `gguf` package, the rest from the family."""
        self._checkpoint = checkpoint
        family, config = checkpoint.family, checkpoint.config
        self._names = tensor_names(family.architecture, config.num_hidden_layers)
        kv_heads = config.num_key_value_heads or config.num_attention_heads
        self._heads = (
            {".attn_q.": config.num_attention_heads, ".attn_k.": kv_heads} if family.permuted else {}
        )
        self._tied = _tied(checkpoint)

    def place(self, name: str) -> Place | None:
        """Return where a tensor goes; None for one that the file does not hold apart.

        Raises:
            UserError: llama.cpp has no such tensor for this architecture.
        """
        if name.endswith(_COMPUTED) or (name == _HEAD and self._tied):
            return None
        expert = _EXPERT.match(name)
        stacked = f"{expert['layer']}.feed_forward.experts.{expert['part']}.weight" if expert else name
        mapped = self._names and self._names.get_name(stacked, try_suffixes=(".weight", ".bias"))
        if mapped is None:
            architecture = self._checkpoint.family.architecture
            raise UserError(
                f"{name} is no tensor that llama.cpp has for {architecture}", where=self._checkpoint.folder
            )
        heads = next((count for part, count in self._heads.items() if part in mapped), 0)
        plus = 1.0 if self._checkpoint.family.norm_plus_one and mapped.endswith("norm.weight") else 0.0
        return Place(mapped, heads, plus, int(expert["number"]) if expert else None)


def tensors(checkpoint: Checkpoint, kind: KIND) -> dict[str, Tensor]:
    """Return every tensor under llama.cpp's name and in its layout.

    Args:
        checkpoint: the folder.
        kind: F32, F16 or Q8_0 for matrices; rows that do not fit Q8_0's blocks of 32 stay F16.

    Raises:
        UserError: a tensor that this architecture does not have, or an embedding of another size.
    """
    made: dict[str, Tensor] = {}
    experts: dict[str, dict[int, Floats]] = {}
    layout, size = Layout(checkpoint), checkpoint.config.vocab_size
    for name, values in checkpoint.tensors():
        place = layout.place(name)
        if place is None:
            continue
        if place.name in ("token_embd.weight", "output.weight") and len(values) != size:
            what = f"{name} has {len(values)} rows"
            raise UserError(what, where=checkpoint.folder, expected=f"vocab_size = {size}")
        if place.expert is None:
            made[place.name] = _tensor(place.name, place.to_file(values), kind)
        else:
            experts.setdefault(place.name, {})[place.expert] = values
    for name, parts in experts.items():
        made[name] = _tensor(name, np.stack([parts[number] for number in sorted(parts)]), kind)
    _whole(checkpoint, made)
    return made


def folder_tensors(checkpoint: Checkpoint, file: Mapping[str, Tensor]) -> Iterator[tuple[str, Any]]:
    """Yield the folder's tensors by name with the values that a converted file has for them."""
    layout = Layout(checkpoint)
    for name, _ in checkpoint.tensors():
        place = layout.place(name)
        if place is not None:
            yield name, np.ascontiguousarray(place.from_file(file[place.name].floats()))


def _whole(checkpoint: Checkpoint, made: Mapping[str, Tensor]) -> None:
    """Refuse a folder that lacks something; llama.cpp would only say that it cannot load the file."""
    layers, config = range(checkpoint.config.num_hidden_layers), checkpoint.config
    parts = {name.split(".", 2)[2] for name in made if name.startswith("blk.")}
    wanted = [f"blk.{layer}.{part}" for layer in layers for part in sorted(parts)]
    wanted += ["token_embd.weight", "output_norm.weight"]
    wanted += [] if config.tie_word_embeddings else ["output.weight"]
    if missing := [name for name in wanted if name not in made]:
        what = f"{len(missing)} tensors are missing, the first is {missing[0]} as llama.cpp names it"
        raise UserError(what, where=checkpoint.folder, expected=f"{len(layers)} whole layers")
    experts = {len(t.shape) == 3 and t.shape[0] for t in made.values()} - {False}
    if experts and experts != {config.num_local_experts}:
        what = f"{min(experts)} experts in some layer"
        raise UserError(what, where=checkpoint.folder, expected=f"{config.num_local_experts}")


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


def _tensor(name: str, values: Floats, kind: KIND) -> Tensor:
    if stays_float32(name, values.ndim):
        return Tensor.of(name, values, KIND.F32)
    if kind == KIND.Q8_0 and values.shape[-1] % 32:
        return Tensor.of(name, values, KIND.F16)
    return Tensor.of(name, values, kind)
