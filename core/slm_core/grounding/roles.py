"""Who did what to whom, and where: parts of a sentence exchanged without any number.

Three signs are looked for: Korean particles turned round (`A가 B를` for `B가 A를`), places that the source
binds to other words, and numbers that go with names in another order (`respectively`, 각각).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from slm_core.grounding.alignment import Surroundings, about, counted, moved, part_at, parts
from slm_core.grounding.measures import same
from slm_core.grounding.wording import Word, bare, words

_SUBJECT = re.compile(r"[이가](?:서)?$")
_OBJECT = re.compile(r"[을를]$")
_WHERE = re.compile(r"(?:에서는|에서|에는)$")
_NAME = re.compile(
    r"\b(?:in|at|near|for|from|to|of|around|outside)\s(?:the\s)?((?:[A-Z][\w'-]+(?:\s(?=[A-Z]))?)+)"
)


def exchanged(sentence: str, sources: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the sentence's words and the source's where who, what or where changed places."""
    for source in sources:
        found = _turned_particles(sentence, source)
        if found:
            yield found
    yield from _misplaced(sentence, sources)
    yield from _respectively(sentence, sources)


def _respectively(sentence: str, sources: Sequence[str]) -> Iterator[tuple[str, str]]:
    """`A and B had 14 and 51 respectively`: the first number is A's."""
    if not re.search(r"\brespectively\b|각각", sentence):
        return
    figures = [each for each in counted(sentence) if each.measure and each.measure.exact][-2:]
    names = list(
        dict.fromkeys(
            re.findall(r"\b[A-Z][a-z]{2,}\b|[가-힣]{2,}(?=[와과,]|\s및)|(?<=[와과] )[가-힣]{2,}", sentence)
        )
    )
    if len(figures) != 2 or len(names) < 2:
        return
    for source in sources:
        for at, one in enumerate(figures):
            own, other = names[at], names[1 - at]
            for each in counted(source):
                if each.measure and one.measure and same(one.measure, each.measure):
                    near = {word.bare or word.text for word, weight in each.about if weight >= 0.8}
                    if _holds(near, other) and not _holds(near, own):
                        yield f"{own} {one.measure.quote}", f"{other} {each.measure.quote}"


def _holds(near: set[str], name: str) -> bool:
    return any(word.startswith(bare(name)) for word in near)


def _turned_particles(sentence: str, source: str) -> tuple[str, str] | None:
    mine, theirs = _cases(sentence), _cases(source)
    for doer, done in mine:
        for other_doer, other_done in theirs:
            if _same(doer, other_done) and _same(done, other_doer):
                return f"{doer.text} {done.text}", f"{other_doer.text} {other_done.text}"
    return None


def _cases(text: str) -> list[tuple[Word, Word]]:
    """Return subject and object that stand in one part."""
    every = [word for word in words(text) if len(word.bare) >= 2 or word.bare == "씨"]
    doers = [word for word in every if _SUBJECT.search(word.text) and word.text != word.bare]
    done = [word for word in every if _OBJECT.search(word.text) and word.text != word.bare]
    pieces = parts(text)
    return [(a, b) for a in doers for b in done if part_at(pieces, a.start) == part_at(pieces, b.start)]


def _same(one: Word, other: Word) -> bool:
    return one.bare == other.bare


def _misplaced(sentence: str, sources: Sequence[str]) -> Iterator[tuple[str, str]]:
    theirs = [(source, name, each) for source in sources for name, each in _places(source)]
    mine = list(_places(sentence))
    for name, one in mine:
        equal = [each for _, other, each in theirs if other == name]
        rivals = [(source, other, each) for source, other, each in theirs if other != name]
        others = [
            (each, [given for _, other, given in theirs if other == second])
            for second, each in mine
            if second != name
        ]
        found = moved(one, equal, [each for _, _, each in rivals], others)
        if found is not None:
            yield name, next(other for _, other, each in rivals if each is found)


def _places(text: str) -> Iterator[tuple[str, Surroundings]]:
    spots = [
        (word.bare, word.start, word.end) for word in words(text) if word.bare and _WHERE.search(word.text)
    ]
    spots += [(match[1], *match.span(1)) for match in _NAME.finditer(text)]
    spans = [(start, end) for _, start, end in spots]
    for name, start, end in spots:
        yield name, about(text, start, end, spans)
