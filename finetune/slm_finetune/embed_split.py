"""Which documents are trained on, which decide when to stop, and which measure."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from slm_core.dataset.dedup import find_duplicates
from slm_core.dataset.row import Message, Row
from slm_core.errors import UserError
from slm_finetune.embed_pairs import Corpus, Pair

TEST = 0.3  # of the pairs
DEV = 0.2  # of those that remain
FEWEST = 3  # documents with pairs: one for each side


@dataclass(frozen=True)
class Sides:
    """Pairs by side, the documents of each side, and how many pairs repeat a passage of a later side.

    Args:
        clusters: of each passage the number of those that nearly repeat it.
    """

    train: tuple[Pair, ...]
    dev: tuple[Pair, ...]
    test: tuple[Pair, ...]
    documents: Mapping[str, tuple[str, ...]]
    repeats: int
    clusters: tuple[int, ...]


def split(corpus: Corpus, pairs: Sequence[Pair], held: Collection[str], seed: int) -> Sides:
    """Put whole documents on sides; those `held` are for the test.

    A pair whose passage nearly repeats one of the test (or, for training, of dev) is left out: the same
    step of advice stands in many guides.

    Raises:
        UserError: too few documents have pairs.
    """
    sizes = Counter(corpus.documents[pair.passage] for pair in pairs)
    names = _names(sizes, held, seed)
    by_side: defaultdict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        by_side[names[corpus.documents[pair.passage]]].append(pair)
    clusters = _clusters(corpus)
    held_passages = [
        n for n, name in enumerate(corpus.documents) if names.get(name) == "test" or name in held
    ]
    dev = _apart(by_side["dev"], held_passages, clusters)
    dev_passages = [n for n, name in enumerate(corpus.documents) if names.get(name) == "dev"]
    train = _apart(by_side["train"], [*held_passages, *dev_passages], clusters)
    if not train or not dev:
        raise UserError(
            "nothing is left to train on", expected="documents that do not repeat those that are held out"
        )
    repeats = len(by_side["train"]) + len(by_side["dev"]) - len(train) - len(dev)
    documents = {
        side: tuple(sorted(name for name in names if names[name] == side))
        for side in ("train", "dev", "test")
    }
    return Sides(tuple(train), tuple(dev), tuple(by_side["test"]), documents, repeats, clusters)


def _names(sizes: Counter[str], held: Collection[str], seed: int) -> dict[str, str]:
    """Return the side of each document: the test is filled first, then dev, in a seeded order."""
    free = sorted(name for name in sizes if name not in held)
    if len(free) < (FEWEST if not held else FEWEST - 1):
        raise UserError(
            f"{len(sizes)} documents have question-passage pairs",
            where="--documents",
            expected=f"at least {FEWEST}: some to train on, some to stop by, some to measure on",
            mend="more documents, or pairs that name their document",
        )
    random.Random(seed).shuffle(free)
    sides = {name: "test" for name in sizes if name in held}
    total, filled = sum(sizes.values()), Counter({"test": sum(sizes[name] for name in sides)})
    for left, name in zip(range(len(free), 0, -1), free, strict=True):
        half = sizes[name] / 2
        if filled["test"] == 0 or (left > 2 and filled["test"] + half < TEST * total):
            side = "test"
        elif filled["dev"] == 0 or (left > 1 and filled["dev"] + half < DEV * (total - filled["test"])):
            side = "dev"
        else:
            side = "train"
        sides[name] = side
        filled[side] += sizes[name]
    return sides


def _clusters(corpus: Corpus) -> tuple[int, ...]:
    rows = [
        Row(
            messages=(Message(role="user", content=passage.text), Message(role="assistant", content="-")),
            task="passage",
            lang="",
            source="",
            licence="",
        )
        for passage in corpus.passages
    ]
    return tuple(find_duplicates(rows).clusters)


def _apart(pairs: Iterable[Pair], held: Iterable[int], clusters: Sequence[int]) -> list[Pair]:
    taken = {clusters[number] for number in held}
    return [pair for pair in pairs if clusters[pair.passage] not in taken]
