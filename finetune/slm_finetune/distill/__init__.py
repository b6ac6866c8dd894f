"""`finetune distill`: a small student learns from what a larger teacher thinks of every reply token."""

from slm_finetune.distill.command import register, run

__all__ = ["register", "run"]
