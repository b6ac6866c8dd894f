"""A Transformers model folder as the device's GGUF file, family by family."""

from slm_finetune.convert.command import register, run

__all__ = ["register", "run"]
