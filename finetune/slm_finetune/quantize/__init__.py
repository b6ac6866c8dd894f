"""`finetune quantize`: one expert in several types of file, each measured against its float32."""

from slm_finetune.quantize.command import register, run

__all__ = ["register", "run"]
