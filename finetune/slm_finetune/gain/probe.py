"""What every file of a comparison is asked: the same rows, the same questions."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from slm_core.dataset.row import Row, read_rows
from slm_core.domain import Domain, Task
from slm_core.errors import UserError
from slm_core.settings import Settings
from slm_finetune.cases import read_cases
from slm_finetune.learnt import unseen
from slm_finetune.measure import Case


@dataclass(frozen=True)
class Probe:
    """Rows to measure with.

    Args:
        domain: whose rows they are.
        task: the one that is scored.
        rows: whose replies perplexity and KL are taken over.
        cases: the questions of the domain score; none where it is left out.
        settings: in force; measurements are kept under its `home`.
    """

    domain: Domain
    task: Task
    rows: tuple[Row, ...]
    cases: tuple[Case, ...]
    settings: Settings

    @classmethod
    def of(
        cls,
        domain: Domain,
        settings: Settings,
        task: str | None = None,
        *,
        folder: Path,
        data: Path | None = None,
        rows: int = 32,
        limit: int = 100,
        learnt: frozenset[str] = frozenset(),
        seed: int = 0,
    ) -> Probe:
        """Choose rows of a dataset folder (`dev.jsonl`, `test.jsonl`), seeded.

        Args:
            domain: whose dataset it is.
            settings: in force.
            task: to score; default: the domain's first that the rows have.
            folder: the dataset's.
            data: rows of the score, default `test.jsonl` of the folder; labelled lines will do.
            rows: how many dev rows perplexity and KL are taken over.
            limit: how many rows are scored; 0 leaves the score out.
            learnt: ids and questions of rows that the adapter was trained on, which are not scored.
            seed: of both samples.

        Raises:
            UserError: a file is missing, or has no row of the task.
        """
        dev = list(read_rows(folder / "dev.jsonl"))
        chosen = domain.task(task) if task else _first_task(domain, dev)
        own = [row for row in dev if row.task == chosen.name]
        if not own:
            raise UserError(f"no rows of task {chosen.name}", where=folder / "dev.jsonl")
        scored = data or folder / "test.jsonl"
        cases = unseen(list(read_cases(scored, domain, chosen)), learnt, scored) if limit else []
        if limit and not cases:
            raise UserError(f"no rows of task {chosen.name}", where=scored)
        pick = random.Random(seed)
        return cls(
            domain,
            chosen,
            tuple(pick.sample(own, min(rows, len(own)))),
            tuple(pick.sample(cases, min(limit, len(cases)))),
            settings,
        )

    @property
    def key(self) -> str:
        """Identify rows and questions, so that a kept measurement is used for the same ones only."""
        asked = [[row.id, row.target, row.user] for row in (*self.rows, *(case.row for case in self.cases))]
        gold = [sorted(case.gold) for case in self.cases]
        text = json.dumps([self.domain.name, self.task.name, asked, gold], ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def _first_task(domain: Domain, rows: Sequence[Row]) -> Task:
    known = {row.task for row in rows}
    found = next((task for task in domain.tasks if task.name in known), None)
    if found is None:
        raise UserError(f"no rows of {domain.name}", expected=", ".join(task.name for task in domain.tasks))
    return found
