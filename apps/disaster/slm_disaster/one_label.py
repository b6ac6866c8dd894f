"""Tasks that answer with one label of an enum; wire form: the label as a JSON string."""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from slm_core.domain import TextRequest


class Labelled(Protocol):
    """A reply with one label."""

    @property
    def label(self) -> StrEnum:
        """The label."""


R = TypeVar("R", bound=Labelled)


def encode(reply: Labelled, request: TextRequest) -> str:
    """Return the wire form."""
    return json.dumps(reply.label.value)


def decoder(reply: Callable[..., R], labels: type[StrEnum]) -> Callable[[Any, TextRequest], R]:
    """Return what reads the wire form; it raises ValueError where that is none of the labels."""
    return lambda wire, request: reply(label=labels(wire))


def items(reply: Labelled) -> frozenset[str]:
    """Return what the metric counts: the label."""
    return frozenset({reply.label.value})
