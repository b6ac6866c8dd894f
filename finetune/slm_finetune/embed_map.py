"""A linear map over fixed sentence vectors, on the side of the question, in seconds on a CPU.

    W = I + share * A B,   A: 384 x rank, zero at first;   B: rank x 384
    score(question q, passage p) = p . Wq / |Wq|

A and B minimise the cross-entropy of each question's passage among those of its batch (in-batch negatives,
van den Oord et al. 2018), scores divided by the temperature; Adam with decay towards zero, that is towards
W = I. After each epoch dev questions are ranked with several shares of A B; the best W of all is kept, or I
where none is better.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from slm_core.rag.embedder import Vectors

Hidden = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class MapRecipe:
    """How a map is learnt; `patience` counts epochs without a better dev figure."""

    rank: int = 8
    temperature: float = 0.02
    learning_rate: float = 2e-3
    decay: float = 1e-3
    batch: int = 128
    epochs: int = 40
    patience: int = 8
    shares: tuple[float, ...] = (0.25, 0.5, 1.0)
    seed: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Examples:
    """Vectors to learn from. `same(rows)` tells which of a batch are no negatives of each other."""

    questions: Vectors
    answers: Vectors
    same: Callable[[npt.NDArray[np.int64]], Hidden]


@dataclass(frozen=True)
class Learnt:
    """The map, and the reason why it is this one."""

    matrix: Vectors
    reason: str


Score = tuple[float, float]
"""Recall@5 and mean reciprocal rank of the dev questions."""


def learn_map(examples: Examples, dev: Callable[[Vectors], Score], recipe: MapRecipe) -> Learnt:
    """Learn a map; `dev` measures one."""
    size = examples.questions.shape[1]
    identity = np.eye(size, dtype=np.float32)
    draw = np.random.default_rng(recipe.seed)
    factors = [
        np.zeros((size, recipe.rank), dtype=np.float32),
        (draw.standard_normal((recipe.rank, size)) / np.sqrt(size)).astype(np.float32),
    ]
    adam = _Adam(factors, recipe)
    first = best = dev(identity)
    kept, reason, last = identity, "no map was better than none on the dev questions", 0
    for epoch in range(1, recipe.epochs + 1):
        order = draw.permutation(len(examples.questions))
        for start in range(0, len(order), recipe.batch):
            rows = order[start : start + recipe.batch]
            adam.step(gradients(examples, rows, factors[0], factors[1], recipe.temperature))
        product = factors[0] @ factors[1]
        for share in recipe.shares:
            matrix = identity + np.float32(share) * product
            score = dev(matrix)
            if score > best:
                best, kept, last = score, matrix, epoch
                reason = f"epoch {epoch}, share {share:g}: dev recall@5 {first[0]:.3f} -> {score[0]:.3f}"
                reason += f", MRR {first[1]:.3f} -> {score[1]:.3f}"
        print(
            f"epoch {epoch}: best dev recall@5 {best[0]:.3f}, MRR {best[1]:.3f}", file=sys.stderr, flush=True
        )
        if epoch - last >= recipe.patience:
            break
    return Learnt(np.ascontiguousarray(kept, dtype=np.float32), reason)


def gradients(
    examples: Examples, rows: npt.NDArray[np.int64], a: Vectors, b: Vectors, temperature: float
) -> tuple[Vectors, Vectors]:
    """Return the gradients of the batch's mean cross-entropy for A and B (W = I + A B)."""
    questions, answers = examples.questions[rows], examples.answers[rows]
    inner = questions @ b.T
    mapped = questions + inner @ a.T
    length = np.linalg.norm(mapped, axis=1, keepdims=True)
    unit = mapped / length
    scores = unit @ answers.T / temperature
    scores[examples.same(rows)] = -np.inf
    chances = np.exp(scores - scores.max(axis=1, keepdims=True))
    chances /= chances.sum(axis=1, keepdims=True)
    chances -= np.eye(len(rows), dtype=np.float32)
    at_unit = chances @ answers / (temperature * len(rows))
    at_mapped = (at_unit - (at_unit * unit).sum(axis=1, keepdims=True) * unit) / length
    return at_mapped.T @ inner, (at_mapped @ a).T @ questions


class _Adam:
    """Adam (Kingma and Ba 2015) with decoupled decay, in place."""

    def __init__(self, weights: Sequence[Vectors], recipe: MapRecipe) -> None:
        self._weights, self._rate, self._decay = weights, recipe.learning_rate, recipe.decay
        self._mean = [np.zeros_like(weight) for weight in weights]
        self._square = [np.zeros_like(weight) for weight in weights]
        self._steps = 0

    def step(self, gradients: Sequence[Vectors]) -> None:
        self._steps += 1
        for weight, mean, square, gradient in zip(
            self._weights, self._mean, self._square, gradients, strict=True
        ):
            mean += 0.1 * (gradient - mean)
            square += 0.001 * (gradient * gradient - square)
            unbiased = np.sqrt(square / (1 - 0.999**self._steps)) + 1e-8
            weight -= self._rate * (mean / (1 - 0.9**self._steps) / unbiased + self._decay * weight)
