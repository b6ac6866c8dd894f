"""What can be pruned, and the same cut made twice: in the model of Transformers and in the file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from slm_core.errors import UserError
from slm_finetune.examples import Example
from slm_finetune.gguf_file import GgufFile
from slm_finetune.merged import with_weights
from slm_finetune.prune.masks import Mask, Pattern, pattern_mask, ratio_mask
from slm_finetune.prune.names import UNSTRUCTURED
from slm_finetune.prune.shapes import keeping_zeros, with_channels, without_blocks
from slm_finetune.prune.structured import (
    block_influence,
    channel_importance,
    kept_channels,
    least_influential,
    remove_blocks,
    remove_channels,
)
from slm_finetune.prune.unstructured import prune_magnitude, prune_wanda

NO_GAIN = "zeros are stored and multiplied like any weight: neither bytes nor time are saved"
BLOCKS = "model.layers."


@dataclass(frozen=True)
class Plan:
    """What is to be pruned.

    Args:
        method: of `names.METHODS`.
        sparsity: share of weights, layers or channels that goes.
        pattern: 2:4 or the like, in place of a free share.
    """

    method: str
    sparsity: float
    pattern: Pattern | None

    @classmethod
    def of(cls, method: str, sparsity: float | None, pattern: str | None) -> Plan:
        """Read the flags; the share is half of the weights, a quarter of layers or channels, unless named.

        Raises:
            UserError: a share out of range, or flags that do not go together.
        """
        shape = Pattern.read(pattern) if pattern else None
        if shape and (method not in UNSTRUCTURED or sparsity is not None):
            expected = "with --method magnitude or wanda, in place of --sparsity"
            raise UserError("does not go with these flags", where="--pattern", expected=expected)
        if shape:
            return cls(method, 1 - shape.kept / shape.of, shape)
        share = sparsity if sparsity is not None else 0.5 if method in UNSTRUCTURED else 0.25
        if not 0 < share < 1:
            raise UserError(f"{share:g}", where="--sparsity", expected="a share between 0 and 1, e.g. 0.5")
        return cls(method, share, shape)

    @property
    def unstructured(self) -> bool:
        """Whether single weights go, which the runtime does not notice."""
        return self.method in UNSTRUCTURED

    def template(self, base: GgufFile) -> GgufFile:
        """Return the file whose kinds of tensor are kept, before and after."""
        return keeping_zeros(base) if self.unstructured else base


@dataclass(frozen=True)
class Pruned:
    """What came of it.

    Args:
        said: what is gone, in words; stands in the file as `slm.pruned`.
        cut: the same cut of a GGUF file.
        masks: of the weights, by their names in Transformers.
    """

    said: str
    cut: Callable[[GgufFile], GgufFile]
    masks: Mapping[str, Mask] = field(default_factory=dict)


def prune(model: Any, plan: Plan, examples: Sequence[Example]) -> Pruned:
    """Prune a model of Transformers in place.

    Args:
        model: a decoder in float32.
        plan: what goes.
        examples: calibration rows; magnitude and structure of the file need none.

    Raises:
        UserError: the share leaves nothing or takes nothing, or the family is built otherwise.
    """
    return {"layers": _layers, "mlp": _channels}.get(plan.method, _weights)(model, plan, examples)


def gguf_of(model: Any, template: GgufFile) -> GgufFile:
    """Return the file with the weights of the model's blocks; all else is the template's, byte for byte."""
    state = {name: values.detach().cpu().numpy() for name, values in model.state_dict().items()}
    return with_weights(template, {name: v for name, v in state.items() if name.startswith(BLOCKS)})


def _weights(model: Any, plan: Plan, examples: Sequence[Example]) -> Pruned:
    mask_of = (
        partial(pattern_mask, pattern=plan.pattern)
        if plan.pattern
        else partial(ratio_mask, sparsity=plan.sparsity)
    )
    if plan.method == "wanda":
        masks = prune_wanda(model, mask_of, examples)
    else:
        masks = prune_magnitude(model, mask_of)
    gone = sum(int(mask.size - mask.sum()) for mask in masks.values())
    share = gone / sum(mask.size for mask in masks.values())
    pattern = f" as {plan.pattern}" if plan.pattern else ""
    return Pruned(f"{plan.method}{pattern}, {100 * share:.1f}% of the blocks' weights are zero", _same, masks)


def _layers(model: Any, plan: Plan, examples: Sequence[Example]) -> Pruned:
    influence = block_influence(model, examples)
    gone = least_influential(influence, plan.sparsity)
    remove_blocks(model, gone)
    shown = ", ".join(f"{i} ({influence[i]:.3f})" for i in gone)
    said = f"{len(gone)} of {len(influence)} layers, by block influence: {shown}"
    return Pruned(said, partial(without_blocks, gone=gone))


def _channels(model: Any, plan: Plan, examples: Sequence[Example]) -> Pruned:
    importance = channel_importance(model, examples)
    kept = kept_channels(importance, plan.sparsity)
    remove_channels(model, kept)
    said = f"{kept.shape[1]} of {importance.shape[1]} MLP channels stay in each layer, by |w * gradient|"
    return Pruned(said, partial(with_channels, kept=kept))


def _same(file: GgufFile) -> GgufFile:
    return file
