"""Which way a reply says that a difference goes, and where it denies something."""

from __future__ import annotations

import re
from functools import cache

from slm_energy.why.fact import Fact
from slm_energy.why.mentions import Mention, concepts, mentions
from slm_energy.why.scene import Place, Scene
from slm_energy.why.wording import table

_NOT_BEFORE = re.compile(
    r"(?:\bnot|\bno|n't|\bnever|\bneither|\bnor)(?:\s(?:any|be|a|the|at all|get|become|\w+ly))*"
    r"(?:\s[\d.,]+\s?[%\w]*)?\s$",  # `not 30% below`
    re.I,
)
_LESS = ("saving", "saving_share")  # a positive saving is less
_REFERENCE_WIDTH = 42


@cache
def words_of(group: str, key: str) -> re.Pattern[str]:
    """Return the pattern of an entry of direction.toml."""
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
    return found * _frame(scene, fact, sentence, mention)


def _nearest(scene: Scene, fact: Fact, mention: Mention, within: Place) -> int:
    """Return the sign of the closest word of direction, turned round where it is denied."""
    group = "prices" if fact.kind in ("price_gap", "rank", "high_rank") else "amounts"
    hits = [
        (_distance(mention, match.start(), match.end()), sign, match.span())
        for key, sign in (("up", 1), ("down", -1))
        for match in words_of(group, key).finditer(scene.text, *within)
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


def _frame(scene: Scene, fact: Fact, sentence: Place, mention: Mention) -> int:
    """Return -1 where the sentence tells the difference from the other side."""
    text = scene.text[slice(*sentence)]
    reference = _reference(text)
    if fact.kind == "price_gap":
        subject = (
            fact.time in reference
            or _hour_in(reference, fact)
            or bool(words_of("frame", "now").search(reference))
        )
        return -1 if subject and not _concept(reference, "mean") else 1
    if fact.kind in _LESS:
        if _concept(reference, "before"):
            return 1
        saves = re.search(r"절약|아[끼낍낄껴낀]|절감|\bsav", text)
        return -1 if not saves and _is_of_before(scene, sentence, mention) else 1
    if fact.kind in ("more_cost", "more_peak"):
        return _changed_frame(scene, sentence, text, reference)
    return 1


def _is_of_before(scene: Scene, sentence: Place, mention: Mention) -> bool:
    """Whether the number is told of the hours without a plan: the last word for either before it says so."""
    words = [word for word in scene.concepts if word.name in ("before", "plan")]
    earlier = [word.name for word in words if sentence[0] <= word.start < mention.start]
    return earlier[-1:] == ["before"]


def _changed_frame(scene: Scene, sentence: Place, text: str, reference: str) -> int:
    """Is the changed plan dearer, or this plan cheaper?"""
    forbidding = any(each.kind.startswith("forbid") for each in scene.facts)
    if forbidding:
        if _concept(reference, "forbid") or _concept(reference, "moved"):
            return -1
        earlier = scene.text[max(0, sentence[0] - 120) : sentence[0]]
        tried = any(_concept(text, name) for name in ("forbid", "moved"))
        return 1 if tried or (_concept(earlier, "forbid") and not _own_subject(text)) else -1
    if _concept(reference, "force") and not words_of("frame", "conditional").search(
        text.replace(reference, "")
    ):
        return -1
    conditional = words_of("frame", "conditional").search(text)
    return 1 if conditional or not negations(scene.text, *sentence) else -1


def _own_subject(text: str) -> bool:
    return (
        re.search(
            r"계획대로|지금처럼|덕분|\b(?:this|as planned|thanks to|by charging|the plan)\b", text, re.I
        )
        is not None
    )


def _concept(text: str, name: str) -> bool:
    return any(word.name == name for word in concepts(text))


def _hour_in(text: str, fact: Fact) -> bool:
    hour = fact.time[:5]
    return bool(hour) and any(
        each.is_time and f"{int(each.value) // 60:02}:{int(each.value) % 60:02}" == hour
        for each in mentions(text)
    )


def _reference(text: str) -> str:
    """Return what a sentence compares with: before 보다, after `than`."""
    korean = words_of("frame", "reference").search(text)
    if korean:
        return re.split(r",(?!\d)", text[max(0, korean.start() - _REFERENCE_WIDTH // 2) : korean.start()])[-1]
    english = words_of("frame", "than").search(text)
    return text[english.end() : english.end() + _REFERENCE_WIDTH] if english else ""


def negations(text: str, start: int, end: int) -> list[Place]:
    """Return where something is denied."""
    harmless = [match.span() for match in words_of("denial", "harmless").finditer(text, start, end)]
    found = [match.span() for match in words_of("denial", "words").finditer(text, start, end)]
    return [place for place in found if not any(a <= place[0] < b for a, b in harmless)]


def is_contrary(scene: Scene, mention: Mention, fact: Fact) -> bool:
    """Whether what stands with a number turns its fact round: at most for at least."""
    if fact.kind not in table("direction")["contrary"]:
        return False
    start, end = scene.clause_at(mention.start)
    return bool(
        words_of("contrary", fact.kind).search(
            scene.text, max(start, mention.start - 40), min(end, mention.end + 25)
        )
    )


def moves(scene: Scene, within: Place) -> bool:
    """Whether a stretch says that something rises, falls or is another."""
    groups = (("amounts", "up"), ("amounts", "down"), ("change", "any"))
    hits = [m.span() for group in groups for m in words_of(*group).finditer(scene.text, *within)]
    return any(not denied_at(scene.text, place, within) for place in hits)


def peak_goes_down(scene: Scene, mention: Mention) -> bool:
    """Whether the sentence speaks of a peak that is lowered by the number, and not of a higher one."""
    after = scene.text[mention.end : mention.end + 12]
    risen = words_of("amounts", "up").match(after.lstrip()) is not None
    return not risen and "lower" in scene.names_in(scene.sentence_at(mention.start))
