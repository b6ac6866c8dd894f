"""Rotary position embedding: base and scaling as llama.cpp's keys and tensors.

Sources: linear (Chen et al. 2023), YaRN (Peng et al. 2023), Llama 3.1's frequency bands and LongRoPE (Ding et
al. 2024) as `transformers.modeling_rope_utils` computes them. llama.cpp divides the frequencies by
`rope_freqs.weight`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from slm_core.errors import UserError

Values = dict[str, Any]
_PLAIN = {"rope_type", "type", "rope_theta", "partial_rotary_factor"}
_KEYS = {
    "default": {"factor"},
    "linear": {"factor"},
    "llama3": {"factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"},
    "yarn": {"factor", "original_max_position_embeddings"},
    "longrope": {"factor", "short_factor", "long_factor", "original_max_position_embeddings"},
}
_OPTIONAL = {"default": {"factor"}, "longrope": {"factor"}, "linear": set(), "llama3": set(), "yarn": set()}


def rope(
    parameters: Mapping[str, Any], dimensions: int, context: int, known: tuple[str, ...]
) -> tuple[Values, dict[str, Any]]:
    """Return keys (without the architecture's prefix) and tensors of one set of rope parameters.

    Args:
        parameters: Transformers' `rope_parameters`, those of the full-attention layers.
        dimensions: rotated numbers of a head.
        context: `max_position_embeddings`.
        known: kinds of scaling that this family may have.

    Raises:
        UserError: another kind, or a setting of it that is not converted.
    """
    kind = str(parameters.get("rope_type", "default"))
    if kind not in known:
        raise UserError(f"rope scaling {kind!r} is not converted for this family", expected=", ".join(known))
    asked = {key for key, value in parameters.items() if value is not None}
    if unknown := sorted(asked - _PLAIN - _KEYS[kind]):
        raise UserError(f"{unknown[0]} of rope scaling {kind!r} is not converted")
    if missing := sorted(_KEYS[kind] - _OPTIONAL[kind] - asked):
        raise UserError(f"rope scaling {kind!r} lacks {missing[0]}")
    keys: Values = {"rope.freq_base": float(parameters["rope_theta"])}
    if kind == "default":
        return keys, {}
    if kind == "llama3":
        return keys, {"rope_freqs.weight": _llama3(parameters, dimensions)}
    if kind == "longrope":
        return keys | _longrope(parameters, context), {
            f"rope_factors_{which}.weight": np.asarray(parameters[f"{which}_factor"], dtype=np.float32)
            for which in ("long", "short")
        }
    scaling = {"rope.scaling.type": kind, "rope.scaling.factor": float(parameters["factor"])}
    if kind == "yarn":
        scaling["rope.scaling.original_context_length"] = int(parameters["original_max_position_embeddings"])
    return keys | scaling, {}


def _llama3(parameters: Mapping[str, Any], dimensions: int) -> Any:
    """Return the divisor of each frequency: 1 for short waves, the factor for long ones."""
    base, factor = float(parameters["rope_theta"]), float(parameters["factor"])
    low, high = float(parameters["low_freq_factor"]), float(parameters["high_freq_factor"])
    original = float(parameters["original_max_position_embeddings"])
    wave = 2 * np.pi * base ** (np.arange(0, dimensions, 2, dtype=np.float64) / dimensions)
    smooth = np.clip((original / wave - low) / (high - low), 0.0, 1.0)
    return (1.0 / ((1.0 - smooth) / factor + smooth)).astype(np.float32)


def _longrope(parameters: Mapping[str, Any], context: int) -> Values:
    original = int(parameters["original_max_position_embeddings"])
    scale = float(parameters.get("factor") or context / original)
    attention = math.sqrt(1 + math.log(scale) / math.log(original)) if scale > 1 else 1.0
    return {
        "rope.scaling.original_context_length": original,
        "rope.scaling.attn_factor": attention,
    }
