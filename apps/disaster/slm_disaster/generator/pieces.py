"""Pieces of a report, each with the labels it carries, so that every quote is exact by construction."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from slm_disaster.record import LIMITS, ORDER, PAIR_LISTS, PAIRS

_SUPPLIES = {
    "power": "정전|전기|전력|power|blackout|electric|outage",
    "water_supply": "단수|물|수도|water|taps",
    "gas": "가스|gas",
    "telecom": "통신|전화|인터넷|phone|signal",
}
_WAYS = {"road", "railway", "airport_port"}
_CLOSED = re.compile(
    "통제|제한|차단|막|중단|중지|결항|통과|closed|blocked|suspended|halted|cancelled|impassable",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Label:
    """A field of the record that a piece gives, with its kind where the field has kinds.

    `start` and `end` are characters of the piece; `end` None is its end. A weak label is implied by
    another: a closed road is a matter of transport unless some piece names a flood that closed it.
    """

    field: str
    kind: str = ""
    start: int = 0
    end: int | None = None
    weak: bool = False


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
    given = [(label, piece.text[label.start : label.end]) for piece in pieces for label in piece.labels]
    found: dict[str, Any] = {}
    for label, quote in sorted(given, key=lambda pair: pair[0].weak):
        if label.field not in LIMITS:
            found.setdefault(label.field, [label.kind, quote] if label.kind else quote)
    released = found.get("stage", [""])[0] == "release"
    for label, quote in given:
        if label.field in LIMITS and not (label.weak and released):
            found.setdefault(label.field, []).append([label.kind, quote] if label.kind else quote)
    wire = {field: _limited(field, found[field]) for field in ORDER if field in found}
    return json.dumps(wire, ensure_ascii=False, separators=(",", ":"))


def _limited(field: str, value: Any) -> Any:
    """Return a list without repetitions and no longer than the wire form allows; other values as they are."""
    if field not in LIMITS:
        return value
    return [item for at, item in enumerate(value) if item not in value[:at]][: LIMITS[field]]


def labelled(text: str, names: str) -> Piece:
    """Return a piece with labels such as `hazard.flood` or `place+infra.road`, and with those they imply."""
    labels = tuple(_label(name) for name in names.split("+"))
    return Piece(text, (*labels, *(weak for label in labels for weak in _implied(label, text))))


def _label(name: str) -> Label:
    field, _, kind = name.partition(".")
    field = {"need": "needs", "infra": "infrastructure"}.get(field, field)
    if field not in ORDER or bool(kind) != (field in PAIRS or field in PAIR_LISTS):
        raise ValueError(f"no such label in a pattern: {name!r}")
    return Label(field, str((PAIRS | PAIR_LISTS)[field](kind)) if kind else "")


def _implied(label: Label, text: str) -> list[Label]:
    """A supply that fails is a utility hazard, a closed way one of transport, if nothing else is the cause.

    And the other way round: a power cut is damage to the power supply, as long as it lasts.
    """
    if label.field == "infrastructure" and label.kind in _SUPPLIES:
        return [Label("hazard", "utility", weak=True)]
    if label.kind in _WAYS and _CLOSED.search(text):
        return [Label("hazard", "transport", weak=True)]
    if label.kind == "utility":
        kinds = (kind for kind, words in _SUPPLIES.items() if re.search(words, text, re.IGNORECASE))
        return [Label("infrastructure", kind, weak=True) for kind in kinds][:1]
    return []
