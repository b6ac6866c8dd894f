"""Where: Korean administrative names and landmarks by their endings, English names by the word before them."""

from __future__ import annotations

import re
from functools import cache

from slm_disaster.rules.tables import span, table
from slm_disaster.schema import Found

MOST = 5
LONGEST = 40
_ISSUER = re.compile(r"[\[【<]([^\]】>]{2,20})[\]】>]")
_TOKEN = re.compile(r"[가-힣A-Za-z0-9]+(?:[.·][가-힣]+)?")
_STREET = re.compile(
    r"[가-힣]{1,8}\d*(?:대로|로|길)\d*(?:번길)?|\d+(?:-\d+)?(?:번지|번길)|[가-힣]{1,6}\d*(?:마을|통)"
)
_HOUSE = re.compile(r"\d+(?:-\d+)?")
_LEVELS = ("시", "군", "구", "읍", "면", "동", "리", "가")
_NAME = r"(?:[A-Z][\w'’-]+|[A-Z]{2,})"
_NAMES = rf"(?:the\s+)?{_NAME}(?:(?:\s+|-)(?:{_NAME}|\d+\b|de|la|du|des|of(?=\s+{_NAME})))*"


def places(text: str) -> list[Found[str]]:
    """Return at most five places, in text order; the sender in brackets only where nothing else is named."""
    issuers = [match.span() for match in _ISSUER.finditer(text) if _place_of_issuer(text, match)]
    body = _blank(text, issuers)
    found = sorted({*_korean(body), *_english(body)})
    if not found:
        found = [at for match in _ISSUER.finditer(text) if (at := _place_of_issuer(text, match))][:1]
    seen: dict[str, Found[str]] = {}
    for start, end in found:
        quote = text[start:end]
        if not any(quote in other for other in seen):
            seen.setdefault(quote, Found[str](value=" ".join(quote.split()), span=span(text, start, end)))
    return list(seen.values())[:MOST]


def _blank(text: str, spans: list[tuple[int, int]]) -> str:
    for start, end in spans:
        text = text[:start] + " " * (end - start) + text[end:]
    return text


def _place_of_issuer(text: str, match: re.Match[str]) -> tuple[int, int] | None:
    name = match[1].strip()
    start = match.start(1) + match[1].index(name)
    name = name.removesuffix("청")
    if _ending(name) or _stands_alone(name):
        return start, start + len(name)
    return None


def _korean(text: str) -> list[tuple[int, int]]:
    """Chain neighbouring tokens: 충북 괴산군 청천면; 강릉시 옥계면 산계터널."""
    found: list[tuple[int, int]] = []
    chain: list[tuple[int, int]] = []
    for match in _TOKEN.finditer(text):
        if chain and text[chain[-1][1] : match.start()].strip(" ") != "":
            found += _closed(chain)
            chain = []
        name = _place_token(match[0], in_chain=bool(chain))
        if chain and _HOUSE.fullmatch(match[0]) and _STREET.fullmatch(text[slice(*chain[-1])]):
            name = match[0]
        if name:
            chain.append((match.start(), match.start() + len(name)))
        if chain and len(name) < len(match[0]):
            found += _closed(chain)
            chain = []
    return found + _closed(chain)


def _closed(chain: list[tuple[int, int]]) -> list[tuple[int, int]]:
    while chain and chain[-1][1] - chain[0][0] > LONGEST:
        chain = chain[:-1]
    return [(chain[0][0], chain[-1][1])] if chain else []


def _place_token(token: str, in_chain: bool) -> str:
    """Return the place name that a token begins with, without its particle, or nothing."""
    for name in _without_particles(token):
        if name in _words("not_places"):
            continue
        if (
            _stands_alone(name)
            or _landmark(name)
            or (in_chain and (_ending(name) or _STREET.fullmatch(name)))
        ):
            return name
        if name[-1:] in ("시", "군", "구", "읍", "동", "면") and _ending(name) and _alone_enough(name):
            return name
    return ""


def _without_particles(token: str) -> list[str]:
    names = [token]
    for tail in _words("areas") + _words("particles"):
        if token.endswith(tail) and len(token) - len(tail) >= 2:
            rest = token[: -len(tail)]
            names += [rest, *(rest.removesuffix(area) for area in _words("areas") if rest.endswith(area))]
    return [name for name in names if len(name) >= 2]


def _stands_alone(name: str) -> bool:
    places = table("places")
    if name in places["regions"] or name in places["islands"] or name in places["one_syllable_districts"]:
        return True
    if name in places["cities"]:
        return name not in places["not_bare"]
    return name[-1] in "시군" and name[:-1] in places["cities"]


def _ending(name: str) -> bool:
    """Whether a token could be an administrative name: its ending, and no common word of that ending."""
    if len(name) < 2 or not re.fullmatch(r"[가-힣]+\d*[가-힣]", name) or name[-1] not in _LEVELS:
        return False
    return len(name) <= 6 and not any(name.endswith(word) for word in _words("not_places") if len(word) >= 2)


def _alone_enough(name: str) -> bool:
    """Whether an administrative ending is enough without a larger place before it."""
    if name[-1] == "시":
        return len(name) == 3 and name[:-1] in _words("cities")
    if name[-1] == "면":
        return len(name) == 3 and name[:-1] in _words("cities")
    return len(name) >= 3


def _landmark(name: str) -> bool:
    if name in _words("not_landmarks") or any(
        name.endswith(word) for word in _words("not_landmarks") if len(word) > 1
    ):
        longer = [
            word
            for word in _words("landmarks")
            if len(word) > 1 and name.endswith(word) and len(name) >= len(word) + 2
        ]
        return bool(longer)
    for ending in _words("landmarks"):
        if name.endswith(ending) and len(name) >= len(ending) + 2 and len(name) <= 10:
            return True
    return False


def _english(text: str) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for match in _english_pattern().finditer(text):
        for start, end in _name_spans(text, *match.span("names")):
            name = text[start:end].removeprefix("the ").casefold()
            words = name.split()
            if words[0] not in _words("english_not") and name not in _words("english_not"):
                found.append((start, min(end, start + LONGEST)))
    return found


def _name_spans(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Split "Canmore, Alberta" and "Leogane and Jacmel" into their names."""
    parts = re.finditer(_NAMES, text[start:end])
    return [(start + part.start(), start + part.end()) for part in parts]


@cache
def _english_pattern() -> re.Pattern[str]:
    before = "|".join(
        re.escape(word) for word in sorted(table("places")["english"]["before"], key=len, reverse=True)
    )
    return re.compile(rf"\b(?i:{before})\s+(?P<names>{_NAMES}(?:(?:,\s+|\s+and\s+){_NAMES})*)")


@cache
def _words(name: str) -> tuple[str, ...]:
    places = table("places")
    words = places["english"]["not_places"] if name == "english_not" else places[name]
    return tuple(sorted(words, key=len, reverse=True))
