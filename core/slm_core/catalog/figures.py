"""The figures of a catalog entry that a GGUF file itself states."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from slm_core.gguf_head import read_header

_FIGURES = {
    "context_length": "context",
    "block_count": "layers",
    "embedding_length": "d_model",
    "feed_forward_length": "ffn",
    "attention.head_count": "heads",
    "attention.head_count_kv": "kv_heads",
    "attention.key_length": "head_dim",
}


def read_figures(path: Path) -> dict[str, Any]:
    """Return the fields of `catalog.Model` that the head of a file gives.

    Raises:
        UserError: there is no such file, or it is no whole GGUF model.
    """
    header = read_header(path)
    stated = {ours: header.of_architecture(theirs) for theirs, ours in _FIGURES.items()}
    figures = {key: value for key, value in stated.items() if isinstance(value, int)}
    if not figures.get("head_dim") and figures.get("heads") and "d_model" in figures:
        figures["head_dim"] = figures["d_model"] // figures["heads"]
    return figures | {
        "architecture": header.architecture or None,
        "parameters": header.parameters,
        "vocabulary": len(header.tokens) or None,
        "chat": "tokenizer.chat_template" in header.values,
        "expert": header.values.get("slm.domain"),
        "trimmed_from": header.values.get("slm.trimmed_from"),
    }
