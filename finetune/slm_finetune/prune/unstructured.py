"""Single weights out of a decoder, one block after another.

A block's inputs come from the blocks before it as they are after pruning, as in Wanda's paper and code: its
scores see what it will really be given. Embedding, norms, biases and output matrix stay whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from slm_finetune.examples import Example
from slm_finetune.prune.decoder import linears, passages, progress, through
from slm_finetune.prune.masks import Mask, magnitude, wanda

MaskOf = Callable[[Any], Mask]  # scores [out, in] to the weights that stay


def prune_magnitude(model: Any, mask_of: MaskOf) -> dict[str, Mask]:
    """Zero the smallest weights; return the masks by the weights' names."""
    blocks = list(enumerate(model.model.layers))
    return {
        f"model.layers.{number}.{name}.weight": _cut(part, mask_of(magnitude(_weight(part))))
        for number, block in blocks
        for name, part in linears(block).items()
    }


def prune_wanda(model: Any, mask_of: MaskOf, examples: Sequence[Example]) -> dict[str, Mask]:
    """Zero the weights that add least on the rows; return the masks by the weights' names."""
    rows = passages(model, examples)
    tell = progress("wanda, blocks pruned", len(model.model.layers))
    masks: dict[str, Mask] = {}
    for number, block in enumerate(model.model.layers):
        norms = _input_norms(block, rows)
        for name, part in linears(block).items():
            mask = _cut(part, mask_of(wanda(_weight(part), norms[name])))
            masks[f"model.layers.{number}.{name}.weight"] = mask
        for row in rows:
            row.hidden = through(block, row)
        tell(number + 1)
    return masks


def apply_masks(model: Any, masks: Mapping[str, Mask]) -> None:
    """Zero again what was pruned: recovery must not fill it."""
    import torch

    parameters = dict(model.named_parameters())
    with torch.no_grad():
        for name, mask in masks.items():
            weight = parameters[name]
            weight.mul_(torch.from_numpy(mask).to(weight.device))


def _input_norms(block: Any, rows: Sequence[Any]) -> dict[str, Any]:
    """Return ||x_j||_2 over all tokens of the rows, for each linear layer of a block."""
    sums: dict[str, Any] = {}

    def listen(name: str) -> Any:
        def add(module: Any, inputs: tuple[Any, ...]) -> None:
            squares = inputs[0].detach().flatten(0, -2).square().sum(0).double()
            sums[name] = sums[name] + squares if name in sums else squares

        return add

    hooks = [part.register_forward_pre_hook(listen(name)) for name, part in linears(block).items()]
    try:
        for row in rows:
            through(block, row)
    finally:
        for hook in hooks:
            hook.remove()
    return {name: np.sqrt(total.cpu().numpy()) for name, total in sums.items()}


def _weight(part: Any) -> Any:
    return part.weight.detach().cpu().numpy()


def _cut(part: Any, mask: Mask) -> Mask:
    import torch

    with torch.no_grad():
        part.weight.mul_(torch.from_numpy(mask).to(part.weight.device))
    return mask
