"""Accuracy and macro-F1 with their 95% intervals.

    accuracy            right / n; Wilson score interval (Wilson 1927), which holds for small n and near 0, 1
    mean of accuracies  unweighted over the G groups; normal interval with the variance sum(v / n_g) / G^2,
                        v = p (1 - p) of all questions together, p with two of each added (Agresti and Coull
                        1998): at least that within the groups, and it holds for a group of one question
    macro-F1            mean over classes of 2 tp / (2 tp + fp + fn); classes that neither the key nor the
                        model names do not count (scikit-learn's rule); bootstrap over questions

Bootstraps are seeded percentile intervals of 2,000 resamples. Questions with the same key and answer are
exchangeable, so a resample is one multinomial over the confusion counts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from slm_finetune.metrics import RESAMPLES, SEED, Interval

Z = 1.959964  # 97.5% of the normal distribution
Pairs = Sequence[tuple[int, int | None]]
"""Key and answer of each question; None where there is no answer."""
Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Figure:
    """One measured figure."""

    group: str
    metric: str
    n: int
    value: Interval


def accuracy(pairs: Pairs) -> Interval:
    """Return the share of right answers with its Wilson interval."""
    n, right = len(pairs), sum(key == said for key, said in pairs)
    share = right / n
    middle = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z / (1 + Z * Z / n) * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    return Interval(share, max(0.0, middle - half), min(1.0, middle + half))


def mean_accuracy(groups: Mapping[str, Pairs]) -> Interval:
    """Return the unweighted mean of the groups' accuracies."""
    shares = [accuracy(pairs).value for pairs in groups.values()]
    everything = [key == said for pairs in groups.values() for key, said in pairs]
    p = (sum(everything) + 2) / (len(everything) + 4)
    half = Z * math.sqrt(sum(p * (1 - p) / len(pairs) for pairs in groups.values())) / len(groups)
    value = sum(shares) / len(shares)
    return Interval(value, max(0.0, value - half), min(1.0, value + half))


def macro_f1(pairs: Pairs) -> Interval:
    """Return the macro-F1 of one task."""
    return mean_macro_f1({"": pairs})


def mean_macro_f1(groups: Mapping[str, Pairs]) -> Interval:
    """Return the unweighted mean of the groups' macro-F1."""
    random = np.random.default_rng(SEED)
    values, draws = [], np.zeros(RESAMPLES)
    for counts in map(_confusion, groups.values()):
        n, flat = int(counts.sum()), counts.ravel()
        values.append(float(_macro_f1(counts)))
        draws += _macro_f1(random.multinomial(n, flat / n, size=RESAMPLES).reshape(-1, *counts.shape))
    return _interval(float(np.mean(values)), draws / len(groups))


def mean(values: Sequence[float]) -> Interval:
    """Return the mean of ratings with its bootstrap interval."""
    draws = np.random.default_rng(SEED).choice(np.asarray(values), size=(RESAMPLES, len(values))).mean(axis=1)
    return _interval(float(np.mean(values)), draws)


def _confusion(pairs: Pairs) -> Counts:
    """Counts [key, answer]; the last column holds what was not answered."""
    size = 1 + max(max(key, -1 if said is None else said) for key, said in pairs)
    counts = np.zeros((size, size + 1), dtype=np.int64)
    for key, said in pairs:
        counts[key, size if said is None else said] += 1
    return counts


def _macro_f1(counts: Counts) -> Floats:
    square = counts[..., :-1]
    twice = 2.0 * np.diagonal(square, axis1=-2, axis2=-1)
    seen = counts.sum(axis=-1) + square.sum(axis=-2)  # 2 tp + fp + fn
    f1 = np.divide(twice, seen, out=np.zeros_like(twice), where=seen > 0)
    return np.asarray(f1.sum(axis=-1) / np.maximum((seen > 0).sum(axis=-1), 1))


def _interval(value: float, draws: Floats) -> Interval:
    low, high = np.percentile(draws, [2.5, 97.5])
    return Interval(value, float(low), float(high))
