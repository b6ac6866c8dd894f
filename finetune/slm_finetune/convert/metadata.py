"""A configuration as llama.cpp's metadata keys."""

from __future__ import annotations

import sys
from typing import Any

from slm_core.errors import UserError
from slm_finetune.convert.checkpoint import Checkpoint
from slm_finetune.convert.rope import rope

_SLIDING_EXAONE4 = 64  # llama.cpp lets EXAONE 4 slide where it has that many layers, and only there
_LAYERS_27B = 62  # for which it scales Gemma 3's queries by width / heads instead of the head's width


def metadata(checkpoint: Checkpoint) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the keys of the architecture (without its prefix) and the tensors that hold rope factors.

    Raises:
        UserError: something that llama.cpp would compute otherwise.
    """
    config, family = checkpoint.config, checkpoint.family
    head = head_width(config)
    parameters = config.rope_parameters
    full = parameters.get("full_attention", parameters)
    dimensions = int(head * (full.get("partial_rotary_factor") or 1.0))
    if dimensions != head and family.name != "phi3":
        raise UserError(
            f"partial_rotary_factor = {full['partial_rotary_factor']}",
            where=checkpoint.folder,
            expected=f"llama.cpp rotates whole heads of {family.architecture}",
        )
    positions, tensors = rope(full, dimensions, config.max_position_embeddings, family.rope)
    keys = {
        "context_length": config.max_position_embeddings,
        "embedding_length": config.hidden_size,
        "block_count": config.num_hidden_layers,
        "feed_forward_length": config.intermediate_size,
        "attention.head_count": config.num_attention_heads,
        "attention.head_count_kv": config.num_key_value_heads or config.num_attention_heads,
        "attention.key_length": head,
        "attention.value_length": head,
        "attention.layer_norm_rms_epsilon": float(config.rms_norm_eps),
        "vocab_size": config.vocab_size,
        "rope.dimension_count": dimensions,
        **positions,
    }
    if family.name == "mixtral":
        keys["expert_count"] = config.num_local_experts
        keys["expert_used_count"] = config.num_experts_per_tok
    if family.name == "gemma3_text":
        keys |= _gemma3(checkpoint, head)
    return keys | _window(checkpoint), tensors


def head_width(config: Any) -> int:
    """Return how many numbers a head of attention has."""
    return int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)


def _window(checkpoint: Checkpoint) -> dict[str, Any]:
    config, family = checkpoint.config, checkpoint.family
    window = getattr(config, "sliding_window", None)
    slides = [kind == "sliding_attention" for kind in getattr(config, "layer_types", None) or []]
    if family.name == "exaone4" and (config.num_hidden_layers == _SLIDING_EXAONE4) != bool(window):
        raise UserError(
            f"sliding_window = {window} with {config.num_hidden_layers} layers",
            where=checkpoint.folder,
            expected=f"llama.cpp lets EXAONE 4 slide with {_SLIDING_EXAONE4} layers, and only then",
        )
    if not window or (slides and not any(slides)):
        return {}
    if family.window == "pattern":
        return {"attention.sliding_window": window, "attention.sliding_window_pattern": slides}
    if window >= config.max_position_embeddings:
        return {}
    print(
        f"context {window} instead of {config.max_position_embeddings}: llama.cpp has no sliding window for "
        f"{family.architecture}, and within the window it computes the same",
        file=sys.stderr,
    )
    return {"context_length": window}


def _gemma3(checkpoint: Checkpoint, head: int) -> dict[str, Any]:
    config = checkpoint.config
    large = config.num_hidden_layers == _LAYERS_27B
    expected = config.hidden_size // config.num_attention_heads if large else head
    if not config.sliding_window:
        raise UserError(
            "sliding_window = None",
            where=checkpoint.folder,
            expected="a window: without one llama.cpp caps the logits of gemma3",
        )
    if config.query_pre_attn_scalar != expected:
        raise UserError(
            f"query_pre_attn_scalar = {config.query_pre_attn_scalar}",
            where=checkpoint.folder,
            expected=f"{expected}, which llama.cpp takes for granted",
        )
    local, _ = rope(config.rope_parameters["sliding_attention"], head, 0, ("default",))
    return {"rope.freq_base_swa": local["rope.freq_base"]}
