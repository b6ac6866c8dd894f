"""Which option the model holds likely: by letter (one decoding step) or by the likelihood of each text."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from slm_core.engine.contract import Choice, PromptTooLong, Score
from slm_finetune.suites.question import Question

_LEAST = 1e-38  # a probability that float32 rounded to nothing


class Reader(Protocol):
    """What scoring asks of an engine: likelihoods after raw text, without a chat template."""

    def choose_next(self, text: str, pieces: Sequence[str]) -> Choice:
        """Return the probabilities of the pieces' first tokens, among themselves."""
        ...

    def score_next(self, text: str, continuations: Sequence[str]) -> list[Score]:
        """Return the log-likelihood of each continuation."""
        ...


@dataclass(frozen=True)
class Answer:
    """Log-likelihoods of the options in nat (none: it did not fit), examples dropped, milliseconds."""

    question: Question
    log_likelihoods: tuple[float, ...]
    dropped: int = 0
    ms: float = 0.0

    @property
    def predicted(self) -> int | None:
        """The likeliest option."""
        return _best(self.log_likelihoods)

    @property
    def predicted_by_length(self) -> int | None:
        """The likeliest option per character (`acc_norm` of the lm-evaluation-harness)."""
        pairs = zip(self.log_likelihoods, self.question.options, strict=False)
        return _best([value / len(option.strip()) for value, option in pairs])

    @property
    def right(self) -> bool:
        """Whether the likeliest option is the right one; a question that did not fit is not."""
        return self.predicted == self.question.answer


def by_letter(engine: Reader, question: Question) -> Answer:
    """Compare the letters after the prompt; front examples are dropped until it fits."""
    begun = time.perf_counter()
    for dropped in range(len(question.examples) + 1):
        try:
            choice = engine.choose_next(question.prompt(dropped), question.options)
        except PromptTooLong:
            continue
        found = (math.log(max(choice.probabilities[option], _LEAST)) for option in question.options)
        return Answer(question, tuple(found), dropped, 1000 * (time.perf_counter() - begun))
    return Answer(question, (), len(question.examples), 1000 * (time.perf_counter() - begun))


def by_text(engine: Reader, question: Question) -> Answer:
    """Sum the log-likelihood of each option's tokens."""
    begun = time.perf_counter()
    try:
        scores = engine.score_next(question.prompt(), question.options)
    except PromptTooLong:
        scores = []
    found = tuple(score.log_likelihood for score in scores)
    return Answer(question, found, 0, 1000 * (time.perf_counter() - begun))


def _best(values: Sequence[float]) -> int | None:
    """The first of the highest, as numpy's argmax takes it."""
    return max(range(len(values)), key=lambda i: values[i]) if values else None
