"""Distillation with and without: the same labelled rows, steps and seed, one table.

    python benchmarks/distill_with_without.py --domain disaster --task needs --teacher M --model S --out DIR
        [--teacher-adapter DIR] [--data DIR] [--rows 100] [--texts 260] [--max-steps 60] [--limit 200]
        [--arms lora,distill,distill+texts,reverse] [--set KEY=VALUE]

Arms, each an adapter on the same student:
* lora: cross entropy on the labelled rows (without a teacher).
* distill: the same rows, and what the teacher thinks of their tokens.
* distill+texts: also texts whose labels nobody looks at, with the teacher's replies. They are test rows that
  are not measured, so the teacher has not been trained on them either.
* reverse: the labelled rows, and the student's own replies judged by the teacher (MiniLLM).

Measured in llama.cpp, as the device runs it: cross entropy of dev targets and KL(teacher || system) over the
teacher's 256 likeliest tokens and the rest, both per reply token on 60 dev rows; the task's metric on --limit
test rows with its 95% interval, and its difference to lora (paired bootstrap). Stopped, it goes on where it
was: what an arm gave lies in its folder under --out.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from slm_core.catalog import ensure, find_model
from slm_core.catalog.verify import known_sha256
from slm_core.dataset.build import dataset_folder
from slm_core.dataset.row import Row, read_rows, write_rows
from slm_core.domain import Domain, Task, find_domain
from slm_core.engine.adapter import read_adapter
from slm_core.engine.threads import choose_threads
from slm_core.files import write_atomically
from slm_core.settings import Settings, load_settings
from slm_finetune.cases import read_case
from slm_finetune.distill.kept import Kept, kept_of_rows
from slm_finetune.distill.lesson import Lesson
from slm_finetune.distill.teacher import Teacher, TeacherFile, find_teacher, open_speaker
from slm_finetune.distill.vocabulary import shared_vocabulary
from slm_finetune.examples import Example, encode_row
from slm_finetune.learnt import is_learnt, learnt_by, learnt_in
from slm_finetune.measure import measure
from slm_finetune.metrics import confidence, difference
from slm_finetune.model_answers import Expert

ARMS = ("lora", "distill", "distill+texts", "reverse")
DEV_ROWS, LIKELIEST = 60, 256
FLAGS = {"lora": [], "distill": [], "distill+texts": ["--texts"], "reverse": ["--method", "reverse"]}


@dataclass(frozen=True)
class Bench:
    """What all arms share."""

    args: argparse.Namespace
    domain: Domain
    task: Task
    settings: Settings
    teacher: TeacherFile
    student: TeacherFile
    dev: list[Row]
    test: list[Row]

    @property
    def data(self) -> Path:
        return self.args.out / "data"


@dataclass(frozen=True)
class Measured:
    """One line of the table."""

    system: str
    steps: int | None
    minutes: float | None
    loss: float
    kl: float
    counts: list[list[int]]


def prepare(args: argparse.Namespace) -> Bench:
    settings, domain = load_settings(model=args.model), find_domain(args.domain)
    task = domain.task(args.task)
    path = ensure(settings.model, settings)
    name, sha256 = find_model(settings.model).name, known_sha256(path, settings)
    student = TeacherFile(settings.model, name, path, sha256, None)
    teacher = find_teacher(args.teacher, args.teacher_adapter, domain, settings)
    folder = args.data or dataset_folder(settings, domain.name)
    sides = {
        side: [r for r in read_rows(folder / f"{side}.jsonl") if r.task == task.name]
        for side in ("train", "dev", "test")
    }
    rng = random.Random(args.seed)
    learnt = learnt_by(teacher.adapter) | learnt_in(teacher.path, domain, settings)
    fresh = [row for row in sides["test"] if not is_learnt(row, learnt)]
    order = rng.sample(fresh, len(fresh))
    test, rest = order[: args.limit], order[args.limit :][: args.texts]
    data = args.out / "data"
    write_rows(data / "train.jsonl", rng.sample(sides["train"], min(args.rows, len(sides["train"]))))
    write_rows(data / "dev.jsonl", sides["dev"])
    lines = [
        {"task": r.task, "lang": r.lang, "user": r.user, "source": r.source, "licence": r.licence}
        for r in rest
    ]
    (data / "texts.jsonl").write_text(
        "".join(f"{json.dumps(x, ensure_ascii=False)}\n" for x in lines), "utf-8"
    )
    print(f"{args.rows} labelled rows, {len(rest)} texts, {len(test)} measured", file=sys.stderr)
    dev = rng.sample(sides["dev"], min(DEV_ROWS, len(sides["dev"])))
    return Bench(args, domain, task, settings, teacher, student, dev, test)


def train(bench: Bench, arm: str) -> Path:
    """Train an arm in a process of its own, so that its memory is free afterwards."""
    args, out = bench.args, bench.args.out / arm
    if (out / "adapter.gguf").is_file():
        return out
    verb = "lora" if arm == "lora" else "distill"
    words = [
        sys.executable,
        "-m",
        "slm_finetune.cli",
        verb,
        "--domain",
        args.domain,
        "--task",
        bench.task.name,
    ]
    words += ["--model", bench.student.given, "--data", str(bench.data), "--out", str(out)]
    words += ["--max-steps", str(args.max_steps), "--set", f"seed={args.seed}", "--set", "patience=99"]
    words += [word for pair in args.set for word in ("--set", pair)]
    if verb == "distill":
        words += ["--teacher", args.teacher, *FLAGS[arm]]
        words += [str(bench.data / "texts.jsonl")] if arm == "distill+texts" else []
        words += ["--teacher-adapter", args.teacher_adapter] if args.teacher_adapter else []
    subprocess.run(words, check=True, stdout=sys.stderr)
    return out


def measured(bench: Bench, system: str, file: TeacherFile, out: Path) -> Measured:
    """Measure one system, or read what was measured before."""
    kept_file, run = out / "measured.json", out / "run.json"
    if not kept_file.is_file():
        training = json.loads(run.read_text("utf-8"))["training"] if run.is_file() else {}
        print(f"measuring {system}", file=sys.stderr)
        loss, kl = closeness(bench, file)
        line = Measured(
            system, training.get("steps"), training.get("minutes"), loss, kl, answers(bench, file)
        )
        write_atomically(kept_file, json.dumps(line.__dict__).encode())
    return Measured(**json.loads(kept_file.read_text("utf-8")))


def closeness(bench: Bench, file: TeacherFile) -> tuple[float, float]:
    """Return the cross entropy of the dev targets and KL(teacher || file), in nat per reply token."""
    import torch

    from slm_finetune.distill.divergence import kept_divergence

    examples, size = encoded(bench), shared_vocabulary(bench.teacher.path, bench.student.path)
    lesson = Lesson(top_k=LIKELIEST)
    theirs: list[Kept] = kept_of_rows(bench.teacher, examples, lesson, size, bench.settings)
    own, apart = [], []
    threads = choose_threads(bench.settings)[0]
    with closing(Teacher(file, size, max(map(len, examples)), threads)) as system:
        for example, kept in zip(examples, theirs, strict=True):
            values = system.log_probabilities(example.prompt, example.target)
            own += [-values[np.arange(len(example.target)), list(example.target)]]
            view = torch.from_numpy(kept.ids).long(), torch.from_numpy(kept.log_probabilities)
            apart += [kept_divergence(torch.from_numpy(values), *view, 1.0).numpy()]
    return float(np.concatenate(own).mean()), max(float(np.concatenate(apart).mean()), 0.0)


def encoded(bench: Bench) -> list[Example]:
    from transformers import AutoTokenizer

    from slm_finetune.base import dequantized_base

    base = dequantized_base(bench.student.path, bench.student.sha256, bench.settings.home)
    tokenizer = AutoTokenizer.from_pretrained(base)
    return [encode_row(tokenizer, row, 320) for row in bench.dev]


def answers(bench: Bench, file: TeacherFile) -> list[list[int]]:
    """Ask every test row as the expert is asked; return tp, fp, fn and exact of each."""
    with closing(open_speaker(file, bench.settings)) as engine:
        name = file.adapter.domain if file.adapter else None
        expert = Expert(engine, bench.task, name, engine.bias(name, bench.task.name))
        found = measure(bench.task, expert, [read_case(bench.task, row) for row in bench.test])
    rows: list[list[int]] = found.counts.tolist()
    return rows


def table(lines: Sequence[Measured], task: Task) -> str:
    plain = next((line for line in lines if line.system == "lora"), None)
    head = f"| system | steps | minutes | dev loss | KL to teacher | {task.metric} | to lora |"
    return "\n".join([head, "|---|---|---|---|---|---|---|", *(_line(line, plain, task) for line in lines)])


def _line(line: Measured, plain: Measured | None, task: Task) -> str:
    counts = np.array(line.counts)
    value = confidence(counts, task.metric)
    apart = "-"
    if plain and plain is not line:
        gain = difference(counts, np.array(plain.counts), task.metric)
        apart = f"{gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]"
    cells: list[Any] = [
        line.system,
        line.steps or "-",
        line.minutes or "-",
        f"{line.loss:.3f}",
        f"{line.kl:.3f}",
        f"{value.value:.3f} [{value.low:.3f}, {value.high:.3f}]",
        apart,
    ]
    return f"| {' | '.join(map(str, cells))} |"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--domain", default="disaster")
    add("--task")
    add("--teacher", required=True)
    add("--teacher-adapter")
    add("--model", required=True, help="the student")
    add("--data", type=Path, help="folder of the dataset (default SLM_HOME/datasets/<domain>)")
    add("--rows", type=int, default=100, help="labelled rows")
    add("--texts", type=int, default=260, help="texts without labels, at most")
    add("--max-steps", type=int, default=60)
    add("--limit", type=int, default=200, help="test rows that are measured")
    add("--seed", type=int, default=0)
    add("--arms", default="lora,distill,distill+texts")
    add("--set", action="append", default=[], help="a recipe key, for all arms")
    add("--out", type=Path, required=True)
    args = parser.parse_args()
    arms = args.arms.split(",")
    if unknown := [arm for arm in arms if arm not in ARMS]:
        parser.error(f"unknown arm {unknown[0]!r}: {', '.join(ARMS)}")
    began = time.monotonic()
    bench = prepare(args)
    lines = [measured(bench, "teacher", bench.teacher, args.out / "teacher")]
    lines += [measured(bench, "student, untrained", bench.student, args.out / "student")]
    for arm in arms:
        folder = train(bench, arm)
        adapter = read_adapter(folder / "adapter.gguf", bench.domain.name, bench.student.name, "path")
        file = TeacherFile(
            bench.student.given, bench.student.name, bench.student.path, bench.student.sha256, adapter
        )
        lines += [measured(bench, arm, file, folder)]
    print(table(lines, bench.task))
    print(f"{(time.monotonic() - began) / 60:.1f} minutes", file=sys.stderr)


if __name__ == "__main__":
    main()
