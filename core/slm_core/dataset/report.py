"""What a build did, in figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from slm_core.dataset.leakage import BAR, Leak
from slm_core.dataset.row import Row
from slm_core.dataset.split import Policy, Side

_FAR = 0.03  # a side that misses its share by more deserves a word


@dataclass(frozen=True)
class Reject:
    """A record that is in no side: what became of it, where it stood, why, and what it held (scrubbed)."""

    kind: str
    where: str
    reason: str
    content: str


@dataclass(frozen=True)
class BuildReport:
    """A finished build.

    Args:
        folder: where the files lie.
        policy: seed and split in force.
        sources: format, path and sha256 of each source.
        sides: the rows by side.
        rejects: what is in no side.
        scrubbed: count of personal data taken out, by kind.
        worst: the most similar pair across two sides.
        sha256: of each file.
    """

    domain: str
    folder: Path
    policy: Policy
    sources: tuple[Mapping[str, Any], ...]
    sides: Mapping[Side, Sequence[Row]]
    rejects: tuple[Reject, ...]
    scrubbed: Mapping[str, int]
    worst: Leak | None
    sha256: Mapping[str, str] = field(default_factory=dict)

    @property
    def rows(self) -> dict[str, int]:
        """Rows by side."""
        return {side: len(rows) for side, rows in self.sides.items()}

    @property
    def rejected(self) -> dict[str, int]:
        """Rejected records by kind."""
        return dict(sorted(Counter(reject.kind for reject in self.rejects).items()))

    def facts(self) -> dict[str, Any]:
        """Return configuration and counts as plain data, the same for the same sources and seed."""
        return {
            "domain": self.domain,
            "sources": [dict(source) for source in self.sources],
            "split": asdict(self.policy),
            "rows": self.rows,
            "rows_by_task": self.by_task(),
            "notes": self.notes(),
            "rejected": self.rejected,
            "scrubbed": dict(self.scrubbed),
            "leakage": {"bar": BAR, "worst": round(self.worst.similarity, 4) if self.worst else 0.0},
        }

    def notes(self) -> list[str]:
        """Return where the split is far from what was asked for, and why."""
        held = self.policy.hold_out is not None
        sides = {side: rows for side, rows in self.sides.items() if not (held and side == "test")}
        total = sum(map(len, sides.values())) or 1
        asked = {"dev": self.policy.dev} | ({} if held else {"test": self.policy.test})
        groups = Counter(row.group for rows in sides.values() for row in rows if row.group)
        name, most = next(iter(groups.most_common(1)), ("", 0))
        why = (
            f": the group {name!r} alone has {most / total:.0%} and stays on one side"
            if most / total > 0.1
            else ""
        )
        return [
            f"{side} has {self.rows[side] / total:.1%} of the rows instead of {share:.0%}{why}"
            for side, share in asked.items()
            if abs(self.rows[side] / total - share) > _FAR
        ]

    def by_task(self) -> dict[str, dict[str, int]]:
        """Return rows by task and side."""
        tasks = sorted({row.task for rows in self.sides.values() for row in rows})
        return {
            task: {side: sum(row.task == task for row in rows) for side, rows in self.sides.items()}
            for task in tasks
        }
