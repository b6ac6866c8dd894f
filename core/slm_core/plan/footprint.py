"""Whether a model fits: every part that lies in memory with it, in bytes, and how that is known."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache

from slm_core.catalog import Model
from slm_core.plan.architecture import Architecture
from slm_core.plan.language import Language
from slm_core.plan.tables import shipped
from slm_core.plan.weights import NAMES

RANK = 16  # of the adapters; the largest that was trained here
_SPARE_SLOTS = 2  # one for single answers of the base, one for a conversation (engine/slots.py)
_ADAPTED = ("attn_q", "attn_k", "attn_v", "attn_qkv", "attn_output", "ffn_gate", "ffn_up", "ffn_down")
_F16 = 2
USUAL = "Q4_K_M"


@dataclass(frozen=True)
class Need:
    """What is wanted of a device.

    Args:
        language: of the replies.
        context: tokens a slot.
        adapters: how many domains stay in memory, each with its slot.
        speech: recognition and voice as well.
        vision: pose and objects as well.
        prompt: tokens of a typical prompt.
        new: those of them that are not cached once a domain was asked before (its head stays in its slot).
        reply: tokens of a typical reply.
    """

    language: Language = "ko"
    context: int = 4096
    adapters: int = 6
    speech: bool = False
    vision: bool = False
    prompt: int = 400
    new: int = 100
    reply: int = 100


@dataclass(frozen=True)
class Part:
    """Bytes of one thing in memory, and how they are known."""

    name: str
    bytes: float
    reason: str


@dataclass(frozen=True)
class Weights:
    """The weights of a model in one quantization: bytes stored, bytes that one token reads, whose they are.

    `own` says that the model's own file is meant: the pinned one of the catalog, or the user's.
    """

    quantization: str
    stored: float
    read: float
    reason: str
    own: bool = False


def quantization_of(model: Model) -> str | None:
    """Return the quantization that the name of the model's file states."""
    found = re.search(r"(?:^|[-._])(BF16|F16|F32|Q\d_K_[SML]|Q\d_K|Q\d_\d)\.gguf$", model.file or "", re.I)
    return found[1].upper() if found else None


def weights_of(model: Model, architecture: Architecture, quantization: str | None = None) -> Weights:
    """Return the weights: of the model's own file, or counted tensor by tensor for another quantization.

    Raises:
        UserError: the quantization is not known.
    """
    own = quantization_of(model)
    if model.size and quantization in (None, own):
        counted = own if own in NAMES else USUAL
        share = architecture.bytes_read_per_token(counted) / architecture.weight_bytes(counted)
        where = "the file" if model.path else "the catalog's file"
        return Weights(own or "as the file is", model.size, share * model.size, f"size of {where}", True)
    name = quantization or own or USUAL
    reason = f"{architecture.parameters_in_file:,} weights counted by tensor"
    return Weights(name, architecture.weight_bytes(name), architecture.bytes_read_per_token(name), reason)


def read_by_prompt(weights: Weights, architecture: Architecture, tokens: int) -> float:
    """Return the bytes of these weights that a prompt reads; see `weights.read_by_prompt`."""
    counted = weights.quantization if weights.quantization in NAMES else USUAL
    share = architecture.bytes_read_by_prompt(counted, tokens) / architecture.weight_bytes(counted)
    return share * weights.stored


def parts_of(weights: Weights, architecture: Architecture, need: Need) -> list[Part]:
    """Return everything that lies in memory, the weights first."""
    slots = need.adapters + _SPARE_SLOTS
    context = min(need.context, architecture.context)
    cache = architecture.kv_allocated(context, slots=slots)
    parts = [
        Part("weights", weights.stored, f"{weights.quantization}, {weights.reason}"),
        Part("cache", cache, f"keys and values in 16 bits, {slots} slots of {context:,} tokens"),
    ]
    if need.adapters:
        bytes_ = need.adapters * adapter_bytes(architecture)
        parts.append(
            Part("adapters", bytes_, f"{need.adapters} of rank {RANK} on all linear layers, 16 bits")
        )
    wanted = ["engine", "embedder"]
    wanted += ["recognition", "voice"] if need.speech else []
    wanted += ["pose", "objects"] if need.vision else []
    return parts + [_others()[name] for name in wanted]


def adapter_bytes(architecture: Architecture, rank: int = RANK) -> int:
    """Return the bytes of one LoRA adapter: two matrices of this rank a linear layer (Hu et al. 2021)."""
    return sum(
        rank * (tensor.rows + tensor.columns) * tensor.layers * _F16
        for tensor in architecture.tensors
        if tensor.name in _ADAPTED
    )


@cache
def _others() -> dict[str, Part]:
    raw = tomllib.loads(shipped("parts.toml"))
    return {
        name: Part(name, entry["bytes"], f"{entry['title']}: {entry['source']}")
        for name, entry in raw.items()
    }
