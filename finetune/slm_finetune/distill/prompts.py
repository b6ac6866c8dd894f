"""What the teacher reads before a reply: what the student reads, or instructions and a few examples.

A tuned teacher knows the domain's wire form from the short prompt that the student is trained on. One that
has not been tuned knows nothing of it; `--shots` puts the task's instructions and some labelled rows first.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from slm_core.dataset.row import Row
from slm_core.domain import Domain
from slm_finetune.examples import Example, prompt_text


@dataclass(frozen=True)
class Reading:
    """How the teacher is asked.

    Args:
        domain: whose instructions these are.
        labelled: rows that examples may be taken from.
        shots: examples of the row's task; None leaves the student's own prompt.
        seed: of their choice.
    """

    domain: Domain
    labelled: tuple[Row, ...]
    shots: int | None
    seed: int

    def messages(self, row: Row) -> list[dict[str, str]]:
        """Return the teacher's prompt for a row; the row is none of its own examples."""
        if self.shots is None:
            return row.prompt()
        messages = [{"role": "system", "content": self.domain.task(row.task).instructions}]
        for example in self._examples(row):
            messages.append({"role": "user", "content": example.user})
            messages.append({"role": "assistant", "content": example.target})
        return [*messages, {"role": "user", "content": row.user}]

    def _examples(self, row: Row) -> list[Row]:
        others = [each for each in self.labelled if each.task == row.task and each.user != row.user]
        order = random.Random(self.seed).sample(others, len(others))  # the same for every row but itself
        return order[: self.shots]

    def encode(self, tokenizer: Any, row: Row, example: Example) -> Example:
        """Return the row as the teacher reads it, given how the student does."""
        if self.shots is None:
            return example
        text = prompt_text(tokenizer, self.messages(row))
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        return Example(tuple(ids), example.target)
