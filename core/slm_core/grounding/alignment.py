"""Whether a quantity stands with the same words in the sentence as in the source, without a vocabulary.

The words about a number are weighed by nearness: its own part of the sentence first (parts end at commas, 고,
and), then the others. A number is held against every source number of its dimension. Where another one, of a
different value, fits the words better than each of its own value does, the number was moved:
`3 dead, 5 injured` does not bear out `5 dead`. Words that exclude each other (open and closed, 경보 and
주의보) are compared in the same way.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from slm_core.grounding.measures import CALENDAR, Measure, measures, unit_table
from slm_core.grounding.wording import Word, bare, table, words

SENTENCE_END = re.compile(r"[!?。;\n▲▶●■○◆□※]|\.(?=\s+\D|\s*$|\s+\d+\s?[가-힣A-Za-z])|(?<=[다요음임함됨])\.")
_PART_END = re.compile(
    r",(?!\d{3}(?!\d))|[()/·]|(?<=[가-힣])(?:고|며|으나|지만|는데|면서|해서|어서|여서|아서|거나|반면"
    r"|으면|하면|되면|므로)(?=[\s,])"
    r"|\b(?:and|but|while|whereas|or|with(?=\s(?:\d|two|three|four|five|six|seven|eight|nine|ten)\b)|after"
    r"|when)\s|\s(?:및|또는|혹은|이며)\s|\s-\s|→|->",
    re.IGNORECASE,
)
_NAMED = re.compile(r"^[가-힣]{2,}(?:시|군|구|읍|면|동|댐|천|강|산|역|교|호|도|리)$")
_TOPIC = re.compile(r"[가-힣][은는이가]$")
_VERB = re.compile(r"[가-힣](?:고|며|면|서|지만|는데|다|어|아|여|해|돼|져|쳐|려)$")
_BETWEEN = re.compile(r"\bbetween\s[^.,;]{1,25}\sand\s$", re.IGNORECASE)
ENOUGH = 0.65
MARGIN = 0.5
CLEARLY = 0.45
NAME = 1.6  # A name tells two numbers apart better than a verb does.


@dataclass(frozen=True)
class Part:
    """A piece of a sentence: the numbers of both in their text, and where it lies."""

    sentence: int
    number: int
    start: int
    end: int
    condition: bool = False


@lru_cache(maxsize=256)
def parts(text: str) -> tuple[Part, ...]:
    """Split a text into sentences and these into parts."""
    found: list[Part] = []
    taken = [(each.start, each.end) for each in measures(text)]
    ends = [match.end() for match in SENTENCE_END.finditer(text) if not _within(match.start(), taken)]
    begin = 0
    for sentence, end in enumerate([*ends, len(text)]):
        cuts = [m.end() for m in _PART_END.finditer(text, begin, end) if not _within(m.start(), taken)]
        cuts = [cut for cut in cuts if not _BETWEEN.search(text[begin:cut])]
        for start, stop in zip([begin, *cuts], [*cuts, end], strict=True):
            if re.search(r"\w", text[start:stop]):
                found.append(
                    Part(sentence, len(found), start, stop, text[start:stop].rstrip(" ,").endswith("면"))
                )
        begin = end
    return tuple(found)


def _within(at: int, spans: list[tuple[int, int]]) -> bool:
    return any(start <= at < end for start, end in spans)


def part_at(pieces: Sequence[Part], at: int) -> Part | None:
    """Return the part in which a character stands."""
    return next((piece for piece in pieces if piece.start <= at < piece.end), None)


@dataclass(frozen=True)
class Surroundings:
    """A thing with the words about it, each with its weight; `keys` are their stems and concepts."""

    start: int
    end: int
    about: tuple[tuple[Word, float], ...]
    keys: dict[str, float]
    measure: Measure | None = None


_THINGS = ("person", "building", "vehicle", "ship", "animal")


@cache
def _units() -> frozenset[str]:
    """Return the words that are units alone: `40 children` says more than a number of people."""
    forms = unit_table()[0]
    things = {form for form, (kind, _, _) in forms.items() if kind in _THINGS}
    return frozenset(forms) - things | {"people", "persons", "person", "명", "사람", "others"}


@lru_cache(maxsize=256)
def counted(text: str) -> tuple[Surroundings, ...]:
    """Return every quantity of a text with what stands about it."""
    every = measures(text)
    return tuple(
        about(
            text,
            each.start,
            each.end,
            [(other.start, other.end) for other in every if _kind(other) == _kind(each)],
            each,
        )
        for each in every
    )


@lru_cache(maxsize=256)
def _by_sentence(text: str) -> dict[int, list[tuple[Word, Part]]]:
    """Return the words that count, with their parts, by sentence."""
    found: dict[int, list[tuple[Word, Part]]] = {}
    pieces, at = parts(text), 0
    for word in words(text):
        while at < len(pieces) and pieces[at].end <= word.start:
            at += 1
        if word.counts and not _is_unit(text, word) and at < len(pieces) and pieces[at].start <= word.start:
            found.setdefault(pieces[at].sentence, []).append((word, pieces[at]))
    return found


def _is_unit(text: str, word: Word) -> bool:
    """Whether the word is the unit of a number, or the particle after it."""
    for each in measures(text):
        if each.start <= word.start < each.end:
            hangul = bool(word.bare) and not word.concepts
            return hangul or word.text.lower() in _units()
        if word.start == each.end and len(word.text) <= 3 and word.bare and not word.concepts:
            return True
    return False


def about(
    text: str, start: int, end: int, peers: Sequence[tuple[int, int]], measure: Measure | None = None
) -> Surroundings:
    """Return what stands about the characters `start` to `end`; `peers` are things of the same kind."""
    own = part_at(parts(text), start)
    if own is None:
        return Surroundings(start, end, (), {}, measure)
    here = _by_sentence(text).get(own.sentence, [])
    frame = _frame(text, (start, end), own, peers, here)
    weighed: list[tuple[Word, float]] = []
    for word, piece in here:
        inside = start <= word.start < end
        if not inside:
            weighed.append((word, _weight(word, piece, frame)))
        elif measure is not None:
            weighed.append((word, 0.8))
    keys: dict[str, float] = {}
    for word, weight in weighed:
        for key in word.keys:
            keys[key] = max(keys.get(key, 0.0), weight)
    keys |= _other_quantities(text, measure, own)
    return Surroundings(start, end, tuple(weighed), keys, measure)


@dataclass(frozen=True)
class _Frame:
    """Where a thing stands: its part, its peers there and anywhere, where the part's words begin."""

    thing: tuple[int, int]
    own: Part
    peers: tuple[tuple[int, int], ...]
    every_peer: tuple[tuple[int, int], ...]
    lead: int
    bare_end: bool
    whole: bool
    empty: bool
    topic: bool


def _frame(
    text: str,
    thing: tuple[int, int],
    own: Part,
    peers: Sequence[tuple[int, int]],
    here: list[tuple[Word, Part]],
) -> _Frame:
    close = tuple(peer for peer in peers if own.start <= peer[0] < own.end)
    inner = [word.start for word, piece in here if piece.number == own.number]
    topic = any(piece.number == own.number and word.text[-1] in "은는" for word, piece in here)
    lead = min((at for at in inner if not any(a <= at < b for a, b in close)), default=own.end)
    bare_end = not any(at >= thing[1] for at in inner) and text[own.start : thing[0]].strip() != ""
    whole = re.match(r"\s?(?:중|가운데)(?=[에\s,])", text[thing[1] :]) is not None
    return _Frame(thing, own, close, tuple(peers), lead, bare_end, whole, not inner, topic)


def _after_peers(word: Word, piece: Part, peers: Sequence[tuple[int, int]]) -> bool:
    """In `속초 3명, 고성 5명이 다쳤다` what follows the last number is said of both."""
    inside = [end for start, end in peers if piece.start <= start < piece.end]
    return bool(inside) and word.start >= max(inside)


def _other_quantities(text: str, measure: Measure | None, own: Part) -> dict[str, float]:
    """In `3시간에 60 mm` the hours tell which 60 mm it is; of two of a kind the first goes with the first."""
    every = measures(text)
    here = [other for other in every if own.start <= other.start < own.end]
    if measure is None:
        return {f"#{_family(other)}{other.value:g}": 0.9 for other in here}
    peers = [other for other in here if _kind(other) == _kind(measure)]
    found: dict[str, float] = {}
    for kind in {_kind(other) for other in here} - {_kind(measure)}:
        others = [other for other in here if _kind(other) == kind]
        if len(others) == len(peers):
            others = [others[peers.index(measure)]]
        found |= {
            f"#{_family(other)}{other.value:g}": 0.9 if kind not in CALENDAR or kind == "clock" else 0.3
            for other in others
        }
    for piece in parts(text):
        if piece.sentence == own.sentence and piece.number < own.number:
            for other in every:
                if (
                    piece.start <= other.start < piece.end
                    and not other.kind
                    and _kind(other) != _kind(measure)
                ):
                    found.setdefault(f"#{_family(other)}{other.value:g}", 0.9)
    return found


def _family(measure: Measure) -> str:
    return measure.kind or "?"


def _kind(measure: Measure) -> str:
    return measure.kind or f"?{bare(measure.unit)}"


def _weight(word: Word, piece: Part, frame: _Frame) -> float:
    """1 in the thing's own part and on its side, less elsewhere."""
    if piece.number != frame.own.number:
        return _outside(word, piece, frame)
    if frame.whole and word.start >= frame.thing[1]:
        return 0.2  # 35명 중 11명이 다쳤다: the 35 are not injured
    if len(frame.peers) < 2:
        return 1.0
    starts = sorted(start for start, _ in frame.peers)
    low, high = sorted((frame.thing[0], word.start))
    if any(low < start < high for start in starts if start != frame.thing[0]):
        return 0.5 if word.start < starts[0] else 0.3
    return _side(word, frame.thing, frame.peers, frame.lead < starts[0])


def _outside(word: Word, piece: Part, frame: _Frame) -> float:
    far = abs(piece.number - frame.own.number)
    if far == 1 and (frame.own if piece.number > frame.own.number else piece).condition:
        return 0.9  # `90mm 이상이면 경보`: what follows from it is said of it.
    if (
        piece.number < frame.own.number
        and not frame.topic
        and _TOPIC.search(word.text)
        and word.text[-1] in "은는"
    ):
        return 0.85 / far
    if piece.number < frame.own.number:
        # `또는 12시간에 110 mm` has no words of its own.
        return (0.9 if frame.empty else 0.5) / far
    return 0.8 if frame.bare_end and _after_peers(word, piece, frame.every_peer) else 0.3 / far


def _side(word: Word, thing: tuple[int, int], peers: Sequence[tuple[int, int]], words_lead: bool) -> float:
    """In a list without commas (1명 사망 2명 부상) words follow their numbers, or all go before them."""
    before = word.start < thing[0]
    if before:
        beyond = max((peer for peer in peers if peer[0] < word.start), default=None)
    else:
        beyond = min((peer for peer in peers if peer[0] > word.start), default=None)
    if beyond is None:
        if before and words_lead and _TOPIC.search(word.text):
            return 0.6  # What the sentence is about belongs to each of its numbers.
        if not before and _VERB.search(word.text):
            return 1.0
        return 1.0 if before == words_lead else 0.35
    if _VERB.search(word.text):  # 3명이 숨지고 5명이: a verb between two numbers ends the first.
        return 0.35 if before else 1.0
    own_gap = thing[0] - word.end if before else word.start - thing[1]
    gap = word.start - beyond[1] if before else beyond[0] - word.end
    if abs(own_gap - gap) > 8:
        return 0.9 if own_gap < gap else 0.5
    return 1.0 if before == words_lead else 0.35


def fit(one: Surroundings, other: Surroundings) -> float:
    """Return how much of what stands about the first also stands about the second."""
    total, used = 0.0, set[str]()
    for word, weight in one.about:
        shared = [key for key in word.keys if key in other.keys and key not in used]
        if shared:
            best = max(shared, key=lambda key: other.keys[key])
            used.update(shared)
            total += min(weight, other.keys[best]) ** 2 * (NAME if _tells(word) else 1.0)
    return total + sum(
        min(weight, other.keys[key]) ** 2
        for key, weight in one.keys.items()
        if key[0] == "#" and key in other.keys
    )


def _tells(word: Word) -> bool:
    """Whether the word is of those that tell things apart: a name, or one that excludes another."""
    return word.text[0].isupper() or not word.concepts.isdisjoint(telling()) or bool(_NAMED.search(word.bare))


@cache
def counting() -> frozenset[str]:
    """Return the concepts of which one thing counted has only one: 3 dead are no 3 injured."""
    return telling() | {"=rise", "=fall"}


@cache
def telling() -> frozenset[str]:
    """Return the concepts that exclude another one."""
    groups = [group for group in table()["apart"] if {"dead", "warning", "north"} & set(group)]
    return frozenset(f"={name}" for group in groups for name in group)


def moved(
    one: Surroundings,
    equal: Sequence[Surroundings],
    rivals: Sequence[Surroundings],
    others: Sequence[tuple[Surroundings, Sequence[Surroundings]]] = (),
    *,
    strict: bool = False,
) -> Surroundings | None:
    """Return the source's thing of another value to which the words belong, or None.

    Args:
        one: the thing in the sentence.
        equal: things of its value in the sources.
        rivals: things of its kind with other values in the sources.
        others: the sentence's other things of the kind, each with the source's things of its value.
        strict: whether only words count that tell things apart (names, dead and injured).
    """
    if not rivals or not equal:
        return None
    own = max(equal, key=lambda each: fit(one, each))
    rival = max(rivals, key=lambda each: fit(one, each))
    for_it, against = _evidence(one, own, rival, strict)
    for other, theirs in others:
        if rival in theirs:  # The rival is said as well: only an exchange of both counts.
            more, less = _evidence(other, rival, own, strict)
            for_it, against = for_it + more, against + less
    return rival if for_it >= ENOUGH and for_it - against >= MARGIN else None


def _evidence(one: Surroundings, own: Surroundings, rival: Surroundings, strict: bool) -> tuple[float, float]:
    """Return how much speaks for the rival and how much against: words clearly nearer to one."""
    for_it = against = 0.0
    used = set[str]()
    for word, weight in one.about:
        shared = word.keys - used
        mine = max((own.keys.get(key, 0.0) for key in shared), default=0.0)
        theirs = max((rival.keys.get(key, 0.0) for key in shared), default=0.0)
        if abs(mine - theirs) < CLEARLY:
            continue
        used |= {key for key in shared if key in own.keys or key in rival.keys}
        if theirs > mine and weight >= 0.88:
            for_it += (NAME if _tells(word) else 0.0 if strict else 1.0) * (theirs - mine)
        elif mine > theirs:
            against += weight * (NAME if _tells(word) else 1.0) * (mine - theirs)
    for key, weight in one.keys.items():
        if key[0] == "#":
            apart = rival.keys.get(key, 0.0) - own.keys.get(key, 0.0)
            for_it, against = for_it + max(0.0, apart) * weight * NAME, against + max(0.0, -apart) * weight
    return for_it, against
