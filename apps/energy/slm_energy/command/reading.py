"""Numbers, units and times out of the words that say them: 이십사 도, 스물네 도, 80프로, half, in 10 minutes.

Units, dates and hours are read by `slm_core.grounding`; before that a spelled Korean numeral that stands
before a unit becomes figures, which the core does for counted people and things only.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

from slm_core.grounding import moments, numbers
from slm_core.grounding.measures import measures
from slm_core.grounding.numbers import numerals
from slm_energy.command.action import Quote, Value, When

_UNIT_AHEAD = r"(?=\s?(?:도|%|퍼센트|퍼|프로|킬로|와트|암페어|켈빈|단|시간|시|분|초|일|에서|점))"
_HALF_KO = re.compile(r"(?P<n>\d+)\s?시간\s?반")
_SPOKEN_EN = (
    (re.compile(r"\bhalf (?:an )?hour\b", re.I), "30 minutes"),
    (re.compile(r"\b(?:an|one) hour and a half\b", re.I), "90 minutes"),
    (re.compile(r"\ba quarter of an hour\b", re.I), "15 minutes"),
    (re.compile(r"\ban? (?=(?:hour|minute)\b)", re.I), "1 "),
)
_POINT = re.compile(r"\b(?P<whole>[a-z]+(?:[ -][a-z]+)?) point (?P<tenth>[a-z]+)\b", re.I)
_DAYS = {"모레": 2, "내일": 1, "오늘": 0, "tomorrow": 1, "today": 0}
_HALF_OF_DAY = re.compile(
    r"오전|오후|새벽|아침|점심|낮|저녁|밤|정오|자정|(?<![a-z])[ap]\.?m\b|noon|midnight|morning|afternoon|evening|night",
    re.I,
)
_UNTIL = re.compile(r"까지|전까지|\buntil\b|\btill\b|\bby\b|\bbefore\b|\bto\b", re.I)
_FOR = re.compile(r"동안|간(?:만)?$|만(?:\s|$)|\bfor\b", re.I)


@cache
def table() -> dict[str, Any]:
    """Return the tables of values.toml."""
    return tomllib.loads((Path(__file__).parent / "values.toml").read_text(encoding="utf-8"))


@cache
def alternatives(lists: tuple[str, ...]) -> str:
    """Return a pattern of these words, the longest first; English ones only where whole words stand."""
    return "|".join(
        rf"(?<![A-Za-z]){re.escape(word)}(?![A-Za-z])"
        if word.isascii() and word[0].isalpha()
        else re.escape(word)
        for word in sorted(lists, key=len, reverse=True)
    )


def _names(lists: Mapping[str, list[str]]) -> dict[str, str]:
    return {word.casefold(): name for name, words in lists.items() for word in words}


def figures(text: str) -> str:
    """Return the text with Korean numerals before a unit as figures, and `half an hour` as 30 minutes."""
    text = _spelled().sub(lambda match: f"{_value(match)}", text)
    text = re.sub(r"(\d+)\s?점\s?(\d)", r"\1.\2", text)
    text = re.sub(r"(?<=\d시)\s?반(?=\s|까지|부터|에|$)", " 30분", text)
    text = _HALF_KO.sub(lambda match: f"{int(match['n']) * 60 + 30}분", text)
    for said, minutes in _SPOKEN_EN:
        text = said.sub(minutes, text)
    return _POINT.sub(_point, text)


@cache
def spelled() -> str:
    """Return a pattern of Korean numerals in words, Sino-Korean or native."""
    ones, tens = (
        "|".join(sorted(numerals()[key], key=len, reverse=True)) for key in ("native", "native_tens")
    )
    return rf"(?:[일이삼사오육칠팔구십백천]+|(?:{tens})\s?(?:{ones})|{tens}|{ones})"


@cache
def _spelled() -> re.Pattern[str]:
    return re.compile(rf"(?<![가-힣\d])(?P<numeral>{spelled()})(?:\s(?=시))?{_UNIT_AHEAD}")


def _value(match: re.Match[str]) -> int | str:
    """Return the number of a spelled numeral, or the word itself where it is none (사 in 사단)."""
    word = match["numeral"].replace(" ", "")
    digits, scale = numerals()["sino"], numerals()["magnitude"]
    if all(letter in digits or letter in scale for letter in word):
        total = digit = 0
        for letter in word:
            total, digit = (
                (total, digits[letter]) if letter in digits else (total + (digit or 1) * scale[letter], 0)
            )
        return total + digit
    native = {**numerals()["native_tens"], **numerals()["native"]}
    total, rest = 0, word
    while rest:
        part = next((name for name in sorted(native, key=len, reverse=True) if rest.startswith(name)), None)
        if part is None:
            return match[0]
        total, rest = total + native[part], rest[len(part) :]
    return total


def _point(match: re.Match[str]) -> str:
    whole, tenth = numbers(match["whole"]), numbers(match["tenth"])
    return f"{whole[0].value:g}.{tenth[0].value:g}" if whole and tenth else match[0]


def read_value(quote: Quote) -> Value | None:
    """Return the value that the quoted words give, or None."""
    words = quote.quote.strip()
    text = figures(words)
    for share, forms in table()["shares"].items():
        if re.fullmatch(rf"(?:{alternatives(tuple(forms))})(?:으로|로|만큼|만)?", words, re.IGNORECASE):
            return Value(span=quote, number=float(share), unit="%")
    found = numbers(text.replace("°", " °"))
    if found:
        unit = re.search(rf"(?:{alternatives(tuple(_names(table()['units'])))})", text, re.IGNORECASE)
        sign = -1 if re.search(r"영하|minus|(?<!\d)-\d", text) else 1
        name = _unit(unit[0]) if unit else ""
        return Value(span=quote, number=sign * found[0].value, unit=name)
    names = _names(table()["words"])
    word = re.match(rf"(?:{alternatives(tuple(names))})", words, re.IGNORECASE)
    return Value(span=quote, word=names[word[0].casefold()]) if word else None


def read_share(value: Value) -> bool:
    """Whether a value is a word for a part of the whole: 반쯤 내려 줘 sets it there."""
    return not re.search(r"\d|[일이삼사오육칠팔구십]|percent", value.span.quote)


def _unit(written: str) -> str:
    exact = {word: name for name, words in table()["units"].items() for word in words}
    return exact.get(written) or _names(table()["units"])[written.casefold()]


def read_when(quote: Quote, text: str = "") -> When | None:
    """Return the time that the quoted words give, or None; what follows them in `text` helps (까지)."""
    words = figures(quote.quote)
    after = text[quote.end : quote.end + 4]
    clocks = moments(words) or moments(_o_clock(words))
    clock = next((moment.value[1:] for moment in clocks if moment.value.startswith("T")), None)
    if clock:
        kind: Literal["at", "until"] = "until" if _UNTIL.search(words) or after.startswith("까지") else "at"
        day = next((day for word, day in _DAYS.items() if word in words.casefold()), None)
        loose = (
            not _HALF_OF_DAY.search(words) and 1 <= int(clock[:2]) <= 12 and not re.search(r"\b0\d:", words)
        )
        return When(span=quote, kind=kind, clock=_half(clock, words), day=day, half_open=loose)
    lasting = [measure for measure in measures(words) if measure.kind == "duration"]
    if lasting:
        long: Literal["for", "after"] = "for" if _FOR.search(words + after.split(" ")[0]) else "after"
        return When(span=quote, kind=long, seconds=round(sum(measure.value for measure in lasting)))
    return None


def _o_clock(words: str) -> str:
    """Write `at seven in the evening`, `7 tonight` and `by 6` as hours."""
    found = numbers(re.sub(r"o'?clock", "", words, flags=re.I))
    if (
        len(found) != 1
        or not 0 <= found[0].value <= 24
        or not re.search(r"\b(?:at|by|until|till|o'?clock)\b", words, re.I)
    ):
        return words
    half = (
        "pm"
        if re.search(r"evening|afternoon|tonight|night", words, re.I)
        else "am"
        if "morning" in words.casefold()
        else ""
    )
    return f"{found[0].value:.0f} {half}" if half else f"{found[0].value:02.0f}:00"


def _half(clock: str, words: str) -> str:
    """Return the hour with 12 added where the words say evening and the figures do not."""
    hour = int(clock[:2])
    late = re.search(r"evening|afternoon|tonight|at night|점심", words, re.I)
    late = late if not re.search(r"(?<![a-z])am\b", words, re.I) else None
    return f"{hour + 12:02}{clock[2:]}" if late and hour < 12 else clock
