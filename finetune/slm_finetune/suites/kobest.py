"""KoBEST from its original files (`BoolQ/dev.tsv`, `COPA/`, `WiC/`, `HellaSwag/`, `SentiNeg/`, with headers).

Prompts, continuations and metrics are those of tasks `kobest_*` 1.0 of the lm-evaluation-harness 0.4.13,
zero-shot: the sum of the log-probabilities of each whole continuation, without a chat template. What looks
odd is the harness's own and kept, so that figures can be compared: two blanks before the answers of BoolQ
and inside the prompts of COPA. Metrics: accuracy and macro-F1 of each task, for HellaSwag also the accuracy
of log-likelihoods divided by the number of characters (`acc_norm`). Over the tasks: accuracy over all
questions (the harness's weighting), and the unweighted mean of the five macro-F1 (the paper reports
macro-F1: Kim et al. 2022).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from slm_core.errors import UserError
from slm_finetune.suites.figures import Figure, accuracy, macro_f1, mean_macro_f1
from slm_finetune.suites.question import Question
from slm_finetune.suites.rows import filled, known_name, named, one_of, read_tsv
from slm_finetune.suites.scoring import Answer
from slm_finetune.suites.suite import ChoiceSuite

Row = Mapping[str, str]
_TRUTH = {"False": 0, "FALSE": 0, "True": 1, "TRUE": 1}
_SIGN = {"0": 0, "1": 1}
_WHY = {"원인": " 왜냐하면", "결과": " 그래서"}


def _boolq(row: Row, where: str) -> Question:
    text = f"{filled(row['Text'], where, 'Text')} 질문: {filled(row['Question'], where, 'Question')} 답변:"
    return Question("BoolQ", text, ("  아니오", "  예"), one_of(row["Answer"], _TRUTH, where, "Answer"))


def _copa(row: Row, where: str) -> Question:
    link = list(_WHY.values())[one_of(row["question"], {"원인": 0, "결과": 1}, where, "question")]
    options = tuple(f" {filled(row[name], where, f'alternative {name}')}" for name in ("1", "2"))
    key = one_of(row["Answer"], {"1": 0, "2": 1}, where, "Answer")
    return Question("COPA", f"{filled(row['sentence'], where, 'sentence')} {link}", options, key)


def _wic(row: Row, where: str) -> Question:
    one, two = (filled(row[name], where, name) for name in ("SENTENCE1", "SENTENCE2"))
    word = filled(row["Target"], where, "Target")
    text = f"문장1: {one} 문장2: {two} 두 문장에서 {word}가 같은 뜻으로 쓰였나?"
    return Question("WiC", text, (" 아니오", " 예"), one_of(row["ANSWER"], _TRUTH, where, "ANSWER"))


def _hellaswag(row: Row, where: str) -> Question:
    options = tuple(f" {filled(row[f'choice{n}'], where, f'choice{n}')}" for n in (1, 2, 3, 4))
    key = one_of(row["label"], {"0": 0, "1": 1, "2": 2, "3": 3}, where, "label")
    return Question("HellaSwag", f"문장: {filled(row['context'], where, 'context')}", options, key)


def _sentineg(row: Row, where: str) -> Question:
    text = f"문장: {filled(row['Text'], where, 'Text')} 긍부정:"
    return Question("SentiNeg", text, (" 부정", " 긍정"), one_of(row["Label"], _SIGN, where, "Label"))


TASKS: Mapping[str, tuple[Sequence[str], Callable[[Row, str], Question]]] = {
    "BoolQ": (("Text", "Question", "Answer"), _boolq),
    "COPA": (("sentence", "question", "1", "2", "Answer"), _copa),
    "HellaSwag": (("context", "choice1", "choice2", "choice3", "choice4", "label"), _hellaswag),
    "SentiNeg": (("Text", "Label"), _sentineg),
    "WiC": (("Target", "SENTENCE1", "SENTENCE2", "ANSWER"), _wic),
}


def read(folder: Path, split: str, shots: int) -> list[Question]:
    """Return the questions of all tasks in the folder.

    Raises:
        UserError: an unknown task, a bad row (with its line), examples asked for.
    """
    if shots:
        raise UserError(f"{shots} examples", where="--shots", expected="0: KoBEST is asked zero-shot")
    questions = []
    for path in SUITE.files(folder, split):
        columns, parse = TASKS[known_name(path.parent.name, list(TASKS), path, "task")]
        questions += [parse(row, where) for where, row in named(read_tsv(path), columns)]
    return questions


def figures(answers: Sequence[Answer]) -> list[Figure]:
    """Return accuracy and macro-F1 by task, then both over all tasks."""
    tasks: dict[str, list[Answer]] = {}
    for answer in answers:
        tasks.setdefault(answer.question.group, []).append(answer)
    pairs = {task: [(a.question.answer, a.predicted) for a in group] for task, group in tasks.items()}
    found = []
    for task, group in tasks.items():
        n = len(group)
        found.append(Figure(task, "accuracy", n, accuracy(pairs[task])))
        if task == "HellaSwag":
            by_length = [(a.question.answer, a.predicted_by_length) for a in group]
            found.append(Figure(task, "accuracy by length", n, accuracy(by_length)))
        found.append(Figure(task, "macro-F1", n, macro_f1(pairs[task])))
    n = len(answers)
    found.append(Figure(f"mean of {len(tasks)} tasks", "macro-F1", n, mean_macro_f1(pairs)))
    return [
        *found,
        Figure("all", "accuracy", n, accuracy([pair for each in pairs.values() for pair in each])),
    ]


SUITE = ChoiceSuite(
    name="kobest",
    splits=("test", "dev", "train"),
    letters=False,
    shots=0,
    context=2048,
    form="KoBEST prompts of lm-evaluation-harness 0.4.13, plain text, likelihood of each answer's text",
    places=("*/{split}.tsv",),
    read=read,
    figures=figures,
)
