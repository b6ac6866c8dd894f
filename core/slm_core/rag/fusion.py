"""Two rankings to one, by rank: their scores have nothing in common.

Reciprocal rank fusion (Cormack, Clarke, Büttcher: "Reciprocal Rank Fusion outperforms Condorcet and
individual Rank Learning Methods", SIGIR 2009): a passage's score is the sum of weight / (K + its rank)
over the rankings that hold it, with K = 60 as in the paper.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

T = TypeVar("T", bound=Hashable)

K = 60
DEPTH = 50  # how far down each ranking counts


def fuse(rankings: Mapping[str, Sequence[T]], weights: Mapping[str, float]) -> list[tuple[T, float]]:
    """Return (passage, score), best first; equal scores keep the order of the first ranking."""
    scores: defaultdict[T, float] = defaultdict(float)
    for name, ranking in rankings.items():
        for rank, passage in enumerate(ranking[:DEPTH], 1):
            scores[passage] += weights[name] / (K + rank)
    return sorted(scores.items(), key=lambda item: -item[1])
