"""KMMLU from its original files: `data/Accounting-test.csv` of HAERAE-HUB/KMMLU, a header, answer 1 to 4.

Prompt as task `kmmlu` 2.0 of the lm-evaluation-harness 0.4.13 has it: no intro, examples from the subject's
dev file parted by an empty line, options lettered A to D, and the likelihoods of " A" to " D" after "정답："
(with the full-width colon). The headline is the share of right answers over all questions, the harness's
weighting.
"""

from __future__ import annotations

from pathlib import Path

from slm_finetune.suites.question import Question
from slm_finetune.suites.rows import filled, known_name, named, one_of, read_csv
from slm_finetune.suites.subjects import LETTERS, OPTIONS, SHOTS, by_category, categories, first, lettered
from slm_finetune.suites.suite import ChoiceSuite

CATEGORIES = categories("kmmlu_subjects.csv")
_KEY = {"1": 0, "2": 1, "3": 2, "4": 3}


def read(folder: Path, split: str, shots: int) -> list[Question]:
    """Return the questions of all subjects in the folder.

    Raises:
        UserError: an unknown subject, a bad row (with its line), too few examples.
    """
    questions: list[Question] = []
    for path in SUITE.files(folder, split):
        subject = known_name(path.stem.removesuffix(f"-{split}"), list(CATEGORIES), path, "subject")
        dev = path.with_name(f"{subject}-dev.csv")
        solved = [f"{text} {LETTERS[key]}\n\n" for text, key in _rows(dev)] if shots else []
        examples = first(solved, shots, dev)
        questions += [Question(subject, text, OPTIONS, key, "", examples) for text, key in _rows(path)]
    return questions


def _rows(path: Path) -> list[tuple[str, int]]:
    """Text up to "정답：" and key of each row."""
    found = []
    for where, row in named(read_csv(path), ("question", "answer", *LETTERS)):
        options = [filled(row[letter], where, letter) for letter in LETTERS]
        text = lettered(filled(row["question"], where, "the question").strip(), options, "정답：")
        found.append((text, one_of(row["answer"], _KEY, where, "the answer")))
    return found


SUITE = ChoiceSuite(
    name="kmmlu",
    splits=("test", "dev", "train"),
    letters=True,
    shots=SHOTS,
    context=4096,
    form='KMMLU prompt of lm-evaluation-harness 0.4.13, plain text, " A" to " D" after "정답："',
    places=("data/*-{split}.csv", "*-{split}.csv"),
    read=read,
    figures=by_category(CATEGORIES),
)
