"""What the teacher thinks of each row, computed once: its likeliest tokens and one outcome for all others.

A distribution over 151,936 tokens takes 600 kB a token; the 32 likeliest and the rest take 260 bytes and hold
nearly all of it.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from slm_core.engine.threads import choose_threads
from slm_core.settings import Settings
from slm_finetune.distill.lesson import Lesson
from slm_finetune.distill.remembered import Asking, Told, name_of, remembered
from slm_finetune.distill.teacher import Teacher, TeacherFile
from slm_finetune.examples import Example

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Kept:
    """The teacher's view of one reply.

    Args:
        ids: its k likeliest tokens before each token of the reply, [tokens, k].
        log_probabilities: theirs and, last, that of all others together, [tokens, k + 1].
        own: that of the reply's own tokens at temperature 1, [tokens].
    """

    ids: NDArray[np.int32]
    log_probabilities: NDArray[np.float32]
    own: NDArray[np.float32]

    @property
    def mass(self) -> float:
        """How much of the distribution the kept tokens hold, on average."""
        import numpy as np

        return float(np.exp(self.log_probabilities[:, :-1].astype(np.float64)).sum(axis=1).mean())


def keep(log_probabilities: NDArray[np.float32], targets: Sequence[int], lesson: Lesson) -> Kept:
    """Return the k likeliest tokens of each distribution [tokens, vocabulary] and the mass of the rest."""
    import numpy as np

    k = min(lesson.top_k, log_probabilities.shape[1])
    soft = log_probabilities.astype(np.float64) / lesson.temperature
    soft -= np.log(np.exp(soft).sum(axis=1, keepdims=True))
    ids = np.argpartition(-soft, k - 1, axis=1)[:, :k]
    kept = np.take_along_axis(soft, ids, axis=1)
    np.put_along_axis(soft, ids, -np.inf, axis=1)
    with np.errstate(divide="ignore"):  # nothing is left where all tokens are kept
        rest = np.log(np.exp(soft).sum(axis=1, keepdims=True))
    own = log_probabilities[np.arange(len(targets)), list(targets)]
    return Kept(ids.astype(np.int32), np.hstack([kept, rest]).astype(np.float32), own)


def kept_of_rows(
    file: TeacherFile, asked: Sequence[Example], lesson: Lesson, size: int, settings: Settings
) -> list[Kept]:
    """Return what the teacher thinks of every reply, computing what is not there yet.

    Args:
        file: the teacher.
        asked: the prompts as the teacher reads them, and the replies.
        lesson: temperature and k.
        size: of the shared vocabulary.
        settings: give the folder and the threads.
    """
    folder = settings.home / "runs" / f"teacher-{file.key}-t{lesson.temperature:g}-k{lesson.top_k}-v{size}"
    names = [f"{name_of([example.prompt, example.target])}.npz" for example in asked]

    @contextmanager
    def opened() -> Iterator[Asking]:
        context = max(map(len, asked))
        with closing(Teacher(file, size, context, choose_threads(settings)[0])) as teacher:

            def ask(i: int) -> Told:
                prompt, reply = asked[i].prompt, asked[i].target
                kept = keep(teacher.log_probabilities(prompt, reply), reply, lesson)
                return Told(_packed(kept), -float(kept.own.mean()))

            yield ask

    return [_unpacked(data) for data in remembered(folder, names, f"loss of {file.title}", opened)]


def _packed(kept: Kept) -> bytes:
    import numpy as np

    data = io.BytesIO()
    np.savez(data, ids=kept.ids, log_probabilities=kept.log_probabilities, own=kept.own)
    return data.getvalue()


def _unpacked(data: bytes) -> Kept:
    import numpy as np

    with np.load(io.BytesIO(data)) as file:
        return Kept(file["ids"], file["log_probabilities"], file["own"])
