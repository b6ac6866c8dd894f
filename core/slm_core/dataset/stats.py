"""What is in a dataset, in figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from slm_core.dataset.contract import DomainShape
from slm_core.dataset.dedup import asked, find_duplicates
from slm_core.dataset.row import Row
from slm_core.dataset.validity import Validity

QUANTILES = {"min": 0.0, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95, "max": 1.0}


@dataclass(frozen=True)
class Stats:
    """Counts of rows, and of characters (not bytes) of what is asked and of the target.

    `labels` counts by task what its metric counts; `(none)` is a reply without any. Rows the task cannot read
    count as `(invalid)`.
    """

    rows: int
    by_task: dict[str, int]
    by_lang: dict[str, int]
    by_source: dict[str, int]
    by_licence: dict[str, int]
    groups: int
    labels: dict[str, dict[str, int]]
    characters_asked: dict[str, int]
    characters_target: dict[str, int]
    duplicates: dict[str, int]


def describe(rows: Sequence[Row], domain: DomainShape) -> Stats:
    """Count everything there is to count."""
    found = find_duplicates(rows)
    return Stats(
        rows=len(rows),
        by_task=_counted(row.task for row in rows),
        by_lang=_counted(row.lang for row in rows),
        by_source=_counted(row.source for row in rows),
        by_licence=_counted(row.licence for row in rows),
        groups=len({row.group for row in rows if row.group}),
        labels=_labels(rows, domain),
        characters_asked=_quantiles([len(asked(row)) for row in rows]),
        characters_target=_quantiles([len(row.target) for row in rows]),
        duplicates={
            "exact": len(found.exact),
            "near": len(found.near),
            "contradictory": len(found.contradictory),
        },
    )


def _labels(rows: Sequence[Row], domain: DomainShape) -> dict[str, dict[str, int]]:
    validity = Validity(domain)
    counts: dict[str, Counter[str]] = {}
    for row in rows:
        mine = counts.setdefault(row.task, Counter())
        if validity.fault(row) is not None:
            mine["(invalid)"] += 1
        else:
            mine.update(domain.task(row.task).items(validity.reply(row)) or {"(none)"})
    return {task: _counted(labels.elements()) for task, labels in counts.items()}


def _quantiles(lengths: Sequence[int]) -> dict[str, int]:
    ordered = sorted(lengths) or [0]
    return {name: ordered[round(share * (len(ordered) - 1))] for name, share in QUANTILES.items()}


def _counted(names: Iterable[str]) -> dict[str, int]:
    """Count names, the most frequent first, equal counts by name."""
    return dict(sorted(Counter(names).items(), key=lambda item: (-item[1], item[0])))
