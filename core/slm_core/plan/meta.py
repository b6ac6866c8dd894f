"""Parameters counted a second time: Transformers builds the model on the meta device, without weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from slm_core.errors import CouldNot, MissingExtra

if TYPE_CHECKING:
    from slm_core.plan.architecture import Architecture

# Configuration class of a family, and the keys that it needs beyond the common ones.
_CLASSES = {
    "llama": "LlamaConfig",
    "qwen2": "Qwen2Config",
    "qwen2moe": "Qwen2MoeConfig",
    "qwen3": "Qwen3Config",
    "qwen3moe": "Qwen3MoeConfig",
    "gemma": "GemmaConfig",
    "gemma2": "Gemma2Config",
    "gemma3": "Gemma3TextConfig",
    "phi3": "Phi3Config",
    "exaone": "LlamaConfig",  # Transformers has no class for it; its tensors are those of Llama
    "exaone4": "Exaone4Config",
    "granite": "GraniteConfig",
    "granitemoe": "GraniteMoeConfig",
    "olmoe": "OlmoeConfig",
    "phi2": "PhiConfig",
    "opt": "OPTConfig",
}


def count_on_meta(model: Architecture) -> int:
    """Return the parameters of the model as Transformers builds it.

    Raises:
        MissingExtra: PyTorch or Transformers is not installed.
        CouldNot: Transformers refuses the figures.
    """
    try:
        import torch
        import transformers
        from huggingface_hub.errors import StrictDataclassError
    except ImportError as error:
        raise MissingExtra("counting on the meta device", "train") from error
    name = _CLASSES[model.architecture]
    if name == "LlamaConfig" and model.experts:
        name = "MixtralConfig"
    try:
        config = getattr(transformers, name)(**_figures(model))
    except StrictDataclassError as error:
        reason = str(error).splitlines()[-1].strip().removeprefix("ValueError: ")
        raise CouldNot(f"{model.name}: Transformers refuses its figures: {reason}") from error
    with torch.device("meta"):
        built = transformers.AutoModelForCausalLM.from_config(config)
    return sum(tensor.numel() for tensor in built.parameters())


def _figures(model: Architecture) -> dict[str, Any]:
    """The keys of every family at once; a configuration keeps those that it does not know to itself."""
    return {
        "vocab_size": model.vocabulary,
        "max_position_embeddings": model.context,
        "hidden_size": model.d_model,
        "word_embed_proj_dim": model.d_model,
        "num_hidden_layers": model.layers,
        "num_attention_heads": model.heads,
        "num_key_value_heads": model.kv_heads,
        "head_dim": model.head_dim,
        "intermediate_size": model.expert_ffn if model.architecture == "olmoe" else model.ffn,
        "ffn_dim": model.ffn,
        "moe_intermediate_size": model.expert_ffn,
        "shared_expert_intermediate_size": model.shared_ffn,
        "num_experts": model.experts,
        "num_local_experts": model.experts,
        "num_experts_per_tok": model.experts_used,
        "tie_word_embeddings": model.tied,
        "pad_token_id": None,
    }
