"""MMLU from its original files (`data/val/anatomy_val.csv`: question, four options, letter; no header).

Prompt and figures are those of the original harness (Hendrycks et al. 2021, hendrycks/test `evaluate.py`):
plain text without a chat template, an intro that names the subject (with the two blanks that the original
has), the first five rows of the subject's dev file as examples, and the likelihoods of " A" to " D" after
"Answer:". The headline is the share of right answers over all questions; categories as in its
`categories.py`. One thing differs: a prompt that is too long loses examples at the front (there: at the
end), and is counted.
"""

from __future__ import annotations

from pathlib import Path

from slm_core.errors import UserError
from slm_finetune.suites.question import Question
from slm_finetune.suites.rows import filled, known_name, one_of, read_csv
from slm_finetune.suites.subjects import LETTERS, OPTIONS, SHOTS, by_category, categories, first, lettered
from slm_finetune.suites.suite import ChoiceSuite

CATEGORIES = categories("mmlu_subjects.csv")
_INTRO = "The following are multiple choice questions (with answers) about"
_KEY = {letter: i for i, letter in enumerate(LETTERS)}
_PLACES = ("data/{split}/*_{split}.csv", "{split}/*_{split}.csv")


def read(folder: Path, split: str, shots: int) -> list[Question]:
    """Return the questions of all subjects in the folder.

    Raises:
        UserError: an unknown subject, a bad row (with its line), too few examples.
    """
    questions: list[Question] = []
    for path in SUITE.files(folder, split):
        subject = known_name(path.stem.removesuffix(f"_{split}"), list(CATEGORIES), path, "subject")
        intro = f"{_INTRO}  {subject.replace('_', ' ')}.\n\n"
        dev = path.parents[1] / "dev" / f"{subject}_dev.csv"
        solved = [f"{text} {LETTERS[key]}\n\n" for text, key in _rows(dev)] if shots else []
        examples = first(solved, shots, dev)
        questions += [Question(subject, text, OPTIONS, key, intro, examples) for text, key in _rows(path)]
    return questions


def _rows(path: Path) -> list[tuple[str, int]]:
    """Text up to "Answer:" and key of each row."""
    found = []
    for where, cells in read_csv(path):
        if len(cells) != 6:
            options = max(len(cells) - 2, 0)
            raise UserError(
                f"{len(cells)} cells ({options} options)", where=where, expected="question,A,B,C,D,answer"
            )
        for name, cell in zip(("the question", *LETTERS), cells[:5], strict=True):
            filled(cell, where, name)
        found.append((lettered(cells[0], cells[1:5], "Answer:"), one_of(cells[5], _KEY, where, "the answer")))
    return found


SUITE = ChoiceSuite(
    name="mmlu",
    splits=("test", "val"),
    letters=True,
    shots=SHOTS,
    context=4096,
    form='original MMLU prompt, plain text without chat template, " A" to " D" compared after "Answer:"',
    places=_PLACES,
    read=read,
    figures=by_category(CATEGORIES),
)
