"""Which rows repeat one another.

Exact: the same text after Unicode NFC, white space and case folding. Near: Jaccard similarity of the sets of
character 5-grams of at least `NEAR`, over letters and digits only, so that spacing and punctuation hide no
copy. A Hangul syllable counts as its jamo: one changed word then weighs the same in Korean as in English.
MinHash with 25 bands of 5 finds the candidates (99.0% of pairs at 0.7, 99.99% at 0.8), an exact comparison
decides. The hashing is 20 lines of numpy because `datasketch` would bring scipy into the runtime.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from slm_core.dataset.progress import steps
from slm_core.dataset.row import Row

NEAR = 0.7
GRAM = 5
BANDS, BAND_ROWS = 25, 5
# A bucket of very many unlike rows would cost their square; what is missed here the leakage check still sees.
_MOST_COMPARED = 64

Hashes = NDArray[np.uint64]


@dataclass(frozen=True)
class Duplicates:
    """What repeats, by row number.

    Args:
        clusters: number of the near-duplicate cluster of each row; equal numbers must stay on one side.
        exact: dropped row to the earlier one it repeats (same task, text and target).
        near: dropped row to the earlier one it nearly repeats (same task and target).
        contradictory: row to another of the same task and text whose target differs.
    """

    clusters: list[int]
    exact: Mapping[int, int]
    near: Mapping[int, int]
    contradictory: Mapping[int, int]


class Clusters:
    """Union-find: sets that are merged by their members."""

    def __init__(self, count: int) -> None:
        """`count` sets of one member each."""
        self._parent = list(range(count))

    def of(self, member: int) -> int:
        """Return the number of the member's set: its smallest member."""
        while self._parent[member] != member:
            self._parent[member] = self._parent[self._parent[member]]
            member = self._parent[member]
        return member

    def merge(self, first: int, second: int) -> None:
        """Make one set of two."""
        low, high = sorted((self.of(first), self.of(second)))
        self._parent[high] = low


def asked(row: Row) -> str:
    """Return what a row is compared by: all turns but the system's and the target."""
    return "\n".join(message.content for message in row.messages[:-1] if message.role != "system")


def folded(text: str) -> str:
    """Return the text after NFC, case folding and with single spaces: equal for exact duplicates."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def find_duplicates(rows: Sequence[Row]) -> Duplicates:
    """Return exact, near and contradictory duplicates."""
    texts = [folded(asked(row)) for row in rows]
    clusters = Clusters(len(rows))
    firsts: dict[str, int] = {}
    for number, text in enumerate(texts):
        clusters.merge(number, firsts.setdefault(text, number))
    distinct = sorted(firsts.values())
    grams = dict(zip(distinct, (shingles(texts[number]) for number in distinct), strict=True))
    _join_near(grams, clusters)
    exact, near = _repeats(rows, texts, grams, firsts, clusters)
    return Duplicates([clusters.of(n) for n in range(len(rows))], exact, near, _contradictory(rows, texts))


def shingles(text: str) -> Hashes:
    """Return the sorted 64-bit hashes of a text's character 5-grams; a shorter text is one gram."""
    letters = re.sub(r"[\W_]+", "", unicodedata.normalize("NFKD", text).casefold()) or text or " "
    codes = np.frombuffer(letters.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    width = min(GRAM, len(codes))
    hashes = np.zeros(len(codes) - width + 1, dtype=np.uint64)
    for offset in range(width):
        hashes = (hashes ^ codes[offset : offset + len(hashes)]) * np.uint64(0x9E3779B97F4A7C15)
        hashes ^= hashes >> np.uint64(29)
    return np.unique(hashes)


def jaccard(first: Hashes, second: Hashes) -> float:
    """Return the share of common members of two sorted sets."""
    common = len(np.intersect1d(first, second, assume_unique=True))
    return common / (len(first) + len(second) - common)


def signatures(grams: Sequence[Hashes]) -> Hashes:
    """Return one MinHash signature a row, shape (rows, BANDS * BAND_ROWS)."""
    draw = np.random.default_rng(20260101)
    top = np.iinfo(np.uint64).max
    factors = draw.integers(1, top, BANDS * BAND_ROWS, dtype=np.uint64) | np.uint64(1)
    terms = draw.integers(0, top, BANDS * BAND_ROWS, dtype=np.uint64)
    smallest = [(gram[:, None] * factors + terms).min(axis=0) for gram in steps(grams, "MinHash")]
    return np.array(smallest, dtype=np.uint64).reshape(len(grams), BANDS * BAND_ROWS)


def _join_near(grams: Mapping[int, Hashes], clusters: Clusters) -> None:
    """Merge the clusters of rows that are near duplicates."""
    numbers = list(grams)
    signature = signatures(list(grams.values()))
    compared: set[tuple[int, int]] = set()
    for band in steps(range(BANDS), "comparing"):
        buckets: dict[bytes, list[int]] = defaultdict(list)
        for number, part in zip(
            numbers, signature[:, band * BAND_ROWS : (band + 1) * BAND_ROWS], strict=True
        ):
            buckets[part.tobytes()].append(number)
        for bucket in buckets.values():
            _join_bucket(bucket, grams, clusters, compared)


def _join_bucket(
    bucket: Sequence[int], grams: Mapping[int, Hashes], clusters: Clusters, compared: set[tuple[int, int]]
) -> None:
    unlike: list[int] = []
    for number in bucket:
        for other in unlike:
            if clusters.of(number) == clusters.of(other):
                break
            if (other, number) in compared:
                continue
            compared.add((other, number))
            if jaccard(grams[other], grams[number]) >= NEAR:
                clusters.merge(other, number)
                break
        else:
            if len(unlike) < _MOST_COMPARED:
                unlike.append(number)


def _repeats(
    rows: Sequence[Row],
    texts: Sequence[str],
    grams: Mapping[int, Hashes],
    firsts: Mapping[str, int],
    clusters: Clusters,
) -> tuple[dict[int, int], dict[int, int]]:
    """Return the rows that say again what an earlier one says: exactly, and nearly."""
    exact: dict[int, int] = {}
    near: dict[int, int] = {}
    seen: dict[tuple[str, str, str], int] = {}
    kept: dict[tuple[int, str, str], list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        target = folded(row.target)
        first = seen.setdefault((row.task, texts[number], target), number)
        if first != number:
            exact[number] = first
            continue
        mine, alike = grams[firsts[texts[number]]], kept[clusters.of(number), row.task, target]
        close = (other for other in alike if jaccard(grams[firsts[texts[other]]], mine) >= NEAR)
        if (other := next(close, None)) is not None:
            near[number] = other
        else:
            alike.append(number)
    return exact, near


def _contradictory(rows: Sequence[Row], texts: Sequence[str]) -> dict[int, int]:
    same: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        same[row.task, texts[number]].append(number)
    clash: dict[int, int] = {}
    for numbers in same.values():
        targets = {number: folded(rows[number].target) for number in numbers}
        for number in numbers:
            other = next((n for n in numbers if targets[n] != targets[number]), None)
            if other is not None:
                clash[number] = other
    return clash
