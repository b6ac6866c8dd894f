"""Tiny random models of every family that can be converted, as folders that Transformers would have saved.

The weights are large, so that the next-token distribution has peaks (entropy under 0.9 log V) and a wrong
conversion shows; windows are shorter than the prompts.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tiny_gguf import CORPUS, TEMPLATE, tiny_tokenizer
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

SIZE = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
}
WINDOW = 24
BYTES, PIECES, PIECES_WITHOUT_BLANK = "bytes", "pieces", "pieces without blank"


@dataclass(frozen=True)
class Tiny:
    """A tiny model: class and configuration in Transformers, tokenizer, and spread of its random weights."""

    name: str
    model: str
    config: dict[str, Any] = field(default_factory=dict)
    tokenizer: str = BYTES
    std: float = 0.3


SLIDING = ["sliding_attention", "full_attention", "sliding_attention"]
FAMILIES = {
    tiny.name: tiny
    for tiny in (
        Tiny("llama", "Llama", {"rope_parameters": {"rope_type": "llama3", "rope_theta": 10000.0, "factor": 8.0,
             "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64}}),
        Tiny("mistral", "Mistral", {"sliding_window": None, "head_dim": 32}, PIECES),
        Tiny("mixtral", "Mixtral", {"num_local_experts": 4, "num_experts_per_tok": 2}, PIECES),
        Tiny("gemma", "Gemma", {"head_dim": 32}, PIECES_WITHOUT_BLANK),
        Tiny("gemma3", "Gemma3", {"head_dim": 32, "query_pre_attn_scalar": 32, "sliding_window": WINDOW,
             "layer_types": SLIDING}, PIECES_WITHOUT_BLANK),
        Tiny("phi3", "Phi3", {"pad_token_id": 0}, PIECES),
        Tiny("qwen2", "Qwen2"),
        Tiny("qwen3", "Qwen3", {"head_dim": 32}),
        Tiny("exaone", "Llama"),
        Tiny("exaone4", "Exaone4", {"sliding_window": None, "layer_types": ["full_attention"] * 3}),
    )
}


def write_folder(tiny: Tiny, folder: Path, **changes: Any) -> Any:
    """Write config.json, model.safetensors and the tokenizer, and return the model."""
    import torch
    import transformers

    tokenizer = _tokenizer(tiny.tokenizer)
    size = len(tokenizer)
    name = "Gemma3TextConfig" if tiny.model == "Gemma3" else f"{tiny.model}Config"
    ids = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    config = getattr(transformers, name)(**{**SIZE, **ids, "vocab_size": size, **tiny.config, **changes})
    model = getattr(transformers, f"{tiny.model}ForCausalLM")(config).float().eval()
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in model.parameters():
            wide = parameter.ndim > 1
            noise = torch.randn(parameter.shape, generator=generator) * (tiny.std if wide else 0.2)
            parameter.copy_(noise if wide else parameter + noise)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return model


def _tokenizer(kind: str) -> Any:
    from transformers import PreTrainedTokenizerFast

    if kind == BYTES:
        return PreTrainedTokenizerFast(
            tokenizer_object=tiny_tokenizer(),
            bos_token="<|endoftext|>",
            eos_token="<|im_end|>",
            pad_token="<|endoftext|>",
            chat_template=TEMPLATE,
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=_pieces(blank=kind == PIECES),
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        chat_template=TEMPLATE,
    )


def _pieces(blank: bool) -> Tokenizer:
    """A BPE over pieces with bytes to fall back on, as Llama 2's (with a blank first) and Gemma's."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    replace = normalizers.Replace(" ", "\u2581")
    steps = [normalizers.Prepend("\u2581"), replace] if blank else [replace]
    tokenizer.normalizer = normalizers.Sequence(steps)
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    special = ["<unk>", "<s>", "</s>", "<|im_start|>", "<|im_end|>", *(f"<0x{i:02X}>" for i in range(256))]
    trainer = trainers.BpeTrainer(vocab_size=600, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator([word for line in CORPUS for word in line.split()], trainer)
    state = json.loads(tokenizer.to_str())
    state["added_tokens"] = state["added_tokens"][:5]  # the bytes are pieces, not special tokens
    return Tokenizer.from_str(json.dumps(state))
