"""Does the converted file say what the folder says? Token ids by llama.cpp itself, and the KL divergence."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from slm_core.errors import GateFailed

# Written by us to meet what tokenizers treat apart: Hangul, digits, blanks, contractions, signs, emoji, code.
TEXTS = (
    "The river is rising and two people are missing.",
    "강물이 불어나 두 명이 실종되었습니다. 대피소로 이동하세요!",
    "서울 2026년 11월 28일 19:20, 규모 4.5, 3,000명",
    "I'll say it's 12345.678 kWh; WE'VE 7 m/s",
    "  two blanks\n\n\tand a tab \n end ",
    '{"needs": ["water", "food"], "place": "부산"}',
    "def f(x):\n    return x**2  # ok",
    "불이야🔥 éàü ΔT≥5℃ …",
)
_MARKS = 20  # special tokens that are tried


def check_tokens(gguf_file: Path, tokenizer: Any) -> int:
    """Compare llama.cpp's token ids of the file with the folder's, and return the number of texts.

    Raises:
        GateFailed: they differ, with the first text that shows it.
    """
    from slm_core.engine.server import LlamaServer

    special = [str(token) for token in tokenizer.added_tokens_decoder.values() if token.special]
    texts = [*TEXTS, "".join(f"{token}{TEXTS[0]}" for token in special[:_MARKS]), " ".join(special[:_MARKS])]
    server = LlamaServer(gguf_file, adapters=(), slots=1, context=32, threads=1)
    try:
        for text in texts:
            ours, theirs = server.tokenize(text), tokenizer(text, add_special_tokens=False)["input_ids"]
            if ours != list(theirs):
                raise GateFailed(
                    f"{gguf_file}: llama.cpp cuts {text!r} into {ours}, the folder's tokenizer into {theirs}"
                )
    finally:
        server.close()
    return len(texts)


def divergence(model: Any, tokenizer: Any, engine: Any, adapter: str | None, prompts: Sequence[str]) -> float:
    """Return the mean KL(Transformers || llama.cpp) in nat of the next token after each prompt.

    Args:
        model: in Transformers, its adapter (if any) in force.
        tokenizer: of the folder.
        engine: llama.cpp on the converted file.
        adapter: its name in the engine; None asks the base.
        prompts: texts; nothing is added to them.
    """
    from slm_finetune.parity import kl_divergence, log_probabilities

    kls = []
    for prompt in prompts:
        ids = tokenizer(prompt, add_special_tokens=False)["input_ids"]
        kls.append(
            kl_divergence(log_probabilities(model, ids), engine.next_token_distribution(prompt, adapter))
        )
    return sum(kls) / len(kls)
