"""A Transformers decoder, block by block, on calibration rows."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from slm_core.dataset.row import Row
from slm_finetune.examples import Example, encode_row

MOST_TOKENS = 320  # of a row


class _Enough(Exception):
    """The first block has been reached."""


@dataclass
class Passage:
    """One row on its way through the blocks.

    Args:
        hidden: states [1, tokens, width] before the next block.
        keywords: what the decoder gives to every block besides (positions, mask).
    """

    hidden: Any
    keywords: dict[str, Any]


def encode(tokenizer: Any, rows: Sequence[Row]) -> list[Example]:
    """Tokenize calibration rows, prompt and reply."""
    return [encode_row(tokenizer, row, MOST_TOKENS) for row in rows]


def passages(model: Any, examples: Sequence[Example]) -> list[Passage]:
    """Return what enters the first block for each row."""
    import torch

    found: list[Passage] = []

    def catch(module: Any, inputs: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        hidden = inputs[0] if inputs else keywords["hidden_states"]
        kept = {key: value for key, value in keywords.items() if key != "hidden_states"}
        found.append(Passage(hidden, kept))
        raise _Enough

    hook = model.model.layers[0].register_forward_pre_hook(catch, with_kwargs=True)
    try:
        for example in examples:
            ids = torch.tensor([[*example.prompt, *example.target]], device=model.device)
            try:
                with torch.no_grad():
                    model.model(input_ids=ids, use_cache=False)
            except _Enough:
                continue
    finally:
        hook.remove()
    return found


def through(block: Any, passage: Passage) -> Any:
    """Return the states after a block."""
    import torch

    with torch.no_grad():
        out = block(passage.hidden, **passage.keywords)
    return out[0] if isinstance(out, tuple) else out


def linears(block: Any) -> dict[str, Any]:
    """Return the linear layers of a block by their names in it, e.g. `self_attn.q_proj`."""
    import torch

    return {name: part for name, part in block.named_modules() if isinstance(part, torch.nn.Linear)}


def progress(what: str, count: int) -> Callable[[int], None]:
    """Return what tells, some eight times, how far it is."""
    began, every = time.monotonic(), max(count // 8, 1)

    def tell(done: int) -> None:
        if done % every and done != count:
            return
        left = (time.monotonic() - began) / done * (count - done)
        print(f"{what}: {done} of {count}, {left:.0f} s left", file=sys.stderr, flush=True)

    return tell
