"""One spelling for text that is compared: composed letters, digits for native numerals, signs made plain."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from slm_core.grounding.numbers import numerals

_COUNTED = (
    r"시간|시(?=[\s에부까반경쯤]|$)|분(?=[\s간에]|$)|달|주일|주(?=[\s간만에동]|$)|배|번째|번(?!지)|차례"
    r"|살|층|개월|"
    r"그루|잔|병(?=[\s의을이])|군데|등급|단계|가지|쪽|줄|칸|킬로|미터|분의|가구|곳|대(?![가-힣]{2})|사람"
    r"|명|채|마리|척|건|개|시\s?반"
)
_DAYS = {
    "하루": "1일", "이틀": "2일", "사흘": "3일", "나흘": "4일", "닷새": "5일", "엿새": "6일", "이레": "7일",
    "여드레": "8일", "아흐레": "9일", "열흘": "10일", "보름": "15일",
}  # fmt: skip
_DAY_WORDS = re.compile("(?<![가-힣])(" + "|".join(_DAYS) + r")(?=[\s간만동에째전뒤후의이를은치,.]|$)")
_KOREAN_DOZEN = re.compile(
    r"(?<![가-힣])(열|스물|스무|서른|마흔|쉰|예순|일흔|여든|아흔)?(하나|한|두|둘|세|셋|네|넷|다섯|여섯"
    r"|일곱|여덟|아홉)?\s?(?=(?:" + _COUNTED + "))"
)
_NATIVE = re.compile(
    r"(?<![가-힣])(열|스물|서른|마흔|쉰|예순|일흔|여든|아흔)?(두|세|다섯|여섯|일곱|여덟"
    r"|아홉)(?=\s(?!번째 )[가-힣])"
)
_CLOCK_WORDS = re.compile(
    r"\b(?P<part>half|a? ?quarter) (?P<side>past|to) (?P<hour>[a-z]+|\d{1,2})\b", re.IGNORECASE
)
_HALF_OF_UNIT = re.compile(
    r"\bhalf an? (?=(?:foot|inch|mile|metre|meter|kilometre|kilometer|day|year|tonne?|litre|liter"
    r"|million|degree)\b)",
    re.I,
)
_UNIT_AND_A_HALF = re.compile(
    r"\b(an?|one|two|three|four|five) (hour|year|day|month|week|mile|metre|meter|kilometre)s? and"
    r" a half\b",
    re.I,
)
_DOZEN = re.compile(r"\b(half a|an?|one|two|three|four|five|six) dozen\b", re.I)
_HALF = re.compile(r"(\d+)\s?(시간|개월|달|년|배)\s?반(?![가-힣])")
_SOME = re.compile(
    r"\bsome (?=\d|(?:two|three|four|five|six|seven|eight|nine|ten|twelve|fifteen|twenty|thirty"
    r"|forty|fifty|sixty|seventy|eighty|ninety)\b)",
    re.I,
)
_AND_A_HALF = re.compile(r"\b(an?|one|two|three|four|five|six|\d+) and a half\b", re.IGNORECASE)
_HALF_AN_HOUR = re.compile(r"\b(?:half an hour|half-hour|half hour)\b", re.IGNORECASE)
_QUARTER_HOUR = re.compile(r"\ba quarter of an hour\b", re.IGNORECASE)
_O_CLOCK = re.compile(
    r"\b(\d{1,2}|[a-z]+) o'?clock\b(?:\s?in the (morning|afternoon|evening)| at (night))?", re.IGNORECASE
)
_DAY_PART = re.compile(
    r"\b(\d{1,2}(?::\d\d)?)\s(?:in the (morning|afternoon|evening)|at (night))\b", re.IGNORECASE
)
_ONE_TO_TWELVE = "one two three four five six seven eight nine ten eleven twelve"
_SPELLINGS = str.maketrans(
    {
        "㎜": "mm",
        "㎝": "cm",
        "㎞": "km",
        "㎡": "m²",
        "㎥": "m3",
        "㎏": "kg",
        "㎍": "μg",
        "µ": "μ",
        "℃": "°C",
        "％": "%",
        "～": "~",
        "∼": "~",
        "〜": "~",
        "’": "'",
        "‘": "'",
        "“": '"',
        "”": '"',
        "−": "-",
        "\u00a0": " ",
    }
)
_TENS = re.compile(
    r"(?<![가-힣\d])(십|이십|삼십|사십|오십|육십)\s?(분|초|일|시간|미터|킬로|도|퍼센트)(?![가-힣]{0,1}명)"
)


@cache
def plain(text: str) -> str:
    """Return the text as all here reads it: `두 시간 반` is `2.5시간`, `half an hour` `30 minutes`."""
    text = _composed(text)
    text = _KOREAN_DOZEN.sub(_native_digits, text)
    text = re.sub(r"(?<=\d\.)(\d+)\.(?=\s+[A-Z가-힣]|\s*$)", r"\1 .", text)
    text = _NATIVE.sub(_native_digits, text)
    text = _CLOCK_WORDS.sub(_past_or_to, text)
    text = _UNIT_AND_A_HALF.sub(lambda match: f"{_small(match[1])}.5 {match[2]}s", text)
    text = _DOZEN.sub(_dozens, text)
    text = _SOME.sub("about ", text)
    text = _HALF_OF_UNIT.sub("0.5 ", text)
    text = _TENS.sub(lambda match: f"{_sino(match[1])}{match[2]}", text)
    text = _DAY_WORDS.sub(lambda match: _DAYS[match[1]], text)
    text = re.sub(r"(?<![가-힣])일주일", "1주일", text)
    text = _HALF.sub(r"\1.5\2", text)
    text = _HALF_AN_HOUR.sub("30 minutes", text)
    text = _QUARTER_HOUR.sub("15 minutes", text)
    text = _AND_A_HALF.sub(lambda match: f"{_small(match[1])}.5", text)
    text = _O_CLOCK.sub(_clock, text)
    return _DAY_PART.sub(_clock, text)


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text).translate(_SPELLINGS)


def _native_digits(match: re.Match[str]) -> str:
    if not (match[1] or match[2]):
        return match[0]
    value = numerals()["native_tens"].get(match[1], 0) + numerals()["native"].get(match[2], 0)
    return str(value)


def _dozens(match: re.Match[str]) -> str:
    few = _small(match[1])
    return str(12 * int(few)) if few.isdigit() else "6"


def _past_or_to(match: re.Match[str]) -> str:
    hour = _small(match["hour"])
    if not hour.isdigit():
        return match[0]
    minutes = 30 if match["part"].lower() == "half" else 15
    if match["side"].lower() == "to":
        return f"{(int(hour) - 2) % 12 + 1}:{60 - minutes}"
    return f"{hour}:{minutes}"


def _sino(word: str) -> int:
    return 10 if word == "십" else 10 * int(numerals()["sino"][word[0]])


def _small(word: str) -> str:
    word = word.lower()
    names = _ONE_TO_TWELVE.split()
    return "1" if word in ("a", "an") else str(names.index(word) + 1) if word in names else word


def _clock(match: re.Match[str]) -> str:
    hour = _small(match[1])
    if not hour[0].isdigit():
        return match[0]
    part = (match[2] or match[3] or "").lower()
    half = {"morning": " a.m.", "afternoon": " p.m.", "evening": " p.m.", "night": " p.m."}.get(part, "")
    return f"{hour}{half or ':00'}"
