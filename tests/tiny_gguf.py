"""A tiny random model and adapters for it, made in seconds: real format, real tokenizer, no sense.

The weights are large (std 0.5), so the distribution has peaks and an adapter, a wrong permutation or a lost
token shows.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from gguf import GGUFWriter, TokenType
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

CONTROL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
# The split of Qwen2, which llama.cpp knows as the pre-tokenizer `qwen2`.
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CORPUS = [
    "system user assistant water food shelter medical help needs flood",
    "the river is rising and two people are missing near the bridge, send water and food",
    "강물이 불어나 두 명이 실종되었습니다. 물과 음식이 필요합니다. 대피소로 이동하세요",
    '{"needs":["water","food"],"place":"서울"} [] ["] "]',
]
WIDTH, LAYERS, HEADS, KV_HEADS, HIDDEN, CONTEXT = 64, 2, 4, 2, 96, 1024


def tiny_tokenizer(vocabulary: int = 400) -> Tokenizer:
    """Return a byte-level BPE with the three control tokens at the end of its vocabulary."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPLIT), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=vocabulary, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(CORPUS * 2, trainer)
    tokenizer.add_special_tokens(CONTROL)
    return tokenizer


def write_tiny_model(
    path: Path,
    *,
    seed: int = 0,
    std: float = 0.5,
    template: str | None = TEMPLATE,
    add_bos: bool = False,
) -> Path:
    """Write a random Llama of two layers."""
    tokenizer = tiny_tokenizer()
    size = tokenizer.get_vocab_size()
    writer = GGUFWriter(path, "llama")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_rope_freq_base(10_000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(size)
    _add_tokenizer(writer, tokenizer, template)
    writer.add_add_bos_token(add_bos)
    random = np.random.default_rng(seed)
    for name, shape in _shapes(size).items():
        tensor = np.ones(shape) if name.endswith("norm.weight") else random.normal(0, std, shape)
        writer.add_tensor(name, tensor.astype(np.float32))
    return _finish(writer, path)


def write_tiny_adapter(
    folder: Path,
    *,
    seed: int = 1,
    base_sha256: str = "",
    bias: dict[str, float] | None = None,
    std: float = 0.4,
) -> Path:
    """Write an adapter folder for the tiny model; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "adapter_config.json").write_text('{"peft_type": "LORA", "r": 4}', encoding="utf-8")
    (folder / "README.md").write_text("# A made adapter\n", encoding="utf-8")
    writer = GGUFWriter(folder / "adapter.gguf", "llama")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", 4.0)
    if base_sha256:
        writer.add_string("slm.base_sha256", base_sha256)
    for task, value in (bias or {}).items():
        writer.add_float32(f"slm.bias.{task}", value)
    random = np.random.default_rng(seed)
    for name, (rows, columns) in _shapes(0).items():
        if "attn_q" in name or "attn_v" in name:
            for part, shape in (("lora_a", (4, columns)), ("lora_b", (rows, 4))):
                writer.add_tensor(f"{name}.{part}", random.normal(0, std, shape).astype(np.float32))
    _finish(writer, folder / "adapter.gguf")
    return folder


def _add_tokenizer(writer: GGUFWriter, tokenizer: Tokenizer, template: str | None) -> None:
    vocabulary = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().get)  # type: ignore[arg-type]
    kinds = [TokenType.CONTROL if token in CONTROL else TokenType.NORMAL for token in vocabulary]
    merges = [" ".join(pair) for pair in json.loads(tokenizer.to_str())["model"]["merges"]]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(vocabulary)
    writer.add_token_types([int(kind) for kind in kinds])
    writer.add_token_merges(merges)
    writer.add_bos_token_id(vocabulary.index("<|endoftext|>"))
    writer.add_eos_token_id(vocabulary.index("<|im_end|>"))
    writer.add_pad_token_id(vocabulary.index("<|endoftext|>"))
    if template is not None:
        writer.add_chat_template(template)


def _shapes(vocabulary: int) -> dict[str, tuple[int, ...]]:
    kv = WIDTH // HEADS * KV_HEADS
    shapes: dict[str, tuple[int, ...]] = {}
    for layer in range(LAYERS):
        shapes |= {
            f"blk.{layer}.attn_q.weight": (WIDTH, WIDTH),
            f"blk.{layer}.attn_k.weight": (kv, WIDTH),
            f"blk.{layer}.attn_v.weight": (kv, WIDTH),
            f"blk.{layer}.attn_output.weight": (WIDTH, WIDTH),
            f"blk.{layer}.ffn_gate.weight": (HIDDEN, WIDTH),
            f"blk.{layer}.ffn_up.weight": (HIDDEN, WIDTH),
            f"blk.{layer}.ffn_down.weight": (WIDTH, HIDDEN),
        }
        if vocabulary:
            shapes |= {f"blk.{layer}.attn_norm.weight": (WIDTH,), f"blk.{layer}.ffn_norm.weight": (WIDTH,)}
    if vocabulary:
        shapes |= {"token_embd.weight": (vocabulary, WIDTH), "output.weight": (vocabulary, WIDTH)}
        shapes |= {"output_norm.weight": (WIDTH,)}
    return shapes


def _finish(writer: GGUFWriter, path: Path) -> Path:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
