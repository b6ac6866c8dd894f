"""`finetune prune`: weights, layers or MLP channels out of an expert, and what that costs and saves."""

from slm_finetune.prune.command import register, run

__all__ = ["register", "run"]
