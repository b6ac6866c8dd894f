"""What a suite with options is: how its files become questions, and its answers figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from slm_core.errors import UserError
from slm_finetune.suites.figures import Figure
from slm_finetune.suites.question import Question
from slm_finetune.suites.scoring import Answer


@dataclass(frozen=True)
class ChoiceSuite:
    """A suite whose questions have options.

    Args:
        name: as the user types it.
        splits: names of the parts, the one that others publish first.
        letters: compare the first token of each option (A to D); else the whole text of each.
        shots: solved examples before a question, where the user names no number.
        context: tokens that a slot must hold.
        form: the prompt format and the likelihood, in one line.
        places: where the files of a split lie below the folder, as glob patterns with `{split}`.
        read: folder, split and shots to questions, those of a group one after the other.
        figures: answers to figures, those of the suite's own definition last.
    """

    name: str
    splits: tuple[str, ...]
    letters: bool
    shots: int
    context: int
    form: str
    places: tuple[str, ...]
    read: Callable[[Path, str, int], list[Question]]
    figures: Callable[[Sequence[Answer]], list[Figure]]

    def split(self, folder: Path, asked: str | None) -> str:
        """Return the split to measure: the one asked for, or the first that is there.

        Raises:
            UserError: the folder has no file of it, or there is no such split.
        """
        if not folder.is_dir():
            raise UserError("no such folder", where=folder, expected=self._expected(asked or self.splits[0]))
        if asked and asked not in self.splits:
            raise UserError(
                f"{self.name} has no split {asked!r}", where="--split", expected=", ".join(self.splits)
            )
        for split in (asked,) if asked else self.splits:
            if self.files(folder, split):
                return split
        raise UserError(
            f"no files of {self.name} in this folder",
            where=folder,
            expected=self._expected(asked or self.splits[-1]),
        )

    def files(self, folder: Path, split: str) -> list[Path]:
        """Return the files of a split, from the first place that has any."""
        for place in self.places:
            found = sorted(folder.glob(place.format(split=split)))
            if found:
                return found
        return []

    def _expected(self, split: str) -> str:
        return " or ".join(place.format(split=split) for place in self.places)
