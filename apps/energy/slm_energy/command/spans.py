"""Where words of times and values may stand in a text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from slm_energy.command.reading import alternatives, spelled, table

_ONES = "one|two|three|four|five|six|seven|eight|nine"
_TEENS = "ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen"
_TENS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
_ENGLISH = rf"(?:(?:{_TENS})(?:[ -](?:{_ONES}))?|{_TEENS}|{_ONES}|zero|(?:a|one) hundred)"
_FIGURE = r"(?<![\d.:])-?\d+(?:\.\d+)?"


def time_spans(text: str, lang: str) -> Iterator[tuple[int, int]]:
    """Yield where times and durations stand."""
    for match in (_korean_times() if lang == "ko" else _english_times()).finditer(text):
        yield match.start(), match.start() + len(match[0].rstrip())


def value_spans(text: str, lang: str) -> Iterator[tuple[int, int]]:
    """Yield where words of a value may stand, the surest first."""
    for pattern in _korean_values() if lang == "ko" else _english_values():
        yield from (match.span() for match in pattern.finditer(text))


@cache
def _korean_times() -> re.Pattern[str]:
    number = rf"(?:\d+(?:\.\d+)?|{spelled()})"
    long = rf"{number}\s?시간(?:\s?반|\s?{number}\s?분)?|{number}\s?분|{number}\s?초"
    lasting = rf"(?:{long})\s?(?:동안|뒤|후|있다가|이따가|간|만|안에)"
    day, half = r"(?:오늘|내일|모레)\s?", r"(?:오전|오후|새벽|아침|점심|낮|저녁|밤)\s?"
    hour = rf"{number}\s?시(?![간오])(?:\s?{number}\s?분|\s?반)?|\d{{1,2}}:\d\d|정오|자정"
    return re.compile(rf"{lasting}|(?:{day})?(?:{half})?(?:{hour})(?:부터|까지)?")


@cache
def _english_times() -> re.Pattern[str]:
    count = rf"(?:\d+(?:\.\d+)?|half an?|an?|{_ENGLISH})"
    unit = r"(?:hours?|minutes?|mins?|hrs?|seconds?|secs?)(?: and a half)?"
    lasting = rf"\b(?:in|after|for)(?: the next| about)? (?:{count}[ -])+{unit}\b(?: from now)?"
    day, half = r"(?:tomorrow|today|tonight)", r"(?:in the (?:morning|evening|afternoon)|at night)"
    figures = rf"(?:\d{{1,2}}:\d\d|\d{{1,2}}(?= ?[ap]\.?m)|(?:1[0-2]|\d)(?![\d.])|noon|midnight|{_ENGLISH}\b)"
    hour = rf"{figures}(?: ?[ap]\.?m\b\.?)?(?: o'?clock)?(?: {half})?"
    no_value = rf"(?! (?:{_ONES})\b)(?! ?(?:%|percent|degrees?|°|kw|w\b|amps|\w* percent))"
    clock = rf"(?:{day} )?\b(?:at|until|till|by|before|from) {hour}{no_value}(?: {day})?"
    return re.compile(f"{lasting}|{clock}", re.IGNORECASE)


@cache
def _words(key: str) -> str:
    return alternatives(tuple(word for forms in table()[key].values() for word in forms))


def _free_words() -> tuple[str, ...]:
    """Return the words that are a value at the end of a sentence, for they are nothing else: max, red."""
    names = (
        "max",
        "min",
        "red",
        "orange",
        "yellow",
        "green",
        "blue",
        "purple",
        "pink",
        "white",
        "warm_white",
    )
    return tuple(word for name in names for word in table()["words"][name])


@cache
def _korean_values() -> tuple[re.Pattern[str], ...]:
    counted = r"(?=\s?(?:도|퍼센트|프로|단|킬로|와트|암페어|켈빈))"
    spoken = rf"(?<![가-힣\d]){spelled()}(?:\s?점\s?[일이삼사오육칠팔구])?{counted}"
    return (
        re.compile(rf"(?:영하\s?)?(?:{_FIGURE}|{spoken})\s?(?:{_words('units')})(?!움)", re.I),
        re.compile(
            rf"(?:{_FIGURE}|(?<![가-힣])[이삼사오육칠팔구]?십[일이삼사오육칠팔구]?)(?=\s?(?:으로|로|까지))"
        ),
        re.compile(rf"(?<![가-힣])(?:{_words('shares')})(?=으로|로|만|쯤|정도|\s)"),
        re.compile(rf"(?<![가-힣])(?:{_words('words')})(?=\s?(?:으로|로|모드|충전|해)|$)", re.I),
    )


@cache
def _english_values() -> tuple[re.Pattern[str], ...]:
    spoken = rf"\b{_ENGLISH}(?: point (?:zero|{_ONES}))?\b"
    named, free = _words("words"), alternatives(_free_words())
    goal = r"(?:(?<=\bto )|(?<=\bto the )|(?<=\bon )|(?<=\bin ))"
    return (
        re.compile(
            rf"(?:{_FIGURE}|{spoken})\s?(?:{_words('units')})|\b(?:level|step) (?:\d+|{_ENGLISH})\b", re.I
        ),
        re.compile(rf"(?:(?<=\bto )|(?<=\bat )|(?<=\bby )){_FIGURE}\b(?!:)|(?<=\bto ){spoken}", re.I),
        re.compile(rf"\b(?:{_words('shares')})\b(?! an? | of )", re.I),
        re.compile(rf"{goal}(?:{named})\b|\b(?:{named})(?= mode\b)", re.I),
        re.compile(rf"\b(?<!the )(?:{free})(?=[.! ]*$| brightness\b)", re.I),
        re.compile(r"(?<![\d.:])\d{2,3}(?:\.\d)?(?=[.! ]*$)"),
    )
