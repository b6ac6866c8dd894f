"""One report: a head, its tails, the sender, the noise."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from random import Random

from slm_disaster.generator.english import English
from slm_disaster.generator.korean import Korean
from slm_disaster.generator.noise import disturb
from slm_disaster.generator.pattern import Filler, load_table
from slm_disaster.generator.pieces import Piece, text_of, wire_of
from slm_disaster.record import COUNTS, LIMITS, QUOTE_LIMIT

_REGISTERS = {
    "ko": {"alert": 38, "report": 27, "citizen": 24, "none": 11},
    "en": {"bulletin": 25, "news": 30, "sms": 26, "radio": 9, "none": 10},
}
_NOBODY = {"none_hurt", "nobody", "none_dead", "safe", "fine", "zeros"}  # tails that deny casualties
_CALM = {"ok_now", "fire_gone", "s_ok", "s_thanks", "n_fire_2"}  # heads after which no distress follows
_SPOKEN = {"citizen", "sms", "radio"}
_TAILS = {
    False: (18, 36, 30, 16),
    True: (8, 27, 37, 28),
}  # weights of none to three tails; printed reports are longer
_PRINTED = {"news", "bulletin"}  # their sentences start with a capital
_BETWEEN = {
    "alert": [". ", ", ", " / ", ". ", " ▲", "/"],
    "bulletin": [". ", ". ", "; "],
    "report": [". ", ". ", ". ", "; ", " "],
    "citizen": [" ", ". ", "! ", ", ", ".. ", "\n"],
    "news": [". "],
    "sms": [". ", ", ", " ", "! ", ". "],
    "radio": [". ", ", ", " / "],
}
# Where a slot may go without breaking its sentence, and how often it does: reports leave place or time out.
_OPTIONAL = {
    "ko": [
        (re.compile(r"(?<![^ ])\{places?\} (?!일대|쪽|가는|들어가|관내|사람)"), 0.3),
        (re.compile(r"(?<!: )\{time\} "), 0.25),
    ],
    "en": [
        (re.compile(r"(?<!are)(?<!am)(?<!live)(?<!stay) (in|for|near|at) \{places?\}"), 0.35),
        (re.compile(r"(?<!/)( as of| since| from)? \{(time|when)\}(?! /)"), 0.2),
    ],
}
_TEXT_LIMIT = {"ko": 180, "en": 380}
_WIRE_LIMIT = {"ko": 190, "en": 330}


@dataclass(frozen=True)
class Report:
    """A made report, its wire form, and the pattern of its head."""

    text: str
    wire: str
    pattern: str


def compose(lang: str, rng: Random) -> Report:
    """Return one report that keeps the limits of text, wire form and quotes."""
    while True:
        report = _attempt(lang, rng)
        if _fits(report, lang):
            return report


def _attempt(lang: str, rng: Random) -> Report:
    filler: Filler = Korean(rng) if lang == "ko" else English(rng)
    patterns = load_table(f"patterns_{lang}")
    weights = _REGISTERS[lang]
    register = rng.choices(list(weights), weights=list(weights.values()))[0]
    name = rng.choice(sorted(patterns[register]))
    pieces = filler.expand(_thinned(patterns[register][name], lang, rng))
    if register != "none" and name not in _CALM:
        pieces = _with_tails(pieces, register, patterns, filler)
    if rng.random() < 0.015:
        pieces = [*pieces, Piece(" "), *filler.expand("{inject}")]
    pieces = _tidy(pieces)
    pieces = disturb(pieces, lang, register in _SPOKEN, rng, filler.words["typo"])  # type: ignore[arg-type]
    pieces = _signed(pieces, register, filler)
    return Report(text_of(pieces).strip(), wire_of(pieces), name)


def _thinned(pattern: str, lang: str, rng: Random) -> str:
    for slot, share in _OPTIONAL[lang]:
        if rng.random() < share:
            pattern = slot.sub("", pattern)
    return pattern


def _with_tails(pieces: list[Piece], register: str, patterns: dict, filler: Filler) -> list[Piece]:  # type: ignore[type-arg]
    rng = filler.rng
    tails = patterns[f"{register}_tail"]
    parts, given = [pieces], _single_fields(pieces)
    for name in rng.sample(sorted(tails), rng.choices([0, 1, 2, 3], weights=_TAILS[register in _PRINTED])[0]):
        tail = filler.expand(tails[name])
        gives = _single_fields(tail) | (set(COUNTS) if name in _NOBODY else set())
        if not given & gives:
            parts.append(tail)
            given |= gives
    if len(parts) > 1 and register != "news" and rng.random() < 0.12:
        rng.shuffle(parts)
    result: list[Piece] = []
    for part in parts:
        if result:
            result.append(Piece(_joint(result[-1].text, rng.choice(_BETWEEN[register]))))
        if register in _PRINTED:
            part = [replace(part[0], text=part[0].text[:1].upper() + part[0].text[1:]), *part[1:]]
        result.extend(part)
    return result


def _single_fields(pieces: Iterable[Piece]) -> set[str]:
    return {label.field for piece in pieces for label in piece.labels if not label.weak} - set(LIMITS)


def _joint(before: str, separator: str) -> str:
    """A sentence that ended already gets a space, not a second mark."""
    return (
        " "
        if before.endswith((".", "!", "?")) and separator.strip(" \n") in {".", ",", ";", "!", "..", "/"}
        else separator
    )


def _tidy(pieces: list[Piece]) -> list[Piece]:
    """One full stop after an abbreviation, not two."""
    result: list[Piece] = []
    for piece in pieces:
        if result and result[-1].text.endswith(".") and piece.text.startswith("."):
            piece = replace(piece, text=piece.text[1:])
        if piece.text:
            result.append(piece)
    return result


def _signed(pieces: list[Piece], register: str, filler: Filler) -> list[Piece]:
    """Alerts carry their sender, in brackets before or after; it is no place of the event."""
    rng = filler.rng
    if register not in {"alert", "bulletin"} or rng.random() < 0.25:
        return pieces
    if not isinstance(filler, Korean):
        return pieces if rng.random() < 0.5 else [Piece(f"{filler.choose('word', 'agency')}: "), *pieces]
    sender = f"[{filler.sender()}]"
    if rng.random() < 0.7:
        return [Piece(sender + rng.choice([" ", " ", ""])), *pieces]
    return [*pieces, Piece(rng.choice([" ", ""]) + sender)]


def _fits(report: Report, lang: str) -> bool:
    if len(report.text) > _TEXT_LIMIT[lang] or len(report.wire) > _WIRE_LIMIT[lang] or not report.text:
        return False
    return all(len(quote) <= QUOTE_LIMIT and quote in report.text for quote in quotes(report.wire))


def quotes(wire: str) -> list[str]:
    """Return every quote of a wire form."""
    found: list[str] = []
    for key, value in json.loads(wire).items():
        if isinstance(value, str):
            found.append(value)
        elif key in {"hazard", "level", "stage"}:
            found.append(value[1])
        else:
            found.extend(item if isinstance(item, str) else item[1] for item in value)
    return found
