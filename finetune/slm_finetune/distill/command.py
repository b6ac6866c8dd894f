"""The verb: flags in, a distilled adapter out."""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from slm_core.dataset.row import Row
from slm_core.errors import UserError
from slm_finetune.distill.lesson import ASKED, add_lesson_flags, lesson_of
from slm_finetune.lora import add_flags, job_of, need_training, train_and_tell

EPILOG = """\
examples:
  finetune distill --domain disaster --teacher qwen2.5-coder-1.5b-instruct --rows 40 --max-steps 20
  finetune distill --domain disaster --teacher qwen2.5-coder-0.5b-instruct --model pruned.gguf \\
    --rows 100 --texts texts.jsonl
  finetune distill --domain disaster --teacher T --model S --method reverse --max-steps 40

The student becomes an adapter, as with finetune lora, and passes the same parity gate. Teacher and student
must have the same vocabulary. What the teacher says is kept under SLM_HOME/runs and used again. Stop with
Ctrl-C and run the same command to go on. An untuned teacher is worth little: tune it first (finetune lora
--model TEACHER). Recipe keys (--set, --config): finetune lora --help.
"""


def register(subparsers: Any) -> None:
    """Add the verb to `finetune`."""
    parser = subparsers.add_parser(
        "distill",
        help="train an adapter on what a larger teacher thinks of every reply token",
        description="Train a small student on its rows and on what a teacher thinks of every reply token.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_flags(parser)
    add = parser.add_argument
    add(
        "--teacher",
        required=True,
        metavar="M",
        help="a catalog name or a .gguf file (merged, or not yet pruned)",
    )
    add(
        "--teacher-adapter",
        metavar="DIR|none",
        help="the teacher's adapter (default: the domain's installed one, if there is one)",
    )
    add(
        "--shots",
        type=int,
        metavar="N",
        help="for an untuned teacher: it reads the task's instructions and N labelled rows first (slower)",
    )
    add("--rows", type=int, metavar="N", help="a seeded sample of N labelled rows (default: all)")
    add(
        "--texts",
        type=Path,
        metavar="F.jsonl",
        help='texts without labels ({"task", "lang", "user"}), to which the teacher writes the replies',
    )
    add(
        "--rationales",
        nargs="?",
        const=ASKED,
        metavar="F.jsonl",
        help='learn also why ({"id", "rationale"}); without a file the teacher\'s base is asked',
    )
    add_lesson_flags(parser)


def run(args: argparse.Namespace) -> int:
    """Let the teacher speak, train the student, write the adapter, run the parity gate.

    Raises:
        UserError: different vocabularies, or flags that do not go together.
        GateFailed: the device does not say what was trained; the adapter is kept but not used.
    """
    need_training("finetune distill")
    from slm_finetune.distill.course import Course
    from slm_finetune.distill.teacher import find_teacher
    from slm_finetune.distill.vocabulary import shared_vocabulary

    lesson = lesson_of(args)
    _check(args)
    job = job_of(args)
    teacher = find_teacher(args.teacher, args.teacher_adapter, job.domain, job.settings)
    size = shared_vocabulary(teacher.path, job.gguf_file)
    course = Course(job, teacher, size, lesson, args.shots)
    labelled = _sample(job.rows, args.rows, job.recipe.seed)
    with course.prepared(labelled, args.texts, args.rationales) as taught:
        return train_and_tell(taught, args.json)


def _check(args: argparse.Namespace) -> None:
    if args.rows is not None and args.rows < 1:
        raise UserError(f"{args.rows} rows", where="--rows", expected="a positive number")
    if args.shots is not None and args.shots < 0:
        raise UserError(f"{args.shots} examples", where="--shots", expected="0 or more")
    if args.shots is not None and args.method == "reverse":
        raise UserError("the teacher reads the student's own prompt with --method reverse", where="--shots")


def _sample(rows: Sequence[Row], count: int | None, seed: int) -> tuple[Row, ...]:
    if count is None or count >= len(rows):
        return tuple(rows)
    print(f"{count} of {len(rows)} labelled rows, seed {seed}", file=sys.stderr)
    return tuple(random.Random(seed).sample(list(rows), count))
