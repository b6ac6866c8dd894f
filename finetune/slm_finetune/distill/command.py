"""The verb: flags in, a distilled adapter out."""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slm_core.dataset.row import Row
from slm_core.errors import SlmError, UserError
from slm_finetune.distill.lesson import ASKED, add_lesson_flags, lesson_of
from slm_finetune.lora import add_flags, job_of, need_training, train_and_tell

if TYPE_CHECKING:
    from slm_finetune.distill.teacher import TeacherFile
    from slm_finetune.lora import Job

EPILOG = """\
examples:
  finetune distill --domain disaster --teacher qwen2.5-coder-1.5b-instruct --rows 40 --max-steps 20 \\
    --no-score
  finetune distill --domain disaster --teacher qwen2.5-coder-0.5b-instruct --model pruned.gguf \\
    --rows 100 --texts texts.jsonl
  finetune distill --domain disaster --teacher T --model S --method reverse --max-steps 40

The student becomes an adapter, as with finetune lora, and passes the same parity gate; a table then shows the
student before and after on test.jsonl of its data, also in gain.md beside the adapter. Teacher and student
must have the same vocabulary. What the teacher says is kept under SLM_HOME/runs and used again. Stop the
training with Ctrl-C and run the same command to go on. An untuned teacher is worth little: tune it first
(finetune lora --model TEACHER). Recipe keys (--set, --config): finetune lora --help.
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
    add("--limit", type=int, default=100, metavar="N", help="test rows that are scored (default: 100)")
    add("--no-score", action="store_true", help="leave the domain score out of the table")


def run(args: argparse.Namespace) -> int:
    """Let the teacher speak, train the student, write the adapter, run the parity gate, measure the gain.

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
        train_and_tell(taught, args.json)
    try:
        _tell_gain(taught, teacher, args)
    except (SlmError, KeyboardInterrupt) as error:
        why = error if isinstance(error, SlmError) else "stopped"
        print(
            f"the adapter passed its gate and is in use; what it gained is not measured: {why}",
            file=sys.stderr,
        )
        if isinstance(error, KeyboardInterrupt):
            raise
    return 0


def _tell_gain(job: Job, teacher: TeacherFile, args: argparse.Namespace) -> None:
    from slm_core.dataset.build import dataset_folder
    from slm_core.files import write_atomically
    from slm_finetune.distill.gained import gained, report

    folder = args.data or dataset_folder(job.settings, job.domain.name)
    who = teacher if args.shots is None else None
    found = gained(job, who, folder / "test.jsonl", 0 if args.no_score else args.limit)
    if found:
        probe, gains = found
        text = report(job, teacher, probe, gains)
        write_atomically(job.out / "gain.md", text.encode())
        lines = [json.dumps(gain.as_dict(), ensure_ascii=False) for gain in gains]
        print("\n".join(lines) if args.json else text)


def _check(args: argparse.Namespace) -> None:
    if args.limit < 1:
        raise UserError(f"{args.limit} rows", where="--limit", expected="a positive number")
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
