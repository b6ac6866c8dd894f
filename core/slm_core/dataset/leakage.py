"""How much the sides of a split resemble one another, measured by other means than those that made the split.

The splitter sketches character 5-grams. Here every pair of rows is compared exactly by its set of words
(Jaccard), and the pairs that share most character trigrams by their longest common run of characters (as a
share of the longer text). The similarity of a pair is the greater of the two.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slm_core.dataset.dedup import asked, folded
from slm_core.dataset.progress import steps
from slm_core.dataset.row import Row

BAR = 0.8
_RUN_CANDIDATES = 5
_LONGEST_TEXT = 2000  # characters; the run is measured on the beginning of a longer text

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Match:
    """The most similar text of the other side: its number, the similarity (0 to 1), and what showed it."""

    number: int
    similarity: float
    by: str


@dataclass(frozen=True)
class Leak:
    """Two rows on two sides, and how similar they are."""

    similarity: float
    by: str
    side: str
    row: Row
    other_side: str
    other: Row

    def __str__(self) -> str:
        """Show the pair in three lines."""
        return (
            f"similarity {self.similarity:.2f} ({self.by})\n"
            f"    {self.side} {self.row.id}: {_begin(asked(self.row))}\n"
            f"    {self.other_side} {self.other.id}: {_begin(asked(self.other))}"
        )


def closest(texts: Sequence[str], others: Sequence[str]) -> list[Match | None]:
    """Return for each text its most similar one among the others; None where nothing is shared."""
    words = _Index([_words(text) for text in others])
    runs = _Index([_trigrams(text) for text in others])
    return [_closest(text, others, words, runs) for text in steps(texts, "leakage")]


def leaks(sides: Mapping[str, Sequence[Row]]) -> list[Leak]:
    """Return the closest pair of each row with a row of a later side, worst first."""
    names = [name for name, rows in sides.items() if rows]
    found: list[Leak] = []
    for place, name in enumerate(names):
        later = [(other, row) for other in names[place + 1 :] for row in sides[other]]
        matches = closest([key(row) for row in sides[name]], [key(row) for _, row in later]) if later else []
        for row, match in zip(sides[name], matches, strict=False):
            if match is not None:
                other_side, other = later[match.number]
                found.append(Leak(match.similarity, match.by, name, row, other_side, other))
    return sorted(found, key=lambda leak: (-leak.similarity, leak.row.id))


def key(row: Row) -> str:
    """Return what of a row is compared."""
    return folded(asked(row))


class _Index:
    """Sets of features, and by an inverted index how many of them a query shares with each."""

    def __init__(self, sets: Sequence[frozenset[Any]]) -> None:
        places: dict[Hashable, list[int]] = defaultdict(list)
        for number, features in enumerate(sets):
            for feature in features:
                places[feature].append(number)
        self._places = {feature: np.array(numbers) for feature, numbers in places.items()}
        self.sizes = np.array([len(features) for features in sets])

    def shared(self, query: frozenset[Any]) -> Counts:
        """Return the number of shared features, one a set."""
        hits = [self._places[feature] for feature in query if feature in self._places]
        if not hits:
            return np.zeros(len(self.sizes), dtype=np.int64)
        return np.bincount(np.concatenate(hits), minlength=len(self.sizes))


def _closest(text: str, others: Sequence[str], words: _Index, runs: _Index) -> Match | None:
    mine = _words(text)
    shared = words.shared(mine)
    jaccard = shared / np.maximum(len(mine) + words.sizes - shared, 1)
    best = int(np.argmax(jaccard))
    match = Match(best, float(jaccard[best]), "words")
    for number in _run_candidates(_trigrams(text), runs):
        longer = min(max(len(text), len(others[number])), _LONGEST_TEXT)
        similarity = longest_run(text, others[number]) / longer
        if similarity > match.similarity:
            match = Match(number, similarity, "common run")
    return match if match.similarity > 0 else None


def _run_candidates(grams: frozenset[str], runs: _Index) -> list[int]:
    """Return the texts that share at least half of the trigrams: no other can have a run worth measuring."""
    share = runs.shared(grams) / np.maximum(np.maximum(len(grams), runs.sizes), 1)
    enough = np.flatnonzero(share >= 0.5)
    return [int(number) for number in enough[np.argsort(-share[enough], kind="stable")][:_RUN_CANDIDATES]]


def longest_run(first: str, second: str) -> int:
    """Return the length of the longest common substring, in characters."""
    rows, columns = (np.array([ord(sign) for sign in text[:_LONGEST_TEXT]]) for text in (first, second))
    run = np.zeros(len(columns) + 1, dtype=np.int64)
    best = 0
    for sign in rows:
        run[1:] = np.where(columns == sign, run[:-1] + 1, 0)
        best = max(best, int(run.max()))
    return best


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text) or text)


def _trigrams(text: str) -> frozenset[str]:
    return frozenset(text[place : place + 3] for place in range(max(len(text) - 2, 1)))


def _begin(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 90 else f"{line[:87]}..."
