"""Whole blocks, or whole channels of the MLPs, out of a decoder: these make a file smaller and faster.

Blocks by block influence (Men et al. 2024, "ShortGPT"): 1 - E[cos(x, y)] between the states before and after
a block, averaged over tokens. One pass ranks all blocks; ranking by perplexity takes a pass for each.

Channels by LLM-Pruner's first-order importance (Ma et al. 2023): |w * dL/dw| summed over all weights that
go together (the row of gate and up, the column of down), L being the loss on the calibration rows' replies.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slm_core.errors import UserError
from slm_finetune.examples import Example
from slm_finetune.prune.decoder import passages, progress, through

CHANNELS = 256  # a block of a K-quant: rows of ffn_down must hold a whole number of them
MLP = ("gate_proj", "up_proj", "down_proj")


def block_influence(model: Any, examples: Sequence[Example]) -> list[float]:
    """Return how much each block changes the states of the rows: 0 not at all."""
    import torch

    rows = passages(model, examples)
    tell = progress("block influence", len(model.model.layers))
    found = []
    for number, block in enumerate(model.model.layers, 1):
        alike = []
        for row in rows:
            after = through(block, row)
            alike.append(torch.nn.functional.cosine_similarity(row.hidden, after, dim=-1).flatten())
            row.hidden = after
        found.append(1.0 - float(torch.cat(alike).double().mean()))
        tell(number)
    return found


def least_influential(influence: Sequence[float], sparsity: float) -> list[int]:
    """Return the numbers of the blocks that go, in ascending order.

    Raises:
        UserError: that is no block, or all of them.
    """
    count = round(sparsity * len(influence))
    if not 0 < count < len(influence):
        raise UserError(
            f"{sparsity:g} of {len(influence)} layers is {count}",
            where="--sparsity",
            expected="a share that takes at least one layer and leaves one",
        )
    return sorted(sorted(range(len(influence)), key=lambda i: influence[i])[:count])


def remove_blocks(model: Any, gone: Sequence[int]) -> None:
    """Take blocks out of a Transformers decoder, in place."""
    import torch

    kept = [i for i in range(len(model.model.layers)) if i not in gone]
    model.model.layers = torch.nn.ModuleList(model.model.layers[i] for i in kept)
    for number, block in enumerate(model.model.layers):
        block.self_attn.layer_idx = number
    model.config.num_hidden_layers = len(kept)
    if getattr(model.config, "layer_types", None):
        model.config.layer_types = [model.config.layer_types[i] for i in kept]


def channel_importance(model: Any, examples: Sequence[Example]) -> NDArray[np.float64]:
    """Return the importance of each MLP channel, [layers, channels].

    Raises:
        UserError: the MLPs of this family are built otherwise.
    """
    for block in model.model.layers:
        if not all(hasattr(block.mlp, name) for name in MLP):
            raise UserError(
                "the MLPs of this family have no gate, up and down of their own", where="--method"
            )
    _gradients(model, examples)
    found = np.stack([_taylor(block.mlp) for block in model.model.layers])
    model.requires_grad_(False)
    for parameter in model.parameters():
        parameter.grad = None
    return found


def kept_channels(importance: NDArray[np.float64], sparsity: float) -> NDArray[np.int64]:
    """Return the channels that stay in each layer, [layers, kept], in ascending order.

    The same number in all layers (a GGUF file names one), a multiple of 256.

    Raises:
        UserError: there is no such number between 256 and all but one multiple.
    """
    channels = importance.shape[1]
    count = round((1 - sparsity) * channels / CHANNELS) * CHANNELS
    if not 0 < count < channels:
        raise UserError(
            f"{1 - sparsity:g} of {channels} channels is {count} as a multiple of {CHANNELS}",
            where="--sparsity",
            expected="a share that takes at least one multiple and leaves one",
        )
    best = np.argsort(-importance, axis=1, kind="stable")[:, :count]
    return np.sort(best, axis=1)


def remove_channels(model: Any, kept: NDArray[np.int64]) -> None:
    """Keep these channels of the MLPs of a Transformers decoder, in place."""
    import torch

    for block, channels in zip(model.model.layers, kept, strict=True):
        for name in MLP:
            part, axis = getattr(block.mlp, name), int(name == "down_proj")
            chosen = torch.from_numpy(channels).to(part.weight.device)
            part.weight = torch.nn.Parameter(part.weight.detach().index_select(axis, chosen))
            if part.bias is not None and axis == 0:
                part.bias = torch.nn.Parameter(part.bias.detach()[chosen])
        block.mlp.down_proj.in_features = block.mlp.gate_proj.out_features = kept.shape[1]
        block.mlp.up_proj.out_features = block.mlp.intermediate_size = kept.shape[1]
    model.config.intermediate_size = kept.shape[1]


def _gradients(model: Any, examples: Sequence[Example]) -> None:
    """Add up dL/dw over the rows, for the weights of the MLPs alone."""
    import torch

    model.requires_grad_(False)
    for block in model.model.layers:
        for name in MLP:
            getattr(block.mlp, name).weight.requires_grad_(True)
    tell = progress("channel importance, rows", len(examples))
    for number, example in enumerate(examples, 1):
        ids = torch.tensor([[*example.prompt, *example.target]], device=model.device)
        hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state[
            0, len(example.prompt) - 1 : -1
        ]
        targets = torch.tensor(example.target, device=model.device)
        torch.nn.functional.cross_entropy(model.lm_head(hidden), targets).backward()
        tell(number)


def _taylor(mlp: Any) -> NDArray[np.float64]:
    sums = 0
    for name in MLP:
        weight = getattr(mlp, name).weight
        sums = sums + (weight.detach() * weight.grad).abs().double().sum(int(name != "down_proj"))
    found: NDArray[np.float64] = sums.cpu().numpy()  # type: ignore[attr-defined]
    return found
