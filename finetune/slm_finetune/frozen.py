"""Train the upper layers only, and compute the frozen lower ones once.

Below the first adapted layer nothing changes during training, so neither does what those layers put out for a
row. They run once per row, without gradients; every epoch then starts from the stored hidden states. With
half of the layers frozen an epoch costs half (forward and backward of the upper half alone) and no gradient
flows below.
Memory: rows x tokens x width x 4 bytes, float32, so that training sees exactly what the device computes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from slm_finetune.examples import Example

# Families whose forward takes hidden states as `inputs_embeds` unchanged (Gemma would scale them a second
# time).
RESUMABLE = ("llama", "mistral", "qwen2", "qwen3")


def choose_layers(wanted: int, layers: int, family: str, on_gpu: bool) -> tuple[int, str]:
    """Return how many of the top layers are adapted, and why.

    Args:
        wanted: of the recipe; 0 chooses.
        layers: of the base.
        family: `model_type` of the base.
        on_gpu: whether training runs on a GPU.
    """
    if wanted:
        return min(wanted, layers), "as the recipe says"
    if on_gpu:
        return layers, "a GPU trains all layers in minutes"
    if family not in RESUMABLE:
        return layers, f"frozen layers of {family} cannot be computed apart"
    return layers // 2, "on a CPU: frozen lower layers are computed once, an epoch costs half"


@contextmanager
def only_layers(decoder: Any, first: int, last: int) -> Iterator[None]:
    """Let `decoder` consist of its layers `first` to `last` (exclusive) for the moment."""
    import torch

    layers, norm, config = decoder.layers, decoder.norm, decoder.config
    types, count = getattr(config, "layer_types", None), config.num_hidden_layers
    try:
        decoder.layers = layers[first:last]
        config.num_hidden_layers = last - first
        if types:
            config.layer_types = types[first:last]
        if last < count:
            decoder.norm = torch.nn.Identity()
        yield
    finally:
        decoder.layers, decoder.norm, config.num_hidden_layers = layers, norm, count
        if types:
            config.layer_types = types


def fits(examples: Sequence[Example], width: int, limit_gib: float) -> tuple[bool, str]:
    """Return whether the hidden states of all examples fit the limit, and the figures."""
    need = sum(len(example) for example in examples) * width * 4 / 2**30
    return need <= limit_gib, f"{need:.2f} GiB of {limit_gib:g} GiB"


def lower_states(
    decoder: Any, examples: Sequence[Example], first: int, pad: int, batch: int = 16
) -> list[Any]:
    """Return for each example the hidden states (tokens x width) that enter layer `first`."""
    import torch

    states: list[Any] = [None] * len(examples)
    order = sorted(range(len(examples)), key=lambda i: len(examples[i]))
    done, total = 0, sum(len(example) for example in examples)
    with torch.no_grad(), only_layers(decoder, 0, first):
        for start in range(0, len(order), batch):
            chosen = order[start : start + batch]
            width = max(len(examples[i]) for i in chosen)
            ids = [list(examples[i].prompt + examples[i].target) for i in chosen]
            mask = [[1] * len(row) + [0] * (width - len(row)) for row in ids]
            ids = [row + [pad] * (width - len(row)) for row in ids]
            device = decoder.embed_tokens.weight.device
            hidden = decoder(
                input_ids=torch.tensor(ids, device=device),
                attention_mask=torch.tensor(mask, device=device),
                use_cache=False,
            ).last_hidden_state
            for row, i in enumerate(chosen):
                states[i] = hidden[row, : len(examples[i])].clone()
                done += len(examples[i])
            if start // batch % 10 == 9:
                print(f"frozen layers: {done:,} of {total:,} tokens", file=sys.stderr)
    return states
