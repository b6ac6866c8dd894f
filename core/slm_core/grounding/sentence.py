"""Holds one sentence of a reply against the sources that it is said to come from."""

from __future__ import annotations

from collections.abc import Sequence

from slm_core.grounding.checking import Problem, unsupported_numbers
from slm_core.grounding.numbers import Number


def unsupported(sentence: str, sources: Sequence[str]) -> list[Problem]:
    """Return what the sources do not bear out, with kind and words; none means that all is there."""
    problems = []
    for found in unsupported_numbers(sentence, sources):
        kind = "number" if isinstance(found, Number) else "time"
        quote = sentence[found.start : found.end]
        problems.append(Problem(kind, f"{quote!r} is in no source"))
    return problems
