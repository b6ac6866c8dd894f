"""Asking the questions of a suite with options: what was kept is not asked again, Ctrl-C ends it early."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from slm_finetune.measure import Progress
from slm_finetune.suites.kept import Kept
from slm_finetune.suites.question import Question
from slm_finetune.suites.scoring import Answer, Reader, by_letter, by_text
from slm_finetune.suites.suite import ChoiceSuite


@dataclass(frozen=True)
class Chosen:
    """The answers in the order of the questions; `stopped` where Ctrl-C came first."""

    answers: Sequence[Answer]
    stopped: bool


def ask(suite: ChoiceSuite, questions: Sequence[Question], engine: Reader, kept: Kept) -> Chosen:
    """Ask what is not kept yet, with progress on stderr."""
    score = by_letter if suite.letters else by_text
    left = [question for question in questions if question.id not in kept.records]
    progress, stopped, right = Progress(suite.name, len(left)), False, 0
    try:
        for done, question in enumerate(left, 1):
            answer = score(engine, question)
            kept.keep(question.id, _record(answer))
            right += answer.right
            progress.show(done, partial(float, right / done))
    except KeyboardInterrupt:
        stopped = True
    finally:
        progress.end()
    known = [question for question in questions if question.id in kept.records]
    return Chosen([_answer(question, kept) for question in known], stopped)


def _record(answer: Answer) -> dict[str, object]:
    return {
        "group": answer.question.group,
        "predicted": answer.predicted,
        "log_likelihoods": [round(value, 6) for value in answer.log_likelihoods],
        "dropped": answer.dropped,
        "ms": round(answer.ms, 1),
    }


def _answer(question: Question, kept: Kept) -> Answer:
    record = kept.records[question.id]
    return Answer(question, tuple(record["log_likelihoods"]), int(record["dropped"]), float(record["ms"]))
