"""Which rows an adapter was trained and chosen on, kept beside it: a score on those says nothing.

A dataset that is built anew with another seed, other shares or groups is split otherwise, and an adapter that
was trained beside the old split has then seen much of the new test side.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from slm_core.dataset.row import Row
from slm_core.engine.adapter import Adapter
from slm_core.errors import UserError
from slm_finetune.measure import Case

ROWS = "rows.json"


def write_learnt(folder: Path, train: Iterable[Row], dev: Iterable[Row]) -> None:
    """Write the ids of the rows into an adapter folder, one a line so that two runs can be compared."""
    ids = {"train": sorted({row.id for row in train}), "dev": sorted({row.id for row in dev})}
    (folder / ROWS).write_text(json.dumps(ids, indent=0) + "\n", encoding="utf-8")


def learnt_by(adapter: Adapter | None) -> frozenset[str]:
    """Return the ids of the rows that an adapter was trained or chosen on; none where it does not say.

    Raises:
        UserError: the list is damaged.
    """
    file = adapter.path.with_name(ROWS) if adapter else None
    if file is None or not file.is_file():
        return frozenset()
    try:
        ids = json.loads(file.read_text(encoding="utf-8"))
        return frozenset(str(each) for side in ("train", "dev") for each in ids[side])
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            "no list of row ids", where=file, expected='{"train": [...], "dev": [...]}', mend="remove it"
        ) from error


def unseen(cases: Sequence[Case], learnt: frozenset[str], where: Path) -> list[Case]:
    """Return the cases that the adapter has not learnt from, and say on stderr how many are left out.

    Raises:
        UserError: it has learnt them all.
    """
    kept = [case for case in cases if case.row.id not in learnt]
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
