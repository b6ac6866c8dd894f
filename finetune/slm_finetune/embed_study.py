"""One run of `finetune embed`: what is learnt from, and what came of it on documents that were held out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from slm_core.rag.embedder import Embedder, Vectors, apply_map, open_embedder
from slm_finetune.embed_map import Examples, MapRecipe, Score, learn_map
from slm_finetune.embed_pairs import Corpus, Pair
from slm_finetune.embed_recall import Compared, Embedded, Ranks, compare, embed, found_at_5, once, ranks
from slm_finetune.embed_split import Sides
from slm_finetune.embed_transformer import InHand, TransformerRecipe, open_model, tune


@dataclass(frozen=True)
class Study:
    """The passages, the pairs of each side, and questions that only measure."""

    corpus: Corpus
    sides: Sides
    asked: tuple[Pair, ...] = ()

    @cached_property
    def pairs(self) -> list[Pair]:
        """All pairs: train, dev, test, asked."""
        return [*self.sides.train, *self.sides.dev, *self.sides.test, *self.asked]

    def numbers(self, side: str) -> list[int]:
        """Return the numbers of a side's pairs in `pairs`, each question once."""
        parts = {
            "train": self.sides.train,
            "dev": self.sides.dev,
            "test": self.sides.test,
            "asked": self.asked,
        }
        names = list(parts)
        start = sum(len(parts[name]) for name in names[: names.index(side)])
        return [start + number for number in once(parts[side])]

    def documents(self, numbers: Sequence[int]) -> list[str]:
        """Return the document that each of these pairs belongs to."""
        return [self.corpus.documents[self.pairs[number].passage] for number in numbers]

    def counts(self) -> dict[str, dict[str, int]]:
        """Return how many pairs of each kind every side has."""
        sides = {
            "train": self.sides.train,
            "dev": self.sides.dev,
            "test": self.sides.test,
            "asked": self.asked,
        }
        return {side: dict(Counter(pair.kind for pair in pairs)) for side, pairs in sides.items()}


@dataclass(frozen=True)
class Result:
    """What was learnt, and how it ranks the questions of held-out documents and those that were asked.

    Args:
        embedder: name of the embedder that it began with.
        recipe: in force.
        reason: why this map, or these weights, and no others.
        measured: by the questions' name: `held out`, its kinds, `asked`.
        learnt: the map, or the tuned model.
    """

    embedder: str
    recipe: dict[str, Any]
    reason: str
    measured: dict[str, Compared]
    learnt: Vectors | InHand

    @property
    def refusal(self) -> str | None:
        """Why it is not to be used, with both figures; None where it is better and asked lose nothing."""
        held, asked = self.measured["held out"], self.measured.get("asked")
        if not held.better:
            return f"recall@5 of {held.questions} questions on held-out documents {_both(held)}"
        if asked and asked.recall[2].value < 0:
            return f"recall@5 of {asked.questions} asked questions {_both(asked)}"
        return None


def learn(study: Study, model: Path | None, *, epochs: int | None, seed: int) -> Result:
    """Learn a map over e5, or tune the model in a folder, and measure it.

    Raises:
        MissingExtra, CouldNot: see `open_model`.
    """
    return _mapped(study, epochs, seed) if model is None else _tuned(study, model, epochs, seed)


def _mapped(study: Study, epochs: int | None, seed: int) -> Result:
    recipe = MapRecipe(seed=seed) if epochs is None else MapRecipe(seed=seed, epochs=epochs)
    base = open_embedder()
    vectors = embed(base, study.corpus, study.pairs)

    def ranked(matrix: Vectors, numbers: Sequence[int]) -> Ranks:
        mapped = apply_map(matrix, vectors.questions[list(numbers)])
        return ranks(study.pairs, numbers, vectors, study.sides.clusters, mapped)

    dev = study.numbers("dev")
    learnt = learn_map(_examples(study, vectors), lambda matrix: _score(ranked(matrix, dev)), recipe)
    numbers = [*study.numbers("test"), *study.numbers("asked")]
    before = ranks(study.pairs, numbers, vectors, study.sides.clusters)
    measured = _measured(study, numbers, before, ranked(learnt.matrix, numbers))
    return Result(base.name, recipe.as_dict(), learnt.reason, measured, learnt.matrix)


def _tuned(study: Study, folder: Path, epochs: int | None, seed: int) -> Result:
    recipe = TransformerRecipe(seed=seed) if epochs is None else TransformerRecipe(seed=seed, epochs=epochs)
    model = open_model(folder)

    def ranked(embedder: Embedder, numbers: Sequence[int]) -> Ranks:
        some = [study.pairs[number] for number in numbers]
        vectors = embed(embedder, study.corpus, some)
        return ranks(some, range(len(some)), vectors, study.sides.clusters)

    numbers = [*study.numbers("test"), *study.numbers("asked")]
    before, dev = ranked(model, numbers), study.numbers("dev")
    reason = tune(model, study.sides.train, lambda embedder: _score(ranked(embedder, dev)), recipe)
    measured = _measured(study, numbers, before, ranked(model, numbers))
    return Result(f"sentence-transformers:{folder.name}", recipe.as_dict(), reason, measured, model)


def _examples(study: Study, vectors: Embedded) -> Examples:
    """A passage is no negative of a question that it, or one that nearly repeats it, answers."""
    train, clusters = study.sides.train, study.sides.clusters
    answering = [{clusters[number] for number in pair.gold} for pair in train]
    own = [clusters[pair.passage] for pair in train]

    def same(rows: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        grid = np.array([[own[column] in answering[row] for column in rows] for row in rows])
        np.fill_diagonal(grid, False)
        return grid

    count = len(train)
    return Examples(vectors.questions[:count], vectors.answers[:count], same)


def _measured(study: Study, numbers: list[int], before: Ranks, after: Ranks) -> dict[str, Compared]:
    """Compare over the held-out questions, by kind where there are several, and over those asked."""
    held = set(study.numbers("test"))
    groups: dict[str, list[int]] = {"held out": [i for i, n in enumerate(numbers) if n in held]}
    kinds = dict.fromkeys(study.pairs[numbers[i]].kind for i in groups["held out"])
    if len(kinds) > 1:
        for kind in kinds:
            groups[kind] = [i for i in groups["held out"] if study.pairs[numbers[i]].kind == kind]
    groups["asked"] = [i for i, n in enumerate(numbers) if n not in held]
    return {
        name: compare(before[places], after[places], study.documents([numbers[i] for i in places]))
        for name, places in groups.items()
        if places
    }


def _score(found: Ranks) -> Score:
    return float(found_at_5(found).mean()), float((1 / found).mean())


def _both(compared: Compared) -> str:
    before, after, gap = compared.recall
    return f"{before.value:.3f} -> {after.value:.3f} ({gap.value:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}])"
