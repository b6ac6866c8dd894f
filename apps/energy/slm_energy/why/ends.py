"""The two ends of a stay or a window: which hour of a reply is told as the start, which as the end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from slm_core.grounding import Problem
from slm_energy.why.direction import negations
from slm_energy.why.fact import Fact
from slm_energy.why.mentions import Mention
from slm_energy.why.scene import Place, Scene, minutes

_RANGE = re.compile(
    r"\s?(?:[~∼～–—-]|부터|에서(?:부터)?|(?:to|until|till|through|and)\b)\s?"
    r"(?:(?:about|until|to|its end at|the next morning at|다음 ?날|이튿날|익일)\s?)*",
    re.I,
)
_EXCEPT_BEFORE = re.compile(r"\b(?:outside|except|excluding|other than)\b[^.]{0,10}$", re.I)
_EXCEPT_AFTER = re.compile(r"[가-힣]{0,3}\s?(?:사이\S?\s)?(?:밖|이외|외에|빼고|제외|아닌)")
_STARTS_BEFORE = re.compile(
    r"\b(?:from|since|after|between|back by|(?:starts?|begins?|opens?|arriv\w+|back|returns?) at)\s$",
    re.I,
)
_ENDS_BEFORE = re.compile(
    r"\b(?:to|until|till|through|by|before|ends? at|clos\w+ at|leav\w+ at|leav\w+ by|departs? at|gone at)\s$",
    re.I,
)
_STARTS_AFTER = re.compile(r"\s?(?:부터|이후|에(?:야)? ?(?:돌아|도착|들어|꽂|시작))")
_ENDS_AFTER = re.compile(r"\s?(?:까지|이전|에 ?(?:떠나|출발|나가|끝나|뽑))")


def exchanged(scene: Scene) -> Iterator[Problem]:
    """Yield where a range of hours is told from its end to its start, or with one end of another one."""
    ranges = {(each[0], each[1]) for each in map(minutes, scene.facts) if len(each) == 2}
    for one, other in pairwise(each for each in scene.mentions if each.is_time):
        told = (int(one.value), int(other.value))
        if told in ranges and _is_excepted(scene, one, other):
            yield Problem("swap", f"{scene.text[one.start : other.end]!r} is told of the other hours")
        if told in ranges or not _RANGE.fullmatch(scene.text, one.end, other.start):
            continue
        said = repr(scene.text[one.start : other.end])
        if told[::-1] in ranges:
            yield Problem("swap", f"{said} has its two ends exchanged")
        elif _is_half(scene, one, ranges, told):
            yield Problem("time", f"{said} has one end of another range")


def _is_excepted(scene: Scene, one: Mention, other: Mention) -> bool:
    """`outside 19:00~07:00 it is at its charger`, with no denial that sets it right."""
    before = _EXCEPT_BEFORE.search(scene.text, max(0, one.start - 24), one.start)
    after = _EXCEPT_AFTER.match(scene.text, other.end)
    return bool(before or after) and not negations(scene.text, *scene.sentence_at(one.start))


def _is_half(scene: Scene, one: Mention, ranges: set[tuple[int, int]], told: tuple[int, int]) -> bool:
    """Whether one end is a range's and the other is not; `moved from 23:00 to 05:00` is no range."""
    shares = any((told[0] == start) != (told[1] == end) for start, end in ranges)
    moved = scene.names_in(scene.sentence_at(one.start)) & {"instead", "moved"}
    return shares and not moved and _role(scene, one) > 0


def in_order(scene: Scene, fact: Fact, span: Place) -> bool:
    """Whether a stretch tells the first hour of a range as its start and the second as its end."""
    start, end = minutes(fact)
    inside = [each for each in scene.mentions if each.is_time and span[0] <= each.start < span[1]]
    return any(
        _role(scene, one) >= 0 >= _role(scene, other)
        and (one.start < other.start or _role(scene, one) > 0 or _role(scene, other) < 0)
        for one in inside
        for other in inside
        if one.value == start and other.value == end
    )


def _role(scene: Scene, hour: Mention) -> int:
    """Return 1 for an hour told as a start, -1 as an end, 0 where neither word stands with it."""
    before, after = scene.text[max(0, hour.start - 16) : hour.start], scene.text[hour.end : hour.end + 12]
    starts = _STARTS_BEFORE.search(before) or _STARTS_AFTER.match(after)
    ends = _ENDS_BEFORE.search(before) or _ENDS_AFTER.match(after)
    return (1 if starts else 0) - (1 if ends else 0)
