"""Fitting the gate, and what it is worth: logistic regression on e5 vectors, held against cheaper peers."""

from __future__ import annotations

import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slm_core.errors import UserError
from slm_core.rag.embedder import Embedder
from slm_core.router import NONE
from slm_core.router.gate import GateCard
from slm_finetune.metrics import Interval, confidence
from slm_finetune.router.texts import Text

FOLDS = 5
STRENGTHS = (1.0, 10.0, 100.0)
LEAST = (0.0, 0.4, 0.5, 0.6, 0.7, 0.8)
"""Bars that a domain's probability may have to reach; the one that is right most often is kept."""

Shares = NDArray[np.float64]


@dataclass(frozen=True)
class Trained:
    """A fitted gate: card, weights [classes, width], bias [classes], and what it said of held-out texts."""

    card: GateCard
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    held_out: list[str]


@dataclass(frozen=True)
class Routing:
    """How often a system sent texts to the right place.

    Args:
        system: its name.
        texts: how many.
        accuracy: with its 95% interval.
        wrong: share of texts that a domain got which are another domain's, or none's.
        missed: share of texts of a domain that went to none.
    """

    system: str
    texts: int
    accuracy: Interval
    wrong: float
    missed: float


def train_gate(texts: Sequence[Text], embedder: Embedder, vectors: NDArray[np.float32]) -> Trained:
    """Fit the gate; regularisation and bar are chosen by cross-validation over groups.

    Args:
        texts: by class.
        embedder: that made the vectors.
        vectors: one unit row a text.

    Raises:
        UserError: fewer than two classes.
    """
    labels = np.array([text.label for text in texts])
    if len(set(labels)) < 2:
        raise UserError(f"only texts of {labels[0]}", expected="two domains, or one and texts for none")
    scored = {c: cross_validated(lambda c=c: _regression(c), vectors, texts) for c in STRENGTHS}  # type: ignore[misc]
    strength, (shares, classes) = max(scored.items(), key=lambda item: _right(item[1], labels, 0.0))
    least = max(LEAST, key=lambda bar: (_right((shares, classes), labels, bar), -bar))
    held_out = choose(shares, classes, least)
    model = _regression(strength).fit(vectors, labels)
    weights, bias = _two_sided(model)
    found = routing("gate", held_out, texts)
    card = GateCard(
        classes=tuple(str(name) for name in model.classes_),
        embedder=embedder.name,
        least=least,
        sha256="",
        rows=dict(Counter(labels.tolist())),
        measured={
            "accuracy": found.accuracy.value,
            "wrong": found.wrong,
            "missed": found.missed,
            "C": strength,
        },
        date=time.strftime("%Y-%m-%d", time.gmtime()),
    )
    return Trained(card, weights.astype(np.float32), bias.astype(np.float32), held_out)


def peers(texts: Sequence[Text], test: Sequence[Text] = ()) -> dict[str, list[str]]:
    """Return what cheaper systems say: the most frequent class, and TF-IDF with logistic regression.

    Cross-validated on `texts`; where there is a test, fitted on all texts and asked the test.
    """
    labels = [text.label for text in texts]
    most = Counter(labels).most_common(1)[0][0]
    asked = test or texts
    return {"majority": [most] * len(asked), "tfidf": _tfidf(texts, test)}


def cross_validated(
    make: Callable[[], Any], features: Any, texts: Sequence[Text]
) -> tuple[Shares, list[str]]:
    """Return held-out class probabilities [texts, classes] and the classes, groups kept together."""
    from sklearn.model_selection import StratifiedGroupKFold

    labels, groups = np.array([t.label for t in texts]), np.array([t.group for t in texts])
    classes = sorted(set(labels))
    shares = np.zeros((len(texts), len(classes)))
    for train, test in StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0).split(
        features, labels, groups
    ):
        model = make().fit(features[train], labels[train])
        columns = [classes.index(name) for name in model.classes_]
        shares[np.ix_(test, columns)] = model.predict_proba(features[test])
    return shares, classes


def choose(shares: Shares, classes: Sequence[str], least: float) -> list[str]:
    """Return the class of each row: the best one, or none where a domain stays below the bar."""
    best = shares.argmax(axis=1)
    return [
        NONE if share < least else classes[index]
        for index, share in zip(best, shares[np.arange(len(best)), best], strict=True)
    ]


def routing(system: str, predicted: Sequence[str], texts: Sequence[Text]) -> Routing:
    """Count what went where."""
    pairs = list(zip(predicted, (text.label for text in texts), strict=True))
    counts = np.array([[0, 0, 0, int(p == t)] for p, t in pairs])
    wrong = sum(p not in (t, NONE) for p, t in pairs) / len(pairs)
    missed = sum(p == NONE != t for p, t in pairs) / len(pairs)
    return Routing(system, len(pairs), confidence(counts, "accuracy"), wrong, missed)


def _right(held_out: tuple[Shares, list[str]], labels: NDArray[Any], least: float) -> float:
    return float(np.mean(np.array(choose(*held_out, least)) == labels))


def _regression(strength: float) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=strength, class_weight="balanced", max_iter=2000)


def _two_sided(model: Any) -> tuple[Any, Any]:
    """Weights of every class; of two classes scikit-learn keeps only those of the second."""
    if len(model.classes_) > 2:
        return model.coef_, model.intercept_
    zero = np.zeros_like(model.coef_)
    return np.vstack([zero, model.coef_]), np.concatenate([[0.0], model.intercept_])


def _tfidf(texts: Sequence[Text], test: Sequence[Text]) -> list[str]:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline

    def make() -> Any:
        return make_pipeline(
            TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4), sublinear_tf=True), _regression(10.0)
        )

    words, labels = np.array([t.text for t in texts], dtype=object), [t.label for t in texts]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        if test:
            return [str(label) for label in make().fit(words, labels).predict([t.text for t in test])]
        shares, classes = cross_validated(make, words, texts)
    return choose(shares, classes, 0.0)
