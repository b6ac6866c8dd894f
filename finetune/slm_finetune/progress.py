"""What a person sees while an adapter learns: loss, speed, time left, memory."""

from __future__ import annotations

import resource
import sys
import time
from typing import Any

from transformers import TrainerCallback


class Progress(TrainerCallback):
    """Print one line per logging step on stderr.

    Args:
        tokens_per_epoch: of the training rows, to turn progress into tokens/s.
    """

    def __init__(self, tokens_per_epoch: int) -> None:
        self.tokens_per_epoch = tokens_per_epoch
        self.began = 0.0
        self.start_epoch = 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Start the clock; a resumed run counts from where it goes on."""
        self.began, self.start_epoch = time.monotonic(), float(state.epoch or 0)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        """Print the newest figures."""
        logs = logs or {}
        if "eval_loss" in logs:
            print(f"step {state.global_step}: dev loss {logs['eval_loss']:.4f}", file=sys.stderr, flush=True)
        elif "loss" in logs:
            print(self._line(state, float(logs["loss"])), file=sys.stderr, flush=True)

    def _line(self, state: Any, loss: float) -> str:
        seconds = max(time.monotonic() - self.began, 1e-9)
        speed = (float(state.epoch) - self.start_epoch) * self.tokens_per_epoch / seconds
        left = seconds / max(state.global_step, 1) * (state.max_steps - state.global_step)
        return (
            f"step {state.global_step}/{state.max_steps}  loss {loss:.4f}  {speed:.0f} tokens/s  "
            f"{left / 60:.0f} min left  peak {peak_gib():.1f} GiB"
        )


def peak_gib() -> float:
    """Return the peak resident memory of this process in GiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**30 if sys.platform == "darwin" else 2**20)
