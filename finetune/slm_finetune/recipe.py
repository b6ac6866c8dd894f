"""The recipe of a LoRA run: defaults < YAML file < `--set key=value` < flags, unknown keys refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from slm_core.errors import UserError, did_you_mean


def _key(default: Any, help_: str) -> Any:
    return field(default=default, metadata={"help": help_})


@dataclass(frozen=True)
class Recipe:
    """Hyperparameters of one run; the help texts are shown by `finetune lora --help`."""

    r: int = _key(8, "rank of the adapter matrices (Hu et al. 2021); 8 is 4 to 9 MB on a 0.5B base")
    alpha: int = _key(16, "scale of the adapter is alpha / r")
    dropout: float = _key(0.0, "dropout before the adapter's first matrix")
    learning_rate: float = _key(4e-4, "peak, after a warm-up of 5% of the steps, then cosine to zero")
    weight_decay: float = _key(0.0, "AdamW decay of the adapter's weights")
    epochs: float = _key(3.0, "passes over the training rows, at most (the dev loss may stop it earlier)")
    batch: int = _key(8, "rows per step; rows of similar length go together")
    max_length: int = _key(320, "tokens per row; longer prompts are cut at their end, targets never")
    train_layers: int = _key(0, "adapt the top N layers only; 0 chooses: half of them on a CPU, all on a GPU")
    cache_gib: float = _key(
        4.0, "memory for the frozen layers' outputs, computed once and reused in each epoch"
    )
    patience: int = _key(2, "stop after this many evaluations without a better dev loss")
    evaluations: int = _key(4, "dev evaluations over the whole run")
    dev_rows: int = _key(200, "dev rows used for the loss (a seeded sample)")
    seed: int = _key(0, "seeds rows, weights and order")

    def as_dict(self) -> dict[str, Any]:
        """Return the recipe as plain values."""
        return dataclasses.asdict(self)


def load_recipe(file: Path | None, assignments: Sequence[str]) -> Recipe:
    """Merge the defaults, a YAML file and `key=value` assignments.

    Raises:
        UserError: an unknown key (with the nearest known one), a value of the wrong type, an unreadable file.
    """
    values: dict[str, Any] = {}
    if file is not None:
        for key, value in _read_yaml(file).items():
            values[key] = _typed(key, value, str(file))
    for text in assignments:
        key, sep, value = text.partition("=")
        if not sep:
            raise UserError(f"cannot read {text!r}", where="--set", expected="key=value, e.g. --set r=16")
        values[key.strip()] = _typed(key.strip(), value.strip(), "--set")
    return Recipe(**values)


def help_table() -> str:
    """Return one line per key: name, default, meaning."""
    lines = (f"  {f.name:<14} {f.default!s:<8} {f.metadata['help']}" for f in dataclasses.fields(Recipe))
    return "\n".join(lines)


def _read_yaml(file: Path) -> Mapping[str, Any]:
    import yaml

    if not file.is_file():
        raise UserError("no such file", where=file, expected="a YAML file of recipe keys")
    try:
        loaded = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{file}:{mark.line + 1}" if mark else str(file)
        raise UserError("this is not YAML", where=where, expected="lines such as `r: 8`") from error
    if not isinstance(loaded, dict):
        raise UserError("the top level is no mapping", where=file, expected="lines such as `r: 8`")
    return loaded


def _typed(key: str, value: Any, where: str) -> Any:
    known: dict[str, type] = {key: type(value) for key, value in Recipe().as_dict().items()}
    if key not in known:
        raise UserError(
            f"unknown key {key!r}",
            where=where,
            expected=f"one of {', '.join(known)}",
            mend=did_you_mean(key, known),
        )
    try:
        number = known[key](value)
    except (TypeError, ValueError) as error:
        raise UserError(f"{key}: {value!r} is no {known[key].__name__}", where=where) from error
    if number < 0 or (key in {"r", "alpha", "batch", "max_length", "epochs"} and number == 0):
        raise UserError(f"{key}: {number} is out of range", where=where, expected="a positive number")
    return number
