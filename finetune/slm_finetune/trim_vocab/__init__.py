"""`finetune trim-vocab`: a GGUF file without the tokens of languages that nobody here writes."""

from slm_finetune.trim_vocab.command import register, run

__all__ = ["register", "run"]
