"""Pieces of a report, each with the labels it carries, so that every quote is exact by construction."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from slm_disaster.record import LIMITS, ORDER, PAIR_LISTS, PAIRS


@dataclass(frozen=True)
class Label:
    """A field of the record that a piece gives, with its kind where the field has kinds.

    `start` and `end` are characters of the piece; `end` None is its end.
    """

    field: str
    kind: str = ""
    start: int = 0
    end: int | None = None


@dataclass(frozen=True)
class Piece:
    """A stretch of the report and what it says."""

    text: str
    labels: tuple[Label, ...] = ()


def text_of(pieces: Sequence[Piece]) -> str:
    """Return the report."""
    return "".join(piece.text for piece in pieces)


def wire_of(pieces: Sequence[Piece]) -> str:
    """Return the wire form of the record that the pieces give; of single values the first counts."""
    found: dict[str, Any] = {}
    for piece in pieces:
        for label in piece.labels:
            quote = piece.text[label.start : label.end]
            value: Any = [label.kind, quote] if label.kind else quote
            if label.field in LIMITS:
                values = found.setdefault(label.field, [])
                if value not in values and len(values) < LIMITS[label.field]:
                    values.append(value)
            else:
                found.setdefault(label.field, value)
    wire = {field: found[field] for field in ORDER if field in found}
    return json.dumps(wire, ensure_ascii=False, separators=(",", ":"))


def label_for(name: str) -> Label:
    """Read `hazard.flood`, `need.water`, `place` or `dead` as patterns write them."""
    field, _, kind = name.partition(".")
    field = {"need": "needs", "infra": "infrastructure"}.get(field, field)
    if field not in ORDER or bool(kind) != (field in PAIRS or field in PAIR_LISTS):
        raise ValueError(f"no such label in a pattern: {name!r}")
    if kind:
        kind = str((PAIRS | PAIR_LISTS)[field](kind))
    return Label(field, kind)
