"""What a teacher said is kept, one small file an answer, so that it is asked once.

A run that was stopped goes on where it was, and another run with the same teacher and the same questions
finds the answers. They lie under SLM_HOME/runs/teacher-... and may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from slm_core.files import write_atomically
from slm_finetune.measure import Progress


class Told(NamedTuple):
    """One answer, and a figure of it whose mean is shown while the teacher works."""

    answer: bytes
    figure: float


Asking = Callable[[int], Told]
"""Asks the question of that number."""


def name_of(question: Any) -> str:
    """Return the name under which the answer to a question (JSON) is kept."""
    return hashlib.sha256(json.dumps(question, ensure_ascii=False).encode()).hexdigest()[:24]


def remembered(
    folder: Path, names: Sequence[str], title: str, opened: Callable[[], AbstractContextManager[Asking]]
) -> list[bytes]:
    """Return the answer to each question, asking those that are not kept yet.

    Args:
        folder: where they are kept.
        names: of the questions.
        title: what is shown while the teacher works.
        opened: loads the teacher; not called where all answers are there.
    """
    files = [folder / name for name in names]
    missing = [i for i, file in enumerate(files) if not file.is_file()]
    print(f"{title}: {len(files) - len(missing)} of {len(files)} at hand", file=sys.stderr)
    if missing:
        with opened() as ask:
            _ask_missing(missing, files, title, ask)
    return [file.read_bytes() for file in files]


def _ask_missing(missing: Sequence[int], files: Sequence[Path], title: str, ask: Asking) -> None:
    progress = Progress(title, len(missing))
    figures: list[float] = []
    try:
        for i in missing:
            told = ask(i)
            write_atomically(files[i], told.answer)
            figures.append(told.figure)
            progress.show(len(figures), partial(fmean, figures))
    finally:
        progress.end()
