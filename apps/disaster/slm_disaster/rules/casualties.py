"""Dead, missing and injured: the counts that grounding binds to their words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from slm_core.grounding import Bound, Claim, Number, bindings, check, numbers
from slm_disaster.rules.denied import without_denied
from slm_disaster.rules.tables import sayings, span, table
from slm_disaster.schema import Found

FIELDS = ("dead", "missing", "injured")
_APART = 20  # characters between two parts of one saying
_BETWEEN = re.compile(r"\s?,?\s?(?:and|&)?\s(?:another\s)?", re.IGNORECASE)


def count(text: str, field: str) -> Found[int] | None:
    """Return the first count that the text binds to the words of `field`, a count before a "none".

    Totals and later additions are not told apart: the first is taken.
    """
    found = sorted(counts(text, field), key=lambda bound: bound.value == 0)
    return (
        Found[int](value=int(found[0].value), span=span(text, found[0].start, found[0].end))
        if found
        else None
    )


def counts(text: str, field: str) -> list[Bound]:
    """Return every count that the text binds to the words of `field` and does not deny, in text order."""
    words = table("casualties")
    said = without_denied(sayings(text), words["units"])
    if field != "injured":
        return bindings(said, words[field], units=words["units"], rivals=rivals(field))
    rest, sums = _said_once(said)
    found = bindings(rest, words[field], units=words["units"], rivals=rivals(field))
    return _summed(said, sorted([*found, *sums], key=lambda bound: bound.start))


def _said_once(text: str) -> tuple[str, list[Bound]]:
    """Return the sums of `3 seriously and 5 slightly injured`, and the text with blanks for their figures."""
    sums = []
    for run in _runs(text):
        words = {word for word, _, _ in run}
        whole = (run[0][1].start, run[-1][2])
        noun_end = _noun_beside(text, *whole)
        if len(words) == len(run) and {_degree(word) for word in words} == {"grave", "light"} and noun_end:
            value = sum(number.value for _, number, _ in run)
            sums.append(Bound(value, "+".join(word for word, _, _ in run), whole[0], noun_end))
    for bound in sums:
        text = text[: bound.start] + " " * (bound.end - bound.start) + text[bound.end :]
    return text, sums


def _runs(text: str) -> list[list[tuple[str, Number, int]]]:
    """Return neighbouring figures that a degree follows: the degree, the figure, and where they end."""
    runs: list[list[tuple[str, Number, int]]] = []
    for number in numbers(text):
        degree = _degree_after().match(text, number.end)
        if degree is None or not number.exact:
            continue
        if not runs or not _BETWEEN.fullmatch(text[runs[-1][-1][2] : number.start]):
            runs.append([])
        runs[-1].append((degree[1].lower(), number, degree.end()))
    return runs


def _noun_beside(text: str, start: int, end: int) -> int | None:
    """Return where the parts end with the noun behind them, or without it where it stands before them."""
    after = re.compile(rf"\s(?:{_either(_nouns())})\b", re.IGNORECASE).match(text, end)
    before = re.search(rf"\b(?:{_either(_nouns())})\W{{1,3}}$", text[:start], re.IGNORECASE)
    return after.end() if after else end if before else None


def _nouns() -> list[str]:
    return [word for word in table("casualties")["injured"] if word.isascii()]


def _either(words: Sequence[str]) -> str:
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))


@cache
def _degree_after() -> re.Pattern[str]:
    words = table("casualties")
    people = _either([word for word in words["units"] if word.isascii()])
    return re.compile(rf"\s(?:(?:{people})\s)?({_either(words['grave'] + words['light'])})\b", re.IGNORECASE)


def _degree(word: str) -> str | None:
    words = table("casualties")
    return next((name for name in ("grave", "light") if word in words[name]), None)


def _part(text: str, bound: Bound) -> str | None:
    """Return whether a count is that of the gravely or of the lightly injured, None where it is of all."""
    just_before = re.search(r"[a-z]+(?=\s$)", text[: bound.start], re.IGNORECASE)
    near = (just_before[0] if just_before else "") + " " + text[bound.start : bound.end]
    said = [_degree(word) for word in (bound.word, *re.findall(r"[a-z]+", near.lower()))]
    return next((degree for degree in said if degree), None)


def _summed(text: str, found: list[Bound]) -> list[Bound]:
    """Return the counts with `중상 5명, 경상 11명` as their sum; a total beside it counts alone."""
    merged: list[Bound] = []
    for bound in found:
        last = merged[-1] if merged else None
        if last is not None and _are_parts(text, last, bound):
            word = f"{last.word}+{bound.word}"
            merged[-1] = Bound(last.value + bound.value, word, last.start, bound.end)
        else:
            merged.append(bound)
    sums = [bound for bound in merged if "+" in bound.word]
    total = [bound for bound in merged if bound not in sums and _part(text, bound) is None]
    least = max((bound.value for bound in sums), default=0)
    beside = sums and any(bound.value >= least for bound in total)
    return [bound for bound in merged if bound not in sums] if beside else merged


def _are_parts(text: str, one: Bound, other: Bound) -> bool:
    """Whether two counts are the gravely and the lightly injured of one saying."""
    between = text[one.end : other.start]
    near = len(between) <= _APART and not re.search(r"[.!?;\n\d]", between)
    parts = {_part(text, one), _part(text, other)}
    return (
        near
        and "+" not in one.word + other.word
        and parts == {"grave", "light"}
        and one.value * other.value > 0
    )


def refusal(text: str, field: str, value: int, quote: str) -> str | None:
    """Return why the text does not bear out that `quote` gives `value` for `field`, or None where it does."""
    at = text.find(quote)
    for sum_ in (bound for bound in counts(text, field) if "+" in bound.word):
        if at >= 0 and at <= sum_.start and sum_.end <= at + len(quote):
            return None if value == sum_.value else f"the report gives {sum_.value:g} in all, not {value}"
    words = table("casualties")
    claim = Claim(field, value, quote, words=words[field], units=words["units"], rivals=rivals(field))
    problems = check([claim], sayings(text))
    if problems:
        return problems[0].reason
    if value not in {bound.value for bound in counts(text, field)}:
        return f"the report says that {value} is not so"
    return None


def rivals(field: str) -> tuple[str, ...]:
    """Return the words that take a number away from `field`."""
    words = table("casualties")
    return tuple(word for other in FIELDS if other != field for word in words[other]) + tuple(words["rivals"])
