"""Dead, missing and injured: the counts that grounding binds to their words."""

from __future__ import annotations

import re

from slm_core.grounding import Bound, Claim, bindings, check
from slm_disaster.rules.denied import without_denied
from slm_disaster.rules.tables import sayings, span, table
from slm_disaster.schema import Found

FIELDS = ("dead", "missing", "injured")
_PARTS = {"중상", "경상"}


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
    found = bindings(said, words[field], units=words["units"], rivals=rivals(field))
    return _summed(said, found) if field == "injured" else found


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
    total = [bound for bound in merged if bound.word not in _PARTS and bound not in sums]
    least = max((bound.value for bound in sums), default=0)
    beside = sums and any(bound.value >= least for bound in total)
    return [bound for bound in merged if bound not in sums] if beside else merged


def _are_parts(text: str, one: Bound, other: Bound) -> bool:
    """Whether two counts are the gravely and the lightly injured of one saying."""
    between = text[one.end : other.start]
    near = len(between) <= 12 and not re.search(r"[.!?;\n\d]", between)
    return near and {one.word, other.word} == _PARTS and one.value > 0 and other.value > 0


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
