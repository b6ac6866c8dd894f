"""What building a dataset needs of a domain; `slm_core.domain.Domain` keeps it.

The domain stands a floor above (it speaks of rows), so this part knows it by its shape only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from pydantic import BaseModel

from slm_core.dataset.row import Row
from slm_core.dataset.source import Importer, Rejected, Source


class TaskShape(Protocol):
    """The part of a task that turns a request and a reply into a row, and back."""

    @property
    def name(self) -> str:
        """The `task` of its rows."""

    @property
    def request(self) -> type[BaseModel]:
        """The model of what is asked."""

    @property
    def reply(self) -> type[BaseModel]:
        """The model of the answer."""

    @property
    def items(self) -> Callable[[Any], frozenset[str]]:
        """What the metric counts in a reply."""

    def wire_schema(self) -> Mapping[str, Any]:
        """Return the JSON schema of the target."""

    def parse_request(self, text: str) -> BaseModel:
        """Return the request that a user message holds."""

    def write(self, reply: BaseModel, request: BaseModel) -> str:
        """Return the target."""

    def read(self, wire: Any, request: BaseModel) -> Any:
        """Return the reply of a parsed target, or raise ValueError."""

    def messages(self, request: BaseModel, *, system: str | None = None) -> list[dict[str, str]]:
        """Return system and user message."""


class DomainShape(Protocol):
    """The part of a domain that says where rows come from and what a valid one is."""

    @property
    def name(self) -> str:
        """The name of its data folder."""

    @property
    def titles(self) -> Mapping[str, str]:
        """What a person reads, by language."""

    @property
    def tasks(self) -> Sequence[TaskShape]:
        """In the order in which they are shown."""

    @property
    def importers(self) -> Mapping[str, Importer]:
        """Published formats, by name."""

    @property
    def build_dataset(self) -> Callable[[Sequence[Source], int], Iterable[Row | Rejected]]:
        """Sources and a seed to rows."""

    def task(self, name: str | None = None) -> TaskShape:
        """Return the task of that name, or the first."""
