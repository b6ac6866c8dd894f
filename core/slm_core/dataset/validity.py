"""Whether a row is one that the domain's task can learn from."""

from __future__ import annotations

import json
from typing import Any

from jsonschema import Draft202012Validator

from slm_core.dataset.contract import DomainShape, TaskShape
from slm_core.dataset.row import Row
from slm_core.errors import SlmError


class Validity:
    """Reads rows as a domain's tasks would; the schemas are made once."""

    def __init__(self, domain: DomainShape) -> None:
        self._domain = domain
        self._known: dict[str, tuple[TaskShape, Draft202012Validator]] = {}

    def fault(self, row: Row) -> str | None:
        """Return why a row is not valid: unknown task, empty text, or a target that the task cannot read."""
        try:
            self.reply(row)
        except (SlmError, ValueError, LookupError, TypeError) as error:
            # A `decode` written for good wire forms may meet a bad one: LookupError, TypeError are the row's.
            return " ".join(str(error).split()) or type(error).__name__
        return None

    def reply(self, row: Row) -> Any:
        """Return the checked reply that a row teaches.

        Raises:
            UserError: the domain has no such task, or the text is no request of it.
            ValueError: the target is no reply to it.
        """
        task, schema = self._task(row.task)
        if not row.user.strip():
            raise ValueError("the user's text is empty")
        request = task.parse_request(row.user)
        try:
            wire = json.loads(row.target)
        except ValueError as error:
            raise ValueError(f"the target is not JSON: {error}") from error
        misfit = next(iter(schema.iter_errors(wire)), None)
        if misfit is not None:
            raise ValueError(f"the target does not fit the schema: {misfit.json_path}: {misfit.message}")
        return task.read(wire, request)

    def _task(self, name: str) -> tuple[TaskShape, Draft202012Validator]:
        if name not in self._known:
            task = self._domain.task(name)
            self._known[name] = task, Draft202012Validator(task.wire_schema())
        return self._known[name]
