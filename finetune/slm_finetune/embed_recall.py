"""Recall@5 and mean reciprocal rank of questions over all passages, with intervals over documents.

The rank of a question is 1 + the number of passages that fit better than the best of those that answer it;
passages that nearly repeat one of these count neither for nor against. Questions of one document resemble
each other, so the bootstrap draws documents, not questions (2,000 draws, percentiles 2.5 and 97.5).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from slm_core.dataset.progress import steps
from slm_core.rag.embedder import Embedder, Vectors
from slm_finetune.embed_pairs import Corpus, Pair
from slm_finetune.metrics import RESAMPLES, SEED, Interval

K = 5
BATCH = 16
Ranks = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Embedded:
    """Vectors of a corpus as it is indexed, of its passages without headings, and of pairs."""

    passages: Vectors
    bare: Vectors
    questions: Vectors
    answers: Vectors


@dataclass(frozen=True)
class Compared:
    """Recall@5 and MRR before, after, and after minus before, on the same questions."""

    questions: int
    documents: int
    recall: tuple[Interval, Interval, Interval]
    mrr: tuple[Interval, Interval, Interval]

    @property
    def better(self) -> bool:
        """Whether more questions find their passage, by more than the interval; else the cheaper serves."""
        return self.recall[2].low > 0

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        names = ("before", "after", "difference")
        figures = {"recall@5": self.recall, "mrr": self.mrr}
        shown = {
            key: {name: asdict(one) for name, one in zip(names, values, strict=True)}
            for key, values in figures.items()
        }
        return {"questions": self.questions, "documents": self.documents, **shown}


def embed(embedder: Embedder, corpus: Corpus, pairs: Sequence[Pair]) -> Embedded:
    """Embed each text once."""
    passages = [passage.with_heading() for passage in corpus.passages]
    bare = [passage.text for passage in corpus.passages]
    answers = [pair.answer for pair in pairs]
    as_bare = bare if any(pair.kind == "heading" for pair in pairs) else passages
    vectors = _each(embedder.passages, [*passages, *as_bare, *answers], "passages")
    count = len(passages)
    return Embedded(
        vectors[:count],
        vectors[count : 2 * count],
        _each(embedder.queries, [pair.question for pair in pairs], "questions"),
        vectors[2 * count :],
    )


def once(pairs: Sequence[Pair]) -> list[int]:
    """Return the numbers of the pairs that are measured: each question of a kind once."""
    firsts: dict[tuple[str, str, frozenset[int]], int] = {}
    for number, pair in enumerate(pairs):
        firsts.setdefault((pair.kind, pair.question, pair.gold), number)
    return list(firsts.values())


def ranks(
    pairs: Sequence[Pair],
    numbers: Sequence[int],
    vectors: Embedded,
    clusters: Sequence[int],
    questions: Vectors | None = None,
) -> Ranks:
    """Return the rank of each of these pairs' questions.

    Args:
        pairs: all that were embedded.
        numbers: of those to rank.
        vectors: of the corpus and of all pairs.
        clusters: passages that nearly repeat one another.
        questions: take these instead of the vectors of the questions, one row for each of `numbers`.
    """
    asked = vectors.questions[list(numbers)] if questions is None else questions
    cluster = np.asarray(clusters)
    found = []
    for number, row in zip(numbers, asked, strict=True):
        pair = pairs[number]
        scores = (vectors.bare if pair.kind == "heading" else vectors.passages) @ row
        scores[pair.passage] = vectors.answers[number] @ row
        gold = np.fromiter(pair.gold, dtype=np.int64)
        best = scores[gold].max()
        scores[np.isin(cluster, cluster[gold])] = -np.inf
        found.append(1 + int((scores > best).sum()))
    return np.array(found, dtype=np.int64)


def compare(before: Ranks, after: Ranks, documents: Sequence[str]) -> Compared:
    """Compare ranks of the same questions, each of one of `documents`."""
    names, places = np.unique(np.asarray(documents), return_inverse=True)
    draws = np.random.default_rng(SEED).multinomial(
        len(names), np.full(len(names), 1 / len(names)), size=RESAMPLES
    )
    sizes = np.bincount(places, minlength=len(names))

    def interval(values: npt.NDArray[np.float64]) -> Interval:
        sums = np.bincount(places, weights=values, minlength=len(names))
        low, high = np.percentile((draws @ sums) / (draws @ sizes), [2.5, 97.5])
        return Interval(float(values.mean()), float(low), float(high))

    def three(value: Callable[[Ranks], npt.NDArray[np.float64]]) -> tuple[Interval, Interval, Interval]:
        return interval(value(before)), interval(value(after)), interval(value(after) - value(before))

    return Compared(len(before), len(names), three(found_at_5), three(lambda rank: 1 / rank))


def found_at_5(rank: Ranks) -> npt.NDArray[np.float64]:
    """Return 1 for each question that finds its passage among the first five, else 0."""
    return (rank <= K).astype(np.float64)


def _each(make: Callable[[Sequence[str]], Vectors], texts: Sequence[str], what: str) -> Vectors:
    distinct = list(dict.fromkeys(texts))
    starts = range(0, len(distinct), BATCH)
    rows = [make(distinct[start : start + BATCH]) for start in steps(starts, f"embedding {what}")]
    places = {text: number for number, text in enumerate(distinct)}
    return np.concatenate(rows)[[places[text] for text in texts]]
