"""Holds what was claimed against the text it was taken from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from slm_core.grounding.binding import bindings, occurrences
from slm_core.grounding.moments import Moment, moments
from slm_core.grounding.numbers import Number, numbers, same_unit


@dataclass(frozen=True)
class Claim:
    """One statement about a text.

    Args:
        field: its name, for the problem.
        value: a number, or words that must stand in the text (a place, an id, a time).
        quote: the words of the text that give it.
        words: what names a number in the text; without any the number alone must be there.
        units: what it is counted in.
        rivals: words that take numbers for themselves.
        released_by: words that take the quoted thing back (해제, lifted).
    """

    field: str
    value: float | str
    quote: str | None = None
    words: Sequence[str] = ()
    units: Sequence[str] = ()
    rivals: Sequence[str] = ()
    released_by: Sequence[str] = ()


@dataclass(frozen=True)
class Problem:
    """A claim that the text does not bear out, and why."""

    field: str
    reason: str


def check(claims: Iterable[Claim], text: str) -> list[Problem]:
    """Return one problem for each claim that the text does not bear out; none means that all are grounded."""
    return [Problem(claim.field, reason) for claim in claims if (reason := _refusal(claim, text))]


def revoked(text: str, start: int, end: int, words: Sequence[str]) -> str | None:
    """Return the word that takes back what stands at `start` to `end`: after it, or in English just before.

    `대피명령 해제` is no evacuation, `evacuation order lifted` and `no evacuation` neither.
    """
    after = re.split(r"[.!?;,\n/]", text[end : end + 25])[0]
    before = re.split(r"[.!?;,\n/]", text[max(0, start - 12) : start])[-1]
    hit = occurrences(after, words)
    if hit:
        return after[hit[0][0] : hit[0][1]]
    english = occurrences(before, [word for word in words if word.isascii()])
    return before[english[-1][0] : english[-1][1]] if english else None


def unsupported_numbers(answer: str, sources: Sequence[str]) -> list[Number | Moment]:
    """Return the numbers, dates and hours of an answer that no source gives, in the answer's order.

    A number is given where a source has the value with the same unit, or with one of them unknown; a date
    where a source has one that does not contradict it (`06-25` is given by `2025-06-25`).
    """
    given = [number for source in sources for number in numbers(source)]
    times = [moment.value for source in sources for moment in moments(source)]
    loose: list[Number | Moment] = [number for number in numbers(answer) if not _is_given(number, given)]
    loose += [moment for moment in moments(answer) if not any(_agrees(moment.value, time) for time in times)]
    return sorted(loose, key=lambda found: found.start)


def _refusal(claim: Claim, text: str) -> str | None:
    if claim.quote is not None and _plain(claim.quote) not in _plain(text):
        return f"the quote {claim.quote!r} is not in the text"
    if claim.released_by and claim.quote:
        at = text.find(claim.quote)
        word = revoked(text, at, at + len(claim.quote), claim.released_by) if at >= 0 else None
        if word:
            return f"{claim.quote!r} is taken back by {word!r}"
    if isinstance(claim.value, str):
        return None if _has_words(claim.value, text) else f"{claim.value!r} is not in the text"
    return _number_refusal(claim, claim.value, text)


def _has_words(value: str, text: str) -> bool:
    return _plain(value) in _plain(text) or any(_agrees(value, moment.value) for moment in moments(text))


def _number_refusal(claim: Claim, value: float, text: str) -> str | None:
    within = _quote_spans(claim.quote, text)
    if not claim.words:
        found = [
            number for number in numbers(text) if number.value == value and _unit_fits(number, claim.units)
        ]
        return (
            None if any(_inside(n.start, n.end, within) for n in found) else f"{value:g} is not in the text"
        )
    bound = bindings(text, claim.words, units=claim.units, rivals=claim.rivals)
    here = [each for each in bound if _inside(each.start, each.end, within)]
    if any(each.value == value for each in here):
        return None
    if here:
        return f"the text gives {here[0].value:g} for {here[0].word!r}, not {value:g}"
    if any(each.value == value for each in bound):
        return f"{value:g} stands elsewhere, not in {claim.quote!r}"
    if value in {number.value for number in numbers(text)}:
        return f"{value:g} is in the text, but belongs to none of {', '.join(claim.words[:3])}"
    return f"{value:g} is not in the text"


def _quote_spans(quote: str | None, text: str) -> list[tuple[int, int]]:
    if quote is None:
        return [(0, len(text))]
    spans, at = [], text.find(quote)
    while at >= 0:
        spans.append((at, at + len(quote)))
        at = text.find(quote, at + 1)
    return spans or [(0, len(text))]


def _inside(start: int, end: int, spans: list[tuple[int, int]]) -> bool:
    return any(a < end and start < b for a, b in spans)


def _unit_fits(number: Number, units: Sequence[str]) -> bool:
    return not units or not number.unit or any(same_unit(number.unit, unit) for unit in units)


def _is_given(number: Number, given: list[Number]) -> bool:
    return any(number.value == other.value and same_unit(number.unit, other.unit) for other in given)


def _agrees(one: str, other: str) -> bool:
    """Whether two moments may be the same: equal, or one is the end of the other."""
    first, second = one.removeprefix("---"), other.removeprefix("---")
    if one.startswith("T") or other.startswith("T"):
        return one == other
    return bool(first) and bool(second) and (first.endswith(second) or second.endswith(first))


def _plain(text: str) -> str:
    return " ".join(text.split())
