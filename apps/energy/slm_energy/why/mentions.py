"""What a reply mentions: numbers with their units, hours, parts of the site, and what its words are about."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

from slm_core.grounding import numbers
from slm_energy.why.fact import Fact
from slm_energy.why.hours import hours
from slm_energy.why.wording import table

# `6 p.m. and` goes on, `6 p.m. The` does not.
_SENTENCE = re.compile(r"[!?。\n]+|(?<!\b[ap]\.m)\.(?=\s|$)|(?<=\b[ap]\.m)\.(?=\s+[A-Z가-힣]|\s*$)")
_CLAUSE = re.compile(
    r"(?<!\d),|,(?!\d)|;|:(?!\d)|\s[–—-]\s|(?<=[가-힣A-Za-z%])(?:이?고|며|지만|는데|은데|인데|므로|면서|어서|아서|니까|면|라서|여서|해서|해도|도록|반면)(?=\s)|(?<=[가-힣]\s)경우(?:에는|에도|에)?(?=\s)"
    r"|\b(?:and|but|while|whereas|so|because|since|although|which|when|if|then|as|where)\b",
    re.IGNORECASE,
)
_RATE = re.compile(
    r"\s?(?:/\s?kwh|(?:per|an?|each|every)\s(?:kwh|kilowatt[- ]hours?)|/\s?킬로와트시)",
    re.I,
)
_RATE_BEFORE = re.compile(
    r"(?:kWh|킬로와트시)\s?당\s?(?:[가-힣]{1,4}\s)?$"
    r"|(?<![\d.,])1\s?(?:kWh|킬로와트시)에\s?(?:약\s)?$"
    r"|\b(?:an?|one|each|every|1)\s(?:kWh|kilowatt[- ]hour)\s(?:then\s)?costs?\s(?:about\s)?[₩$€£]?$",
    re.I,
)
# `1 kWh에 92원인데 평균 131원보다`: the mean is of the same measure as the price before it.
_RATE_OPENS = re.compile(
    r"(?<![\d.,])1\s?(?:kWh|킬로와트시)에\s?(?=(?:약\s)?[\d₩$€£])"
    r"|\b(?:an?|one|each|every|1)\s(?:kWh|kilowatt[- ]hour)\s(?=(?:then\s)?costs?\s(?:about\s)?[\d₩$€£])",
    re.I,
)
_OF_MEAN = re.compile(r"(?:평균(?:인|은|이)?|\b(?:mean|average)(?:\sof)?(?:\sabout)?)\s[₩$€£]?$", re.I)
_ON_AVERAGE = re.compile(r"\s(?:it\scosts\s)?on\saverage\b", re.I)
_RANKS_KO = {
    "첫": 1,
    "두": 2,
    "세": 3,
    "네": 4,
    "다섯": 5,
    "여섯": 6,
    "일곱": 7,
    "여덟": 8,
    "아홉": 9,
    "열": 10,
}
_RANKS_EN = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_RANK = re.compile(
    rf"({'|'.join(_RANKS_KO)})\s?번째|\b({'|'.join(_RANKS_EN)})\b(?!\s(?:of all|step))(?<!est first)", re.I
)


# `two causes`: how many things a reply is about to name.
_COUNTED = re.compile(r"\s?(?:가지|(?:causes?|reasons?|things|factors|parts|sources)\b)", re.I)
_WHOLE = ("base", "before", "mean", "demand", "price", "at_power", "surplus")


@dataclass(frozen=True)
class Mention:
    """A number with its unit, or an hour (`unit` is `time`, `value` minutes of the day)."""

    value: float
    unit: str
    start: int
    end: int
    minus: bool = False

    @property
    def is_time(self) -> bool:
        """Whether it is an hour of the clock."""
        return self.unit == "time"


@dataclass(frozen=True)
class Word:
    """A word of a concept, or the name of a part."""

    name: str
    start: int
    end: int


def sentences_of(text: str) -> list[tuple[int, int]]:
    """Return where the sentences lie."""
    ends = [match.end() for match in _SENTENCE.finditer(text)] + [len(text)]
    spans = [(a, b) for a, b in zip([0, *ends], ends, strict=False) if text[a:b].strip(" .!?\n")]
    return spans


def clauses_of(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Return where the clauses of a sentence lie: up to a comma, a connecting ending or a conjunction."""
    cuts = [start]
    for match in _CLAUSE.finditer(text, start, end):
        korean = "가" <= match[0][:1] <= "힣"
        cuts.append(match.end() if korean or not match[0][:1].isalpha() else match.start())
    cuts.append(end)
    return [(a, b) for a, b in pairwise(cuts) if text[a:b].strip(" ,.;:")]


def mentions(text: str) -> list[Mention]:
    """Return every number and every hour of a text, in its order."""
    found = [Mention(minute, "time", start, end) for minute, start, end in hours(text)]
    found += [_ranked(match) for match in _RANK.finditer(text)]
    for number in numbers(text):
        taken = any(each.start < number.end and number.start < each.end for each in found)
        if _COUNTED.match(text, number.end) and number.value in (2, 3):
            continue
        idle = number.value == 1 and text[number.start : number.end].lower() in ("one", "a", "an", "한")
        if (
            not taken
            and not _RATE_OPENS.match(text, number.start)
            and not (idle and not _unit(text, number.start, number.end)[0])
        ):
            unit, scale, end = _unit(text, number.start, number.end)
            value = round(number.value * scale, 6)
            found.append(Mention(value, unit, number.start, end, _is_minus(text, number.start)))
    return sorted(found, key=lambda each: each.start)


def _ranked(match: re.Match[str]) -> Mention:
    value = _RANKS_KO[match[1]] if match[1] else _RANKS_EN.index(match[2].lower()) + 1
    return Mention(float(value), "rank", match.start(), match.end())


def _is_minus(text: str, start: int) -> bool:
    return re.search(r"(?:^|[\s(])[-−–]\s?$|영하\s?$|minus\s$", text[:start]) is not None


def _unit(text: str, start: int, end: int) -> tuple[str, float, int]:
    """Return the unit, what to multiply with, and where it ends; "" for none."""
    before, after = text[max(0, start - 16) : start], text[end : end + 24]
    sign = re.search(r"([₩$€£])\s?$", before)
    word = re.match(
        r"[\s-]?(%|°\s?C|℃|per cent|(?:kilo|mega)?watt[- ]hours?\b|[A-Za-z]+|[가-힣]+|[€$£₩])", after, re.I
    )
    written = word[1] if word else ""
    ends = end + (word.end() if word else 0)
    money = sign[1] if sign else written
    name, length = _money(money)
    if name:
        ends = end if sign else end + (word.end() - len(written) + length if word else 0)
        rate = _RATE.match(text, ends)
        rated = (
            rate is not None
            or _RATE_BEFORE.search(text[:start]) is not None
            or _is_mean_of_rate(text, start, ends)
        )
        return f"{name}/kWh" if rated else name, 1.0, rate.end() if rate else ends
    low = written.lower() if written == "per cent" else re.sub("[ -]", "", written.lower())
    scales = _scales()
    if low in scales:
        return *scales[low], ends
    for unit in sorted(scales, key=len, reverse=True):
        if "가" <= unit[0] <= "힣" and written.startswith(unit):
            return *scales[unit], end + (word.end() - len(written) + len(unit) if word else 0)
    return "", 1.0, end


def _is_mean_of_rate(text: str, start: int, end: int) -> bool:
    """Whether money is the mean that a price for one kWh, told before it in its sentence, is held against."""
    if not (_OF_MEAN.search(text[:start]) or _ON_AVERAGE.match(text, end)):
        return False
    begin = max((each.end() for each in _SENTENCE.finditer(text, 0, start)), default=0)
    return _RATE_OPENS.search(text, begin, start) is not None


@cache
def _scales() -> dict[str, tuple[str, float]]:
    """Return by written unit its one name and what to multiply with."""
    found: dict[str, Any] = table("units")["unit"]
    return {form: (unit, float(scale)) for unit, forms in found.items() for form, scale in forms.items()}


def _money(word: str) -> tuple[str, int]:
    """Return the currency that a word begins with and its length; Korean may go on with a particle."""
    low = word.lower()
    for currency, names in table("units")["money"].items():
        for name in names:
            if low == name or ("가" <= name[0] <= "힣" and low.startswith(name)):
                return currency, len(name)
    return "", 0


def unit_of(unit: str) -> str:
    """Return the one name of a fact's unit: won, ₩ and KRW are 원."""
    money, slash, rate = unit.partition("/")
    return f"{_money(money)[0] or money}{slash}{rate}"


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    return {
        name: re.compile("|".join(map(_form, forms)), re.I)
        for name, forms in table("cues")["concept"].items()
    }


def _form(form: str) -> str:
    return (
        form
        if re.search("[가-힣]", form)
        else rf"\b(?:{form})" + (r"\b" if form[-1].isalpha() and not form.endswith(r"\w*") else "")
    )


def concepts(text: str) -> list[Word]:
    """Return every word of a concept, in the order of the text."""
    found = [
        Word(name, *match.span()) for name, pattern in _patterns().items() for match in pattern.finditer(text)
    ]
    # 평균 단가 is about the mean, 기본요금 about demand: the price in them does not speak for itself.
    whole = [word for word in found if not any(_within(word, other) for other in found)]
    return sorted(whole, key=lambda word: (word.start, word.end))


def _within(word: Word, other: Word) -> bool:
    longer = other.end - other.start > word.end - word.start
    return longer and other.name in _WHOLE and other.start <= word.start and word.end <= other.end


def named_parts(text: str, facts: Sequence[Fact]) -> Iterator[Word]:
    """Yield the parts of the site where they are named, and `?` for a thing that no fact is about."""
    names = sorted({each.part for each in facts if each.part}, key=len, reverse=True)
    taken: list[tuple[int, int]] = []
    aliases = _aliases(facts)
    forms = [(name, re.escape(name)) for name in names]
    forms += [(name, form) for name, every in aliases.items() for form in every]
    forms += [("?", form) for form in _strangers(names, aliases)]
    for name, form in forms:
        for match in re.finditer(_bounded(form), text, re.I):
            if not any(a < match.end() and match.start() < b for a, b in taken):
                taken.append(match.span())
                yield Word(name, *match.span())


def _bounded(form: str) -> str:
    return rf"(?<![가-힣A-Za-z]){form}" if re.search("[가-힣]", form) else rf"(?<![A-Za-z]){form}(?![A-Za-z])"


def _aliases(facts: Sequence[Fact]) -> dict[str, list[str]]:
    """Return everyday words for a part, where it is the only one of its kind."""
    words: dict[str, Any] = table("parts")["kind"]
    found: dict[str, list[str]] = {}
    for kind, marks in table("parts")["marks"].items():
        names = {each.part for each in facts if each.part and each.id.partition(":")[0] in marks}
        if len(names) == 1:
            found.setdefault(names.pop(), []).extend(words[kind])
    return found


def _strangers(names: Iterable[str], aliases: dict[str, list[str]]) -> list[str]:
    """Return words for things that none of the parts is called by."""
    own = " ".join(names).casefold()
    known = {form for every in aliases.values() for form in every}
    every = [form for forms in table("parts")["kind"].values() for form in forms] + table("parts")["things"][
        "words"
    ]
    return [
        form
        for form in every
        if form not in known and re.sub(r"\W", "", form).casefold() not in re.sub(r"\W", "", own)
    ]
