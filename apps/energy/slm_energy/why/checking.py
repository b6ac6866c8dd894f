"""A reply held against the facts it must tell: each number and hour bound to its own fact, none invented.

A number is looked up twice: by its value, and by what the words about it are about (cues.toml), the hour and
the part it stands with. Where the words speak of another fact than the value, two things were exchanged. A
difference must go in its direction, what is denied must be denied, every required fact must be told, and
words that no fact has a use for are an invention. What this does not see: a wrong reason made of right words
("because the battery is full" where being full is a fact, but not the reason).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

from slm_core.grounding import Problem
from slm_energy.why.direction import direction_of, may_deny, negations
from slm_energy.why.fact import Fact
from slm_energy.why.mentions import (
    Mention,
    Word,
    clauses_of,
    concepts,
    mentions,
    named_parts,
    sentences_of,
    unit_of,
)
from slm_energy.why.vocabulary import unknown_words
from slm_energy.why.wording import table

SIGNED = ("price_gap", "more_cost", "more_peak", "saving", "saving_share", "lower_cost")
DENIED = ("no_charge", "no_discharge", "no_run", "no_heat", "no_cool", "no_surplus", "nothing_bought")
_MARGIN = 0.45
_NEAR = 14.0
_FLOOR = 0.35  # within one clause


@dataclass
class Scene:
    """A reply taken apart."""

    text: str
    facts: Sequence[Fact]
    mentions: list[Mention]
    concepts: list[Word]
    parts: list[Word]
    sentences: list[tuple[int, int]]
    told: dict[str, list[Mention]] = field(default_factory=dict)

    def sentence_at(self, place: int) -> tuple[int, int]:
        """Return the sentence around a place."""
        return next(((a, b) for a, b in self.sentences if a <= place < b), (0, len(self.text)))

    def clause_at(self, place: int) -> tuple[int, int]:
        """Return the clause around a place."""
        return next(
            ((a, b) for a, b in clauses_of(self.text, *self.sentence_at(place)) if a <= place < b),
            self.sentence_at(place),
        )


def check_reply(text: str, facts: Sequence[Fact]) -> list[Problem]:
    """Return what a reply gets wrong about the facts; none means that it may be shown.

    Args:
        text: of the reply, Korean or English.
        facts: those that were computed; `required` ones must be told.
    """
    scene = Scene(
        text,
        facts,
        mentions(text),
        concepts(text),
        sorted(named_parts(text, facts), key=lambda w: w.start),
        sentences_of(text),
    )
    problems = [
        *chain.from_iterable(_mention(scene, each) for each in scene.mentions),
        *_directions(scene),
        *_untold(scene),
        *_negations(scene),
        *_claims(scene),
        *_inventions(scene),
    ]
    return list(dict.fromkeys(problems))


def kind_of(fact: Fact) -> str:
    """Return by which entry of cues.toml a fact is told: `forbid` for `forbid_charge`."""
    head = fact.kind.partition("_")[0]
    return head if head in ("forbid", "force") else fact.kind


def _minutes(fact: Fact) -> list[int]:
    return [int(h) % 24 * 60 + int(m) for h, m in re.findall(r"(\d\d):(\d\d)", fact.time)]


def _matches(mention: Mention, fact: Fact) -> bool:
    if mention.is_time:
        return mention.value in _minutes(fact)
    return (
        fact.number is not None
        and unit_of(fact.unit) == mention.unit
        and abs(abs(fact.number) - mention.value) < 1e-6
    )


def _alike(mention: Mention, fact: Fact) -> bool:
    """Whether the fact has something of the mention's dimension."""
    return (
        bool(fact.time) if mention.is_time else fact.number is not None and unit_of(fact.unit) == mention.unit
    )


def _mention(scene: Scene, mention: Mention) -> Iterator[Problem]:
    equal = [each for each in scene.facts if _matches(mention, each)]
    quote = scene.text[mention.start : mention.end].strip()
    if not equal and mention.unit in ("", "h"):  # a bare number, or a count of hours
        equal = [each for each in scene.facts if each.unit in ("rank", "h") and each.number == mention.value]
    if not equal:
        kind = "time" if mention.is_time else _why_absent(scene, mention)
        yield Problem(kind, f"{quote!r} is no fact")
        return
    scores = {
        each.id: _score(scene, mention, each)
        for each in scene.facts
        if _alike(mention, each) or each in equal
    }
    best = max(equal, key=lambda each: scores[each.id])
    rivals = [each for each in scene.facts if each.id in scores and each not in equal]
    rival = max(rivals, key=lambda each: scores[each.id], default=None)
    if rival is not None and scores[rival.id] - scores[best.id] > _MARGIN:
        yield Problem("swap", f"{quote!r} stands where {rival.id} belongs")
        return
    for each in equal:
        if scores[each.id] > scores[best.id] - _MARGIN:
            scene.told.setdefault(each.id, []).append(mention)
    if not mention.is_time:
        yield from _misplaced(
            scene, mention, [each for each in equal if scores[each.id] > scores[best.id] - _MARGIN]
        )


def _why_absent(scene: Scene, mention: Mention) -> str:
    same = any(
        each.number is not None and abs(abs(each.number) - mention.value) < 1e-6 for each in scene.facts
    )
    return "unit" if same else "number"


def _misplaced(scene: Scene, mention: Mention, fitting: Sequence[Fact]) -> Iterator[Problem]:
    """A number with the hour or the part of another fact."""
    quote = scene.text[mention.start : mention.end].strip()
    time, part = bound_time(scene, mention), bound_part(scene, mention)
    if time is not None and all(each.time and time.value not in _minutes(each) for each in fitting):
        yield Problem(
            "time",
            f"{quote!r} stands with {scene.text[time.start : time.end]!r}, its fact has {fitting[0].time}",
        )
    if part is not None and all(each.part and each.part != part.name for each in fitting):
        yield Problem(
            "part",
            f"{quote!r} stands with {scene.text[part.start : part.end]!r}, its fact is of {fitting[0].part}",
        )


def _score(scene: Scene, mention: Mention, fact: Fact) -> float:
    """Return how well the words about a mention speak of a fact."""
    score = 0.0
    for group in table("cues")["told"].get(kind_of(fact), []):
        score += max(
            (_closeness(scene, mention, word) for word in scene.concepts if word.name in group), default=0.0
        )
    if not mention.is_time and fact.time:
        time = bound_time(scene, mention)
        score += 0.0 if time is None else 0.6 if time.value in _minutes(fact) else -0.6
    part = bound_part(scene, mention)
    if fact.part and part is not None:
        score += 0.4 if part.name == fact.part else -0.4
    return score


def _closeness(scene: Scene, mention: Mention, word: Word) -> float:
    start, end = scene.sentence_at(mention.start)
    if not start <= word.start < end:
        return 0.0
    gap = max(0, word.start - mention.end, mention.start - word.end)
    near = 1 / (1 + (gap / _NEAR) ** 2)
    low, high = min(mention.end, word.end), max(mention.start, word.start)
    between = [
        each
        for each in scene.mentions
        if each is not mention and low <= each.start < high and each.unit == mention.unit
    ]
    clause = scene.clause_at(mention.start)
    inside = clause[0] <= word.start < clause[1]
    return (max(near, _FLOOR) if inside else 0.6 * near) * 0.4 ** len(between)


def bound_time(scene: Scene, mention: Mention) -> Mention | None:
    """Return the hour that a number stands with: `92 won at 03:00`, `03:00에 92원`, `92원(03:00)`."""
    start, end = scene.sentence_at(mention.start)
    times = [each for each in scene.mentions if each.is_time and start <= each.start < end]
    for time in times:
        if time.start >= mention.end and re.fullmatch(
            r"\s?\(?(?:(?:at|from|by|around|until|of)\s)?(?:about\s)?",
            scene.text[mention.end : time.start],
            re.I,
        ):
            return time
    clause = scene.clause_at(mention.start)
    before = [each for each in times if each.end <= mention.start and each.start >= clause[0]]
    after = [each for each in times if each.start >= mention.end and each.end <= clause[1]]
    return before[-1] if before else after[0] if after else None


def bound_part(scene: Scene, mention: Mention) -> Word | None:
    """Return the part that a mention stands with: the last named before it, or the first after."""
    start, end = scene.sentence_at(mention.start)
    inside = [each for each in scene.parts if start <= each.start < end]
    before = [each for each in inside if each.end <= mention.start]
    after = [each for each in inside if each.start >= mention.end]
    clause = scene.clause_at(mention.start)
    near = [each for each in after if each.start < clause[1]]
    if not [each for each in before if each.start >= clause[0]] and near:
        return near[0]
    return before[-1] if before else after[0] if after else None


def _directions(scene: Scene) -> Iterator[Problem]:
    for each in scene.facts:
        if kind_of(each) in SIGNED and each.number:
            for mention in (one for one in scene.told.get(each.id, ()) if not one.is_time):
                found = direction_of(scene, mention, each)
                if found == 0:
                    yield Problem(
                        "direction",
                        f"nothing says which way {scene.text[mention.start : mention.end]!r} goes",
                    )
                elif found != (1 if each.number > 0 else -1):
                    yield Problem(
                        "direction", f"{scene.text[mention.start : mention.end]!r} goes the other way"
                    )


def _untold(scene: Scene) -> Iterator[Problem]:
    for each in scene.facts:
        if each.required and not is_told(scene, each):
            yield Problem("missing", f"{each.id} is not told")


def is_told(scene: Scene, fact: Fact) -> bool:
    """Whether the reply tells a fact: its number, or its words with its hour and part."""
    if fact.number is not None:
        return fact.id in scene.told
    return any(_tells(scene, fact, span) for span in scene.sentences)


def _tells(scene: Scene, fact: Fact, span: tuple[int, int]) -> bool:
    """Whether a sentence tells a fact without number."""
    start, end = span
    inside = {word.name for word in scene.concepts if start <= word.start < end}
    groups = table("cues")["told"].get(kind_of(fact), [])
    if not all(inside & {*group} for group in groups):
        return False
    if fact.time and not _has_times(scene, fact, span):
        return False
    if fact.kind in DENIED and not negations(scene.text, start, end):
        return False
    return not fact.part or _is_about(scene, fact.part, span)


def _has_times(scene: Scene, fact: Fact, span: tuple[int, int]) -> bool:
    times = {each.value for each in scene.mentions if each.is_time and span[0] <= each.start < span[1]}
    wanted = set(_minutes(fact))
    if wanted <= times:
        return True
    deictic = re.search(
        r"그때|이때|그 시간|이 시간|그 시각|당시|\b(?:then|that hour|this hour|that time|at the time)\b",
        scene.text[slice(*span)],
        re.I,
    )
    earlier = [each.value for each in scene.mentions if each.is_time and each.start < span[0]]
    return (
        len(wanted) == 1
        and bool(earlier)
        and (earlier[-1] in wanted or earlier[0] in wanted)
        and (bool(deictic) or not times)
    )


def _is_about(scene: Scene, part: str, span: tuple[int, int]) -> bool:
    inside = [each.name for each in scene.parts if span[0] <= each.start < span[1]]
    earlier = [each.name for each in scene.parts if each.start < span[0]]
    return (
        part in inside
        or (not inside and earlier[-1:] == [part])
        or len({each.part for each in scene.facts if each.part}) == 1
    )


def _negations(scene: Scene) -> Iterator[Problem]:
    """A denial where the facts affirm, and the other way round."""
    for start, end in scene.sentences:
        for word in negations(scene.text, start, end):
            if not may_deny(scene, word):
                yield Problem(
                    "negation",
                    f"{scene.text[max(start, word[0] - 12) : word[1]].strip()!r} denies what is so",
                )


def _claims(scene: Scene) -> Iterator[Problem]:
    """A word that only some facts give a right to, where none of them is there."""
    kinds = {kind for each in scene.facts for kind in (kind_of(each), each.kind)} | {
        each.id for each in scene.facts
    }
    acts = {each.kind.rpartition("_")[2] for each in scene.facts}
    for name, needed in table("cues")["claims"].items():
        word = next((word for word in scene.concepts if word.name == name), None)
        allowed = kinds & {*needed} or (name in acts)
        if word is not None and not allowed and not _in_a_name(scene, word):
            yield Problem("invented", f"{scene.text[word.start : word.end]!r} is no fact")
    for word in scene.parts:
        if word.name == "?":
            yield Problem("part", f"{scene.text[word.start : word.end]!r} is in no fact")


def _in_a_name(scene: Scene, word: Word) -> bool:
    return any(part.start <= word.start < part.end for part in scene.parts if part.name != "?")


def _inventions(scene: Scene) -> Iterator[Problem]:
    taken = [(each.start, each.end) for each in scene.parts]
    taken += [(each.start, each.end) for each in scene.mentions]
    for start, end in scene.sentences:
        for a, b in clauses_of(scene.text, start, end):
            strange = unknown_words(scene.text, a, b, taken)
            bare = not any(a <= each.start < b for each in scene.mentions)
            if len(strange) >= 2 or (strange and bare):
                yield Problem(
                    "invented", f"{scene.text[a:b].strip(' ,.')!r} is of no fact ({', '.join(strange)})"
                )
