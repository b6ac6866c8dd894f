"""The gate between training and the device: does llama.cpp say with the adapter what Transformers says?

On dev prompts: the template's text and the token ids must be equal, and the mean KL divergence of the
next-token distribution, KL(Transformers || llama.cpp), both with the adapter, must stay under 0.02 nat and
under a tenth of the KL between adapter on and off. A conversion that loses the adapter, permutes rows wrongly
or prompts differently fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from slm_finetune.examples import prompt_text

LIMIT = 0.02  # nat
SHARE = 0.1  # of the on/off KL
DECIDABLE = 0.02  # an adapter that moves less may miss the share by the noise of 4-bit arithmetic alone
PROMPTS = 20


class Device(Protocol):
    """What the gate asks of the engine."""

    def render(self, messages: Sequence[dict[str, str]]) -> str:
        """Return the chat template's text."""
        ...

    def tokenize(self, text: str) -> list[int]:
        """Return token ids, special tokens parsed."""
        ...

    def next_token_distribution(self, prompt: str, adapter: str | None = None) -> Any:
        """Return natural log-probabilities over the whole vocabulary."""
        ...


@dataclass(frozen=True)
class Parity:
    """The gate's figures: `kl` between the two programs, `on_off` between adapter and none, both in nat."""

    prompts: int
    text_equal: int
    ids_equal: int
    kl: float
    on_off: float

    @property
    def verdict(self) -> str:
        """`passed`, `failed` or `not decided` (the adapter moves too little to tell)."""
        if self.text_equal < self.prompts or self.ids_equal < self.prompts:
            return "failed"
        if self.kl < LIMIT and self.kl < SHARE * self.on_off:
            return "passed"
        return "failed" if self.on_off >= DECIDABLE else "not decided"

    def line(self) -> str:
        """Return the gate in one line."""
        return (
            f"parity {self.verdict}: template text equal {self.text_equal}/{self.prompts}, token ids equal "
            f"{self.ids_equal}/{self.prompts}, "
            f"KL to llama.cpp {self.kl:.5f} nat (bar {LIMIT} and {SHARE:g} x on/off), "
            f"KL adapter on/off {self.on_off:.4f} nat"
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the figures and the verdict as plain values."""
        return {**asdict(self), "verdict": self.verdict}


def measure(
    model: Any,
    tokenizer: Any,
    device: Device,
    adapter: str | None,
    prompts: Sequence[Sequence[dict[str, str]]],
) -> Parity:
    """Run the gate.

    Args:
        model: PEFT model in Transformers, the adapter enabled.
        tokenizer: of the dequantized base.
        device: engine that has the adapter installed.
        adapter: its name there; None leaves it out (the gate must then fail).
        prompts: messages of dev rows without the target.
    """
    text_equal = ids_equal = 0
    kls, moves = [], []
    for messages in prompts:
        text = prompt_text(tokenizer, list(messages))
        ids = list(tokenizer(text, add_special_tokens=False)["input_ids"])
        text_equal += text == device.render(list(messages))
        ids_equal += ids == device.tokenize(text)
        on = log_probabilities(model, ids)
        with model.disable_adapter():
            off = log_probabilities(model, ids)
        kls.append(kl_divergence(on, device.next_token_distribution(text, adapter)))
        moves.append(kl_divergence(on, off))
    count = len(prompts)
    return Parity(count, text_equal, ids_equal, sum(kls) / count, sum(moves) / count)


def log_probabilities(model: Any, ids: Sequence[int]) -> Any:
    """Return the natural log-probability of every next token after these."""
    import torch

    with torch.no_grad():
        logits = model(input_ids=torch.tensor([list(ids)], device=model.device)).logits[0, -1]
    return torch.log_softmax(logits.double(), dim=-1).cpu().numpy()


def kl_divergence(p: Any, q: Any) -> float:
    """KL(p || q) in nat, both given as log-probabilities over the same vocabulary."""
    import numpy as np

    size = min(len(p), len(q))  # the output matrix may be padded beyond the vocabulary
    p, q = p[:size], np.maximum(np.asarray(q, dtype=np.float64)[:size], -60.0)
    return float(np.sum(np.exp(p) * (p - q)))
