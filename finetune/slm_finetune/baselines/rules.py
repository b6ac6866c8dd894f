"""The task's own deterministic answer."""

from __future__ import annotations

from slm_core.domain import Task
from slm_finetune.measure import Answer, Case, NotApplicable, timed


class Rules:
    """Answers with `Task.rules`."""

    name = "rules"
    note = "the domain's rules, untrained"
    base_sha256: str | None = None
    adapter_sha256: str | None = None

    def __init__(self, task: Task) -> None:
        """Take the rules of a task.

        Raises:
            NotApplicable: it has none.
        """
        if task.rules is None:
            raise NotApplicable("not applicable: the task has no rules")
        self._rules, self._items = task.rules, task.items

    def answer(self, case: Case) -> Answer:
        """Return what the rules find."""
        return timed(lambda: self._items(self._rules(case.request)))
