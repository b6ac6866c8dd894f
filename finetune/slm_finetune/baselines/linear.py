"""Logistic regression over text features, one against the rest for each item.

The peer is made as strong as it fairly can be: features, C, class weights and one decision threshold are
chosen by 3-fold cross-validation on the training rows, by the task's own metric. Where every training row has
exactly one item the most probable item is the answer and there is no threshold.

Not covered: tasks with open values (a quote, a count), for there is no list of items to classify into; folds
by group, for one event may be half of the rows.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from slm_core.domain import Metric, Task
from slm_core.errors import MissingExtra
from slm_finetune.measure import Answer, Case, NotApplicable, require_closed, timed

FOLDS = 3
THRESHOLDS = np.linspace(0.1, 0.9, 33)
CHOOSING_ROWS = 4_000
"""Cross-validation sees at most so many rows; the final fit sees all."""

WORD = r"(?u)\b\w+\b"
"""scikit-learn's own pattern drops words of one character; 물 is one."""

Truth = npt.NDArray[np.bool_]
Chances = npt.NDArray[np.float64]


class Vectorizer(Protocol):
    """Texts to a matrix with one row each, dense or sparse; scikit-learn's own ones keep this."""

    def fit_transform(self, texts: Sequence[str]) -> Any:
        """Learn from these texts and return their features."""
        ...

    def transform(self, texts: Sequence[str]) -> Any:
        """Return the features of other texts."""
        ...


Features = Mapping[str, Callable[[], Vectorizer]]
"""Ways to make features, by the name that is shown."""


@dataclass(frozen=True)
class Setting:
    """One way to set the classifier up; `strength` is C, the inverse of the regularisation."""

    features: str
    strength: float
    balanced: bool


@dataclass(frozen=True)
class Chosen:
    """The best setting, its threshold (None: the most probable item) and its cross-validated value."""

    setting: Setting
    threshold: float | None
    value: float


class Linear:
    """A fitted one-against-the-rest classifier."""

    base_sha256: str | None = None
    adapter_sha256: str | None = None

    def __init__(
        self, name: str, task: Task, train: Sequence[Case], features: Features, strengths: Sequence[float]
    ) -> None:
        """Choose among `features`, `strengths` and class weights, then fit on all training rows.

        Raises:
            NotApplicable: the values of the task are open, or the training rows name no item.
            MissingExtra: scikit-learn is not installed.
        """
        require_closed(task)
        _need_sklearn(name)
        self.name = name
        self._items = sorted(frozenset().union(*(case.gold for case in train)))
        if not self._items:
            raise NotApplicable("not applicable: no training row has an item")
        if len(train) < 2 * FOLDS:
            raise NotApplicable(f"not applicable: {len(train)} training rows are too few")
        texts, truth = [case.row.user for case in train], _truth(train, self._items)
        print(f"{task.name} {name}: choosing by {FOLDS}-fold cross-validation", file=sys.stderr, flush=True)
        chosen = _choose(texts, truth, features, strengths, task.metric)
        self.note, self._threshold = _describe(chosen), chosen.threshold
        self._vectorizer = features[chosen.setting.features]()
        self._models = _fit(self._vectorizer.fit_transform(texts), truth, chosen.setting)

    def answer(self, case: Case) -> Answer:
        """Return the items that are probable enough."""
        return timed(lambda: self._predict(case.row.user))

    def _predict(self, text: str) -> frozenset[str]:
        chances = _chances(self._models, self._vectorizer.transform([text]))
        decided = _decide(chances, self._threshold)[0]
        return frozenset(item for item, yes in zip(self._items, decided, strict=True) if yes)


def tfidf(task: Task, train: Sequence[Case]) -> Linear:
    """Return TF-IDF with logistic regression: character 1-4-grams within words, or word 1-2-grams."""
    features: Features = {"char_wb 1-4": lambda: _tfidf("char_wb", 4), "word 1-2": lambda: _tfidf("word", 2)}
    return Linear("tfidf", task, train, features, (1.0, 10.0))


def _tfidf(analyzer: str, longest: int) -> Vectorizer:
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer: Vectorizer = TfidfVectorizer(
        analyzer=analyzer,
        ngram_range=(1, longest),
        min_df=2,
        sublinear_tf=True,
        token_pattern=WORD if analyzer == "word" else None,
    )
    return vectorizer


def _need_sklearn(name: str) -> None:
    try:
        import sklearn  # noqa: F401
    except ImportError as error:
        raise MissingExtra(f"the baseline {name}", "train") from error


def _truth(cases: Sequence[Case], items: Sequence[str]) -> Truth:
    return np.array([[item in case.gold for item in items] for case in cases], dtype=bool)


def _choose(
    texts: Sequence[str], truth: Truth, features: Features, strengths: Sequence[float], metric: Metric
) -> Chosen:
    order = np.random.default_rng(0).permutation(len(texts))[:CHOOSING_ROWS]
    texts, truth = [texts[i] for i in order], truth[order]
    single = bool((truth.sum(axis=1) == 1).all())
    best: Chosen | None = None
    for name, make in features.items():
        try:
            folds = _folds(texts, make)
        except ValueError as error:
            if "empty vocabulary" not in str(error):
                raise
            continue  # no two rows of a fold share such a feature
        for strength, balanced in product(strengths, (False, True)):
            setting = Setting(name, strength, balanced)
            chosen = _threshold(setting, _held_out(folds, truth, setting), truth, metric, single)
            best = chosen if best is None or chosen.value > best.value else best
    if best is None:
        raise NotApplicable("not applicable: the training rows share no words")
    return best


def _folds(
    texts: Sequence[str], make: Callable[[], Vectorizer]
) -> list[tuple[Any, Any, npt.NDArray[np.int64]]]:
    """Return (features of the rest, features of the fold, which rows the fold holds) for each fold."""
    fold_of = np.arange(len(texts)) % FOLDS
    parts = []
    for fold in range(FOLDS):
        vectorizer = make()
        rest = vectorizer.fit_transform([t for t, f in zip(texts, fold_of, strict=True) if f != fold])
        held = vectorizer.transform([t for t, f in zip(texts, fold_of, strict=True) if f == fold])
        parts.append((rest, held, np.flatnonzero(fold_of == fold)))
    return parts


def _held_out(folds: list[tuple[Any, Any, npt.NDArray[np.int64]]], truth: Truth, setting: Setting) -> Chances:
    chances = np.zeros(truth.shape)
    for rest, held, rows in folds:
        others = np.setdiff1d(np.arange(len(truth)), rows)
        chances[rows] = _chances(_fit(rest, truth[others], setting), held)
    return chances


def _fit(matrix: Any, truth: Truth, setting: Setting) -> list[Any]:
    """Return one model for each item, or its constant chance where all rows agree."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    models: list[Any] = []
    weight = "balanced" if setting.balanced else None
    wide = (
        matrix.shape[1] > matrix.shape[0]
    )  # the dual problem has as many unknowns as rows: 20 times faster here
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", ConvergenceWarning
        )  # cross-validation judges the fit, converged or not
        for column in truth.T:
            if column.all() or not column.any():
                models.append(float(column[0]))
                continue
            model = LogisticRegression(
                C=setting.strength,
                class_weight=weight,
                solver="liblinear",
                dual=wide,
                max_iter=1000,
                random_state=0,
            )
            models.append(model.fit(matrix, column))
    return models


def _chances(models: Sequence[Any], matrix: Any) -> Chances:
    columns = [
        np.full(matrix.shape[0], model) if isinstance(model, float) else model.predict_proba(matrix)[:, 1]
        for model in models
    ]
    return np.stack(columns, axis=1)


def _threshold(setting: Setting, chances: Chances, truth: Truth, metric: Metric, single: bool) -> Chosen:
    if single:
        return Chosen(setting, None, _value(_decide(chances, None), truth, metric))
    values = [_value(_decide(chances, float(t)), truth, metric) for t in THRESHOLDS]
    best = int(np.argmax(values))
    return Chosen(setting, float(THRESHOLDS[best]), values[best])


def _decide(chances: Chances, threshold: float | None) -> Truth:
    if threshold is None:
        return np.asarray(np.arange(chances.shape[1]) == chances.argmax(axis=1)[:, None])
    return chances > threshold


def _value(decided: Truth, truth: Truth, metric: Metric) -> float:
    if metric == "accuracy":
        return float((decided == truth).all(axis=1).mean())
    return float(2 * (decided & truth).sum() / max(decided.sum() + truth.sum(), 1))


def _describe(chosen: Chosen) -> str:
    setting = chosen.setting
    rule = "most probable item" if chosen.threshold is None else f"threshold {chosen.threshold:.2f}"
    weight = ", balanced" if setting.balanced else ""
    return f"{setting.features}, C {setting.strength:g}{weight}, {rule}; cross-validated {chosen.value:.3f}"
