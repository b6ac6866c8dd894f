"""Bytes of a model's weights under a quantization, tensor by tensor, as llama.cpp's quantizer mixes them.

A K-quant needs rows of a multiple of 256; else the quantizer falls back (Q4_K to Q5_0, Q5_K to Q5_1, Q6_K
to Q8_0). Biases, norms and routers stay in float32. Source: llama.cpp, src/llama-quant.cpp.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from slm_core.errors import UserError, did_you_mean
from slm_core.plan.tensors import Tensor

if TYPE_CHECKING:
    from slm_core.plan.architecture import Architecture

# Bits of a weight with its share of the scales. Source: the blocks of llama.cpp's ggml-common.h.
BITS = {
    "F32": 32.0,
    "F16": 16.0,
    "BF16": 16.0,
    "Q8_0": 8.5,
    "Q6_K": 6.5625,
    "Q5_1": 6.0,
    "Q5_0": 5.5,
    "Q5_K": 5.5,
    "Q4_1": 5.0,
    "Q4_0": 4.5,
    "Q4_K": 4.5,
}
MIXES = {"Q5_K_M": "Q5_K", "Q4_K_M": "Q4_K"}  # and what most of their tensors are
NAMES = (*(name for name in BITS if name not in MIXES.values()), *MIXES)
_FALLBACK = {"Q4_K": "Q5_0", "Q5_K": "Q5_1", "Q6_K": "Q8_0"}
_ROW = 256  # weights of a block of the K-quants
_PLAIN = ("F32", "F16", "BF16", "Q8_0")


def total(model: Architecture, quantization: str) -> int:
    """Return the bytes of all tensors.

    Raises:
        UserError: the quantization is not known.
    """
    return round(sum(_bits(model, tensor, quantization) * tensor.elements for tensor in model.tensors) / 8)


def read_per_token(model: Architecture, quantization: str) -> int:
    """Return the bytes that generating one token reads: active weights, and one row of each embedding.

    Raises:
        UserError: the quantization is not known.
    """
    return read_by_prompt(model, quantization, 1)


def read_by_prompt(model: Architecture, quantization: str, tokens: int) -> int:
    """Return the bytes of weights that a prompt of `tokens`, read in one batch, reads.

    A dense weight is read once for all tokens. Of the E experts of a layer, k for a token, a prompt of n
    tokens meets E (1 - (1 - k/E)^n) on average; of an embedding it reads a row a token. Assumed: the router
    picks k different experts for each token, all equally often and independently of the other tokens. Where
    a router has favourites, or neighbouring tokens go to the same experts, fewer are read.

    Raises:
        UserError: the quantization is not known.
    """
    bits = 0.0
    for tensor in model.tensors:
        looked_up = tensor.name == "position_embd" or (
            tensor.name == "token_embd" and (not model.tied or model.output_apart)
        )
        rows = tensor.columns * min(tokens, tensor.rows)
        met = tensor.elements * (1 - (1 - tensor.used / tensor.experts) ** tokens)
        bits += _bits(model, tensor, quantization) * (rows if looked_up else met)
    return round(bits / 8)


def _bits(model: Architecture, tensor: Tensor, quantization: str) -> float:
    """Bits of a weight of this tensor, the mean of all layers."""
    _check(quantization)
    if tensor.rows == 1 or tensor.name == "ffn_gate_inp":
        return BITS["F32"]
    if tensor.name == "position_embd":
        return min(BITS["F16"], BITS.get(quantization, 32.0)) if quantization != "F32" else BITS["F32"]
    most = MIXES.get(quantization, quantization)
    if quantization in _PLAIN:
        return BITS[most]
    if tensor.name == "output" or (tensor.name == "token_embd" and model.tied and not model.output_apart):
        return _stored("Q6_K", tensor)
    if quantization not in MIXES:
        return _stored(most, tensor)
    return _mixed(model, tensor, most)


def _mixed(model: Architecture, tensor: Tensor, most: str) -> float:
    name = tensor.name.removesuffix("_exps").removesuffix("_shexp")
    if name == "attn_qkv":
        return _stored("Q5_K" if most == "Q4_K" else "Q6_K", tensor)
    if model.experts == 8 and name in ("attn_k", "attn_v"):
        return BITS["Q8_0"]
    if model.experts == 8 and name == "attn_output":
        return _stored("Q5_K", tensor)
    if name not in ("attn_v", "ffn_down"):
        return _stored(most, tensor)
    better = sum(_gets_more(layer, model.layers) for layer in range(model.layers)) / model.layers
    return better * _stored("Q6_K", tensor) + (1 - better) * _stored(most, tensor)


def _gets_more(layer: int, layers: int) -> bool:
    """The first and last eighth, and every third between."""
    eighth = layers // 8
    return layer < eighth or layer >= 7 * layers // 8 or (layer - eighth) % 3 == 2


def _stored(kind: str, tensor: Tensor) -> float:
    fits = tensor.columns % _ROW == 0
    return BITS[kind if fits else _FALLBACK.get(kind, kind)]


def _check(quantization: str) -> None:
    if quantization not in NAMES:
        raise UserError(
            f"unknown quantization {quantization!r}",
            expected=f"one of {', '.join(NAMES)}",
            mend=did_you_mean(quantization, NAMES),
        )
