"""The flags that every tool which measures its gain has in common."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from slm_core.dataset.row import Row, read_rows
from slm_core.domain import Domain
from slm_core.errors import UserError
from slm_core.settings import Settings
from slm_finetune.gain.probe import Probe


def add_gain_flags(parser: argparse.ArgumentParser) -> None:
    """Add them to a verb."""
    add = parser.add_argument_group("what is measured").add_argument
    add("--task", metavar="T", help="task that is scored (default: the domain's first in the data)")
    add(
        "--dataset",
        type=Path,
        metavar="DIR",
        help="folder with train, dev and test.jsonl (default: SLM_HOME/datasets/<D>)",
    )
    add("--data", type=Path, metavar="F", help="rows of the score (default: test.jsonl of the dataset)")
    add("--rows", type=int, default=32, metavar="N", help="dev rows for perplexity and KL (default: 32)")
    add("--limit", type=int, default=100, metavar="N", help="rows that are scored (default: 100)")
    add("--no-score", action="store_true", help="leave the domain score out")


def probe_of(args: argparse.Namespace, domain: Domain, settings: Settings) -> Probe:
    """Return the probe that the flags ask for; a dataset that is not there yet is built from own seeds.

    Raises:
        UserError: a number out of range, a missing file, no rows of the task, no such adapter.
    """
    from slm_core.adapters import resolve_adapter
    from slm_core.catalog import find_model
    from slm_finetune.learnt import learnt_by, learnt_in

    for flag in ("rows", "limit"):
        if getattr(args, flag) < 1:
            raise UserError(f"{getattr(args, flag)} rows", where=f"--{flag}", expected="a positive number")
    if args.data is not None and not args.data.is_file():  # with --no-score nobody else would look
        raise UserError("no such file", where=f"--data {args.data}", expected="a JSONL file of dataset rows")
    limit = 0 if args.no_score else args.limit
    folder = dataset_of(args, domain, settings)
    learnt: frozenset[str] = frozenset()
    if limit:
        base = find_model(settings.model)
        learnt = learnt_by(resolve_adapter(args.adapter, domain, base.name, settings))
        learnt |= learnt_in(base.path, domain, settings)
    return Probe.of(
        domain,
        settings,
        args.task,
        folder=folder,
        data=args.data,
        rows=args.rows,
        limit=limit,
        learnt=learnt,
    )


def train_rows(args: argparse.Namespace, domain: Domain, settings: Settings) -> list[Row]:
    """Return the rows of `train.jsonl`, which calibration and recovery draw from.

    Raises:
        UserError: there are none.
    """
    file = dataset_of(args, domain, settings) / "train.jsonl"
    rows = list(read_rows(file))
    if not rows:
        raise UserError("no rows to calibrate on", where=file, mend=f"slm dataset build {domain.name}")
    return rows


def dataset_of(args: argparse.Namespace, domain: Domain, settings: Settings) -> Path:
    """Return the dataset's folder; the default one is built from the project's own seeds where it is missing.

    Raises:
        UserError: the folder that was named has no `dev.jsonl`.
    """
    from slm_core.dataset.build import build, dataset_folder

    folder: Path = args.dataset or dataset_folder(settings, domain.name)
    if (folder / "dev.jsonl").is_file():
        return folder
    if args.dataset is not None:
        mend = f"slm dataset build {domain.name} --out {folder}"
        raise UserError(
            "no dataset", where=folder / "dev.jsonl", expected="train, dev and test.jsonl", mend=mend
        )
    print(f"no rows in {folder}: building them from the project's own seeds and generator", file=sys.stderr)
    build(domain, [], out=folder)
    return folder
