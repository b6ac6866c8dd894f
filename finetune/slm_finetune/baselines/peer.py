"""A deterministic peer that the domain brings along: another project's answer in the form of the task."""

from __future__ import annotations

from slm_core.domain import Task
from slm_finetune.measure import Answer, Case, NotApplicable, timed


class Peer:
    """Answers with one of `Task.peers`."""

    note = "a peer of the domain, untrained"
    base_sha256: str | None = None
    adapter_sha256: str | None = None

    def __init__(self, task: Task, name: str) -> None:
        """Take a peer of a task by its name.

        Raises:
            NotApplicable: the task has no such peer.
        """
        if name not in task.peers:
            raise NotApplicable(f"not applicable: the task has no peer {name}")
        self.name = name
        self._answer, self._items = task.peers[name], task.items

    def answer(self, case: Case) -> Answer:
        """Return what the peer finds."""
        return timed(lambda: self._items(self._answer(case.request)))
