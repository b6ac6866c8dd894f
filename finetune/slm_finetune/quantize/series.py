"""One run of `finetune quantize`: which files, from what, and what is there already."""

from __future__ import annotations

import argparse
import hashlib
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from slm_core.catalog import Model
from slm_core.catalog.verify import known_sha256
from slm_core.dataset.row import Row, digest_of
from slm_core.domain import find_domain
from slm_core.errors import MissingExtra, UserError
from slm_core.files import sha256_of, write_atomically
from slm_core.gguf_head import read_header
from slm_core.settings import Settings, load_settings
from slm_finetune.gain import Probe, probe_of
from slm_finetune.gain.flags import train_rows
from slm_finetune.gguf_file import type_name
from slm_finetune.merged import merged_expert
from slm_finetune.quantize.importance import collect, read_importance, write_importance
from slm_finetune.quantize.kinds import FileType
from slm_finetune.quantize.making import NOTE, make, need

SEED = 0


@dataclass(frozen=True)
class Step:
    """One file to make."""

    file_type: FileType
    weighted: bool

    @property
    def name(self) -> str:
        """E.g. `q4_0` or `q4_0-imatrix`."""
        return self.file_type.name + ("-imatrix" if self.weighted else "")

    @property
    def note(self) -> str:
        """Who made it."""
        return "by llama.cpp" if self.file_type.kind is None else ""


@dataclass(frozen=True)
class Job:
    """Everything that a run depends on, resolved.

    Args:
        source: the merged expert in float32, with its sha256.
        stem: of the names of its files, `<model>-<domain>`; a model that is a file counts by its own name,
            since a trimmed file and its base share a model.
        origin: where its weights come from, in words.
        rows: calibration rows; none where no file is weighted.
    """

    source: Path
    sha256: str
    stem: str
    origin: str
    steps: tuple[Step, ...]
    rows: tuple[Row, ...]
    probe: Probe
    out: Path

    @property
    def settings(self) -> Settings:
        """In force."""
        return self.probe.settings

    def made(self, step: Step) -> Path:
        """Return the file of a step; one that this very run has made before is kept.

        Raises:
            MissingExtra: a K-quant without llama-cpp-python.
        """
        path = self.out / f"{self.stem}-{step.name}.gguf"
        if not path.is_file():
            need(step.file_type)  # before minutes go into an importance matrix
        imatrix = self.imatrix() if step.weighted else None
        note = f"{step.file_type.name} of float32 {self.sha256[:16]}"
        note += f", importance {sha256_of(imatrix)[:16]}" if imatrix else ""
        if path.is_file() and read_header(path).values.get(NOTE) == note:
            print(f"{path.name}: kept", file=sys.stderr)
            return path
        began = time.monotonic()
        make(self.source, path, step.file_type, note=note, imatrix=imatrix)
        print(f"{path.name}: made in {time.monotonic() - began:.0f} s", file=sys.stderr)
        return path

    def imatrix(self) -> Path:
        """Return the importance matrix of this expert on these rows, collected once."""
        from slm_finetune.base import dequantized_base

        path = self.out / f"{self.stem}-imatrix.gguf"
        digest = hashlib.sha256(f"{self.sha256}\n{digest_of(self.rows)}".encode()).hexdigest()[:16]
        dataset = f"{len(self.rows)} train rows of {self.probe.domain.name}, {digest}"
        if path.is_file() and read_importance(path).dataset == dataset:
            return path
        folder = dequantized_base(self.source, self.sha256, self.settings.home)
        write_importance(path, collect(folder, self.source, self.rows, dataset=dataset))
        return path

    def write_report(self, table: str) -> None:
        """Write the table beside the files, with what they were made of."""
        langs = Counter(row.lang for row in self.rows)
        counted = ", ".join(f"{count} {lang}" for lang, count in langs.most_common()) or "none"
        text = (
            f"# {self.stem}, quantized\n\n{table}\n\n"
            f"- KL and perplexity: over the replies of {len(self.probe.rows)} dev rows of task "
            f"{self.probe.task.name}; KL against float32\n"
            f"- float32: {self.source.name}, sha256 {self.sha256}; {self.origin}\n"
            f"- rows of the importance matrix: {len(self.rows)} ({counted}), seed {SEED}\n"
        )
        write_atomically(self.out / f"{self.stem}.md", text.encode())


def job_of(args: argparse.Namespace, types: Sequence[FileType]) -> Job:
    """Resolve the flags.

    Raises:
        MissingExtra: an importance matrix without PyTorch.
        UserError: a number out of range, a missing file, no adapter.
    """
    from slm_core.catalog import Bar, ensure, find_model

    if args.calibration_rows < 1:
        raise UserError(
            f"{args.calibration_rows} rows", where="--calibration-rows", expected="a positive number"
        )
    if args.out.exists() and not args.out.is_dir():
        raise UserError("this is a file", where=args.out, expected="--out names a folder")
    steps = steps_of(types, args.imatrix)
    weighted = any(step.weighted for step in steps)
    if weighted:
        _need_torch()
    settings, domain = load_settings(model=args.model), find_domain(args.domain)
    probe = probe_of(args, domain, settings)
    rows = evenly(train_rows(args, domain, settings), args.calibration_rows) if weighted else ()
    source = merged_expert(domain, settings, args.adapter)
    return Job(
        source,
        known_sha256(source, settings),
        f"{_named(find_model(settings.model))}-{domain.name}",
        origin(ensure(settings.model, settings, Bar()), args.adapter),
        tuple(steps),
        rows,
        probe,
        args.out.resolve(),
    )


def _named(model: Model) -> str:
    return Path(model.path).stem if model.path else model.name


def steps_of(types: Sequence[FileType], imatrix: bool | None) -> list[Step]:
    """Return the files to make; a type that no importance matrix changes is made once, without."""
    ways = (False, True) if imatrix is None else (imatrix,)
    unique = dict.fromkeys(types)
    return [Step(kind, way) for kind in unique for way in (ways if kind.weighable else (False,))]


def origin(base: Path, adapter: str | None) -> str:
    """Say where the float32 weights come from: what a 4-bit base had lost is not in the table."""
    name = type_name(read_header(base).values) or "unknown"
    bits = re.search(r"\d+", name)
    what = "the base itself" if adapter == "none" else "base and adapter merged"
    return f"{what}; its weights come from a {bits[0] if bits else '?'}-bit file ({name})"


def evenly(rows: Sequence[Row], count: int) -> tuple[Row, ...]:
    """Return a seeded sample with as many rows of each language, as far as there are."""
    shuffled = random.Random(SEED).sample(rows, len(rows))
    seen: Counter[str] = Counter()
    turns = []
    for row in shuffled:
        seen[row.lang] += 1
        turns.append(seen[row.lang])
    order = sorted(range(len(rows)), key=lambda i: turns[i])
    return tuple(shuffled[i] for i in order[:count])


def _need_torch() -> None:
    try:
        import torch  # noqa: F401
        import transformers  # noqa: F401
    except ImportError as error:
        raise MissingExtra(
            "finetune quantize with an importance matrix (--no-imatrix makes the rest)", "train"
        ) from error
