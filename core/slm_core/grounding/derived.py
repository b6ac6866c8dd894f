"""Numbers that follow from the given ones by one step which a reader takes without noticing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations, pairwise

from slm_core.grounding.measures import Measure

_TOTAL = re.compile(
    r"총|모두|합쳐|합하|합계|전체|사상자|casualt\w*|victims|\b(?:total\w*|altogether|in all|combined|both"
    r"|together|sum)\b",
    re.IGNORECASE,
)


def derived(one: Measure, said: str, given: Sequence[Measure]) -> bool:
    """Whether a number is the time between two hours, a total called one, an age's decade, or a share."""
    return (
        (one.kind == "duration" and _between_hours(one, given))
        or (bool(_TOTAL.search(said[max(0, one.start - 12) : one.end + 20])) and _is_total(one, given))
        or _is_pair(one, given)
        or _sums_up(one, said, given)
        or _is_decade(one, said, given)
        or _is_share(one, said, given)
    )


def _between_hours(one: Measure, given: Sequence[Measure]) -> bool:
    hours = [each.value for each in given if each.kind == "clock"]
    spans = {abs(first - second) for first, second in combinations(hours, 2)}
    return any(one.value / 60 in (span, span % 720, 720 - span % 720, 1440 - span) for span in spans)


def _is_total(one: Measure, given: Sequence[Measure]) -> bool:
    same = [
        each.value
        for each in given
        if each.kind == one.kind and each.exact and (one.kind or each.unit == one.unit)
    ]
    return any(sum(some) == one.value for count in (2, 3) for some in combinations(same[:8], count))


def _is_pair(one: Measure, given: Sequence[Measure]) -> bool:
    """Five people for two men and three women."""
    return any(
        first.kind == other.kind == one.kind == "person"
        and other.start - first.end == len(" and ")
        and other.quote.isascii()
        and first.value + other.value == one.value
        for first, other in pairwise(given)
    )


def _sums_up(one: Measure, said: str, given: Sequence[Measure]) -> bool:
    """43채 for 12채 and 31채, where the sentence says these as well."""
    same = [each for each in given if each.kind == one.kind and one.kind and _is_said(each, said[one.end :])]
    return any(first.value + other.value == one.value for first, other in combinations(same[:8], 2))


def _is_said(each: Measure, said: str) -> bool:
    return re.search(rf"(?<![\d.,]){re.escape(each.quote)}", said) is not None


def _is_decade(one: Measure, said: str, given: Sequence[Measure]) -> bool:
    """50대 for a man of 52, her fifties."""
    decade = said[one.end : one.end + 1] == "대" or one.quote.endswith("대")
    return (
        decade and one.figure % 10 == 0 and any(one.figure <= each.figure < one.figure + 10 for each in given)
    )


def _is_share(one: Measure, said: str, given: Sequence[Measure]) -> bool:
    """열 명 중 세 명 for 30%."""
    shares = [each.value for each in given if each.kind == "share"]
    pair = re.search(
        r"(\d+)\s?(?:명|곳|가구)? 중(?:에서?)? (\d+)|\b(\w+) (?:out of|in) (?:every )?(\w+)\b", said
    )
    if pair is None or not pair[1] or not shares:
        return False
    whole, part = float(pair[1]), float(pair[2])
    return one.figure in (whole, part) and any(abs(100 * part / whole - share) < 0.6 for share in shares)
