"""Weighted rounding: the scale of each block that costs the layer's output least.

A linear layer's output error, squared and averaged over the inputs x, is sum over columns j of
E[x_j^2] (w_j - ŵ_j)^2 where the columns are uncorrelated. So with h_j = E[x_j^2], the importance, a block of
32 weights is rounded to integers q_j and one scale d so that

    sum_j h_j (w_j - d q_j)^2     is least; for given q:  d = sum_j h_j w_j q_j / sum_j h_j q_j^2

and the q are tried for 19 scales around the plain one, as `make_qx_quants` in ggml-quants.c does (which
multiplies h_j by sqrt(mean w^2 + w_j^2) besides; here h_j stands alone). A block keeps its plain rounding
where no scale is better, so the weighted error never grows.

Not covered: kinds with a minimum (Q4_1, Q5_1); Q8_0, whose error is a hundredth of that of Q4_0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from gguf import GGMLQuantizationType, dequantize
from numpy.typing import NDArray

from slm_finetune.gguf_file import Tensor

KIND = GGMLQuantizationType
LEVELS = {KIND.Q4_0: 8, KIND.Q5_0: 16}  # q lies in -levels .. levels - 1
BLOCK = 32
STEPS = 0.1 * np.arange(-9, 10)
AT_ONCE = 4096  # blocks: what fits a core's second cache

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]


def weighted(name: str, floats: Floats, kind: GGMLQuantizationType, importance: Floats) -> Tensor:
    """Round a matrix [rows, columns] to Q4_0 or Q5_0 by the importance of its columns.

    Args:
        name: of the tensor.
        floats: the weights, columns a multiple of 32.
        kind: Q4_0 or Q5_0.
        importance: mean squared input of each column, [columns].

    Raises:
        UserError: rows of that length do not fit the blocks.
    """
    plain = Tensor.of(name, floats, kind)
    weights = np.ascontiguousarray(floats, dtype=np.float32).reshape(-1, BLOCK)
    in_bytes = plain.data.reshape(len(weights), -1)
    by_column = np.asarray(importance, dtype=np.float32).reshape(-1, BLOCK)
    packed = np.empty_like(in_bytes)
    for begin in range(0, len(weights), AT_ONCE):
        some = slice(begin, begin + AT_ONCE)
        h = by_column[np.arange(begin, min(begin + AT_ONCE, len(weights))) % len(by_column)]
        packed[some] = _better(weights[some], h, in_bytes[some], kind)
    return Tensor(name, kind, packed.reshape(plain.data.shape))


def weighted_error(floats: Floats, tensor: Tensor, importance: Floats) -> float:
    """Return the sum over all weights of importance times squared rounding error."""
    return float(np.sum(np.asarray(importance, np.float64) * (floats - tensor.floats()) ** 2))


def _better(w: Floats, h: Floats, plain: Bytes, kind: GGMLQuantizationType) -> Bytes:
    """Return the blocks [n, bytes] with less weighted error: the searched ones or the plain ones."""
    levels = LEVELS[kind]
    scale = _best_scale(w, h, levels).astype(np.float16)
    safe = np.where(scale == 0, np.float16(1), scale).astype(np.float32)
    q = np.clip(np.rint(w / safe[:, None]), -levels, levels - 1)
    found = np.sum(h * (w - scale.astype(np.float32)[:, None] * q) ** 2, axis=1)
    before = np.sum(h * (w - dequantize(plain, kind)) ** 2, axis=1)
    return np.where((found < before)[:, None], _pack(scale, q, kind), plain)


def _best_scale(w: Floats, h: Floats, levels: int) -> Floats:
    """Return the scale [n] of each block [n, 32] that leaves the least weighted error of those tried.

    The error left is sum h w^2 - (sum h w q)^2 / sum h q^2, so the last term is made greatest.
    """
    largest = np.take_along_axis(w, np.argmax(np.abs(w), axis=1)[:, None], axis=1)
    inverse = -1 / np.where(largest == 0, np.float32(1), largest)
    hw, best, scale = h * w, np.zeros(len(w), np.float32), np.zeros(len(w), np.float32)
    for step in STEPS:
        q = np.clip(np.rint(w * (inverse * np.float32(levels + step))), -levels, levels - 1)
        along = np.einsum("ij,ij->i", hw, q)
        norm = np.maximum(np.einsum("ij,ij->i", h * q, q), np.finfo(np.float32).tiny)
        gain = along * along / norm
        scale = np.where(gain > best, along / norm, scale)
        best = np.maximum(best, gain)
    return scale


def _pack(scale: NDArray[np.float16], q: Floats, kind: GGMLQuantizationType) -> Bytes:
    """Lay blocks out as ggml does: float16 scale, for Q5_0 the fifth bits as a uint32, then the low four.

    Of the low four bits, weight j lies in the lower half of byte j, weight j + 16 in its upper half
    (`block_q4_0` and `block_q5_0` in ggml-common.h).
    """
    shifted = (q + LEVELS[kind]).astype(np.uint8)
    low = (shifted[:, :16] & 15) | ((shifted[:, 16:] & 15) << 4)
    parts: list[Any] = [scale[:, None].view(np.uint8)]
    if kind == KIND.Q5_0:
        parts.append(np.packbits(shifted >> 4, axis=1, bitorder="little"))
    return np.concatenate([*parts, low], axis=1)
