"""The verb `finetune prune`."""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slm_core.errors import UserError
from slm_finetune.prune.names import METHODS

if TYPE_CHECKING:
    from slm_core.dataset.row import Row
    from slm_finetune.gain import Gain, Probe
    from slm_finetune.gguf_file import GgufFile
    from slm_finetune.prune.methods import Plan
    from slm_finetune.recipe import Recipe

SEED = 0

EPILOG = """\
examples:
  finetune prune --domain disaster --method layers --sparsity 0.1 --recover-steps 40 --out small.gguf
  finetune prune --domain disaster --method mlp --sparsity 0.16 --recover-steps 40 --out small.gguf
  finetune prune --domain disaster --method wanda --pattern 2:4 --no-score --out sparse.gguf
  finetune prune --domain disaster --model smollm2-135m-instruct --adapter none --method layers \\
    --no-score --out s.gguf

--method
  magnitude  the smallest weights of each output row become zero
  wanda      those of the least |w| * ||x||, x being the row's inputs on the domain's rows
  layers     whole blocks go, those that change their input least
  mlp        channels of the MLPs go, to a multiple of 256, by |w * gradient| on the domain's rows

Only layers and mlp make a file smaller and faster. llama.cpp has no sparse kernels: zeros of magnitude and
wanda are stored and multiplied like any weight, and the table shows it. A matrix whose kind has no exact
zero (magnitude, wanda) or that only llama.cpp can make (K-quants) becomes Q8_0, before and after alike.
"""


@dataclass(frozen=True)
class Job:
    """What is asked for, resolved.

    Args:
        base: the quantized file, whose kinds of tensor are kept.
        source, sha256: the merged expert in float32, and its bytes.
        plan: what goes.
        calibration, rows, dev: rows that scores are taken on, that recovery learns from and is judged on.
        recipe, steps: of recovery; 0 steps is none.
        probe: what is measured.
        out: file to write.
    """

    base: Path
    source: Path
    sha256: str
    plan: Plan
    calibration: tuple[Row, ...]
    rows: tuple[Row, ...]
    dev: tuple[Row, ...]
    recipe: Recipe
    steps: int
    probe: Probe
    out: Path

    @property
    def work(self) -> Path:
        """Return the folder of a recovery, the same for the same run."""
        from slm_core.dataset.row import digest_of

        said = [self.sha256, repr(self.plan), repr(self.recipe), str(self.steps)]
        said += [digest_of(rows) for rows in (self.calibration, self.rows, self.dev)]
        key = hashlib.sha256("\n".join(said).encode()).hexdigest()[:12]
        return self.probe.settings.home / "runs" / f"prune-{self.probe.domain.name}-{key}"


def register(subparsers: Any) -> None:
    """Add the verb to `finetune`."""
    from slm_finetune.gain import add_gain_flags

    parser = subparsers.add_parser(
        "prune",
        help="take weights, layers or channels out of an expert",
        description="Take weights, layers or MLP channels out of the merged expert, and measure the gain.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--domain", required=True, metavar="D", help="an installed domain, e.g. disaster")
    add("--model", metavar="M", help="base of the catalog or a .gguf file (default: the one in settings)")
    add("--adapter", metavar="A", help="adapter that is merged in (default: the installed one), or none")
    add("--method", required=True, choices=METHODS, help="what is pruned, see below")
    add("--sparsity", type=float, metavar="S", help="share that goes (default: 0.5; layers and mlp 0.25)")
    add("--pattern", metavar="K:N", help="magnitude, wanda: K of N neighbours stay, e.g. 2:4")
    add("--calibration-rows", type=int, default=64, metavar="N", help="train rows for scores (default: 64)")
    add("--recover-steps", type=int, default=0, metavar="N", help="LoRA steps afterwards (default: 0, none)")
    add("--set", action="append", default=[], metavar="KEY=VALUE", help="recipe of the recovery, as in lora")
    add("--out", type=Path, required=True, metavar="F.gguf", help="file to write; F.md lies beside it")
    add("--json", action="store_true", help="print what was measured as JSON, one object a line")
    add_gain_flags(parser)


def run(args: argparse.Namespace) -> int:
    """Prune, recover, write, measure, print."""
    from slm_core.files import write_atomically
    from slm_finetune.gain import Candidate, measure_files
    from slm_finetune.lora import need_training

    need_training("finetune prune")
    job = _job(args)
    files: list[Candidate] = []
    said: list[str] = []
    with tempfile.TemporaryDirectory(dir=job.out.parent, prefix=f".{job.out.name}.") as folder:
        for stage, file, words in _stages(job):
            path = Path(folder) / f"{stage}.gguf"
            _write(path, file, words, job)
            files.append(Candidate(stage, path, _note(job, stage)))
            said += [f"{stage}: {words}"] if words else []
        gains = measure_files(files, job.probe, reference=Candidate("float32", job.source))
        path.replace(job.out)
    text = _report(job, said, gains)
    write_atomically(job.out.with_suffix(".md"), text.encode())
    shutil.rmtree(job.work, ignore_errors=True)
    print("\n".join(json.dumps(gain.as_dict(), ensure_ascii=False) for gain in gains) if args.json else text)
    return 0


def _stages(job: Job) -> Iterator[tuple[str, GgufFile, str]]:
    """Yield name, file and words of the expert before, pruned, and recovered."""
    from slm_finetune.base import dequantized_base
    from slm_finetune.gguf_file import read_file
    from slm_finetune.prune.decoder import encode
    from slm_finetune.prune.methods import gguf_of, prune
    from slm_finetune.prune.recovery import recover
    from slm_finetune.training import load_base

    folder = dequantized_base(job.source, job.sha256, job.probe.settings.home)
    model, tokenizer, _ = load_base(folder)
    model.eval()
    template = job.plan.template(read_file(job.base))
    yield "before", gguf_of(model, template), ""
    pruned = prune(model, job.plan, encode(tokenizer, job.calibration))
    print(pruned.said, file=sys.stderr)
    narrow = pruned.cut(template)
    yield "pruned", gguf_of(model, narrow), pruned.said
    if job.steps:
        model, words = recover(
            model, tokenizer, pruned.masks, job.rows, job.dev, job.recipe, job.steps, job.work
        )
        yield "recovered", gguf_of(model, narrow), f"{pruned.said}; {words}"


def _write(path: Path, file: GgufFile, words: str, job: Job) -> None:
    from slm_core.expert_file import kept
    from slm_core.gguf_head import read_header
    from slm_finetune.gguf_file import write_file
    from slm_finetune.merged import TRIMMED_FROM

    own = kept(read_header(job.source).values)
    own |= {"slm.pruned": words, "slm.pruned_from": job.sha256} if words else {}
    write_file(path, file.replaced(values=own, without=[TRIMMED_FROM]))


def _note(job: Job, stage: str) -> str:
    from slm_finetune.prune.methods import NO_GAIN

    return NO_GAIN if stage != "before" and job.plan.unstructured else ""


def _report(job: Job, said: Sequence[str], gains: Sequence[Gain]) -> str:
    from slm_finetune.gain import gain_table

    lines = [
        f"# {job.out.name}",
        "",
        f"{job.source.name}, pruned; sha256 {job.sha256}",
        f"scores on {len(job.calibration)} train rows of {job.probe.domain.name}, seed {SEED}",
        "",
        *(f"- {words}" for words in said),
        "",
        gain_table(gains),
        "",
        f"KL against {job.source.name} (float32), so the row `before` shows what its kinds of tensor cost.",
    ]
    return "\n".join(lines) + "\n"


def _job(args: argparse.Namespace) -> Job:
    from slm_core.catalog import Bar, ensure
    from slm_core.catalog.verify import known_sha256
    from slm_core.dataset.row import read_rows
    from slm_core.domain import find_domain
    from slm_core.settings import load_settings
    from slm_finetune.gain import probe_of
    from slm_finetune.gain.flags import dataset_of, train_rows
    from slm_finetune.gguf_file import new_file
    from slm_finetune.merged import merged_expert
    from slm_finetune.prune.methods import Plan
    from slm_finetune.prune.recovery import recovery_recipe

    plan = Plan.of(args.method, args.sparsity, args.pattern)
    recipe = recovery_recipe(args.set)
    if args.recover_steps < 0 or args.calibration_rows < 1:
        flag = "--recover-steps" if args.recover_steps < 0 else "--calibration-rows"
        raise UserError("out of range", where=flag, expected="a positive number")
    settings, domain = load_settings(model=args.model), find_domain(args.domain)
    base = ensure(settings.model, settings, Bar())
    out = new_file(args.out, base)
    probe = probe_of(args, domain, settings)
    rows = train_rows(args, domain, settings)
    measured = {row.id for row in probe.rows}  # a recovery that is chosen on them would be flattered
    own = list(read_rows(dataset_of(args, domain, settings) / "dev.jsonl"))
    apart = [row for row in own if row.id not in measured]
    dev = apart if len(apart) >= recipe.dev_rows else own
    source = merged_expert(domain, settings, args.adapter)
    calibration = random.Random(SEED).sample(rows, min(args.calibration_rows, len(rows)))
    # A short run is given what it can see once: the trainer goes through long rows first.
    learnt = random.Random(SEED).sample(rows, min(args.recover_steps * recipe.batch, len(rows)))
    return Job(
        base,
        source,
        known_sha256(source, settings),
        plan,
        tuple(calibration),
        tuple(learnt),
        tuple(dev) if learnt else (),
        recipe,
        args.recover_steps,
        probe,
        out,
    )
