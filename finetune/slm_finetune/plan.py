"""What one `finetune eval` is to measure, resolved from the command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from slm_core.domain import Domain
from slm_core.engine.adapter import Adapter
from slm_core.settings import Settings

BASELINES = ("majority", "rules", "tfidf", "e5", "few-shot")
LEARNING = frozenset({"majority", "tfidf", "e5", "few-shot"})
ASKING = frozenset({"expert", "base", "few-shot"})
"""Systems that ask the model."""
ORDER = ("majority", "rules", "tfidf", "e5", "expert", "base", "few-shot")
"""The quick ones first, so that Ctrl-C leaves something to compare with."""


@dataclass(frozen=True)
class Plan:
    """Everything that a run depends on.

    Args:
        domain: whose tasks.
        settings: the model and where state lives.
        data: rows to answer.
        train: rows that baselines learn from.
        task: this task only; None takes all in the data.
        systems: names, in the order in which they are measured.
        adapter: of the expert; None where it is in the file, or on a server.
        whole: whether the model's file is the domain's expert itself.
        learnt: ids and questions of the rows that the expert was trained or chosen on.
        tune: choose the decision bias on dev rows first.
        limit: rows of each task, 0 for all.
        seed: of that sample.
    """

    domain: Domain
    settings: Settings
    data: Path
    train: Path
    task: str | None
    systems: tuple[str, ...]
    adapter: Adapter | None
    whole: bool
    learnt: frozenset[str]
    tune: bool
    limit: int
    seed: int

    @property
    def dev(self) -> Path:
        """Rows to choose on: beside the training rows."""
        return self.train.with_name("dev.jsonl")
