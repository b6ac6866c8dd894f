"""The part of `finetune eval` that `--suite` asks for: flags, wrong combinations, one run."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from slm_core.errors import UserError
from slm_core.settings import Settings, load_settings

if TYPE_CHECKING:
    from slm_core.engine.llama import LlamaEngine
    from slm_finetune.suites.kept import Kept
    from slm_finetune.suites.report import Asked
    from slm_finetune.suites.suite import ChoiceSuite

CHOICE = ("mmlu", "kmmlu", "kobest")
CHAT = ("mt-bench", "logickor")
STOPPED = 130
_MERGE = (
    "finetune quantize --domain D --type q8_0 --no-imatrix --no-score --out DIR merges it into a file;"
    " name that with --model"
)
_WITH_SUITE = ("data_dir", "split", "shots", "judge", "agreement")
_WITH_DOMAIN = ("domain", "data", "train", "task", "adapter", "baseline", "peers_only", "tune", "card")

EPILOG = """\
--suite, from the original files in a folder of yours (docs/evaluate.md says which)
  mmlu, kmmlu        5-shot, the letters A to D compared
  kobest             zero-shot, the likelihood of each answer's text
  mt-bench, logickor answers are written; scored only with --judge whose --agreement with people is >= 0.7
Answers are kept as they come: after Ctrl-C the same command goes on.
"""


def add_suite_flags(parser: argparse.ArgumentParser) -> None:
    """Add what only a suite needs."""
    add = parser.add_argument
    add(
        "--suite",
        choices=(*CHOICE, *CHAT),
        metavar="S",
        help=f"a public suite: {', '.join((*CHOICE, *CHAT))}",
    )
    add("--data-dir", type=Path, metavar="DIR", help="folder with the suite's original files")
    add("--split", metavar="P", help="part of the suite, e.g. val (default: test where it is there)")
    add("--shots", type=int, metavar="K", help="solved examples before each question (default: the suite's)")
    add("--judge", metavar="J", help="a larger model, or http://host:8000/v1[#model], that rates the answers")
    add("--agreement", type=Path, metavar="F", help="verdicts of people that the judge is held against first")


def check(args: argparse.Namespace) -> None:
    """Refuse flags that do not go together.

    Raises:
        UserError: neither --suite nor --domain, or a flag of the other one.
    """
    if not args.suite:
        _refuse(args, _WITH_SUITE, "needs --suite")
        if not args.domain:
            raise UserError("nothing to measure", where="finetune eval", expected="--domain D or --suite S")
        return
    _refuse(args, _WITH_DOMAIN, "does not go with --suite")
    if args.data_dir is None:
        raise UserError(f"where are the files of {args.suite}?", where="--data-dir", expected="a folder")
    if args.limit < 0:
        raise UserError(f"{args.limit} questions", where="--limit", expected="a positive number")
    wrong = ("judge", "agreement") if args.suite in CHOICE else ("shots", "split")
    for name in wrong:
        if getattr(args, name) is not None:
            raise UserError(f"{args.suite} takes none", where=f"--{name}")


def run(args: argparse.Namespace) -> int:
    """Measure one suite and print it."""
    if args.suite in CHAT:
        from slm_finetune.suites.chatting import run_chat

        return run_chat(args)
    return _run_choice(args)


def _refuse(args: argparse.Namespace, names: Sequence[str], why: str) -> None:
    for name in names:
        if getattr(args, name) not in (None, False, []):
            mend = _MERGE if name == "adapter" else None
            raise UserError(f"it {why}", where=f"--{name.replace('_', '-')}", mend=mend)


def _run_choice(args: argparse.Namespace) -> int:
    from slm_finetune.suites.choosing import ask
    from slm_finetune.suites.question import sample
    from slm_finetune.suites.report import Asked, table, to_json

    suite = choice_suite(args.suite)
    split = suite.split(args.data_dir, args.split)
    shots = suite.shots if args.shots is None else args.shots
    if shots < 0:
        raise UserError(f"{shots} examples", where="--shots", expected="0 or more")
    there = suite.read(args.data_dir, split, shots)
    questions = sample(there, args.limit, args.seed)
    settings = settings_for(args.model, suite.context)
    with open_reader(settings) as engine:
        run = Asked(
            suite.name, split, engine.model, engine.model_sha256, quantization(engine), suite.form, shots,
            len(questions), len(there), args.seed,
        )  # fmt: skip
        with _kept(run, args.out, settings) as kept:
            chosen = ask(suite, questions, engine, kept)
            where = kept.path
    if chosen.stopped:
        print(f"stopped; the same command goes on, the answers are in {where}", file=sys.stderr)
    if chosen.answers:
        figures = suite.figures(chosen.answers)
        if args.json:
            for figure in figures:
                print(to_json(run, figure, chosen.stopped))
        else:
            print(table(run, figures, chosen.answers, args.items))
    return STOPPED if chosen.stopped else 0


def choice_suite(name: str) -> ChoiceSuite:
    """Return the suite of this name."""
    from slm_finetune.suites import kmmlu, kobest, mmlu

    return {"mmlu": mmlu.SUITE, "kmmlu": kmmlu.SUITE, "kobest": kobest.SUITE}[name]


def settings_for(model: str | None, context: int) -> Settings:
    """Return the settings, with the suite's context where the user names none."""
    settings = load_settings(model=model)
    return settings if settings.context else load_settings(model=model, context=context)


def open_reader(settings: Settings) -> LlamaEngine:
    """Open the file in this process.

    Raises:
        UserError: the settings name a server, which does not tell how likely a given text is.
    """
    from slm_core.engine import LOCAL, open_local

    if settings.engine != LOCAL:
        raise UserError(
            "a server does not tell how likely a given text is",
            where=f"SLM_ENGINE={settings.engine}",
            mend="SLM_ENGINE=llama, and name the file with --model",
        )
    print(f"loading {settings.model}", file=sys.stderr, flush=True)
    return open_local(settings, settings.model, {})


def quantization(engine: LlamaEngine) -> str:
    """Return what most tensors of the file are made of, as its head says."""
    from slm_finetune.gguf_file import type_name

    return type_name(engine.header.values) or "quantization not named"


def kept_path(settings: Settings, *parts: str) -> Path:
    """Return where answers are kept if the user names no file."""
    name = "-".join("".join(c if c.isalnum() or c in "._" else "_" for c in part) for part in parts)
    return Path(settings.home) / "suites" / f"{name}.jsonl"


def open_kept(path: Path, head: Mapping[str, object]) -> Kept:
    """Open the file of kept answers and say how many it has."""
    from slm_finetune.suites.kept import Kept

    kept = Kept(path, head)
    if kept.records:
        print(f"{len(kept.records)} answers are kept in {path}", file=sys.stderr)
    return kept


def _kept(run: Asked, out: Path | None, settings: Settings) -> Kept:
    name = (run.suite, run.split, f"{run.shots}shot", run.model, run.sha256[:8])
    head = {
        "suite": run.suite,
        "split": run.split,
        "shots": run.shots,
        "model_sha256": run.sha256,
        "form": run.form,
    }
    return open_kept(out or kept_path(settings, *name), head)
