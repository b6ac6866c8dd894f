"""Where: Korean districts and landmarks by their endings, English names by the word before them."""

from __future__ import annotations

import re
from functools import cache

from slm_disaster.rules.tables import span, table
from slm_disaster.schema import Found

MOST = 5
LONGEST = 40
_ISSUER = re.compile(r"[\[【<]([^\]】>]{2,20})[\]】>]")
_TOKEN = re.compile(r"[가-힣A-Za-z0-9]+")
_NATURAL = ("천", "강", "댐", "저수지", "산")
_STREET = re.compile(
    r"[가-힣]{1,8}\d*(?:대로|로|길)\d*(?:번길)?|\d+(?:-\d+)?(?:번지|번길)|[가-힣]{1,6}\d*(?:마을|통)"
)
_HOUSE = re.compile(r"\d+(?:-\d+)?(?:번지)?")
# A house number goes before a street, a count does not: 침수로 2명, 폭우로 3시간.
_HOUSE_NEXT = re.compile(
    r"\s?\d[\d,-]*(?![\d,-])(?!\s?(?:여|명|사람|가구|세대|채|건(?!물)|곳|개|대(?!로)|마리|시|분|일|월|년|㎜|mm|cm|k?m\b|%))"
)
_LEVELS = ("시", "군", "구", "읍", "면", "동", "리", "가")
_NAME = r"(?:[A-Z][\w'’-]+|[A-Z]{2,})"
# A road one is sent to (국도 7호선으로 돌아가) is not where it happens.
_ROADS = re.compile(
    r"(?:국도|지방도|국지도)\s?\d+호선(?!으로| 이용|을 이용)"
    r"|\b(?:National Road|State Route|Route|Highway|Hwy|Interstate|I-)\s?\d+\b"
)
_GENERIC = r"\s(?:camp|roundabout|river|bridge|dam|station|airport|district|county|province|island|valley)\b"
_NAMES = rf"(?:the\s+)?(?:\d+\s)?{_NAME}(?:(?:\s+|-)(?:{_NAME}|\d+\b|(?:de|la|du|des)\b|of(?=\s+{_NAME})))*"


def places(text: str) -> list[Found[str]]:
    """Return at most five places, in text order; the sender in brackets only where nothing else is named."""
    issuers = [match.span() for match in _ISSUER.finditer(text) if _place_of_issuer(text, match)]
    body = _blank(text, issuers)
    roads = [match.span() for match in _ROADS.finditer(body)]
    found = sorted({*_korean(body), *_english(body), *roads})
    if not found:
        found = [at for match in _ISSUER.finditer(text) if (at := _place_of_issuer(text, match))][:1]
    seen: dict[str, Found[str]] = {}
    for start, end in found:
        quote = text[start:end]
        if not any(quote in other for other in seen):
            seen.setdefault(quote, Found[str](value=place_name(quote), span=span(text, start, end)))
    return list(seen.values())[:MOST]


def place_name(quote: str) -> str:
    """Return the name that a quote gives: single spaces, no article before it."""
    return re.sub(r"^the ", "", " ".join(quote.split()))


def _blank(text: str, spans: list[tuple[int, int]]) -> str:
    for start, end in spans:
        text = text[:start] + " " * (end - start) + text[end:]
    return text


def _place_of_issuer(text: str, match: re.Match[str]) -> tuple[int, int] | None:
    name = match[1].strip()
    start = match.start(1) + match[1].index(name)
    name = name.removesuffix("청")
    if (_ending(name) and len(name) > 2) or _stands_alone(name):
        return start, start + len(name)
    return None


def _korean(text: str) -> list[tuple[int, int]]:
    """Chain neighbouring tokens: 충북 괴산군 청천면; 강릉시 옥계면 산계터널."""
    found: list[tuple[int, int]] = []
    chain: list[tuple[int, int]] = []
    for match in _TOKEN.finditer(text):
        rest = text[match.end() :]
        name = _place_token(match[0], rest)
        last = text[slice(*chain[-1])] if chain else ""
        street = bool(_STREET.fullmatch(match[0]) and _HOUSE_NEXT.match(rest))
        apart = not chain or text[chain[-1][1] : match.start()].strip(" ") != ""
        if apart or (not street and name.endswith(_NATURAL) and last[-1:] in _LEVELS):
            found += _closed(chain)
            chain = []
        if chain:
            name = _inner_token(match[0], last, rest) or name
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


def _place_token(token: str, rest: str) -> str:
    """Return the place name that a token begins with, without its particle, or nothing."""
    village = re.match(r"\s[가-힣]{1,4}[리동](?![가-힣]{3})", rest)
    for name in _without_particles(token):
        if name in _words("not_places"):
            continue
        if _stands_alone(name) or _landmark(name):
            return name
        if _ending(name) and (_alone_enough(name) or (village and name[-1] in "읍면")):
            return name
    return ""


def _inner_token(token: str, last: str, rest: str) -> str:
    """Return the part of a token that goes on with a chain: a smaller district, a street, a house."""
    if _HOUSE.fullmatch(token) and _STREET.fullmatch(last):
        return token
    for name in _without_particles(token):
        numbered = name[-1].isdigit() or _HOUSE_NEXT.match(rest)
        if _STREET.fullmatch(name) and (numbered or name.endswith(("마을", "통"))):
            return name
        if name not in _words("not_places") and _ending(name) and last[-1] not in "동리":
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
    if not 2 <= len(name) <= 6 or not re.fullmatch(r"[가-힣]+(?:\d*[동리]|\d+가|[시군구읍면])", name):
        return False
    return not name.endswith(_words("bad_endings"))


def _alone_enough(name: str) -> bool:
    """Whether an administrative ending is enough without a larger place before it."""
    if name[-1] in "시군":
        return False
    if name[-1] == "면":
        return len(name) == 3 and name[1] not in "하되으이려라보오가나르쓰우"
    return len(name) >= 3 and name[-1] != "리"


def _landmark(name: str) -> bool:
    if name in _words("not_landmarks") or len(name) > 10:
        return False
    ending = next((word for word in _words("landmarks") if name.endswith(word)), "")
    if len(ending) == 1 and name.endswith(tuple(word for word in _words("not_landmarks") if len(word) > 1)):
        return False
    return bool(ending) and len(name) >= len(ending) + 2


def _english(text: str) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    letters = [letter for letter in text if letter.isascii() and letter.isalpha()]
    shouting = sum(letter.isupper() for letter in letters) > 0.7 * len(letters)
    for match in _english_pattern().finditer(text):
        for part in re.finditer(_NAMES, match["names"]):
            start = match.start("names") + part.start()
            name = _shortened(part[0].split()[0] if shouting else part[0])
            if name:
                generic = re.match(_GENERIC, text[start + len(name) :])
                found.append((start, start + len(name) + (generic.end() if generic else 0)))
    return found


def _shortened(name: str) -> str:
    """Cut a run of capitalised words before the first that is no place: "Attica Saturday" is Attica."""
    kept: list[str] = []
    for word in re.findall(r"\S+\s*", name):
        plain = re.sub(r"['’]s$", "", word.strip(" .,").casefold())
        if plain in _words("english_not") and not (plain == "the" and not kept):
            break
        kept.append(word)
    shortened = re.sub(r"['’]s$", "", "".join(kept).strip()[:LONGEST])
    return "" if shortened.casefold() in (*_words("english_not"), "the") else shortened


@cache
def _english_pattern() -> re.Pattern[str]:
    words = sorted(table("places")["english"]["before"], key=len, reverse=True)
    before = "|".join(re.escape(word) for word in words)
    return re.compile(
        rf"\b(?i:{before})\s+(?:(?:downtown|central|northern|southern|eastern|western)\s+)?"
        rf"(?P<names>{_NAMES}(?:(?:,\s+|\s+and\s+|\s*&\s*){_NAMES})*)"
    )


@cache
def _words(name: str) -> tuple[str, ...]:
    """Return a list of places.toml, the longest words first."""
    places = table("places")
    words = places["english"]["not_places"] if name == "english_not" else places[name]
    return tuple(sorted(words, key=len, reverse=True))
