"""How good replies are, with what certainty.

A reply counts as the set of its items (`Task.items`). Per row, with gold set G and predicted set P:

    tp = |G & P|    fp = |P - G|    fn = |G - P|    exact = (G == P)
    micro-F1 = 2 tp / (2 tp + fp + fn), sums over all rows; 1 where nothing was to be found and nothing was
    accuracy = mean of exact

An unreadable reply (`None`) counts as the empty set that is never exact. Intervals are 95% percentile
intervals of a seeded bootstrap over rows (Efron and Tibshirani 1993, chapter 13). Rows with equal counts are
exchangeable, so a resample is drawn as one multinomial over the distinct counts: the same distribution,
without an n x 2,000 table.

Not covered: intervals over groups of dependent rows (near-duplicates must be on one side before).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from slm_core.domain import Metric

Items = frozenset[str]
Counts = npt.NDArray[np.int64]
"""Shape (rows, 4): tp, fp, fn, exact."""

RESAMPLES = 2_000
SEED = 0


@dataclass(frozen=True)
class Interval:
    """A figure and the 95% interval around it."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ItemScore:
    """How well one item, or one kind of items, is found; `support` is how often it was there to find."""

    item: str
    support: int
    precision: float
    recall: float
    f1: float


def count(gold: Sequence[Items], predicted: Sequence[Items | None]) -> Counts:
    """Return tp, fp, fn and exact of each row."""
    rows = [_count_row(g, p) for g, p in zip(gold, predicted, strict=True)]
    return np.array(rows, dtype=np.int64).reshape(-1, 4)


def score(counts: Counts, metric: Metric) -> float:
    """Return the metric of these rows."""
    return float(_value(counts.sum(axis=0), len(counts), metric))


def confidence(counts: Counts, metric: Metric, *, seed: int = SEED, resamples: int = RESAMPLES) -> Interval:
    """Return the metric with its 95% bootstrap interval."""
    return _bootstrap(counts, lambda sums: _value(sums, len(counts), metric), seed, resamples)


def difference(
    counts: Counts, peer: Counts, metric: Metric, *, seed: int = SEED, resamples: int = RESAMPLES
) -> Interval:
    """Return metric minus the peer's metric on the same rows, with its interval (paired bootstrap).

    Raises:
        ValueError: the two do not have the same number of rows.
    """
    if counts.shape != peer.shape:
        raise ValueError(f"{len(counts)} rows against {len(peer)}: not the same rows")
    n = len(counts)
    both = np.hstack([counts, peer])
    return _bootstrap(
        both,
        lambda sums: _value(sums[..., :4], n, metric) - _value(sums[..., 4:], n, metric),
        seed,
        resamples,
    )


def per_item(
    gold: Sequence[Items], predicted: Sequence[Items | None], kind: Callable[[str], str] = str
) -> list[ItemScore]:
    """Return precision, recall and F1 of every `kind` of item (default: each), most frequent first."""
    support = Counter(kind(item) for items in gold for item in items)
    claimed = Counter(kind(item) for items in predicted for item in items or ())
    right = Counter(kind(i) for g, p in zip(gold, predicted, strict=True) for i in g & (p or frozenset()))
    scores = [
        ItemScore(k, support[k], right[k] / max(claimed[k], 1), right[k] / max(support[k], 1),
                  2 * right[k] / (support[k] + claimed[k]))
        for k in support | claimed
    ]  # fmt: skip
    return sorted(scores, key=lambda s: (-s.support, s.item))


def _count_row(gold: Items, predicted: Items | None) -> tuple[int, int, int, int]:
    found = predicted or frozenset()
    return len(gold & found), len(found - gold), len(gold - found), int(predicted == gold)


def _value(sums: npt.NDArray[np.int64], rows: int, metric: Metric) -> npt.NDArray[np.float64]:
    """Return the metric of summed counts; `sums` may have any number of leading axes."""
    if metric == "accuracy":
        return np.asarray(sums[..., 3] / max(rows, 1))
    twice, errors = 2 * sums[..., 0], sums[..., 1] + sums[..., 2]
    nothing = (twice + errors) == 0
    return np.where(nothing, 1.0, twice / np.where(nothing, 1, twice + errors))


def _bootstrap(
    counts: Counts,
    value: Callable[[npt.NDArray[np.int64]], npt.NDArray[np.float64]],
    seed: int,
    resamples: int,
) -> Interval:
    if not len(counts):
        raise ValueError("no rows to measure")
    patterns, times = np.unique(counts, axis=0, return_counts=True)
    draws = np.random.default_rng(seed).multinomial(len(counts), times / len(counts), size=resamples)
    low, high = np.percentile(value(draws @ patterns), [2.5, 97.5])
    return Interval(float(value(counts.sum(axis=0))), float(low), float(high))
