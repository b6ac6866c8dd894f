"""The tensors that a model is made of, by the names of a GGUF file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slm_core.plan.architecture import Architecture


@dataclass(frozen=True)
class Tensor:
    """One tensor, or the same one of every layer.

    Args:
        name: as in a GGUF file, without `blk.N.` and `.weight`; `norm` stands for all norms of a layer.
        rows: outputs; 1 for a vector.
        columns: inputs, or the length of a vector.
        layers: how many layers have it.
        experts: how many of it a layer has.
        used: how many of those one token passes.
        copy: whether it repeats another (a tied output that is stored apart).
    """

    name: str
    rows: int
    columns: int
    layers: int = 1
    experts: int = 1
    used: int = 1
    copy: bool = False

    @property
    def elements(self) -> int:
        """All its numbers."""
        return self.rows * self.columns * self.layers * self.experts

    @property
    def active(self) -> int:
        """Those that one token passes."""
        return self.rows * self.columns * self.layers * self.used


def tensors_of(model: Architecture) -> tuple[Tensor, ...]:
    """Return every tensor."""
    return (*_ends(model), *_attention(model), *_mlp(model), *_norms(model))


def _ends(model: Architecture) -> Iterator[Tensor]:
    family = model.family
    yield Tensor("token_embd", model.vocabulary, model.d_model)
    if not model.tied or model.output_apart:
        yield Tensor("output", model.vocabulary, model.d_model, copy=model.tied)
    if family.output_bias:
        yield Tensor("output.bias", 1, model.vocabulary)
    if family.position == "learned":
        yield Tensor("position_embd", model.context + family.position_extra, model.d_model)


def _attention(model: Architecture) -> Iterator[Tensor]:
    queries, keys = model.heads * model.head_dim, model.kv_heads * model.head_dim
    if model.family.fused:
        yield from _linear(model, "attn_qkv", queries + 2 * keys, model.d_model)
    else:
        for name, rows in (("attn_q", queries), ("attn_k", keys), ("attn_v", keys)):
            yield from _linear(model, name, rows, model.d_model)
    yield from _linear(model, "attn_output", model.d_model, queries)
    for name, width in (("attn_q_norm", queries), ("attn_k_norm", keys)):
        if model.family.head_norms != "none":
            length = model.head_dim if model.family.head_norms == "head" else width
            yield Tensor(name, 1, length, model.layers)


def _mlp(model: Architecture) -> Iterator[Tensor]:
    if not model.experts:
        yield from _pair(model, "", model.ffn)
        return
    yield Tensor("ffn_gate_inp", model.experts, model.d_model, model.layers)
    yield from _pair(model, "_exps", model.expert_ffn, model.experts, model.experts_used)
    if model.shared_ffn:
        yield from _pair(model, "_shexp", model.shared_ffn)
        if model.family.shared_gate:
            yield Tensor("ffn_gate_inp_shexp", 1, model.d_model, model.layers)


def _pair(model: Architecture, suffix: str, width: int, experts: int = 1, used: int = 1) -> Iterator[Tensor]:
    first = ("ffn_gate", "ffn_up") if model.gated else ("ffn_up",)
    shapes = [(name, width, model.d_model) for name in first] + [("ffn_down", model.d_model, width)]
    for name, rows, columns in shapes:
        yield from _linear(model, name + suffix, rows, columns, experts, used)


def _linear(
    model: Architecture, name: str, rows: int, columns: int, experts: int = 1, used: int = 1
) -> Iterator[Tensor]:
    yield Tensor(name, rows, columns, model.layers, experts, used)
    of_attention = name in ("attn_q", "attn_k", "attn_v", "attn_qkv")
    if model.family.biases == "all" or (model.family.biases == "qkv" and of_attention):
        yield Tensor(f"{name}.bias", 1, rows, model.layers, experts, used)


def _norms(model: Architecture) -> Iterator[Tensor]:
    yield Tensor("norm", 1, model.d_model, model.layers, model.family.norms, model.family.norms)
    yield Tensor("output_norm", 1, model.d_model)
    if model.family.norm == "LayerNorm":
        yield Tensor("norm.bias", 1, model.d_model, model.layers, model.family.norms, model.family.norms)
        yield Tensor("output_norm.bias", 1, model.d_model)
