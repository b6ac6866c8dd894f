"""`finetune router`: the gate of `--domain auto`, trained on the rows of the domains that are installed."""

from slm_finetune.router.command import register, run

__all__ = ["register", "run"]
