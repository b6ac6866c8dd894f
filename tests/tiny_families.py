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
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, trainers

SIZE = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
}
WINDOW = 16
BYTES, PIECES, PIECES_WITHOUT_BLANK, PHI = "bytes", "pieces", "pieces without blank", "pieces, phi-3"


@dataclass(frozen=True)
class Tiny:
    """A tiny model: class and configuration in Transformers, tokenizer, spread of weights and norms."""

    name: str
    model: str
    config: dict[str, Any] = field(default_factory=dict)
    tokenizer: str = BYTES
    std: float = 0.3
    norm_std: float = 0.2


SLIDING = ["sliding_attention", "full_attention", "sliding_attention"]
FAMILIES = {
    tiny.name: tiny
    for tiny in (
        Tiny(
            "llama",
            "Llama",
            {
                "rope_parameters": {
                    "rope_type": "llama3",
                    "rope_theta": 10000.0,
                    "factor": 8.0,
                    "low_freq_factor": 1.0,
                    "high_freq_factor": 4.0,
                    "original_max_position_embeddings": 64,
                }
            },
        ),
        Tiny("mistral", "Mistral", {"sliding_window": None, "head_dim": 32}, PIECES),
        Tiny("mixtral", "Mixtral", {"num_local_experts": 4, "num_experts_per_tok": 2}, PIECES),
        Tiny("gemma", "Gemma", {"head_dim": 32}, PIECES_WITHOUT_BLANK),
        Tiny(
            "gemma3",
            "Gemma3",
            {"head_dim": 32, "query_pre_attn_scalar": 32, "sliding_window": WINDOW, "layer_types": SLIDING},
            PIECES_WITHOUT_BLANK,
            std=0.2,
            norm_std=1.0,
        ),
        Tiny("phi3", "Phi3", {"pad_token_id": 0}, PHI),
        Tiny("qwen2", "Qwen2"),
        Tiny("qwen3", "Qwen3", {"head_dim": 32}),
        Tiny("exaone", "Llama"),
        Tiny("exaone4", "Exaone4", {"sliding_window": None, "layer_types": ["full_attention"] * 3}),
        Tiny("exaone4-64", "Exaone4", {"num_hidden_layers": 64, "sliding_window": WINDOW}),
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
            noise = torch.randn(parameter.shape, generator=generator) * (tiny.std if wide else tiny.norm_std)
            parameter.copy_(noise if wide else parameter + noise)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    if tiny.name == "exaone":
        _as_exaone(folder)  # the model stays a Llama, which computes the same
    return model


def _as_exaone(folder: Path) -> None:
    """Give a Llama's folder the names that EXAONE 3.5 has in its own code."""
    from safetensors.numpy import load_file, save_file

    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    for llama, theirs in (
        ("num_hidden_layers", "num_layers"),
        ("rms_norm_eps", "layer_norm_epsilon"),
        ("hidden_act", "activation_function"),
    ):
        config[theirs] = config.pop(llama)
    config |= {"model_type": "exaone", "architectures": ["ExaoneForCausalLM"]}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    weights = load_file(folder / "model.safetensors")
    names = (
        ("model.embed_tokens.", "transformer.wte."),
        ("model.norm.", "transformer.ln_f."),
        ("model.layers.", "transformer.h."),
        ("input_layernorm", "ln_1"),
        ("post_attention_layernorm", "ln_2"),
        ("self_attn.", "attn.attention."),
        ("o_proj", "out_proj"),
        ("gate_proj", "c_fc_0"),
        ("up_proj", "c_fc_1"),
        ("down_proj", "c_proj"),
    )
    renamed = {}
    for name, values in weights.items():
        for llama, theirs in names:
            name = name.replace(llama, theirs)
        renamed[name] = values
    save_file(renamed, folder / "model.safetensors", metadata={"format": "pt"})


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
    pieces = _pieces(blank=kind != PIECES_WITHOUT_BLANK)
    if kind == PHI:  # marks of turns that swallow the blanks after them
        marks = ("</s>", "<|im_start|>", "<|im_end|>", "<|user|>", "<|end|>")
        pieces.add_special_tokens([AddedToken(mark, rstrip=True) for mark in marks])
        pieces.add_special_tokens(["<|endoftext|>"])
    return PreTrainedTokenizerFast(
        tokenizer_object=pieces,
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        pad_token="</s>",
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
