"""From labelled rows and a teacher to a training run: whatever the teacher has to say is gathered first."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from slm_core.dataset.row import Row
from slm_finetune.distill.kept import Kept, kept_of_rows
from slm_finetune.distill.lesson import ASKED, Lesson
from slm_finetune.distill.prompts import Reading
from slm_finetune.distill.teacher import Teacher, TeacherFile
from slm_finetune.examples import Example, encode_row
from slm_finetune.lora import Job
from slm_finetune.training import Teaching


@dataclass(frozen=True)
class Lessons:
    """The rows of a run: those that the teacher judges too come first, rationales after them."""

    judged: tuple[Row, ...]
    rationales: tuple[Row, ...]
    facts: dict[str, Any]

    @property
    def rows(self) -> tuple[Row, ...]:
        """All of them."""
        return (*self.judged, *self.rationales)

    def weights(self, lesson: Lesson) -> list[float]:
        """Return the weight of each row."""
        return [1.0] * len(self.judged) + [lesson.rationale_weight] * len(self.rationales)


@dataclass(frozen=True)
class Course:
    """A distillation, resolved.

    Args:
        job: the student's run.
        teacher: who teaches.
        size: of the vocabulary that both know.
        lesson: how.
        shots: examples that the teacher reads first; None: it reads the student's prompt.
    """

    job: Job
    teacher: TeacherFile
    size: int
    lesson: Lesson
    shots: int | None

    @contextmanager
    def prepared(self, labelled: Sequence[Row], texts: Path | None, rationales: str | None) -> Iterator[Job]:
        """Gather what the teacher says and give the job that learns from it.

        Args:
            labelled: rows with targets.
            texts: file of texts to which the teacher writes the replies.
            rationales: file of rationales; `ASKED` asks the teacher's base; None leaves them out.
        """
        lessons = self._lessons(labelled, texts, rationales)
        examples = self._encode(lessons)
        if self.lesson.method == "forward":
            kept = self._kept(lessons, examples, labelled)
            yield self._forward(lessons, kept)
            return
        with closing(self._open(lessons, examples)) as teacher:
            yield self._reverse(lessons, examples, teacher)

    def _reading(self, labelled: Sequence[Row]) -> Reading:
        return Reading(self.job.domain, tuple(labelled), self.shots, self.job.recipe.seed)

    def _lessons(self, labelled: Sequence[Row], texts: Path | None, rationales: str | None) -> Lessons:
        from slm_finetune.distill.rationales import read_rationales

        facts: dict[str, Any] = {
            **self.lesson.as_dict(),
            "teacher": self.teacher.title,
            "teacher_sha256": self.teacher.sha256,
            "teacher_adapter_sha256": self.teacher.adapter and self.teacher.adapter.sha256,
            "teacher_reads": "the student's prompt" if self.shots is None else f"{self.shots} examples",
            "labelled_rows": len(labelled),
        }
        judged, why = list(labelled), []
        told = read_rationales(Path(rationales)) if rationales and rationales != ASKED else None
        if texts:
            more, facts["texts_without_reply"] = self._replied(texts, labelled)
            facts["texts_with_reply"] = len(more)
            judged += more
        if rationales:
            why = self._explained(told, labelled, facts)
        return Lessons(tuple(judged), tuple(why), facts)

    def _replied(self, texts: Path, labelled: Sequence[Row]) -> tuple[list[Row], int]:
        from slm_finetune.distill.replies import read_texts, replied_rows

        domain, settings = self.job.domain, self.job.settings
        rows, without = replied_rows(
            self.teacher, read_texts(texts, domain), self._reading(labelled), settings
        )
        print(f"{len(rows)} texts with the teacher's reply, {without} without a usable one", file=sys.stderr)
        return rows, without

    def _explained(
        self, told: Mapping[str, str] | None, labelled: Sequence[Row], facts: dict[str, Any]
    ) -> list[Row]:
        from slm_finetune.distill.rationales import asked_rationales, rationale_rows

        found = rationale_rows(
            labelled, asked_rationales(self.teacher, labelled, self.job.settings) if told is None else told
        )
        facts |= {"rationales": len(found.rows), "rationales_dropped": found.dropped}
        print(
            f"{len(found.rows)} rationales; {found.dropped} dropped (their message does not bear them out), "
            f"{found.foreign} of rows that are not trained on",
            file=sys.stderr,
        )
        return found.rows

    def _encode(self, lessons: Lessons) -> list[Example]:
        return [encode_row(self._tokenizer, row, self.job.recipe.max_length) for row in lessons.rows]

    @cached_property
    def _tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        from slm_finetune.base import dequantized_base

        job = self.job
        return AutoTokenizer.from_pretrained(dequantized_base(job.gguf_file, job.sha256, job.settings.home))

    def _kept(
        self, lessons: Lessons, examples: Sequence[Example], labelled: Sequence[Row]
    ) -> list[Kept | None]:
        reading = self._reading(labelled)
        judged = list(zip(lessons.judged, examples, strict=False))
        asked = [reading.encode(self._tokenizer, row, example) for row, example in judged]
        kept = kept_of_rows(self.teacher, asked, self.lesson, self.size, self.job.settings)
        lessons.facts.update(_worth(kept[: len(labelled)]))
        return [*kept, *[None] * len(lessons.rationales)]

    def _forward(self, lessons: Lessons, kept: Sequence[Kept | None]) -> Job:
        from slm_finetune.distill.forward import ForwardTrainer

        trainer = partial(
            ForwardTrainer,
            kept=kept,
            weights=lessons.weights(self.lesson),
            lesson=self.lesson,
            size=self.size,
        )
        return replace(self.job, rows=lessons.rows, teaching=Teaching(trainer, lessons.facts))

    def _open(self, lessons: Lessons, examples: Sequence[Example]) -> Teacher:
        from slm_core.engine.threads import choose_threads

        context = max(len(example.prompt) for example in examples) + self.lesson.reply_tokens
        return Teacher(self.teacher, self.size, context, choose_threads(self.job.settings)[0])

    def _reverse(self, lessons: Lessons, examples: Sequence[Example], teacher: Teacher) -> Job:
        from slm_finetune.distill.reverse import ReverseTrainer

        trainer = partial(
            ReverseTrainer,
            teacher=teacher,
            examples=examples,
            weights=lessons.weights(self.lesson),
            answered=len(lessons.judged),
            lesson=self.lesson,
            size=self.size,
        )
        return replace(self.job, rows=lessons.rows, teaching=Teaching(trainer, lessons.facts))


def _worth(kept: Sequence[Kept]) -> dict[str, float]:
    """Say what the teacher makes of the labelled rows: a high loss means that it has little to teach."""
    import numpy as np

    loss = -float(np.concatenate([each.own for each in kept]).mean())
    mass = float(np.mean([each.mass for each in kept]))
    print(
        f"teacher's loss on the labelled rows {loss:.3f} nat a token; "
        f"the kept tokens hold {mass:.1%} of its distribution",
        file=sys.stderr,
    )
    return {"teacher_loss": round(loss, 4), "kept_mass": round(mass, 4)}
