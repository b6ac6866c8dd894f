"""One generated command: a pattern filled, disturbed as speech and hurried typing do, with its answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import TypeVar

from slm_energy.command.action import Command, Quote, Value, Verb, What, When
from slm_energy.command.reading import read_value, read_when
from slm_energy.generator.pattern import Filler, Piece, load_table

_WEIGHTS = {Verb.NONE: 0.24, Verb.SEVERAL: 0.06}
"""Shares of the rows; the other verbs share the rest by the number of their patterns."""


R = TypeVar("R", Value, When)


@dataclass(frozen=True)
class Made:
    """A sentence, its command, and the pattern it is of."""

    text: str
    command: Command
    pattern: str


def compose(lang: str, rng: Random) -> Made:
    """Return one sentence with its command."""
    tables = _patterns(lang)
    fixed = rng.random()
    if fixed < sum(_WEIGHTS.values()):
        key: tuple[Verb, What | None] = (Verb.NONE if fixed < _WEIGHTS[Verb.NONE] else Verb.SEVERAL, None)
    else:
        rest = [each for each in tables if each[0] not in _WEIGHTS]
        key = rng.choices(rest, weights=[len(tables[each]) for each in rest])[0]
    name = rng.choice(sorted(tables[key]))
    pieces = _disturbed(Filler(lang, rng).fill(tables[key][name]), lang, rng)
    what = f".{key[1]}" if key[1] else ""
    return Made(
        "".join(piece.text for piece in pieces), _command(pieces, *key), f"{lang}/{key[0]}{what}/{name}"
    )


def _patterns(lang: str) -> dict[tuple[Verb, What | None], dict[str, str]]:
    """Return the patterns by verb and quantity."""
    found: dict[tuple[Verb, What | None], dict[str, str]] = {}
    for verb, entries in load_table(f"patterns_{lang}").items():
        own = {name: pattern for name, pattern in entries.items() if isinstance(pattern, str)}
        if own:
            found[Verb(verb), None] = own
        for what, patterns in entries.items():
            if isinstance(patterns, dict):
                found[Verb(verb), What(what)] = patterns
    return found


def _command(pieces: Sequence[Piece], verb: Verb, what: What | None) -> Command:
    """Return the command that the labels give.

    Raises:
        ValueError: words of a value or time are read otherwise than they were made; a fault of the lists.
    """
    text = "".join(piece.text for piece in pieces)
    quotes: dict[str, list[tuple[Quote, str]]] = {}
    position = 0
    for piece in pieces:
        if piece.label:
            quote = Quote(start=position, end=position + len(piece.text), quote=piece.text)
            quotes.setdefault(piece.label, []).append((quote, piece.truth))
        position += len(piece.text)
    values = [_held(read_value(quote), truth, text) for quote, truth in quotes.get("value", [])]
    whens = [_held(read_when(quote, text), truth, text) for quote, truth in quotes.get("when", [])]
    area, device = (quotes[key][0][0] if key in quotes else None for key in ("area", "device"))
    return Command(verb=verb, what=what, value=next(iter(values), None), when=whens, area=area, device=device)


def _held(read: R | None, truth: str, text: str) -> R:
    if read is None or read.shown != truth:
        raise ValueError(f"{text!r}: read {read.shown if read else None!r}, made as {truth!r}")
    return read


def _disturbed(pieces: Sequence[Piece], lang: str, rng: Random) -> list[Piece]:
    """Return the pieces as people speak and type them: joined words, lower case, no marks at the end."""
    result = list(pieces)
    if lang == "ko" and rng.random() < 0.2:
        result = [_joined(piece, rng) for piece in result]
    elif lang == "en" and rng.random() < 0.6:
        result = [
            replace(piece, text=piece.text.lower()) if piece.label != "value" else piece for piece in result
        ]
    elif lang == "en":
        result[0] = replace(result[0], text=result[0].text[:1].upper() + result[0].text[1:])
    if rng.random() < 0.5:
        result[-1] = replace(result[-1], text=re.sub(r"[?.!]$", "", result[-1].text))
    return _trimmed(result)


def _joined(piece: Piece, rng: Random) -> Piece:
    """Leave out spaces between words; times and values keep theirs."""
    if piece.label in ("value", "when"):
        return piece
    return replace(
        piece, text=re.sub(r"(?<=[가-힣]) (?=[가-힣])", lambda _: rng.choice(["", " "]), piece.text)
    )


def _trimmed(pieces: Sequence[Piece]) -> list[Piece]:
    """Return the pieces without white space at both ends of the sentence and without empty ones."""
    result = [piece for piece in pieces if piece.text]
    result[0] = replace(result[0], text=result[0].text.lstrip())
    result[-1] = replace(result[-1], text=result[-1].text.rstrip())
    return [piece for piece in result if piece.text]
