"""One LoRA run: rows in, PEFT tensors out. Resumable, seeded, with early stop on the dev loss."""

from __future__ import annotations

import math
import random
import shutil
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slm_core.dataset.row import Row
from slm_core.errors import CouldNot, UserError
from slm_finetune.examples import Example, encode_row
from slm_finetune.frozen import choose_layers, fits, lower_states
from slm_finetune.recipe import Recipe

LINEAR = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
FUSED = ("qkv_proj", "gate_up_proj")  # Phi-3's
_MLP = ("gate_proj", "up_proj", "down_proj", "gate_up_proj")


@dataclass(frozen=True)
class Trained:
    """A finished run: the PEFT model, its tokenizer, and what happened.

    `steps` were done; the model is that of step `best`, which dev rows chose (without any: the last).
    """

    model: Any
    tokenizer: Any
    steps: int
    best: int
    train_loss: float
    dev_loss: float | None
    tokens: int
    seconds: float | None  # None where the run was resumed
    layers: tuple[int, str]


@dataclass(frozen=True)
class Teaching:
    """What a run learns from besides its rows (distillation).

    Args:
        trainer: makes the trainer, in place of `ExpertTrainer` and with its arguments.
        facts: what the run's record and the model card say of it; part of what identifies the run.
    """

    trainer: Callable[..., Any]
    facts: Mapping[str, Any]


def linear_layers(model: Any) -> tuple[list[str], str]:
    """Return the names of the layers that an adapter changes, and which part of the model they are.

    The experts of a Mixtral are one tensor in Transformers, no linear layers that PEFT adapts.
    """
    import torch

    leaves = {n.rpartition(".")[2] for n, part in model.named_modules() if isinstance(part, torch.nn.Linear)}
    found = [name for name in (*LINEAR, *FUSED) if name in leaves]
    whole = any(name in _MLP for name in found)
    return found, "attention and MLP" if whole else "attention only: experts cannot be adapted"


def load_base(folder: Path) -> tuple[Any, Any, bool]:
    """Return model and tokenizer of a dequantized base, and whether they are on a GPU."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    on_gpu = torch.cuda.is_available()
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    print(
        f"compute in float32 on {'a GPU' if on_gpu else 'the CPU (bfloat16 is slower there)'}",
        file=sys.stderr,
    )
    return model.to("cuda" if on_gpu else "cpu"), AutoTokenizer.from_pretrained(folder), on_gpu


def train(
    base: Path,
    train_rows: Sequence[Row],
    dev_rows: Sequence[Row],
    recipe: Recipe,
    work: Path,
    max_steps: int | None = None,
    teaching: Teaching | None = None,
) -> Trained:
    """Train an adapter; a run that was stopped goes on from its last checkpoint in `work`.

    Args:
        base: folder of the dequantized base.
        train_rows: what is learnt.
        dev_rows: what early stopping looks at; may be empty.
        recipe: hyperparameters.
        work: folder for checkpoints, kept until the caller removes it.
        max_steps: bound of optimizer steps; None takes the recipe's epochs.
        teaching: what is learnt from besides the rows.

    Raises:
        UserError: no rows.
        CouldNot: the loss is no number any more.
    """
    if not train_rows:
        raise UserError("no training rows", expected="at least one row; see slm dataset build")
    from transformers import set_seed

    set_seed(recipe.seed)
    model, tokenizer, on_gpu = load_base(base)
    examples = _encode(tokenizer, train_rows, recipe)
    dev = _encode(tokenizer, _sample(dev_rows, recipe), recipe)
    layers, reason = choose_layers(
        recipe.train_layers, model.config.num_hidden_layers, model.config.model_type, on_gpu
    )
    first = model.config.num_hidden_layers - layers
    print(f"adapting the top {layers} of {model.config.num_hidden_layers} layers: {reason}", file=sys.stderr)
    print(f"adapting {linear_layers(model)[1]}", file=sys.stderr)
    checkpoint = _last_checkpoint(work)
    steps = max_steps or math.ceil(math.ceil(len(examples) / recipe.batch) * recipe.epochs)
    finished = checkpoint is not None and _step(checkpoint) >= steps  # stopped between training and the gate
    states = None if finished else _frozen_states(model, examples, dev, first, tokenizer, recipe)
    trainer = _trainer(model, tokenizer, examples, dev, first, states, recipe, work, steps, teaching)
    if checkpoint:
        print(f"going on from {checkpoint.name}", file=sys.stderr)
    result = trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    if not all(map(math.isfinite, losses)):
        raise CouldNot(
            f"training broke: loss {losses[-1]}; try --set learning_rate={recipe.learning_rate / 4:g}"
        )
    return Trained(
        model=trainer.model,
        tokenizer=tokenizer,
        steps=trainer.state.global_step,
        best=trainer.state.best_global_step or trainer.state.global_step,
        train_loss=losses[-1],
        dev_loss=trainer.state.best_metric,
        tokens=int(sum(len(e) for e in examples) * float(trainer.state.epoch or 0)),
        seconds=None if checkpoint else float(result.metrics["train_runtime"]),
        layers=(layers, reason),
    )


def adapter_tensors(model: Any) -> dict[str, Any]:
    """Return the adapter's matrices as float32 arrays, by their PEFT names."""
    from peft import get_peft_model_state_dict

    return {
        name: tensor.detach().float().cpu().numpy()
        for name, tensor in get_peft_model_state_dict(model).items()
    }


def forget(work: Path) -> None:
    """Remove the checkpoints of a finished run."""
    shutil.rmtree(work, ignore_errors=True)


def _encode(tokenizer: Any, rows: Sequence[Row], recipe: Recipe) -> list[Example]:
    return [encode_row(tokenizer, row, recipe.max_length) for row in rows]


def _sample(rows: Sequence[Row], recipe: Recipe) -> list[Row]:
    rows = list(rows)
    return random.Random(recipe.seed).sample(rows, min(len(rows), recipe.dev_rows))


def _frozen_states(
    model: Any, examples: list[Example], dev: list[Example], first: int, tokenizer: Any, recipe: Recipe
) -> dict[str, list[Any]] | None:
    if first == 0:
        return None
    possible, figures = fits([*examples, *dev], model.config.hidden_size, recipe.cache_gib)
    print(f"outputs of the frozen layers {'kept' if possible else 'not kept'}: {figures}", file=sys.stderr)
    if not possible:
        return None
    pad = tokenizer.pad_token_id or 0
    model.eval()
    return {
        "train": lower_states(model.model, examples, first, pad),
        "dev": lower_states(model.model, dev, first, pad) if dev else [],
    }


def _trainer(
    model: Any,
    tokenizer: Any,
    examples: list[Example],
    dev: list[Example],
    first: int,
    states: dict[str, list[Any]] | None,
    recipe: Recipe,
    work: Path,
    steps: int,
    teaching: Teaching | None,
) -> Any:
    from peft import LoraConfig
    from transformers import EarlyStoppingCallback, PrinterCallback

    from slm_finetune.progress import Progress
    from slm_finetune.trainer import ExpertTrainer, as_dataset, collate

    lora = LoraConfig(
        r=recipe.r,
        lora_alpha=recipe.alpha,
        lora_dropout=recipe.dropout,
        target_modules=linear_layers(model)[0],
        layers_to_transform=list(range(first, model.config.num_hidden_layers)),
        layers_pattern="layers",
        task_type="CAUSAL_LM",
    )
    callbacks: list[Any] = [Progress(sum(len(e) for e in examples))]
    if dev:
        callbacks.append(EarlyStoppingCallback(early_stopping_patience=recipe.patience))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of PEFT's and TRL's own making
        trainer = (teaching.trainer if teaching else ExpertTrainer)(
            model=model,
            args=_arguments(recipe, bool(dev), work, steps),
            train_dataset=as_dataset(examples),
            eval_dataset=as_dataset(dev, dev=True) if dev else None,
            processing_class=tokenizer,
            peft_config=lora,
            data_collator=collate(tokenizer.pad_token_id or 0),
            callbacks=callbacks,
            first_layer=first,
            states=states,
        )
    trainer.remove_callback(PrinterCallback)  # it prints dictionaries on stdout; Progress speaks instead
    return trainer


def _arguments(recipe: Recipe, has_dev: bool, work: Path, steps: int) -> Any:
    import torch
    from trl import SFTConfig

    every = max(steps // recipe.evaluations, 1)
    return SFTConfig(
        output_dir=str(work),
        max_steps=steps,
        per_device_train_batch_size=recipe.batch,
        per_device_eval_batch_size=recipe.batch,
        learning_rate=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        lr_scheduler_type="cosine",
        warmup_steps=max(steps // 20, 1),
        max_grad_norm=1.0,
        seed=recipe.seed,
        data_seed=recipe.seed,
        train_sampling_strategy="group_by_length",
        length_column_name="length",
        remove_unused_columns=False,
        dataset_kwargs={"skip_prepare_dataset": True},
        max_length=None,
        use_cpu=not torch.cuda.is_available(),
        bf16=False,
        fp16=False,
        gradient_checkpointing=False,
        eval_strategy="steps" if has_dev else "no",
        eval_steps=every,
        save_strategy="steps",
        save_steps=every,
        save_total_limit=2,
        load_best_model_at_end=has_dev,
        metric_for_best_model="eval_loss",
        greater_is_better=False,
        logging_steps=max(min(10, steps // 5), 1),
        report_to=[],
        disable_tqdm=True,
        prediction_loss_only=True,
        dataloader_pin_memory=False,
        log_level="error",
    )


def _last_checkpoint(work: Path) -> Path | None:
    whole = [p for p in work.glob("checkpoint-*") if (p / "trainer_state.json").is_file()]
    return max(whole, key=_step, default=None)


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])
