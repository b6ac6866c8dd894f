"""What lies beside an adapter: PEFT's configuration without local paths, the model card, the run's
configuration."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slm_core.dataset.row import Row
from slm_core.errors import UserError
from slm_core.files import write_atomically

if TYPE_CHECKING:
    from slm_finetune.report import Absent, Result


def peft_config(model: Any, base_repo: str) -> dict[str, Any]:
    """Return adapter_config.json with the Hub name as base; the path it was trained from stays out."""
    config = dict(model.peft_config["default"].to_dict())
    config["base_model_name_or_path"] = base_repo
    config["revision"] = None
    config["target_modules"] = sorted(config["target_modules"])
    return {key: sorted(value) if isinstance(value, set) else value for key, value in config.items()}


def model_card(run: Mapping[str, Any], rows: Sequence[Row]) -> str:
    """Return README.md of an adapter folder: base, data, licences, hyperparameters, gate.

    Args:
        run: the record that is also saved as run.json.
        rows: the training rows.
    """
    front = {
        "base_model": run["base"]["repo"],
        "library_name": "peft",
        "license": "apache-2.0",
        "language": sorted({row.lang for row in rows}),
        "tags": ["lora", "gguf", "on-device", run["domain"]],
    }
    lines = [
        "---",
        *(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in front.items()),
        "---",
        "",
    ]
    lines += [
        f"# {run['domain']} on {run['base']['name']}",
        "",
        "LoRA adapter trained on the dequantized device file.",
        "",
    ]
    lines += ["| | |", "|---|---|", *(f"| {key} | {value} |" for key, value in _facts(run))]
    lines += ["", "## Data", "", "| source | licence | task | rows |", "|---|---|---|---|"]
    counts = Counter((row.source, row.licence, row.task) for row in rows)
    lines += [
        f"| {source} | {licence} | {task} | {n} |" for (source, licence, task), n in sorted(counts.items())
    ]
    lines += ["", "## Recipe", "", "| key | value |", "|---|---|"]
    lines += [f"| {key} | {value} |" for key, value in run["recipe"].items()]
    return "\n".join([*lines, "", "## Parity gate", "", run["parity"]["line"], ""])


def set_measured(card: Path, results: Sequence[Result], absent: Sequence[Absent]) -> None:
    """Put the measured table into a model card, in place of an older one.

    Raises:
        UserError: the adapter has no card.
    """
    from slm_finetune.report import table

    if not card.is_file():
        raise UserError("no model card to write the table into", where=card)
    before, _, _ = card.read_text(encoding="utf-8").partition("\n## Measured\n")
    text = f"{before.rstrip()}\n\n## Measured\n\n```\n{table(results, absent)}\n```\n"
    write_atomically(card, text.encode())


def _facts(run: Mapping[str, Any]) -> list[tuple[str, Any]]:
    base, training = run["base"], run["training"]
    return [
        ("base file", base["file"]),
        ("base sha256", base["sha256"]),
        ("adapted layers", f"{training['layers']} ({training['layers_reason']})"),
        ("steps", training["steps"]),
        ("trained tokens", training["tokens"]),
        ("train loss, best dev loss", f"{training['train_loss']}, {training['dev_loss']}"),
        *((f"distilled: {key}", value) for key, value in run.get("teaching", {}).items()),
    ]
