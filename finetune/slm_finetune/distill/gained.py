"""What the student gained: its file without and with the new adapter, on test rows that nobody has learnt."""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from pathlib import Path

from slm_core.dataset.row import Row, read_rows
from slm_core.domain import Task
from slm_core.engine.adapter import FILE, read_adapter
from slm_core.engine.prompt import PromptFormat
from slm_core.errors import UserError
from slm_core.gguf_head import read_header
from slm_finetune.cases import read_cases
from slm_finetune.distill.teacher import TeacherFile
from slm_finetune.gain import Candidate, Gain, Probe, gain_table, measure_files
from slm_finetune.learnt import is_learnt, learnt_by, learnt_in, unseen
from slm_finetune.lora import Job

ROWS, SEED = 32, 0


def gained(job: Job, teacher: TeacherFile | None, tests: Path, limit: int) -> tuple[Probe, list[Gain]] | None:
    """Measure a student before and after its run.

    Args:
        job: the run; its adapter is there.
        teacher: whom the KL is taken from; None where it did not read the student's prompt.
        tests: rows of the same dataset that the run did not see, `test.jsonl`.
        limit: how many rows are scored; 0 leaves the score out.

    Returns:
        What it was asked, and one row for the file alone and one with the adapter; None where there is
        nothing to measure on, and why is said on stderr.

    Raises:
        CouldNot: llama.cpp cannot run a file.
    """
    adapter = read_adapter(job.out / FILE, job.domain.name, job.model, "path")
    try:
        learnt = learnt_by(adapter) | learnt_in(job.gguf_file, job.domain, job.settings)
        probe = _probe(job, tests, limit, learnt)
    except UserError as error:
        print(f"nothing is measured: {error}", file=sys.stderr)
        return None
    reference = None
    if teacher and read_alike(teacher.path, job.gguf_file, probe.rows[0]):
        reference = Candidate("teacher", teacher.path, adapter=teacher.adapter)
    student = Candidate("student", job.gguf_file)
    distilled = Candidate("distilled", job.gguf_file, adapter=adapter)
    return probe, measure_files([student, distilled], probe, reference=reference)


def report(job: Job, teacher: TeacherFile, probe: Probe, gains: Sequence[Gain]) -> str:
    """Return the page that lies beside the adapter."""
    kl = f"KL from {teacher.title}"
    if gains[0].kl is None:
        kl = f"KL left out: {teacher.title} would read other tokens, or read examples first"
    return "\n".join(
        [
            f"# {job.model} before and after",
            "",
            gain_table(gains),
            "",
            f"task {probe.task.name}, replies of {len(probe.rows)} test rows; {kl}",
            "",
        ]
    )


def _probe(job: Job, tests: Path, limit: int, learnt: frozenset[str]) -> Probe:
    rows = [row for row in read_rows(tests) if not is_learnt(row, learnt)]
    task = _task(job, rows, tests)
    own = [row for row in rows if row.task == task.name]
    cases = unseen(list(read_cases(tests, job.domain, task)), learnt, tests) if limit else []
    pick = random.Random(SEED)
    return Probe(
        job.domain,
        task,
        tuple(pick.sample(own, min(ROWS, len(own)))),
        tuple(pick.sample(cases, min(limit, len(cases)))),
        job.settings,
    )


def _task(job: Job, rows: Sequence[Row], tests: Path) -> Task:
    """Return the first of the domain's tasks that was trained and can be measured."""
    known = {row.task for row in rows} & {row.task for row in job.rows}
    for task in job.domain.tasks:
        if task.name in known:
            return task
    raise UserError("no row of a task that was trained, and that the student has not learnt", where=tests)


def read_alike(one: Path, other: Path, row: Row) -> bool:
    """Whether both files would be shown the same text; training itself needs no template of the teacher."""
    try:
        return _whole(one, row) == _whole(other, row)
    except UserError:  # one has no template
        return False


def _whole(path: Path, row: Row) -> str:
    header = read_header(path)
    form = PromptFormat.of(header)
    return form.render(row.prompt()) + form.defuse(row.target) + header.special_tokens().get("eos_token", "")
