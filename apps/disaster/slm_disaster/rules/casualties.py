"""Dead, missing and injured: the counts that grounding binds to their words."""

from __future__ import annotations

from slm_core.grounding import Bound, Claim, bindings, check
from slm_disaster.rules.denied import without_denied
from slm_disaster.rules.tables import sayings, span, table
from slm_disaster.schema import Found

FIELDS = ("dead", "missing", "injured")


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
    return bindings(said, words[field], units=words["units"], rivals=rivals(field))


def refusal(text: str, field: str, value: int, quote: str) -> str | None:
    """Return why the text does not bear out that `quote` gives `value` for `field`, or None where it does."""
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
