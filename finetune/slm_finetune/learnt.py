"""Which rows an adapter was trained and chosen on, kept beside it: a score on those says nothing.

A dataset that is built anew with another seed, other shares or groups is split otherwise, and an adapter that
was trained beside the old split has then seen much of the new test side.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from slm_core.adapters import adapter_files
from slm_core.dataset.row import Row
from slm_core.domain import Domain
from slm_core.engine.adapter import Adapter
from slm_core.errors import UserError
from slm_core.expert_file import read_expert
from slm_core.files import sha256_of
from slm_core.gguf_head import read_header
from slm_core.settings import Settings
from slm_finetune.measure import Case

ROWS = "rows.json"


def write_learnt(folder: Path, train: Iterable[Row], dev: Iterable[Row]) -> None:
    """Write the ids of the rows into an adapter folder, one a line so that two runs can be compared.

    The digests of their questions stand beside them: a row whose target the teacher wrote has another id than
    the dataset's row with the same question.
    """
    train, dev = list(train), list(dev)
    ids = {"train": sorted({row.id for row in train}), "dev": sorted({row.id for row in dev})}
    ids["questions"] = sorted({_question(row) for row in (*train, *dev)})
    (folder / ROWS).write_text(json.dumps(ids, indent=0) + "\n", encoding="utf-8")


def learnt_by(adapter: Adapter | None) -> frozenset[str]:
    """Return ids and questions of the rows that an adapter was trained or chosen on; none if it does not say.

    Raises:
        UserError: the list is damaged.
    """
    return _listed(adapter.path.with_name(ROWS)) if adapter else frozenset()


def learnt_in(file: Path | None, domain: Domain, settings: Settings) -> frozenset[str]:
    """Return the same of the adapters that were merged into a model file.

    The lists lie beside the adapters, which are looked for by their sha256; one that is not here is said on
    stderr. None, or a plain base, has learnt no rows.

    Raises:
        UserError: a list is damaged.
    """
    expert = read_expert(read_header(file).values) if file else None
    if file is None or expert is None:
        return frozenset()
    here = {sha256_of(path): path.with_name(ROWS) for path in adapter_files(domain, settings)}
    lists = [here.get(sha256) for sha256 in expert.adapters]
    known = [path for path in lists if path is not None and path.is_file()]
    if not lists or len(known) < len(lists):
        print(
            f"{file.name}: which rows its adapter has learnt is not known here; some may be among the scored",
            file=sys.stderr,
        )
    return frozenset().union(*map(_listed, known))


def _listed(file: Path) -> frozenset[str]:
    if not file.is_file():
        return frozenset()
    try:
        ids = json.loads(file.read_text(encoding="utf-8"))
        sides = [ids["train"], ids["dev"], ids.get("questions", [])]
        return frozenset(str(each) for side in sides for each in side)
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            "no list of row ids", where=file, expected='{"train": [...], "dev": [...]}', mend="remove it"
        ) from error


def unseen(cases: Sequence[Case], learnt: frozenset[str], where: Path) -> list[Case]:
    """Return the cases that the adapter has not learnt from, and say on stderr how many are left out.

    Raises:
        UserError: it has learnt them all.
    """
    kept = [case for case in cases if not is_learnt(case.row, learnt)]
    if cases and not kept:
        raise UserError(
            f"all {len(cases)} rows were learnt by the adapter",
            where=where,
            expected="rows that it has not seen",
        )
    if len(kept) < len(cases):
        gone = len(cases) - len(kept)
        print(f"{gone} of {len(cases)} rows in {where} were learnt by the adapter: left out", file=sys.stderr)
    return kept


def is_learnt(row: Row, learnt: frozenset[str]) -> bool:
    """Whether a row, or another with its question, is among those that were learnt."""
    return row.id in learnt or _question(row) in learnt


def _question(row: Row) -> str:
    return hashlib.sha256(f"{row.task}\n{row.user}".encode()).hexdigest()[:16]
