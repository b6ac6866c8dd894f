"""Which number belongs to which words.

In `사망 3명, 부상 5명` as in `3 dead, 5 injured` the number stands next to its word, but on which side
differs. So words and numbers of a sentence are matched as a whole: neighbours only, as many pairs as
possible, then the closest. Where the text gives one number to two words (`사망·실종 3명`, `3 dead or
missing`) it belongs to neither.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from slm_core.grounding.numbers import Number, numbers, numerals

_SENTENCE_END = re.compile(r"[!?。;\n▲▶●■○◆□※]|\.(?=\s+\D|\s*$)|(?<=[다요음임함됨])\.")
_FAR = 45
_NO_AFTER = re.compile(
    r"(?:자|자수|피해)?\s?(?:은|는|이|가|도)?\s?(?:현재까지\s?|아직\s?|한\s?명도\s?|전혀\s?)?"
    r"(?:없(?!애)|전무|0\s?명|발생하지 않)[가-힣]{0,2}"
)
_NO_BEFORE = re.compile(
    r"\b(?:no|zero|without(?: any)?|nobody|not|none)"
    r"(?: (?:one|was|were|been|has|have|had|people|persons|reports?|reported|of"
    r"|further|new|confirmed|immediate|more|casualties|deaths?|injuries|or|nor|and|any|yet))*\s$",
    re.IGNORECASE,
)
_NO_LATER = re.compile(r"(?:\W*\w+)?\s+(?:none|nil)\b|:\s*(?:none|nil|없음)", re.IGNORECASE)
_SHARED = re.compile(r"(?:자|됐거나|하거나)?\s?(?:및|·|/|ㆍ|와|과|또는|이나|or|and)\s?", re.IGNORECASE)
_BARRIER = re.compile(
    r"(?:^|[가-힣])(?:고|며|으나|지만|는데|면서|해서|쳐서|어서|여서|아서|다|요|죠)[,\s]|\b(?:and|but|while|whereas)\s",
    re.IGNORECASE,
)
_JOINED_NUMBERS = re.compile(r"\s?(?:\w+\s?){0,2}(?:\band\b|및|과|와)\s(?:\w+\s)?$", re.IGNORECASE)
_PART_OF = re.compile(r"\s+(?:out\s+)?of\s+(?:the\s+|all\s+)?$", re.IGNORECASE)


@dataclass(frozen=True)
class Bound:
    """A number that belongs to a word; the span covers both. `figures` is None for 없음 and "no"."""

    value: float
    word: str
    start: int
    end: int
    figures: Number | None = None


@dataclass(frozen=True)
class _Item:
    start: int
    end: int
    own: bool = False
    word: str = ""
    number: Number | None = None


def bind(
    text: str, words: Sequence[str], *, units: Sequence[str] = (), rivals: Sequence[str] = ()
) -> Bound | None:
    """Return the first number of the text that belongs to one of `words`.

    Args:
        text: what is read.
        words: what names the quantity (사망, killed). Words of letters match whole, Hangul as a stem.
        units: what the quantity is counted in (명, people), none for any; a number without unit is taken too.
        rivals: words that take a number for themselves (부상, injured, 대피).
    """
    return next(iter(bindings(text, words, units=units, rivals=rivals)), None)


def bindings(
    text: str, words: Sequence[str], *, units: Sequence[str] = (), rivals: Sequence[str] = ()
) -> list[Bound]:
    """Return every number that belongs to one of `words`, in text order."""
    found: list[Bound] = []
    every = numbers(text)
    for start, end in _sentences(text):
        items = _words(text, start, end, words, rivals)
        found += [zero for item in items if item.own and (zero := _zero(text, item))]
        items = [item for item in items if not _zero(text, item)]
        items += [
            _Item(number.start, _unit_end(text, number, units, items) or number.end, number=number)
            for number in every
            if _counts(text, number, units, (start, end), items)
        ]
        found += _pairs(text, sorted(items, key=lambda item: item.start))
    return sorted(found, key=lambda bound: bound.start)


def occurrences(text: str, words: Iterable[str]) -> list[tuple[int, int]]:
    """Return where the words stand; of overlapping ones the longest."""
    found: list[tuple[int, int]] = []
    pattern = _pattern(tuple(words))
    if pattern is not None:
        found = [match.span() for match in pattern.finditer(text)]
    return found


@cache
def _pattern(words: tuple[str, ...]) -> re.Pattern[str] | None:
    longest_first = sorted(words, key=len, reverse=True)
    forms = [rf"\b{re.escape(word)}\b" if word.isascii() else re.escape(word) for word in longest_first]
    return re.compile("|".join(forms), re.IGNORECASE) if forms else None


def _sentences(text: str) -> list[tuple[int, int]]:
    ends = [match.end() for match in _SENTENCE_END.finditer(text)] + [len(text)]
    return [(start, end) for start, end in zip([0, *ends], ends, strict=False) if start < end]


def _words(text: str, start: int, end: int, words: Sequence[str], rivals: Sequence[str]) -> list[_Item]:
    own = set(occurrences(text[start:end], words))
    every = occurrences(text[start:end], (*words, *rivals))
    return [_Item(start + a, start + b, (a, b) in own, text[start + a : start + b]) for a, b in every]


def _zero(text: str, item: _Item) -> Bound | None:
    after = _NO_AFTER.match(text, item.end) or _NO_LATER.match(text, item.end)
    if after:
        return Bound(0, item.word, item.start, after.end())
    before = _NO_BEFORE.search(text[max(0, item.start - 60) : item.start])
    if before:
        return Bound(0, item.word, item.start - len(before[0]), item.end)
    return None


def _counts(
    text: str, number: Number, units: Sequence[str], sentence: tuple[int, int], words: list[_Item]
) -> bool:
    """Whether a number may count what is asked: whole, exact, in the sentence, in an allowed unit."""
    if not (sentence[0] <= number.start < sentence[1] and number.exact and number.value == int(number.value)):
        return False
    if re.match(r"\s?여?\s?[가-힣]{0,2}에서\s", text[number.end :]) or re.search(
        r"\b(?:from|not)\s$", text[: number.start], re.IGNORECASE
    ):
        return False
    year = number.unit == "" and re.search(r"\b(?:in|since|year)\s$", text[: number.start], re.IGNORECASE)
    return not year and (not units or _unit_end(text, number, units, words) is not None)


def _unit_end(text: str, number: Number, units: Sequence[str], words: list[_Item]) -> int | None:
    """Return where figures and unit end, or None where something else is counted."""
    tail = text[number.end : number.end + 40]
    hangul = re.match(
        r"\s?여?\s?(" + "|".join(re.escape(unit) for unit in units if not unit.isascii()) + ")(?!단)", tail
    )
    if hangul and hangul[1]:
        return number.end + hangul.end()
    english = re.match(r"(?:[\s-]+[A-Za-z]+){1,3}", tail)
    if english:
        for word in re.finditer(r"[A-Za-z]+", english[0]):
            if word[0].lower() in units:
                return number.end + word.end()
    next_word = re.match(r"\s?\w", tail)
    if number.unit == "" or next_word is None:
        return number.end
    begins = {item.start for item in words}
    first = number.end + len(tail) - len(tail.lstrip())
    name = number.unit[:1].isupper() and number.unit.isascii()
    return number.end if first in begins or name or _adverb(number.unit) else None


def _adverb(word: str) -> bool:
    return word.lower() in numerals()["words"]["no_unit"] or (word.isascii() and word.endswith("ly"))


def _pairs(text: str, items: list[_Item]) -> list[Bound]:
    """Match neighbours: most pairs, then the smallest gaps, then the earliest."""
    items = _without_totals(text, items)
    best: list[tuple[int, float, list[int]]] = [(0, 0.0, []), (0, 0.0, [])]
    for right in range(1, len(items)):
        skip, cost = best[right], _gap(text, items[right - 1], items[right])
        if cost is not None:
            count, gaps, chosen = best[right - 1]
            skip = max(skip, (count + 1, gaps - cost, [*chosen, right]), key=lambda entry: entry[:2])
        best.append(skip)
    chosen = best[len(items)][2] if items else []
    paired = {index for right in chosen for index in (right - 1, right)}
    return [
        bound
        for right in chosen
        if (bound := _bound(text, items[right - 1], items[right]))
        and not _is_shared(text, items, right, paired)
    ]


def _without_totals(text: str, items: list[_Item]) -> list[_Item]:
    """Leave out the whole in "3 of the 5 people"."""
    totals = {
        index
        for index in range(1, len(items))
        if items[index].number
        and items[index - 1].number
        and _PART_OF.match(text[items[index - 1].end : items[index].start])
    }
    return [item for index, item in enumerate(items) if index not in totals]


def _gap(text: str, left: _Item, right: _Item) -> float | None:
    """Return the distance of a word and a number, or None where they cannot belong together."""
    if (left.number is None) == (right.number is None):
        return None
    between = text[left.end : right.start]
    number_first = left.number is not None
    commas = len(re.findall(r",(?!\d)", between))
    stray = commas % 2 if number_first else commas and any(letter.isalpha() for letter in between)
    if len(between) > _FAR or _BARRIER.search(between) or stray:
        return None
    return len(between) + 3 * commas


def _is_shared(text: str, items: list[_Item], right: int, paired: set[int]) -> bool:
    """Whether a second word claims the number, or a second number the word, without one of its own."""
    left = right - 1
    word_first = items[left].number is None
    word, beyond = (left, left - 1) if word_first else (right, right + 1)
    if 0 <= beyond < len(items) and beyond not in paired and items[beyond].number is None:
        a, b = sorted((word, beyond))
        different = items[a].own != items[b].own
        if different and _SHARED.fullmatch(text[items[a].end : items[b].start]):
            return True
    if not word_first and left > 0 and left - 1 not in paired and items[left - 1].number is not None:
        return bool(_JOINED_NUMBERS.fullmatch(text[items[left - 1].end : items[left].start]))
    return False


def _bound(text: str, left: _Item, right: _Item) -> Bound | None:
    word, counted = (left, right) if left.number is None else (right, left)
    if not word.own or counted.number is None:
        return None
    return Bound(counted.number.value, word.word, left.start, right.end, counted.number)
