"""A reply taken apart, and what stands with what in it: the hour, part and words that a number belongs to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

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
from slm_energy.why.wording import table

Place = tuple[int, int]

_NEAR = 14.0  # characters at which a word counts half
_FLOOR = 0.5  # within one clause
_ELSEWHERE = 0.5  # in another clause of the sentence
_LEADING = 8  # characters at which a word is right before a number
_CROSSING = 0.4  # for each number of the same unit between
_TIME, _PART, _FRAME, _REFERENCE = 0.6, 0.4, 0.8, 0.4
_REFERENCES = ("mean_price", "cost_before", "peak_before")
_COMPARED = re.compile(r"\s?(?:보다|대비|에 비)")
_THAN = re.compile(
    r"\b(?:than|below|above|under|over|against|versus)\s(?:the\s|an?\s|its\s)?(?:\w+\s)?(?:\w+\s)?(?:of\s)?$",
    re.I,
)
# `the average of the usable hours, which is 171.4`: what a relative clause or brackets tell stands before.
_APPOSED = re.compile(
    r"\b(?:mean|average)\b(?:\s[\w-]+){0,5}(?:,?\s(?:which|that)\s(?:is|was)\s|,?\s\(|,\s(?:namely\s)?)$"
    r"|평균[가-힣\s]{0,12}\($",
    re.I,
)
_SAVES = re.compile(r"\bsav(?:e|es|ed|ing|ings of)\s(?:you\s|about\s)?$", re.I)
_SAVED = re.compile(r"[을를]? ?(?:절약|절감|아[끼낍낄껴낀])")
_ABOUT = re.compile(
    r"(?<![가-힣])(?:약|대략|거의|한)\s?$"
    r"|\b(?:about|around|roughly|approximately|nearly|some)\s[₩$€£]?$",
    re.I,
)
_OR_SO = re.compile(r"\s?(?:쯤|정도|가량|안팎|남짓|or so)")
_ROUNDED_BEFORE = re.compile(r"반올림(?:해서|하여|하면|해)\s(?:약\s)?$")
_ROUNDED_AFTER = re.compile(r"\s?\((?:rounded|반올림)\)|,?\s(?:if you round it|when rounded|rounded)\b", re.I)
_FIGURE = re.compile(r"\d[\d,]*(?:\.\d+)?")
_ROUNDED = 0.05  # of the fact: further off it is another figure
_FRAMES = {"cost": "plan", "peak": "plan", "cost_before": "before", "peak_before": "before"}


@dataclass
class Scene:
    """A reply with its facts.

    Args:
        told: by id of a fact, where the reply tells its number or hour; the checker fills it.
    """

    text: str
    facts: Sequence[Fact]
    mentions: list[Mention]
    concepts: list[Word]
    parts: list[Word]
    sentences: list[Place]
    clauses: list[Place]
    told: dict[str, list[Mention]] = field(default_factory=dict)

    def sentence_at(self, place: int) -> Place:
        """Return the sentence around a place."""
        return next(((a, b) for a, b in self.sentences if a <= place < b), (0, len(self.text)))

    def clause_at(self, place: int) -> Place:
        """Return the clause around a place."""
        return next(((a, b) for a, b in self.clauses if a <= place < b), self.sentence_at(place))

    def names_in(self, within: Place) -> set[str]:
        """Return the concepts of a stretch."""
        return {word.name for word in self.concepts if within[0] <= word.start < within[1]}

    def quote(self, each: Mention | Word) -> str:
        """Return the words of a mention."""
        return self.text[each.start : each.end].strip()


def scene_of(text: str, facts: Sequence[Fact]) -> Scene:
    """Take a reply apart."""
    sentences = sentences_of(text)
    return Scene(
        text,
        facts,
        mentions(text),
        concepts(text),
        sorted(named_parts(text, facts), key=lambda word: word.start),
        sentences,
        [clause for sentence in sentences for clause in clauses_of(text, *sentence)],
    )


def kind_of(fact: Fact) -> str:
    """Return by which entry of cues.toml a fact is told: `forbid` for `forbid_charge`."""
    head = fact.kind.partition("_")[0]
    return head if head in ("forbid", "force") else fact.kind


def minutes(fact: Fact) -> list[int]:
    """Return the hours of a fact as minutes of the day."""
    return [int(h) % 24 * 60 + int(m) for h, m in re.findall(r"(\d\d):(\d\d)", fact.time)]


def matches(mention: Mention, fact: Fact) -> bool:
    """Whether a mention has the value and unit of a fact, or its hour."""
    if mention.is_time:
        return mention.value in minutes(fact)
    same = fact.number is not None and unit_of(fact.unit) == mention.unit
    return same and abs(abs(fact.number or 0.0) - mention.value) < 1e-6


def about(scene: Scene, mention: Mention, fact: Fact) -> bool:
    """Whether a number is a fact's, rounded and said to be: `약 310원` of 312, within 5%, as written."""
    if not alike(mention, fact) or mention.is_time or fact.number is None:
        return False
    before = scene.text[max(0, mention.start - 16) : mention.start]
    said = _ABOUT.search(before) or _OR_SO.match(scene.text[mention.end : mention.end + 4])
    if not (said or rounding(scene, mention)):
        return False
    written = _FIGURE.search(scene.quote(mention))
    if written is None:
        return False
    digits = written[0].replace(",", "")
    whole, _, part = digits.partition(".")
    step = 10.0 ** -len(part) if part else 10.0 ** (len(whole) - len(whole.rstrip("0")))
    off = abs(abs(fact.number) - mention.value)
    return off <= step / 2 + 1e-9 and off <= _ROUNDED * abs(fact.number)


def rounding(scene: Scene, mention: Mention) -> Place | None:
    """Return where a number is said to be rounded: `반올림해서 4 kW`, `4 kW (rounded)`."""
    found = _ROUNDED_BEFORE.search(scene.text, 0, mention.start) or _ROUNDED_AFTER.match(
        scene.text, mention.end
    )
    return found.span() if found else None


def alike(mention: Mention, fact: Fact) -> bool:
    """Whether the fact has something of the mention's dimension."""
    if mention.is_time:
        return bool(fact.time)
    return fact.number is not None and unit_of(fact.unit) == mention.unit


def score(scene: Scene, mention: Mention, fact: Fact) -> float:
    """Return how well what stands about a mention speaks of a fact."""
    found = _framed(scene, mention, fact) + _referred(scene, mention, fact) + _saved(scene, mention, fact)
    for group in table("cues")["told"].get(kind_of(fact), []):
        near = (closeness(scene, mention, word) for word in scene.concepts if word.name in group)
        found += max(near, default=0.0)
    time, part = bound_time(scene, mention), bound_part(scene, mention)
    if not mention.is_time and fact.time and time is not None:
        found += _TIME if time.value in minutes(fact) else -_TIME
    if fact.part and part is not None:
        found += _PART if part.name == fact.part else -_PART
    return found


def _referred(scene: Scene, mention: Mention, fact: Fact) -> float:
    """What something is compared with stands before 보다 or after `than`."""
    if fact.kind not in _REFERENCES or mention.is_time:
        return 0.0
    after, before = (
        scene.text[mention.end : mention.end + 5],
        scene.text[max(0, mention.start - 60) : mention.start],
    )
    if fact.kind == "mean_price" and _APPOSED.search(before):
        return _FRAME
    return _REFERENCE if _COMPARED.match(after) or _THAN.search(before) else 0.0


def _framed(scene: Scene, mention: Mention, fact: Fact) -> float:
    """With and without the plan: the word for it rules until the other one comes."""
    if fact.kind not in _FRAMES or mention.is_time:
        return 0.0
    clause, sentence = scene.clause_at(mention.start), scene.sentence_at(mention.start)
    words = [word for word in scene.concepts if word.name in ("plan", "before")]
    words = [word for word in words if word.end <= mention.start or not _leads(scene, mention, word)]
    inside = [
        word for word in words if clause[0] <= word.start < clause[1] and not between(scene, mention, word)
    ]
    earlier = [word for word in words if sentence[0] <= word.start < clause[0]]
    nearest = min(inside, key=lambda word: _gap(mention, word), default=earlier[-1] if earlier else None)
    if nearest is None:
        return 0.0
    return _FRAME if nearest.name == _FRAMES[fact.kind] else -_FRAME


def _saved(scene: Scene, mention: Mention, fact: Fact) -> float:
    """`saves 370 won` tells the saving, whatever plan the sentence is about."""
    if fact.kind != "saving":
        return 0.0
    saves = _SAVES.search(scene.text[max(0, mention.start - 12) : mention.start])
    return _FRAME if saves or _SAVED.match(scene.text[mention.end : mention.end + 8]) else 0.0


def _leads(scene: Scene, mention: Mention, word: Word) -> bool:
    """Whether a word stands right before another number of the unit: `average of 0.095`."""
    end = scene.clause_at(word.start)[1]
    following = (
        each for each in scene.mentions if each.unit == mention.unit and word.end <= each.start < end
    )
    led = next(following, None)
    return led is not None and led is not mention and len(scene.text[word.end : led.start]) <= _LEADING


def _gap(mention: Mention, word: Word) -> int:
    return max(0, word.start - mention.end, mention.start - word.end)


def between(scene: Scene, mention: Mention, word: Word) -> int:
    """Return how many numbers of the same unit stand between a mention and a word."""
    low, high = min(mention.end, word.end), max(mention.start, word.start)
    return sum(
        low <= each.start < high
        for each in scene.mentions
        if each is not mention and each.unit == mention.unit
    )


def closeness(scene: Scene, mention: Mention, word: Word) -> float:
    """Return from 1 (next to it) to 0 (in another sentence) how close a word stands to a mention."""
    start, end = scene.sentence_at(mention.start)
    if not start <= word.start < end:
        return 0.0
    near = 1 / (1 + (_gap(mention, word) / _NEAR) ** 2)
    clause = scene.clause_at(mention.start)
    inside = clause[0] <= word.start < clause[1]
    crossed = between(scene, mention, word) + _leads(scene, mention, word)
    return (max(near, _FLOOR) if inside else _ELSEWHERE * near) * _CROSSING**crossed


def bound_time(scene: Scene, mention: Mention) -> Mention | None:
    """Return the hour that a number stands with: `92 won at 03:00`, `03:00에 92원`, `92원(03:00)`."""
    start, end = scene.sentence_at(mention.start)
    times = [each for each in scene.mentions if each.is_time and start <= each.start < end]
    for time in times:
        gap = scene.text[mention.end : time.start] if time.start >= mention.end else "-"
        if re.fullmatch(r"\s?\(?(?:(?:at|from|by|around|until|of)\s)?(?:about\s)?", gap, re.I):
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
