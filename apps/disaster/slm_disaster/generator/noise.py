"""Surface noise: what hurried people and old handsets do to a sentence. Labels stay on their pieces."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from random import Random

from slm_disaster.generator.pieces import Piece


def disturb(
    pieces: Sequence[Piece], lang: str, spoken: bool, rng: Random, typos: Mapping[str, str]
) -> list[Piece]:
    """Return the pieces, some changed: 경, missing spaces, typos, lower or upper case, no full stop."""
    result = list(pieces)
    if lang == "ko":
        result = _about(result, rng)
        if rng.random() < (0.3 if spoken else 0.12):
            result = _each(result, lambda text: _unspaced(text, rng, 0.35))
    elif spoken and rng.random() < 0.4:
        result = _each(result, str.lower if rng.random() < 0.7 else str.upper)
    if spoken and rng.random() < 0.4:
        result = _each(result, lambda text: _misspelt(text, rng, typos))
    if spoken and rng.random() < 0.3:
        result = _each(result, lambda text: re.sub(r"[.,] ", " ", text))
    return result


def _each(pieces: Sequence[Piece], change: Callable[[str], str]) -> list[Piece]:
    """Change the texts; a piece whose labels point inside it keeps its length."""
    changed = []
    for piece in pieces:
        text = change(piece.text)
        inside = any(label.start or label.end is not None for label in piece.labels)
        changed.append(piece if inside and len(text) != len(piece.text) else replace(piece, text=text))
    return changed


def _about(pieces: Sequence[Piece], rng: Random) -> list[Piece]:
    """Put 경, 쯤 or 께 after some times; the quote of the time does not contain it."""
    result: list[Piece] = []
    for piece, following in zip(pieces, [*pieces[1:], Piece("")], strict=True):
        result.append(piece)
        if following.text.startswith(("를", "가 ", "는", "와", "로")):
            continue  # those particles would no longer fit
        ends_in_clock = re.search(r"(\d\d|시|분)$", piece.text)
        if ends_in_clock and any(label.field == "time" for label in piece.labels) and rng.random() < 0.25:
            result.append(Piece(rng.choice(["경", "경", "쯤", "께"])))
    return result


def _unspaced(text: str, rng: Random, share: float) -> str:
    return re.sub(r"(?<=[가-힣]) (?=[가-힣])", lambda _: "" if rng.random() < share else " ", text)


def _misspelt(text: str, rng: Random, typos: Mapping[str, str]) -> str:
    for right, wrong in typos.items():
        if rng.random() < 0.5:
            text = re.sub(rf"(?<![a-zA-Z]){re.escape(right)}(?![a-zA-Z])", wrong, text)
    return text
