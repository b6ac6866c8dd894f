"""A sentence of a reply is held against its sources: what they do not say is named with the words."""

from __future__ import annotations

from slm_core.grounding import unsupported


def test_a_number_that_no_source_gives_is_named() -> None:
    (problem,) = unsupported("사망자는 4명이다.", ["사망 3명, 부상 5명"])
    assert (problem.field, "'4'" in problem.reason) == ("number", True)


def test_a_faithful_sentence_has_no_problem() -> None:
    assert unsupported("Three people were killed at 14:00.", ["3 killed, 5 injured at 14:00"]) == []
