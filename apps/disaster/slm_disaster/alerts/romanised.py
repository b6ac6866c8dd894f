"""Korean place names in Latin letters by the Revised Romanization (2000): assimilated, units after a hyphen.

`강릉시 옥계면` is `Okgye-myeon, Gangneung-si`. Between two syllables the usual assimilation is written
(백령 Baengnyeong, 전라 Jeolla); tensing is not, and ㅎ after a stop stays, as the rules have it for names
(묵호 Mukho). What only a dictionary knows (ㄴ+ㄹ as nn) it does not: a person reads the draft.
"""

from __future__ import annotations

import re

_INITIALS = (
    "g",
    "kk",
    "n",
    "d",
    "tt",
    "r",
    "m",
    "b",
    "pp",
    "s",
    "ss",
    "",
    "j",
    "jj",
    "ch",
    "k",
    "t",
    "p",
    "h",
)
_VOWELS = (
    *("a", "ae", "ya", "yae", "eo", "e", "yeo", "ye", "o", "wa", "wae", "oe", "yo"),
    *("u", "wo", "we", "wi", "yu", "eu", "ui", "i"),
)
# What a final sounds like at the end, by its place in Unicode's row of finals.
_FINALS = (
    *("", "k", "k", "k", "n", "n", "n", "t", "l", "k", "m", "l", "l", "l", "p", "l", "m", "p", "p", "t", "t"),
    *("ng", "t", "t", "k", "t", "p", "t"),
)
# Single finals that move to the next syllable when it begins with a vowel.
_CARRIED = {
    1: "g",
    4: "n",
    7: "d",
    8: "r",
    16: "m",
    17: "b",
    19: "s",
    20: "ss",
    22: "j",
    23: "ch",
    24: "k",
    25: "t",
    26: "p",
}
_NASAL = {"k": "ng", "t": "n", "p": "m"}
_UNITS = (
    ("특별자치도", "-do"),
    ("특별자치시", ""),
    ("특별시", ""),
    ("광역시", ""),
    *(("도", "-do"), ("시", "-si"), ("군", "-gun"), ("구", "-gu"), ("읍", "-eup")),
    *(("면", "-myeon"), ("동", "-dong"), ("리", "-ri"), ("가", "-ga")),
)
_HANGUL = re.compile(r"[가-힣]+")


def romanised_place(place: str) -> str:
    """Return a Korean place in Latin letters, the smallest unit first; other names as they are."""
    parts = place.split()
    if not _HANGUL.search(place):
        return place
    names = [_HANGUL.sub(lambda match: _unit(match[0]), part) for part in parts]
    return ", ".join(reversed(names))


def romanised(word: str) -> str:
    """Return Hangul syllables in Latin letters, the first capital."""
    codes = [divmod(ord(letter) - 0xAC00, 28) for letter in word]
    text = ""
    carried = False
    for place, (body, final) in enumerate(codes):
        following = divmod(codes[place + 1][0], 21)[0] if place + 1 < len(codes) else None
        initial, vowel = divmod(body, 21)
        start = "" if carried else _INITIALS[initial]
        carried = False
        joint = _FINALS[final]
        if following is not None and final:
            joint, carried = _joint(final, following)
        text += start + _VOWELS[vowel] + joint
    return text.capitalize()


def _unit(word: str) -> str:
    for unit, name in _UNITS:
        if word.endswith(unit) and len(word) > len(unit) + (
            len(unit) == 1 and len(word) == 2 and unit in "가리도"
        ):
            return romanised(word[: -len(unit)]) + name
    return romanised(word)


def _joint(final: int, initial: int) -> tuple[str, bool]:
    """Return what stands between two syllables, and whether it holds the second's initial already."""
    sound, start = _FINALS[final], _INITIALS[initial]
    if start == "":
        carried = _CARRIED.get(final)
        return (carried, True) if carried else (sound, False)
    if start in ("n", "m"):
        return ("ll", True) if sound == "l" and start == "n" else (_NASAL.get(sound, sound), False)
    if start == "r":
        return ("ll", True) if sound in ("l", "n") else (_NASAL.get(sound, sound) + "n", True)
    return sound, False
