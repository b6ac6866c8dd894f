"""Recovery: a LoRA adapter on the pruned model, trained on the domain's rows and merged into its weights.

As LLM-Pruner (Ma et al. 2023, section 3.3) recovers, with this project's own trainer. Merging fills the zeros
of an unstructured mask again, so the mask is applied once more; what the adapter put there is lost.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from slm_core.dataset.row import Row
from slm_finetune.prune.masks import Mask
from slm_finetune.prune.unstructured import apply_masks
from slm_finetune.recipe import Recipe, load_recipe

# Pruning hurts every layer, so all are adapted; a short run is judged on few rows.
OWN = ("train_layers=1000", "dev_rows=32")


def recovery_recipe(assignments: Sequence[str]) -> Recipe:
    """Return the recipe: all layers, few dev rows, and what `--set` says.

    Raises:
        UserError: an unknown key or a wrong value.
    """
    return load_recipe(None, [*OWN, *assignments])


def recover(
    model: Any,
    tokenizer: Any,
    masks: Mapping[str, Mask],
    rows: Sequence[Row],
    dev: Sequence[Row],
    recipe: Recipe,
    steps: int,
    work: Path,
) -> tuple[Any, str]:
    """Train and merge; return the model and what happened, in words.

    Args:
        model: pruned, in float32.
        tokenizer: of it.
        masks: weights that must stay zero.
        rows: what is learnt.
        dev: what early stopping looks at.
        recipe: hyperparameters.
        steps: at most.
        work: folder for the model and the checkpoints; a stopped run goes on from it.
    """
    from slm_finetune.training import train

    folder = work / "pruned"
    if not (folder / "config.json").is_file():
        shutil.rmtree(folder, ignore_errors=True)
        making = work / ".pruned"
        model.save_pretrained(making)
        tokenizer.save_pretrained(making)
        making.replace(folder)
    trained = train(folder, rows, dev, recipe, work / "run", steps)
    merged = trained.model.merge_and_unload().eval()
    if masks:
        apply_masks(merged, masks)
        print("the adapter is merged, and what was pruned is zero again", file=sys.stderr)
    loss = f", dev loss {trained.dev_loss:.3f}" if trained.dev_loss is not None else ""
    best = f", best at {trained.best}" if trained.best < trained.steps else ""
    return merged, f"LoRA r {recipe.r}, {trained.steps} steps{best}, loss {trained.train_loss:.3f}{loss}"
