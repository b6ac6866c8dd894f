"""Numbers of Korean and English text, with their unit and their place.

3,000 = 3000 = 3천 = 삼천; 1만 2천 = 12000; 세 명 = 3; three hundred and five = 305. Vague words (수십 명,
여러 명, dozens, a few hundred) are no numbers. Figures inside dates, hours, telephone numbers, addresses of
pages and names (`A380`) are none either.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from slm_core.grounding.moments import moments

_FIGURES = r"\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?"
_CODE = re.compile(
    r"https?://\S+|\b(?:[\w-]+\.)+(?:kr|com|org|net|info|blog|me|jsp|html?)(?:/\S*)?|\d{2,4}-\d{3,4}-\d{4}|[@#]\w+"
    r"|\b[A-Za-z]+[-]?\d+\w*|\b\d{1,2}(?=월)|\d{4}-\d{4}|\b\d{3}(?=-)",
    re.IGNORECASE,
)
_RANGE = re.compile(
    rf"(?<!from )(?<![\d,.])(?P<low>{_FIGURES})\s?(?:[~∼〜–-]|or|to|에서)\s?(?P<high>{_FIGURES})"
)
_MIXED = re.compile(
    rf"(?<![\d.])(?<!\d,)(?:(?:{_FIGURES})\s?[십백천만억]{{1,2}}(?!큼)\s?)+(?:\d[\d,]*(?=\s?[가-힣]))?"
)
_MIXED_PARTS = re.compile(rf"({_FIGURES}|\d[\d,]*)|([십백천만억조])")
_PLAIN = re.compile(
    rf"(?<![\d.])(?<!\d,)(?<!\d-)(?:{_FIGURES})(?P<scale>\s(?:hundred|thousand|million|billion)\b)?",
    re.IGNORECASE,
)
_COUNTER = r"명|사람|인(?![가-힣])|가구|세대|건|곳|개소|개|채|척|마리|대(?![가-힣])"
_SINO = re.compile(
    rf"(?<![가-힣\d])(?<!수 )(?<!몇 )[일이삼사오육칠팔구십백천만억]+(?=\s?(?:{_COUNTER})|여\s?명|(?![가-힣]))"
)
LARGEST = 2.0**53  # a float above it is no exact whole number; so long a figure counts nothing
_APPROXIMATE = re.compile(r"\s?여(?=\s?(?:명|곳|건|가구|세대|채|대))")
_VAGUE_BEFORE = re.compile(r"\b(?:several|few|many|some)\s$", re.IGNORECASE)
_VAGUE_AFTER = re.compile(r"[\s-]*(?:dozens?|scores?)\b", re.IGNORECASE)
_UNIT = re.compile(r"\s?(%|℃|°C|㎞|㎜|㎝|[가-힣]+|[A-Za-z]+)")


@dataclass(frozen=True)
class Number:
    """A number, the word after it, and the characters `start` to `end` of its figures.

    `exact` is False for each end of a range (`20~30`), which counts nothing.
    """

    value: float
    unit: str
    start: int
    end: int
    exact: bool = True

    @property
    def shown(self) -> str:
        """The value as a person writes it: no `.0`."""
        return f"{self.value:g}" if abs(self.value) < 1e6 else f"{self.value:.0f}"


@cache
def numerals() -> dict[str, Any]:
    """Return the tables of numerals.toml."""
    return tomllib.loads((Path(__file__).parent / "numerals.toml").read_text(encoding="utf-8"))


def numbers(text: str) -> list[Number]:
    """Return every number of the text, in text order."""
    taken = [(moment.start, moment.end) for moment in moments(text)]
    taken += [match.span() for match in _CODE.finditer(text)]
    found: list[Number] = []
    for value, start, end, exact in _candidates(text):
        if not any(a < end and start < b for a, b in taken):
            taken.append((start, end))
            exact = exact and value < LARGEST
            found.append(Number(min(value, LARGEST), _unit(text, start, end), start, end, exact))
    return sorted(found, key=lambda number: number.start)


def mixed(words: str) -> Decimal:
    """Return what figures with Korean powers say: `3억 5천2백만` is 352,000,000, `5만천` is 51,000.

    십, 백 and 천 multiply the figures before them, 만, 억 and 조 all since the last of these three.
    """
    magnitude = numerals()["magnitude"]
    total = section = Decimal(0)
    value: Decimal | None = None
    for figures, power in _MIXED_PARTS.findall(words):
        if figures:
            section, value = section + (value or 0), Decimal(figures.replace(",", ""))
        elif power in "만억조":
            total, section, value = total + (section + (value or 0)) * magnitude[power], Decimal(0), None
        else:
            section, value = section + (1 if value is None else value) * magnitude[power], None
    return total + section + (value or 0)


def unit_name(unit: str) -> str:
    """Return the one name of a unit that is written in several ways (`명`, `people`), or the word itself."""
    written = unit.lower()
    for name, forms in numerals()["units"].items():
        if any(written == form.lower() for form in forms):
            return str(name)
    for name, forms in numerals()["units"].items():
        if any(
            "가" <= form[0] <= "힣" and written.startswith(form)
            for form in sorted(forms, key=len, reverse=True)
        ):
            return str(name)
    return written


def _candidates(text: str) -> Iterator[tuple[float, int, int, bool]]:
    for match in _RANGE.finditer(text):
        for end in ("low", "high"):
            yield float(match[end].replace(",", "")), *match.span(end), False
    for match in _MIXED.finditer(text):
        yield float(mixed(match[0])), match.start(), match.start() + len(match[0].rstrip()), True
    for match in _PLAIN.finditer(text):
        if not _VAGUE_AFTER.match(text, match.end()):
            yield _read_plain(match), *match.span(), True
    for match in _SINO.finditer(text):
        if _is_sino(text, match):
            yield _read_sino(match[0]), *match.span(), True
    for match in _native().finditer(text):
        if match["tens"] or match["ones"]:
            yield _read_native(match), match.start(), match.end(), True
    yield from _english(text)


def _read_plain(match: re.Match[str]) -> float:
    scale = (match["scale"] or "").strip().lower()
    figures = match[0][: len(match[0]) - len(match["scale"] or "")]
    return float(figures.replace(",", "")) * float(numerals()["english_magnitude"].get(scale, 1))


def _is_sino(text: str, match: re.Match[str]) -> bool:
    word, counted = match[0], re.match(rf"\s?(?:{_COUNTER}|여\s?명)", text[match.end() :])
    if len(word) == 1:
        people = text[match.end() :].lstrip().startswith("명")
        return bool(
            people and (word in "백천만" or (word in "삼사오육칠팔구십" and text[match.end()] == "명"))
        )
    return bool(counted) or (
        word not in numerals()["words"]["no_numeral"] and bool(set(word) & set("십백천만억"))
    )


def _read_sino(word: str) -> float:
    digits, magnitude = numerals()["sino"], numerals()["magnitude"]
    total = section = digit = 0
    for letter in word:
        if letter in digits:
            digit = digits[letter]
        elif letter in ("만", "억"):
            total, section, digit = total + (section + digit or 1) * magnitude[letter], 0, 0
        else:
            section, digit = section + (digit or 1) * magnitude[letter], 0
    return float(total + section + digit)


@cache
def _native() -> re.Pattern[str]:
    tens, ones = (
        "|".join(sorted(numerals()[key], key=len, reverse=True)) for key in ("native_tens", "native")
    )
    return re.compile(rf"(?:(?<![가-힣])|(?<=자))(?P<tens>{tens})?(?P<ones>{ones})?(?=\s?(?:{_COUNTER}))")


def _read_native(match: re.Match[str]) -> float:
    return float(numerals()["native_tens"].get(match["tens"], 0) + numerals()["native"].get(match["ones"], 0))


@cache
def _english_words() -> re.Pattern[str]:
    small = "|".join(sorted(numerals()["english"], key=len, reverse=True))
    large = "|".join(numerals()["english_magnitude"])
    return re.compile(
        rf"\b(?:{small}|an?(?=\s(?:{large})\b))(?:[\s-]+(?:and\s+)?(?:{small}|{large})\b)*\b", re.IGNORECASE
    )


def _english(text: str) -> Iterator[tuple[float, int, int, bool]]:
    for match in _english_words().finditer(text):
        vague = _VAGUE_BEFORE.search(text, 0, match.start()) or _VAGUE_AFTER.match(text, match.end())
        if not vague and not re.search(
            r"\b(?:no|some|any|every)[\s-]$", text[: match.start()], re.IGNORECASE
        ):
            yield _read_english(match[0]), *match.span(), not _joined(text, *match.span())


def _joined(text: str, start: int, end: int) -> bool:
    either = r"\s(?:or|to)\s"
    small = "|".join(numerals()["english"])
    after = re.match(rf"{either}(?:{small}|\d+)\b", text[end:], re.IGNORECASE)
    return bool(after or re.search(rf"\b(?:{small}|\d+){either}$", text[:start], re.IGNORECASE))


def _read_english(words: str) -> float:
    total = section = 0
    for word in re.findall(r"[a-z]+", words.lower()):
        if word in numerals()["english"]:
            section += numerals()["english"][word]
        elif word == "hundred":
            section = (section or 1) * 100
        elif word in numerals()["english_magnitude"]:
            total, section = total + (section or 1) * numerals()["english_magnitude"][word], 0
    return float(total + section)


def _unit(text: str, start: int, end: int) -> str:
    if start and text[start - 1] in "$₩€£￦":
        return text[start - 1]
    rest = text[end:]
    approximate = _APPROXIMATE.match(rest)
    match = _UNIT.match(rest, approximate.end() if approximate else 0)
    if match is None or match[1].lower() in numerals()["words"]["no_unit"]:
        return ""
    return match[1]


def same_unit(first: str, second: str) -> bool:
    """Return False where both units are known and differ (3 km, 3명); an unknown word never contradicts."""
    known = numerals()["units"]
    one, other = unit_name(first), unit_name(second)
    return one == other or one not in known or other not in known


def values(found: Iterable[Number]) -> set[float]:
    """Return the values alone."""
    return {number.value for number in found}
