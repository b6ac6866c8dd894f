"""Every quantity of a text as one kind of thing: counts and lengths, hours, dates, with the bounds on them.

Units of one dimension are made one (120 cm is 1.2 m); an hour without its half of the day fits both (2시 is
14:00 or 02:00). What stands about a quantity is read with it: 부터 and `until`, 이상 and `less than`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path

from slm_core.grounding.moments import moments
from slm_core.grounding.numbers import Number, numbers

CALENDAR = ("clock", "date", "month", "calendar year")
IMPERIAL = (
    "inch",
    "foot",
    "yard",
    "mile",
    "pound",
    "mile_hour",
    "fahrenheit",
    "pyeong",
    "square_foot",
    "acre",
    "knot",
    "gallon",
    "quart",
    "barrel",
)
_FRACTION = re.compile(
    r"(?P<below>\d+)분의\s?(?P<above>\d+)|(?<![\d/])(?P<over>[1-4])/(?P<under>[2-9])(?![\d/])"
)
_FRACTIONS = {
    re.compile(
        r"\b(?:a|one)[ -]half\b|(?<![가-힣])절반|\bhalf(?= (?:of|the|full|way))|(?<=\s)half(?=\s(?:a|an)\b)",
        re.I,
    ): 1 / 2,
    re.compile(r"\btwo[ -]thirds\b", re.I): 2 / 3,
    re.compile(r"\b(?:a|one)[ -]third\b", re.I): 1 / 3,
    re.compile(r"\b(?:a|one)[ -]quarter\b", re.I): 1 / 4,
    re.compile(r"\bthree[ -]quarters\b", re.I): 3 / 4,
}
_MONTH = re.compile(
    r"(?<!\d)(?P<m>1[0-2]|[1-9])월(?!\s?\d{1,2}일)|\b(?P<name>January|February|March|April|May(?=\s(?:19"
    r"|20)\d\d|\b,)|June|July|August"
    r"|September|October|November|December)\b(?!\s\d{1,2}(?!\d))"
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_YEAR = re.compile(
    r"(?<![\d.,-])(?P<y>(?:19|20)\d\d)(?=년|\b)(?!년간)(?!\s?(?:[가-힣]*명|가구|people|households|km|mm"
    r"|m\b|원|won"
    r"|kcal|kilo|metres|meters))"
)
_MINUS = re.compile(r"(?:영하|minus|below zero by|(?<![\d\w~)])-)\s?$", re.I)
_PER_HOUR = re.compile(r"(?:시간당|매시간)\s?(?:최대\s?|약\s?)?$")
_PER_HOUR_AFTER = re.compile(r"\s?(?:an|per|each|every)\s+hour|/h\b", re.I)
_PER_SPEED = {"시속": ("km", "speed", 0.2777778), "초속": ("m", "speed", 1.0)}
_LOW_AFTER = re.compile(
    r"\s?(?:이상|초과|넘|을 넘|를 넘|이 넘|가 넘|보다 (?:많|크|높|길)|or more|or above|or higher|or over"
    r"|and above|or longer"
    r"|or greater|or stronger|plus\b|\+)"
)
_HIGH_AFTER = re.compile(
    r"\s?(?:이하|미만|이내|안에|을 넘지|를 넘지|이 넘지|가 넘지|보다 (?:적|작|낮|짧)|or less|or fewer|or"
    r" below|or lower|or under|or"
    r" shorter|at most|maximum)"
)
_LOW_BEFORE = re.compile(
    r"\b(?:at least|more than|over|above|exceed(?:s|ed|ing)?|no less than|no fewer than|not less than"
    r"|minimum(?: of)?|greater than|higher than|longer than|upwards of|beyond|passes|tops"
    r"|topped)\s(?:the\s|a\s)?$|(?:최소|적어도)\s?(?:한\s)?$",
    re.I,
)
_HIGH_BEFORE = re.compile(
    r"\b(?:at most|(?<!no )(?<!not )less than|under|below|up to|no more than|not more than|not"
    r" exceed(?:ing)?|no longer than|no higher than|(?<!no )fewer than|maximum(?: of)?|within|lower than"
    r"|does not exceed|do not exceed|must not exceed|not go above|not above)\s(?:the\s|a\s)?$|(?:최대"
    r"|많아야)\s?$",
    re.I,
)
_START_AFTER = re.compile(
    r"\s?(?:에?서?부터|이후|이래|부로|을 기해|를 기해|에서(?=\s?\S{0,12}(?:까지|[으]?로\s))|경부터"
    r"|쯤부터|onwards?|on\b(?=[.,]|$))"
    r"|\s?[~–-]\s?(?=\d|오[전후])"
)
_END_AFTER = re.compile(
    r"\s?(?:경|쯤)?(?:에?까지|이전|전까지|안으로|로(?= (?:늘|줄|올|내|증|감|상|하|급|떨|낮|높|격|바))"
    r"|으로(?= (?:늘|줄|올|내|증|감|상|하|급|떨|낮|높"
    r"|격|바)))"
)
_START_BEFORE = re.compile(
    r"\b(?:from|since|after|starting(?: at| on| from)?|beginning(?: at| on)?|between|begins? (?:at|on)"
    r"|starts? (?:at|on)|began (?:at|on)|started (?:at|on)|effective|opens? (?:at|on))\s(?:the\s|about\s"
    r"|around\s)?$",
    re.I,
)
_END_BEFORE = re.compile(
    r"\b(?:until|till|to|through|by|before|ends? (?:at|on)|ended (?:at|on)|ending(?: at| on)?|closes?"
    r" (?:at|on)|no later than|expires? (?:at|on))\s(?:the\s|about\s|around\s)?$"
    r"|[\d시분일월m.)]\s?[~–-]\s?$",
    re.I,
)
_AND_OF_BETWEEN = re.compile(r"\bbetween\s[^.,;]{1,25}\sand\s$", re.I)
_EARLIER = re.compile(r"\s?(?:전(?=[에의부,.\s]|$)|앞서|earlier|before|ago|prior|beforehand|in advance)")
_LATER = re.compile(r"\s?(?:뒤|후(?=[에의부,.\s]|$)|이후|later|after(?!noon|shock)|afterwards)")
_APPROXIMATELY = re.compile(
    r"(?:약|대략|거의|\babout|\baround|\broughly|\bnearly|\balmost|\bapproximately|\bsome|\bover|\bmore than"
    r"|\bclose to|\bjust under|\bjust over)\s?$",
    re.I,
)


@dataclass(frozen=True)
class Measure:
    """One quantity.

    Args:
        kind: the dimension (`length`, `person`), `clock`, `date`, `month`, `calendar year`, or "" for none.
        value: in the first unit of the dimension; for `clock` minutes of the day.
        unit: the name of the unit, the counted word where it is in no table, or "".
        quote: figures and unit as they stand.
        low, high: said to be at least, at most.
        role: `start`, `end`, `earlier`, `later` or "".
        loose: an hour that may be of either half of the day; a number said to be about right.
    """

    kind: str
    value: float
    unit: str
    start: int
    end: int
    quote: str
    text: str = ""
    low: bool = False
    high: bool = False
    role: str = ""
    loose: bool = False
    rate: bool = False
    figure: float = 0.0
    exact: bool = True


@cache
def unit_table() -> tuple[dict[str, tuple[str, str, float]], re.Pattern[str], dict[str, float]]:
    """Return each written form with dimension, name and factor, a pattern of all, and the factors by name."""
    tables = tomllib.loads((Path(__file__).parent / "units.toml").read_text(encoding="utf-8"))
    forms: dict[str, tuple[str, str, float]] = {}
    for dimension, units in tables.items():
        for name, (factor, *written) in units.items():
            forms |= {form: (dimension, name, float(factor)) for form in written}
    longest = sorted(forms, key=len, reverse=True)
    body = "|".join(
        re.escape(form) + (r"(?![A-Za-z])" if form[-1].isascii() and form[-1].isalpha() else "")
        for form in longest
    )
    factors = {name: factor for _, name, factor in forms.values()}
    return forms, re.compile(rf"\s?여?[\s-]?({body})"), factors


@lru_cache(maxsize=256)
def measures(text: str) -> tuple[Measure, ...]:
    """Return every quantity of a text that `plain` has read, in text order."""
    found: list[Measure] = [*_fractions(text), *_calendar(text)]
    taken = [(each.start, each.end) for each in found]
    for number in numbers(text):
        if not any(a < number.end and number.start < b for a, b in taken):
            found.append(_measure(text, number))
    found = _joined(sorted(found, key=lambda each: each.start), text)
    return tuple(_with_bounds(text, each) for each in found)


def _fractions(text: str) -> Iterator[Measure]:
    for match in _FRACTION.finditer(text):
        above, below = int(match["above"] or match["over"]), int(match["below"] or match["under"])
        yield Measure("share", 100 * above / max(1, below), "fraction", *match.span(), match[0])
    for pattern, value in _FRACTIONS.items():
        for match in pattern.finditer(text):
            yield Measure("share", 100 * value, "fraction", *match.span(), match[0])


def _calendar(text: str) -> Iterator[Measure]:
    taken: list[tuple[int, int]] = []
    for moment in moments(text):
        start, end, quote = moment.start, moment.end, text[moment.start : moment.end]
        taken.append((start, end))
        if moment.value.startswith("T"):
            if quote.endswith("시") and re.match(r"\s?간", text[end:]):
                continue
            hour, minute = (int(part) for part in moment.value[1:].split(":"))
            loose = (
                hour <= 12
                and hour > 0
                and not re.search(r"[오새아낮저밤정자]|[ap]\.?m|noon|midnight|\b0\d", quote, re.I)
            )
            if re.match(r"\s?(?:hours|h\b|UTC|GMT|local)", text[end:]) or re.fullmatch(r"\d{2}:\d{2}", quote):
                loose = False
            yield Measure("clock", (hour % 24) * 60 + minute, "", start, end, quote, loose=loose)
        else:
            yield Measure("date", 0, moment.value, start, end, quote, moment.value)
    for match in re.finditer(r"(?<![\d:])\d{1,2}\s?~\s?(?P<h>\d{1,2})(?=시(?!간))", text):
        yield Measure(
            "clock", int(match["h"]) % 24 * 60, "", *match.span("h"), match["h"], loose=int(match["h"]) <= 12
        )
    for match in _MONTH.finditer(text):
        if not any(a < match.end() and match.start() < b for a, b in taken):
            month = int(match["m"]) if match["m"] else _MONTHS.index(match["name"][:3].lower()) + 1
            taken.append(match.span())
            yield Measure("month", month, "", *match.span(), match[0])
    for match in _YEAR.finditer(text):
        if not any(a < match.end() and match.start() < b for a, b in taken):
            end = match.end() + (text[match.end() : match.end() + 1] == "년")
            yield Measure("calendar year", int(match["y"]), "", match.start(), end, text[match.start() : end])


def _measure(text: str, number: Number) -> Measure:
    forms, pattern, _ = unit_table()
    start, end, value = number.start, number.end, number.value
    prefix = next(
        (word for word in _PER_SPEED if re.search(rf"{word}\s?(?:약\s?|최대\s?)?$", text[:start])), None
    )
    match = pattern.match(text, end)
    kind, unit, factor = "", number.unit, 1.0
    if text[start - 1 : start] in ("$", "₩", "€"):
        kind, unit, factor = forms[text[start - 1]]
        start -= 1
    elif match and _unit_stands(text, match):
        kind, unit, factor = forms[match[1]]
        end = match.end()
    else:
        word = re.match(r"(?:[\s-]+[A-Za-z]+){1,2}(?![A-Za-z])", text[end:])
        second = word[0].split()[-1] if word else ""
        if second in forms and forms[second][0] in (
            "person",
            "household",
            "building",
            "vehicle",
            "ship",
            "animal",
            "place",
            "case",
        ):
            kind, unit, factor = forms[second]
    if prefix and kind == "length":
        kind, factor = "speed", factor / 3600 if prefix == "시속" else factor
    if kind == "temperature" or not kind:
        minus = _MINUS.search(text[:start])
        if minus:
            value, start = -value, minus.start()
        elif re.match(r"\s?below zero", text[end:], re.I):
            value = -value
    if unit == "fahrenheit":
        value = (value - 32) / 1.8
    rate = bool(_PER_HOUR.search(text[:start]) or _PER_HOUR_AFTER.match(text, end))
    return Measure(
        kind, value * factor, unit, start, end, text[start:end], rate=rate, figure=value, exact=number.exact
    )


def _unit_stands(text: str, match: re.Match[str]) -> bool:
    """Whether the unit is a word of its own: 3일 is, 3일대 or 5분의 1 is not; 2도 (also) neither."""
    form, after = match[1], text[match.end() :]
    if (
        form in ("일", "대", "주", "동", "인", "자", "분", "초", "년", "달", "층", "살", "세")
        and "가" <= after[:1] <= "힣"
    ):
        return bool(
            re.match(
                r"간|만|동안|전|후|뒤|이|가|은|는|을|를|에|의|도|로|까지|부터|치|씩|째|당|마다|이상|이하"
                r"|미만|이내|정도|여|넘|안|내|입니다|다|였|이며|짜리|대|미",
                after,
            )
        )
    return True


def _joined(found: list[Measure], text: str) -> list[Measure]:
    """Make one of `1시간 30분` and of `2 m 30 cm`."""
    result: list[Measure] = []
    for index, each in enumerate(found):
        following = found[index + 1] if index + 1 < len(found) else None
        if (
            following
            and not each.exact
            and not following.exact
            and not each.kind
            and following.start - each.end <= 4
        ):
            factor = unit_table()[2].get(following.unit, 1.0) if following.kind else 1.0
            each = replace(each, kind=following.kind, unit=following.unit, value=each.value * factor)
        last = result[-1] if result else None
        if last and _elliptical(text, last, each):
            factor = unit_table()[2].get(last.unit, 1.0)
            each = replace(each, kind=last.kind, unit=last.unit, value=each.value * factor)
        if (
            last and each.kind == last.kind and each.kind in ("duration", "length", "mass")
            and each.unit != last.unit and each.value < last.value and each.exact and last.exact
            and re.fullmatch(r"\s?(?:and\s)?", text[last.end : each.start])
        ):  # fmt: skip
            quote = text[last.start : each.end]
            result[-1] = replace(last, value=last.value + each.value, end=each.end, quote=quote)
        else:
            result.append(each)
    return result


def _elliptical(text: str, last: Measure, each: Measure) -> bool:
    """`Shelter A holds 120 people and shelter B 85.`: the second number has the unit of the first."""
    between = text[last.end : each.start]
    listed = re.match(r"\s*(?:[,.;]?$|[.;,](?=\s)|\sand\b)", text[each.end :])
    return (
        not each.kind and not each.unit and last.kind not in ("", "clock", "date", "month", "calendar year")
        and bool(listed) and len(between) < 40 and bool(re.search(r",|\band\b", between))
        and not re.search(r"\.\s|(?:no|level|grade|class|line|phase|page|number)\.?\s$", between, re.I)
    )  # fmt: skip


def _with_bounds(text: str, each: Measure) -> Measure:
    before, after = text[max(0, each.start - 40) : each.start], text[each.end : each.end + 20]
    after = re.sub(r"^\s?(?:people|dead|명|개월|원)?(?:정도|가량|쯤|가까이)\s?", "", after)
    high = bool(_HIGH_AFTER.match(after) or _HIGH_BEFORE.search(before))
    low = not high and bool(_LOW_AFTER.match(after) or _LOW_BEFORE.search(before))
    role = ""
    if _START_AFTER.match(after) or _START_BEFORE.search(before):
        role = "start"
    if (
        _END_AFTER.match(after)
        or (_END_BEFORE.search(before) and not _LOW_BEFORE.search(before))
        or _AND_OF_BETWEEN.search(before)
    ):
        role = "end" if not (role == "start" and re.match(r"\s?(?:부터|[~–-])", after)) else "start"
    if each.kind in ("duration", "span") and not role:
        role = "earlier" if _EARLIER.match(after) else "later" if _LATER.match(after) else ""
    return replace(
        each, low=low, high=high, role=role, loose=each.loose or bool(_APPROXIMATELY.search(before))
    )


def same(one: Measure, other: Measure) -> bool:
    """Whether two quantities may be the same one: value and unit, or hour, or date."""
    if one.kind == other.kind == "clock":
        return one.value == other.value or (
            (one.loose or other.loose) and one.value % 720 == other.value % 720
        )
    if {one.kind, other.kind} & {"clock", "date", "month", "calendar year"}:
        return _same_calendar(one, other)
    if not same_dimension(one, other):
        return False
    return close(one, other)


def _same_calendar(one: Measure, other: Measure) -> bool:
    if one.kind == other.kind == "date":
        first, second = one.text.removeprefix("---"), other.text.removeprefix("---")
        return first.endswith(second) or second.endswith(first)
    if one.kind == other.kind:
        return one.value == other.value
    if other.kind == "date":
        parts = other.text.split("-")
        if one.kind == "month":
            return len(parts) >= 2 and other.text[:3] != "---" and int(parts[-2]) == one.value
        if one.kind == "calendar year":
            return parts[0] == str(int(one.value))
    return (
        one.kind in ("", "calendar year") and other.kind in ("", "calendar year") and one.value == other.value
    )


def same_dimension(one: Measure, other: Measure) -> bool:
    """Whether both could count the same: equal dimension, or a unit that no table knows."""
    if one.kind and other.kind:
        return one.kind == other.kind and not (one.rate != other.rate and one.rate and other.rate)
    return not ({one.kind, other.kind} & {"clock", "date", "month"})


def close(one: Measure, other: Measure) -> bool:
    """Whether the values are equal; between metric and imperial within 3 in 100, as people round them."""
    if one.kind != other.kind:
        return one.figure == other.figure
    largest = max(abs(one.value), abs(other.value))
    crossing = (one.unit in IMPERIAL) != (other.unit in IMPERIAL)
    if "fraction" in (one.unit, other.unit):
        return abs(one.value - other.value) <= 1
    rounded = 0.3 if float(one.figure).is_integer() else 0.06
    allowed = rounded if crossing and one.kind == "temperature" else largest * (0.03 if crossing else 1e-6)
    return abs(one.value - other.value) <= allowed
