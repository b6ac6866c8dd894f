"""Which way a reply says that a difference goes, and what it denies."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from slm_energy.why.fact import Fact
from slm_energy.why.mentions import Mention
from slm_energy.why.wording import table

if TYPE_CHECKING:
    from slm_energy.why.checking import Scene

Place = tuple[int, int]
_NOT_BEFORE = re.compile(
    r"(?:\bnot|\bno|n't|\bnever|\bneither|\bnor)(?:\s(?:any|be|a|the|at all|get|become|\w+ly))*\s$", re.I
)
_LESS = ("saving", "saving_share")  # a positive saving is less
_REFERENCE_WIDTH = 42


@cache
def _pattern(group: str, key: str) -> re.Pattern[str]:
    forms = table("direction")[group][key]
    return re.compile(
        "|".join(
            form if re.search("[가-힣]", form) else rf"\b{form}" + (r"\b" if form[-1].isalpha() else "")
            for form in forms
        ),
        re.I,
    )


def direction_of(scene: Scene, mention: Mention, fact: Fact) -> int:
    """Return 1 where the reply says that the fact is positive, -1 where negative, 0 where neither."""
    sentence, clause = scene.sentence_at(mention.start), scene.clause_at(mention.start)
    found = _nearest(scene, fact, mention, clause) or _nearest(scene, fact, mention, sentence)
    if not found:
        return 0
    found = -found if fact.kind in _LESS else found
    return found * _frame(scene, fact, sentence)


def _nearest(scene: Scene, fact: Fact, mention: Mention, within: Place) -> int:
    """Return the sign of the closest word of direction, turned round where it is denied."""
    group = "prices" if fact.kind == "price_gap" else "amounts"
    hits = [
        (_distance(mention, match.start(), match.end()), sign, match.span())
        for key, sign in (("up", 1), ("down", -1))
        for match in _pattern(group, key).finditer(scene.text, *within)
    ]
    if not hits:
        return 0
    _, sign, place = min(hits)
    return -sign if denied_at(scene.text, place, within) else sign


def _distance(mention: Mention, start: int, end: int) -> float:
    """Words after the number are closer: 312원 늘고, 312 won more."""
    return start - mention.end if start >= mention.end else 3.0 + 1.5 * (mention.start - end)


def denied_at(text: str, place: Place, within: Place) -> bool:
    """Whether the word at a place is denied: `비싸지 않`, `not cheaper`."""
    after = text[place[1] : min(within[1], place[1] + 10)]
    before = text[max(within[0], place[0] - 22) : place[0]]
    if re.match(r"[가-힣]{0,3}지(?:는|도)? ?(?:않|못)|[가-힣]{0,2} 것은? 아니", after):
        return True
    return _NOT_BEFORE.search(before) is not None


def _frame(scene: Scene, fact: Fact, sentence: Place) -> int:
    """Return -1 where the sentence tells the difference from the other side."""
    text = scene.text[slice(*sentence)]
    reference = _reference(text)
    if fact.kind == "price_gap":
        subject = (
            fact.time in reference
            or _hour_in(reference, fact)
            or bool(_pattern("frame", "now").search(reference))
        )
        return -1 if subject and not _concept(reference, "mean") else 1
    if fact.kind in _LESS:
        if _concept(reference, "before"):
            return 1
        # "Without planning it would be 312 won more" speaks of the other side; "saves" never does.
        return (
            -1
            if _concept(text, "before")
            and not re.search(r"절약|아[끼낍낄껴낀]|절감|\bsav", text)
            and _before_first(scene, sentence)
            else 1
        )
    if fact.kind in ("more_cost", "more_peak"):
        return _changed_frame(scene, sentence, text, reference)
    return 1


def _before_first(scene: Scene, sentence: Place) -> bool:
    words = [
        word.name
        for word in scene.concepts
        if sentence[0] <= word.start < sentence[1] and word.name in ("before", "plan")
    ]
    return words[:1] == ["before"]


def _changed_frame(scene: Scene, sentence: Place, text: str, reference: str) -> int:
    """Is the changed plan dearer, or this plan cheaper?"""
    forbidding = any(each.kind.startswith("forbid") for each in scene.facts)
    if forbidding:
        if _concept(reference, "forbid"):
            return -1
        earlier = scene.text[max(0, sentence[0] - 120) : sentence[0]]
        return (
            1 if _concept(text, "forbid") or (_concept(earlier, "forbid") and not _own_subject(text)) else -1
        )
    if _concept(reference, "force") and not _pattern("frame", "conditional").search(
        text.replace(reference, "")
    ):
        return -1
    conditional = _pattern("frame", "conditional").search(text)
    return 1 if conditional or not negations(scene.text, *sentence) else -1


def _own_subject(text: str) -> bool:
    return (
        re.search(
            r"계획대로|지금처럼|덕분|\b(?:this|as planned|thanks to|by charging|the plan)\b", text, re.I
        )
        is not None
    )


def _concept(text: str, name: str) -> bool:
    from slm_energy.why.mentions import concepts

    return any(word.name == name for word in concepts(text))


def _hour_in(text: str, fact: Fact) -> bool:
    from slm_energy.why.mentions import mentions

    hour = fact.time[:5]
    return bool(hour) and any(
        each.is_time and f"{int(each.value) // 60:02}:{int(each.value) % 60:02}" == hour
        for each in mentions(text)
    )


def _reference(text: str) -> str:
    """Return what a sentence compares with: before 보다, after `than`."""
    korean = _pattern("frame", "reference").search(text)
    if korean:
        return re.split(r"[,]", text[max(0, korean.start() - _REFERENCE_WIDTH // 2) : korean.start()])[-1]
    english = _pattern("frame", "than").search(text)
    return text[english.end() : english.end() + _REFERENCE_WIDTH] if english else ""


def negations(text: str, start: int, end: int) -> list[Place]:
    """Return where something is denied."""
    harmless = [match.span() for match in _pattern("denial", "harmless").finditer(text, start, end)]
    found = [match.span() for match in _pattern("denial", "words").finditer(text, start, end)]
    return [place for place in found if not any(a <= place[0] < b for a, b in harmless)]


_RIGHTS = {
    "same": ("same_cost", "same_peak", "lower_same", "no_saving", "flat", "price_gap"),
    "before": ("cost_before", "peak_before"),
    "base": ("base_load",),
    "impossible": ("impossible", "lower_impossible"),
    "empty": ("empty",),
    "keep": ("keep_low", "keep_high"),
    "limit": ("at_peak", "at_import", "at_power", "lower_impossible"),
    "import": ("nothing_bought",),
    "surplus": ("no_surplus",),
    "solar": ("no_surplus",),
}


def may_deny(scene: Scene, place: Place) -> bool:
    """Whether the facts bear out a denial: one of them denies this, or it is a condition that was tried."""
    clause, sentence = scene.clause_at(place[0]), scene.sentence_at(place[0])
    names = {word.name for word in scene.concepts if clause[0] <= word.start < clause[1]}
    kinds = {each.kind for each in scene.facts}
    if any(name in names and kinds & {*given} for name, given in _RIGHTS.items()):
        return True
    for each in scene.facts:
        if each.kind.startswith("no_") and each.kind[3:] in names:
            return True
    if _signed_here(scene, clause):
        return True
    tried = any(each.kind.startswith(("forbid", "force")) for each in scene.facts)
    told = any(
        clause[0] <= mention.start < clause[1]
        for name, every in scene.told.items()
        if name.partition("_")[0] not in ("forbid", "force", "instead")
        for mention in every
        if not mention.is_time
    )
    conditional = _pattern("frame", "conditional").search(scene.text, *sentence)
    return tried and "forbid" in names and bool(conditional) and not told


def _signed_here(scene: Scene, clause: Place) -> bool:
    """Whether a difference is told in the clause; which way it goes is held against it elsewhere."""
    signed: Sequence[str] = ("price_gap", "more_cost", "more_peak", "saving")
    return any(
        clause[0] <= mention.start < clause[1]
        for name in signed
        for mention in scene.told.get(name, ())
        if not mention.is_time
    )
