"""Words of a reply that tell something no fact is about."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from slm_core.grounding.wording import bare, stems
from slm_energy.why.mentions import concepts
from slm_energy.why.wording import table

_WORD = re.compile(r"[가-힣]+|[A-Za-z][A-Za-z'’-]*")
_SLOT = re.compile(r"\{[^}]*\}|[가-힣]+/[가-힣]+")
_ENDING = re.compile(
    r"(?:습니다|입니다|합니다|됩니다|ㅂ니다|니다|에서는|에서도|에서|에는|에도|까지는|까지|부터|보다는|보다|으로는|으로|에만|이라|라서|이고|이며|이라서|이므로|은|는|이|가|을|를|의|에|로|와|과|도|만|고|며|면|서|지|게|다|요|기|어|아|여|해|한|할|될|된|되는|하는|하고|하며|하면|해서|하여|하게|하기)$"
)


def unknown_words(text: str, start: int, end: int, taken: Iterable[tuple[int, int]]) -> list[str]:
    """Return the words of a clause that are neither known nor part of what is taken (names, numbers)."""
    spans = [*taken, *((word.start, word.end) for word in concepts(text))]
    found = []
    for match in _WORD.finditer(text, start, end):
        if any(a < match.end() and match.start() < b for a, b in spans) or _is_known(match[0]):
            continue
        if _follows_a_number(text, match.start(), spans):
            continue
        found.append(match[0])
    return found


def _follows_a_number(text: str, start: int, spans: Iterable[tuple[int, int]]) -> bool:
    """Whether it is the particle or ending of a number, an hour or a name: `kW로`, `03:00에는`."""
    return any(b == start for _, b in spans) and bool(re.match("[가-힣]", text[start:]))


def _is_known(word: str) -> bool:
    if word[0].isascii():
        low = re.sub(r"['’]s$", "", word.lower())
        return (
            low in _english()
            or bool(stems(low) & _english_stems())
            or all(part in _english() for part in low.split("-"))
        )
    if word in _korean() or bare(word) in _korean():
        return True
    shorter = word
    for _ in range(3):
        cut = _ENDING.sub("", shorter)
        if cut == shorter or not cut:
            break
        shorter = cut
        if shorter in _korean():
            return True
    return any(len(known) >= 2 and word.startswith(known) for known in _korean())


@cache
def _english() -> frozenset[str]:
    said = re.findall(r"[a-z]+", " ".join(_templates("en")).lower())
    return frozenset(table("vocabulary")["en"]) | frozenset(said)


@cache
def _english_stems() -> frozenset[str]:
    return frozenset(stem for word in _english() if len(word) >= 3 for stem in stems(word))


@cache
def _korean() -> frozenset[str]:
    said = re.findall(r"[가-힣]+", " ".join(_templates("ko")))
    return frozenset(table("vocabulary")["ko"]) | frozenset(said) | {bare(word) for word in said}


def _templates(lang: str) -> list[str]:
    words = table("sentences")[lang]
    return [
        _SLOT.sub(" ", pattern)
        for group in ("say", "if", "then", "act", "limit")
        for pattern in words[group].values()
    ]
