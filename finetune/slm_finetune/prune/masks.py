"""Which single weights stay: scores to masks, row by row.

Weights compete within an output row (Sun et al. 2023, "A Simple and Effective Pruning Approach for Large
Language Models", section 3, per-output comparison groups). All arrays are [out, in] like the weight.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slm_core.errors import UserError

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Pattern:
    """At most `kept` weights stay of each `of` neighbours along the input."""

    kept: int
    of: int

    def __str__(self) -> str:
        """As it is written: `2:4`."""
        return f"{self.kept}:{self.of}"

    @classmethod
    def read(cls, text: str) -> Pattern:
        """Read `2:4`.

        Raises:
            UserError: it is no pattern.
        """
        match = re.fullmatch(r"(\d+):(\d+)", text)
        if not match or not 0 < int(match[1]) < int(match[2]):
            raise UserError(f"{text!r}", where="--pattern", expected="kept:of, e.g. 2:4")
        return cls(int(match[1]), int(match[2]))


def magnitude(weight: NDArray[Any]) -> NDArray[Any]:
    """Return |w|: what a weight is worth without knowing its input."""
    return np.asarray(np.abs(weight))


def wanda(weight: NDArray[Any], norms: NDArray[Any]) -> NDArray[Any]:
    """Return |w_ij| * ||x_j||_2: what a weight adds to the output on the calibration tokens.

    Args:
        weight: [out, in].
        norms: of each input column over all tokens, [in].
    """
    return np.asarray(np.abs(weight) * norms)


def ratio_mask(scores: NDArray[Any], sparsity: float) -> Mask:
    """Keep the best of each row; floor(in * sparsity) of them go."""
    gone = int(scores.shape[1] * sparsity)
    mask = np.ones(scores.shape, dtype=np.bool_)
    if gone:
        worst = np.argpartition(scores, gone - 1, axis=1)[:, :gone]
        np.put_along_axis(mask, worst, False, axis=1)
    return mask


def pattern_mask(scores: NDArray[Any], pattern: Pattern) -> Mask:
    """Keep the best `kept` of each `of` neighbours.

    Raises:
        UserError: the row is no whole number of groups.
    """
    rows, columns = scores.shape
    if columns % pattern.of:
        raise UserError(f"rows of {columns} weights do not divide by {pattern.of}", where="--pattern")
    groups = scores.reshape(rows, columns // pattern.of, pattern.of)
    best = np.argsort(-groups, axis=2, kind="stable")[:, :, : pattern.kept]
    mask = np.zeros(groups.shape, dtype=np.bool_)
    np.put_along_axis(mask, best, True, axis=2)
    return mask.reshape(rows, columns)
