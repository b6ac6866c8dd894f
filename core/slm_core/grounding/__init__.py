"""Replies held against their sources: numbers bound to their words and units, quotes, times, releases."""

from slm_core.grounding.binding import Bound, bind, bindings, occurrences
from slm_core.grounding.checking import Claim, Problem, check, revoked, unsupported_numbers
from slm_core.grounding.moments import Moment, moments
from slm_core.grounding.numbers import Number, mixed, numbers
from slm_core.grounding.sentence import unsupported

__all__ = [
    "Bound",
    "Claim",
    "Moment",
    "Number",
    "Problem",
    "bind",
    "bindings",
    "check",
    "mixed",
    "moments",
    "numbers",
    "occurrences",
    "revoked",
    "unsupported",
    "unsupported_numbers",
]
