"""The dequantized base: the very weights that the device runs, as a folder that Transformers can train on.

Training on the published float weights and serving a quantized file leaves a gap between the two. Here the
GGUF itself is dequantized to float32 once and kept under SLM_HOME/bases, keyed by its sha256.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from slm_core.errors import UserError
from slm_core.gguf_head import Header, read_header
from slm_finetune.gguf_file import need_disk

# Architectures whose weights Transformers reads from GGUF as they were, tried by tests/test_families.py.
TRAINABLE = ("llama", "qwen2", "qwen3", "phi3", "gemma3")
_MEND = "convert its Transformers folder: finetune convert --from DIR --out FILE.gguf --trainable"
# What Transformers takes for granted when it reads a file of these, by key of the architecture.
_ASSUMED: dict[str, dict[str, Any]] = {
    "qwen3": {"attention.key_length": 128},
    "gemma3": {"attention.key_length": 256, "rope.freq_base_swa": 10_000.0, "final_logit_softcapping": None},
}
_PERIOD = 6  # every sixth layer of a Gemma 3 sees everything


def dequantized_base(gguf_file: Path, sha256: str, home: Path) -> Path:
    """Return the folder with the float32 weights and tokenizer of a GGUF file, making it once.

    Args:
        gguf_file: the quantized base.
        sha256: of that file, the key of the cache.
        home: SLM_HOME.

    Raises:
        UserError: no whole GGUF file, or an architecture that cannot be trained from GGUF.
        CouldNot: too little disk.
    """
    folder = home / "bases" / sha256[:16]
    if (folder / "config.json").is_file():
        return folder
    header = read_header(gguf_file)
    architecture = header.architecture or "a file that names no architecture"
    if architecture not in TRAINABLE:
        raise UserError(
            f"{architecture} cannot be trained from a GGUF file alone",
            where=gguf_file,
            expected=", ".join(TRAINABLE),
            mend=_MEND,
        )
    if lost := _lost(header):
        raise UserError(
            f"Transformers would lose {lost} of this file",
            where=gguf_file,
            expected=f"a plain {architecture}",
            mend=_MEND,
        )
    _need_disk(folder.parent, gguf_file)
    print(f"dequantizing {gguf_file.name} to float32 (once, 1-2 minutes)", file=sys.stderr)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".making-"))
    try:
        _convert(gguf_file, temporary)
        temporary.replace(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return folder


def _lost(header: Header) -> str | None:
    """Name the first thing that Transformers drops when it reads the file; it warns of none."""
    if header.of_architecture("expert_count"):
        return "the experts"
    if header.of_architecture("rope.scaling.type", "none") != "none":
        return "the rope scaling"
    if any(name.startswith("rope_f") for name in header.tensors):
        return "the rope factors"
    for key, assumed in _ASSUMED.get(header.architecture, {}).items():
        if header.of_architecture(key, assumed) != assumed:
            return f"{key} = {header.of_architecture(key)}"
    slides = header.of_architecture("attention.sliding_window_pattern", _PERIOD)
    usual = tuple((i + 1) % _PERIOD != 0 for i in range(int(header.of_architecture("block_count", 0))))
    return None if slides in (_PERIOD, usual) else "the pattern of the sliding window"


def _convert(gguf_file: Path, folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    place = {"pretrained_model_name_or_path": str(gguf_file.parent), "gguf_file": gguf_file.name}
    model = AutoModelForCausalLM.from_pretrained(**place, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(**place)
    # Transformers marks the result as quantized, which neither Trainer nor save_pretrained accepts; it is
    # not any more.
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.hf_quantizer, model.is_quantized = None, False
    _mend_digits(tokenizer, gguf_file)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _mend_digits(tokenizer: Any, gguf_file: Path) -> None:
    """Split digits as llama.cpp does for SmolLM; Transformers loses that step when it reads the GGUF."""
    from tokenizers.pre_tokenizers import ByteLevel, Digits, Sequence

    if read_header(gguf_file).values.get("tokenizer.ggml.pre") == "smollm":
        steps = [Digits(individual_digits=True), ByteLevel(add_prefix_space=False, use_regex=True)]
        tokenizer.backend_tokenizer.pre_tokenizer = Sequence(steps)


def _need_disk(folder: Path, gguf_file: Path) -> None:
    # bytes: 32 bit a parameter, and the tokenizer
    need_disk(folder, 4.4 * read_header(gguf_file).parameters, "the float32 base")
