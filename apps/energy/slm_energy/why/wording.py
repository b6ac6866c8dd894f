"""What the words of reasons share: tables, Korean particles, and how a number is rounded and shown.

The rounding rule of every reason: numbers are computed unrounded and rounded once, half away from zero, where
they become facts. Won are whole (other money has two decimals), a price for one kWh has one decimal more than
money, kW, kWh, hours and °C have one decimal, shares are whole percent.
"""

from __future__ import annotations

import re
import tomllib
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path
from typing import Any, Literal

Lang = Literal["ko", "en"]

_WHOLE_MONEY = {"원", "KRW", "₩", "엔", "JPY", "¥"}
_DECIMALS = {"kW": 1, "kWh": 1, "h": 1, "°C": 1, "%": 0, "rank": 0}
_PARTICLE = re.compile(r"(은/는|이/가|을/를|과/와|으로/로)")
# Final sounds: 0 none, 8 ㄹ, other numbers any other consonant. Digits as they are read in Sino-Korean.
_DIGITS = {"0": 21, "1": 8, "3": 16, "6": 1, "7": 8, "8": 8}
_ENDINGS = {"kWh": 0, "kW": 0, "%": 0, "°C": 0, "h": 0}
_LETTER_NAMES = {"L": 8, "R": 8, "M": 16, "N": 4}
_SPOKEN_ENDS = {"l": 8, "m": 16, "n": 4, "p": 17, "b": 17, "k": 1, "q": 1, "t": 19, "ng": 21}


@cache
def table(name: str) -> dict[str, Any]:
    """Return the table `name`.toml of this folder."""
    return tomllib.loads((Path(__file__).parent / f"{name}.toml").read_text(encoding="utf-8"))


def decimals(unit: str) -> int:
    """Return how many decimals a number of this unit has; one not listed is money, or money a kWh."""
    if unit in _DECIMALS:
        return _DECIMALS[unit]
    money, _, rate = unit.partition("/")
    return (0 if money in _WHOLE_MONEY else 2) + bool(rate)


def rounded(number: float, unit: str) -> float:
    """Return the number as it becomes a fact."""
    exact = Decimal(repr(float(number))).quantize(Decimal(1).scaleb(-decimals(unit)), ROUND_HALF_UP)
    return float(exact) + 0.0  # no minus zero


def shown(number: float, unit: str, lang: Lang) -> str:
    """Return a rounded number with its unit, without sign: `312원`, `3.0 kW`, `92 won/kWh`."""
    figure = f"{abs(number):,.{decimals(unit)}f}"
    if "/" in unit:
        figure = figure.rstrip("0").rstrip(".") if "." in figure else figure
    name = table("sentences")["units"][lang].get(unit.partition("/")[0], unit.partition("/")[0])
    rate = "/kWh" if "/" in unit else ""
    if unit == "rank":
        return figure
    if unit == "h":
        name = table("sentences")["units"][lang]["h" if abs(number) != 1 else "h1"]
    close = unit in ("%", "°C") or (lang == "ko" and "가" <= name[:1] <= "힣")
    return f"{figure}{'' if close else ' '}{name}{rate}"


def with_particles(text: str) -> str:
    """Return the text with each `은/는` and the like replaced by the one that fits what stands before it."""
    while found := _PARTICLE.search(text):
        after_consonant, after_vowel = found[1].split("/")
        last = final_sound(text[: found.start()])
        vowel = last == 0 or (after_vowel == "로" and last == 8)
        text = text[: found.start()] + (after_vowel if vowel else after_consonant) + text[found.end() :]
    return text


def final_sound(text: str) -> int:
    """Return the final consonant that a text ends with when it is read aloud in Korean; 0 for a vowel."""
    word = text.rstrip("'\")]} ”’")
    for ending, sound in _ENDINGS.items():
        if word.endswith(ending) and not word[: -len(ending)][-1:].isalpha():
            return sound
    last = word[-1:]
    if "가" <= last <= "힣":
        return (ord(last) - ord("가")) % 28
    if last.isdigit():
        return _DIGITS.get(last, 0)
    if last.isupper():  # an abbreviation, read letter by letter
        return _LETTER_NAMES.get(last, 0)
    return next((sound for end, sound in _SPOKEN_ENDS.items() if word.lower().endswith(end)), 0)
