"""`finetune lora`: rows to an adapter that runs on the quantized base, and the proof that it does."""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slm_core.dataset.row import Row, read_rows
from slm_core.errors import GateFailed, MissingExtra, UserError
from slm_finetune.install import install
from slm_finetune.recipe import Recipe, help_table, load_recipe

if TYPE_CHECKING:
    from slm_core.domain import Domain
    from slm_core.settings import Settings
    from slm_finetune.parity import Parity
    from slm_finetune.training import Teaching, Trained

EPILOG = f"""\
example:
  finetune lora --domain disaster --model smollm2-135m-instruct --max-steps 30

Rows come from SLM_HOME/datasets/<domain>/ (slm dataset build); where there are none they are built from the
project's own seeds and generator. Stop it with Ctrl-C and run the same command again: it goes on from
the last checkpoint.

recipe keys (YAML by --config, single ones by --set):
{help_table()}
"""


@dataclass(frozen=True)
class Job:
    """Everything that a run depends on, resolved."""

    domain: Domain
    model: str
    repo: str
    gguf_file: Path
    sha256: str
    rows: tuple[Row, ...]
    dev: tuple[Row, ...]
    recipe: Recipe
    max_steps: int | None
    out: Path
    settings: Settings
    teaching: Teaching | None = None

    @property
    def key(self) -> str:
        """Identify the run, so that a checkpoint is taken up by the same run only."""
        parts = [
            self.sha256,
            json.dumps(self.recipe.as_dict()),
            str(self.max_steps),
            *(row.id + row.target for row in self.rows),
        ]
        parts += [json.dumps(dict(self.teaching.facts), sort_keys=True)] if self.teaching else []
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def register(subparsers: Any) -> None:
    """Add the verb to `finetune`."""
    parser = subparsers.add_parser(
        "lora", help="train an adapter", epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_flags(parser)


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add what every run that ends in an adapter takes."""
    parser.add_argument("--domain", required=True, metavar="D", help="an installed domain, e.g. disaster")
    parser.add_argument(
        "--model", metavar="M", help="base of the catalog or a .gguf file (default: the one in settings)"
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="folder with train.jsonl and dev.jsonl (distill: test.jsonl too)",
    )
    parser.add_argument(
        "--task", action="append", metavar="T", help="train on rows of this task only (repeatable)"
    )
    parser.add_argument("--config", type=Path, metavar="F.yaml", help="recipe file")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="one recipe key (repeatable)"
    )
    parser.add_argument("--max-steps", type=int, metavar="N", help="stop after N optimizer steps")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="adapter folder (default: SLM_HOME/adapters/<D>/<base>)"
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="the run's record as JSON (distill: then a line a row of its table)",
    )


def run(args: argparse.Namespace) -> int:
    """Train, write the adapter, run the parity gate.

    Raises:
        GateFailed: the device does not say what was trained; the adapter is kept but not used.
    """
    need_training("finetune lora")
    job = job_of(args)
    return train_and_tell(job, args.json)


def need_training(verb: str) -> None:
    """Raise MissingExtra where a verb's packages for training are not installed."""
    try:
        import peft  # noqa: F401
        import trl  # noqa: F401
    except ImportError as error:
        raise MissingExtra(verb, "train") from error


def train_and_tell(job: Job, as_json: bool) -> int:
    """Run a job and print what came of it.

    Raises:
        GateFailed: the device does not say what was trained; the adapter is kept but not used.
    """
    folder, gate, record = train_and_prove(job)
    print(json.dumps(record, ensure_ascii=False) if as_json else f"{gate.line()}\nadapter: {folder}")
    if gate.verdict != "passed":
        raise GateFailed(f"{gate.line()}\n  the adapter is kept but not used: {folder}")
    return 0


def train_and_prove(job: Job) -> tuple[Path, Parity, dict[str, Any]]:
    """Run a job and return the adapter folder, the gate's figures and the run's record."""
    from slm_finetune.base import dequantized_base
    from slm_finetune.training import forget, train

    base = dequantized_base(job.gguf_file, job.sha256, job.settings.home)
    work = job.settings.home / "runs" / f"{job.domain.name}-{job.model}-{job.key}"
    trained = train(base, job.rows, job.dev, job.recipe, work, job.max_steps, job.teaching)
    candidate = job.out.with_name(f".{job.out.name}.new")
    shutil.rmtree(candidate, ignore_errors=True)
    candidate.mkdir(parents=True)
    _write_tensors(candidate, job, trained)
    gate = prove(job, trained, candidate)
    record = _record(job, trained, gate)
    _write_texts(candidate, job, trained, record)
    folder = install(candidate, job.out, None if gate.verdict == "passed" else gate.line())
    forget(work)
    return folder, gate, record


def prove(job: Job, trained: Trained, folder: Path) -> Parity:
    """Run the parity gate on dev prompts (train prompts where there is no dev side)."""
    from slm_core.engine import open_local
    from slm_finetune.parity import PROMPTS, measure

    rows = _spread(job.dev or job.rows, PROMPTS)
    print(f"parity gate on {len(rows)} prompts", file=sys.stderr)
    trained.model.eval()
    engine = open_local(job.settings, str(job.gguf_file), {job.domain.name: folder})
    try:
        return measure(
            trained.model, trained.tokenizer, engine, job.domain.name, [row.prompt() for row in rows]
        )
    finally:
        engine.close()


def job_of(args: argparse.Namespace) -> Job:
    """Resolve the flags of `add_flags`.

    Raises:
        UserError: an unknown domain, model, task or key, or no rows.
    """
    from slm_core.catalog import Bar, ensure, find_model
    from slm_core.catalog.verify import known_sha256
    from slm_core.domain import find_domain
    from slm_core.settings import load_settings

    settings = load_settings(model=args.model)
    domain = find_domain(args.domain)
    recipe = load_recipe(args.config, args.set)
    if args.max_steps is not None and args.max_steps < 1:
        raise UserError(f"{args.max_steps} steps", where="--max-steps", expected="a positive number")
    model = find_model(settings.model)
    gguf_file = ensure(settings.model, settings, Bar())
    out = args.out or settings.home / "adapters" / domain.name / model.name
    if args.out is None:
        _check_name(gguf_file, out)
    _check_out(out)
    train_rows, dev_rows = _rows(args, domain, settings)
    return Job(
        domain,
        model.name,
        model.hub or model.name,
        gguf_file,
        known_sha256(gguf_file, settings),
        tuple(train_rows),
        tuple(dev_rows),
        recipe,
        args.max_steps,
        out.resolve(),
        settings,
    )


def _check_name(gguf_file: Path, out: Path) -> None:
    """Refuse a trimmed file under its base's name: its adapter would take the place of the base's own."""
    from slm_core.gguf_head import read_header

    if "slm.trimmed_from" in read_header(gguf_file).values:
        raise UserError(
            f"this file is trimmed, and {out} is where the adapter of its base lies",
            where=gguf_file,
            mend="train on the base, whose adapters fit the trimmed file too; or name a place with --out",
        )


def _check_out(out: Path) -> None:
    """Refuse a place that holds anything but an adapter; it is replaced at the end of the run."""
    if out.is_dir() and (not any(out.iterdir()) or (out / "adapter.gguf").is_file()):
        return
    if out.exists():
        what = "this folder holds something else" if out.is_dir() else "this is a file"
        raise UserError(what, where=out, expected="--out names a new folder, or one with an adapter")


def _rows(args: argparse.Namespace, domain: Domain, settings: Settings) -> tuple[list[Row], list[Row]]:
    from slm_core.dataset.build import build, dataset_folder

    folder = args.data or dataset_folder(settings, domain.name)
    if args.data is None and not (folder / "train.jsonl").is_file():
        print(
            f"no rows in {folder}: building them from the project's own seeds and generator", file=sys.stderr
        )
        build(domain, [], out=folder)
    wanted = {domain.task(name).name for name in args.task or [task.name for task in domain.tasks]}
    dev_file = folder / "dev.jsonl"
    sides = [read_rows(folder / "train.jsonl"), read_rows(dev_file) if dev_file.is_file() else []]
    train_rows, dev_rows = ([row for row in side if row.task in wanted] for side in sides)
    if not train_rows:
        known = ", ".join(sorted({row.task for row in read_rows(folder / "train.jsonl")})) or "none"
        raise UserError(
            f"no training rows of {', '.join(sorted(wanted))}",
            where=folder / "train.jsonl",
            expected=f"rows of these tasks; the file has {known}",
            mend=f"slm dataset build {domain.name} --source FORMAT=PATH",
        )
    print(f"{len(train_rows)} training rows, {len(dev_rows)} dev rows from {folder}", file=sys.stderr)
    return train_rows, dev_rows


def _write_tensors(folder: Path, job: Job, trained: Trained) -> None:
    from slm_finetune.adapter_gguf import Shape, write_adapter
    from slm_finetune.training import adapter_tensors

    write_adapter(
        folder / "adapter.gguf",
        adapter_tensors(trained.model),
        Shape.of(trained.model.config),
        alpha=job.recipe.alpha,
        name=f"{job.domain.name} on {job.model}",
        metadata={"slm.base_sha256": job.sha256, "slm.domain": job.domain.name},
    )


def _record(job: Job, trained: Trained, gate: Parity) -> dict[str, Any]:
    taught = {"teaching": dict(job.teaching.facts)} if job.teaching else {}
    return {
        "domain": job.domain.name,
        "base": {"name": job.model, "repo": job.repo, "file": job.gguf_file.name, "sha256": job.sha256},
        "recipe": job.recipe.as_dict(),
        "max_steps": job.max_steps,
        "training": {
            "tasks": sorted({row.task for row in job.rows}),
            "rows": len(job.rows),
            "dev_rows": len(job.dev),
            "steps": trained.steps,
            "best_step": trained.best,
            "tokens": trained.tokens,
            "train_loss": round(trained.train_loss, 4),
            "dev_loss": trained.dev_loss and round(trained.dev_loss, 4),
            "minutes": trained.seconds and round(trained.seconds / 60, 1),
            "layers": trained.layers[0],
            "layers_reason": trained.layers[1],
        },
        **taught,
        "parity": {**gate.as_dict(), "line": gate.line()},
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def _write_texts(folder: Path, job: Job, trained: Trained, record: dict[str, Any]) -> None:
    from slm_finetune.card import model_card, peft_config
    from slm_finetune.learnt import write_learnt

    write_learnt(folder, job.rows, job.dev)
    config = json.dumps(peft_config(trained.model, job.repo), indent=2, sort_keys=True)
    (folder / "adapter_config.json").write_text(config + "\n", encoding="utf-8")
    (folder / "run.json").write_text(
        json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    (folder / "README.md").write_text(model_card(record, job.rows), encoding="utf-8")


def _spread(rows: Sequence[Row], count: int) -> list[Row]:
    """Take rows evenly over the sequence, so that every task and language is met."""
    ordered = sorted(rows, key=lambda row: (row.task, row.lang, row.id))
    step = max(len(ordered) / count, 1)
    return [ordered[int(i * step)] for i in range(min(count, len(ordered)))]
