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
from itertools import chain

from slm_core.grounding import Problem
from slm_energy.why.denial import may_deny
from slm_energy.why.direction import (
    direction_of,
    is_contrary,
    moves,
    negations,
    peak_goes_down,
)
from slm_energy.why.ends import exchanged, in_order
from slm_energy.why.fact import Fact
from slm_energy.why.mentions import Mention
from slm_energy.why.scene import (
    Place,
    Scene,
    about,
    alike,
    bound_part,
    bound_time,
    kind_of,
    matches,
    minutes,
    rounding,
    scene_of,
    score,
)
from slm_energy.why.vocabulary import unknown_words
from slm_energy.why.wording import table

SIGNED = ("price_gap", "more_cost", "more_peak", "saving", "saving_share", "lower_cost", "demand_cost")
DENIED = ("no_charge", "no_discharge", "no_run", "no_heat", "no_cool", "no_surplus", "nothing_bought")
_ACTS = {
    "charge": ("need", "stay", "full", "at_power", "until", "nothing_bought"),
    "discharge": ("later_use", "empty", "at_power"),
    "heat": ("keep_low",),
    "cool": ("keep_high",),
}
_RANKS = {"rank": -1, "high_rank": 1}
_MARGIN = 0.45
_CONDITION = re.compile(r"면(?=[\s,]|$)|\b(?:if|could|were)\b", re.I)
_THEN = re.compile(
    r"그때|이때|그 시간|이 시간|그 시각|당시|\b(?:then|that hour|this hour|that time|at the time)\b", re.I
)


def check_reply(text: str, facts: Sequence[Fact]) -> list[Problem]:
    """Return what a reply gets wrong about the facts; none means that it may be shown.

    Args:
        text: of the reply, Korean or English.
        facts: those that were computed; `required` ones must be told.
    """
    scene = scene_of(text, facts)
    problems = [
        *chain.from_iterable(_mention(scene, each) for each in scene.mentions),
        *exchanged(scene),
        *_directions(scene),
        *_unchanged(scene),
        *_acts(scene),
        *_untold(scene),
        *_negations(scene),
        *_barred(scene),
        *_claims(scene),
        *_inventions(scene),
    ]
    return list(dict.fromkeys(problems))


def _mention(scene: Scene, mention: Mention) -> Iterator[Problem]:
    equal = [each for each in scene.facts if matches(mention, each)]
    equal = equal or [each for each in scene.facts if about(scene, mention, each)]
    if not equal and mention.unit in ("", "h"):  # a bare number, or a count of hours
        equal = [each for each in scene.facts if each.unit in ("rank", "h") and each.number == mention.value]
    if not equal:
        kind = "time" if mention.is_time else _why_absent(scene, mention)
        yield Problem(kind, f"{scene.quote(mention)!r} is no fact")
        return
    scores = {
        each.id: score(scene, mention, each) for each in scene.facts if alike(mention, each) or each in equal
    }
    top = max(scores[each.id] for each in equal)
    rivals = [each for each in scene.facts if each.id in scores and each not in equal]
    rival = max(rivals, key=lambda each: scores[each.id], default=None)
    if rival is not None and scores[rival.id] - top > _MARGIN:
        yield Problem("swap", f"{scene.quote(mention)!r} stands where {rival.id} belongs")
        return
    fitting = [each for each in equal if scores[each.id] > top - _MARGIN]
    if not mention.is_time:
        yield from _misplaced(scene, mention, fitting)
    for each in fitting:
        if mention.is_time or not any(_misplaced(scene, mention, [each])):
            scene.told.setdefault(each.id, []).append(mention)


def _why_absent(scene: Scene, mention: Mention) -> str:
    known = [abs(each.number) for each in scene.facts if each.number is not None]
    return "unit" if any(abs(number - mention.value) < 1e-6 for number in known) else "number"


def _misplaced(scene: Scene, mention: Mention, fitting: Sequence[Fact]) -> Iterator[Problem]:
    """A number with the hour or the part of another fact."""
    time, part = bound_time(scene, mention), bound_part(scene, mention)
    said = repr(scene.quote(mention))
    if time is not None and all(each.time and time.value not in minutes(each) for each in fitting):
        yield Problem("time", f"{said} stands with {scene.quote(time)!r}, its fact has {fitting[0].time}")
    if part is not None and all(each.part and each.part != part.name for each in fitting):
        yield Problem("part", f"{said} stands with {scene.quote(part)!r}, its fact is of {fitting[0].part}")


def _directions(scene: Scene) -> Iterator[Problem]:
    for each in scene.facts:
        mentions = [mention for mention in scene.told.get(each.id, ()) if not mention.is_time]
        reasons = [_turned(scene, each, mention) for mention in mentions]
        right = "" in reasons
        for mention, reason in zip(mentions, reasons, strict=True):
            # One of two equal numbers may be another fact's.
            if reason and not (right and _is_shared(scene, each, mention)):
                yield Problem("direction", f"{scene.quote(mention)!r} {reason}")


def _is_shared(scene: Scene, fact: Fact, mention: Mention) -> bool:
    return any(mention in every for name, every in scene.told.items() if name != fact.id)


def _turned(scene: Scene, each: Fact, mention: Mention) -> str:
    other = "goes the other way"
    if is_contrary(scene, mention, each):
        return other
    if each.kind == "lower_peak":
        return "" if peak_goes_down(scene, mention) else other
    if each.kind in _RANKS:
        return other if direction_of(scene, mention, each) == -_RANKS[each.kind] else ""
    if each.kind not in SIGNED or not each.number:
        return ""
    found = direction_of(scene, mention, each)
    if not found:
        return "goes no way"
    return "" if found == (1 if each.number > 0 else -1) else other


def _unchanged(scene: Scene) -> Iterator[Problem]:
    """Cost or peak that stay the same and are said to move."""
    for each in scene.facts:
        name = {"same_cost": "cost", "same_peak": "peak", "lower_same": "cost"}.get(each.kind)
        for clause in scene.clauses if name else ():
            numbers = [m for m in scene.mentions if not m.is_time and clause[0] <= m.start < clause[1]]
            words = scene.names_in(clause)
            tried = scene.names_in(scene.sentence_at(clause[0])) & {"forbid", "force", "until", "lower"}
            if (
                name in words
                and tried
                and not words & {"same", "price"}
                and not numbers
                and moves(scene, clause)
            ):
                yield Problem(
                    "direction", f"{scene.text[slice(*clause)].strip()!r} moves what stays the same"
                )


def _acts(scene: Scene) -> Iterator[Problem]:
    """A charge told as a discharge, heating as cooling: acts of no fact, or at another one's number."""
    for word in scene.concepts:
        named = any(part.start <= word.start < part.end for part in scene.parts)
        if word.name in _ACTS and not named and not any(_is_act(each, word.name) for each in scene.facts):
            yield Problem("invented", f"{scene.quote(word)!r} is done in no fact")
    for each in scene.facts:
        if each.kind in _ACTS:
            yield from _other_act(scene, each)


def _other_act(scene: Scene, fact: Fact) -> Iterator[Problem]:
    for mention in scene.told.get(fact.id, ()):
        acts = scene.names_in(scene.clause_at(mention.start)) & {*_ACTS}
        if not mention.is_time and acts and fact.kind not in acts and not _is_shared(scene, fact, mention):
            yield Problem("swap", f"{scene.quote(mention)!r} is told of another act than {fact.kind}")


def _is_act(fact: Fact, act: str) -> bool:
    """Whether a fact gives a right to speak of an act."""
    return fact.kind.rpartition("_")[2] == act or fact.kind in _ACTS[act]


def _untold(scene: Scene) -> Iterator[Problem]:
    for each in scene.facts:
        if each.required and not is_told(scene, each):
            yield Problem("missing", f"{each.id} is not told")


def is_told(scene: Scene, fact: Fact) -> bool:
    """Whether the reply tells a fact: its number and its hour, or its words with hour and part."""
    if fact.number is None:
        return any(_tells(scene, fact, span) for span in scene.sentences)
    hours = {each.value for each in scene.mentions if each.is_time}
    number = any(not each.is_time for each in scene.told.get(fact.id, ()))
    return number and set(minutes(fact)) <= hours


def _tells(scene: Scene, fact: Fact, span: Place) -> bool:
    """Whether a sentence tells a fact without number."""
    inside = scene.names_in(span)
    if not all(inside & {*group} for group in table("cues")["told"].get(kind_of(fact), [])):
        return False
    if fact.time and not _has_times(scene, fact, span):
        return False
    if fact.kind in DENIED and not _denied_in(scene, fact, span):
        return False
    return not fact.part or _is_about(scene, fact.part, span)


def _denied_in(scene: Scene, fact: Fact, span: Place) -> bool:
    """Whether the clause that speaks of it denies it."""
    groups = table("cues")["told"][fact.kind]
    for clause in (each for each in scene.clauses if span[0] <= each[0] < span[1]):
        inside = scene.names_in(clause)
        if all(inside & {*group} for group in groups) and negations(scene.text, *clause):
            return True
    return False


def _has_times(scene: Scene, fact: Fact, span: Place) -> bool:
    times = {each.value for each in scene.mentions if each.is_time and span[0] <= each.start < span[1]}
    wanted = set(minutes(fact))
    if wanted <= times:
        return len(wanted) == 1 or in_order(scene, fact, span)
    earlier = [each.value for each in scene.mentions if each.is_time and each.start < span[0]]
    before = bool(earlier) and (earlier[-1] in wanted or earlier[0] in wanted)
    return len(wanted) == 1 and before and (bool(_THEN.search(scene.text, *span)) or not times)


def _is_about(scene: Scene, part: str, span: Place) -> bool:
    inside = [each.name for each in scene.parts if span[0] <= each.start < span[1]]
    earlier = [each.name for each in scene.parts if each.start < span[0]]
    only = len({each.part for each in scene.facts if each.part}) == 1
    return part in inside or (not inside and (earlier[-1:] == [part] or only))


def _negations(scene: Scene) -> Iterator[Problem]:
    """A denial where the facts affirm."""
    for start, end in scene.sentences:
        for place in negations(scene.text, start, end):
            if not may_deny(scene, place):
                quote = scene.text[max(start, place[0] - 12) : place[1]].strip()
                yield Problem("negation", f"{quote!r} denies what is so")


def _barred(scene: Scene) -> Iterator[Problem]:
    """A condition that forbids, where the plan was solved with the hour forced."""
    kinds = {kind_of(each) for each in scene.facts}
    if "force" not in kinds or "forbid" in kinds:
        return
    for clause in scene.clauses:
        if "forbid" in scene.names_in(clause) and _CONDITION.search(scene.text, *clause):
            yield Problem(
                "negation", f"{scene.text[slice(*clause)].strip()!r} was not tried, the opposite was"
            )


def _claims(scene: Scene) -> Iterator[Problem]:
    """A word that only some facts give a right to, where none of them is there."""
    kinds = {kind for each in scene.facts for kind in (kind_of(each), each.kind)}
    acts = {each.kind.rpartition("_")[2] for each in scene.facts}
    for name, needed in table("cues")["claims"].items():
        allowed = kinds & {*needed} or name in acts
        word = next((word for word in scene.concepts if word.name == name), None)
        if word is not None and not allowed and not any(p.start <= word.start < p.end for p in scene.parts):
            yield Problem("invented", f"{scene.text[word.start : word.end]!r} is no fact")
    for part in scene.parts:
        if part.name == "?":
            yield Problem("part", f"{scene.quote(part)!r} is in no fact")


def _inventions(scene: Scene) -> Iterator[Problem]:
    taken = [(part.start, part.end) for part in scene.parts]
    taken += [(each.start, each.end) for each in scene.mentions]
    told = [each for every in scene.told.values() for each in every]
    taken += [place for place in (rounding(scene, each) for each in told) if place]
    for a, b in scene.clauses:
        strange = unknown_words(scene.text, a, b, taken)
        bare = not any(a <= each.start < b for each in scene.mentions)
        if len(strange) >= 2 or (strange and bare):
            said = scene.text[a:b].strip(" ,.")
            yield Problem("invented", f"{said!r} is of no fact ({', '.join(strange)})")
