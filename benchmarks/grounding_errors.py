"""Plants one error of each kind into a faithful reply, by rules of grounding_errors.toml.

The rules know nothing of the checker; each makes sure that no source bears the changed words out.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any


@dataclass(frozen=True)
class Pair:
    """A faithful reply with its sources; `origin` says where it comes from."""

    origin: str
    lang: str
    sources: tuple[str, ...]
    reply: str


@cache
def errors() -> dict[str, Any]:
    """Return the tables of grounding_errors.toml."""
    return tomllib.loads((Path(__file__).parent / "grounding_errors.toml").read_text(encoding="utf-8"))


_COUNT = re.compile(
    r"(?<![\d.,:/A-Za-z-])(\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?)"
    r"(?![\d:/-]|\.\d|,\d{3}|시(?!간)|월|일|번 국도|호선|분(?!\s?(?:이상|간|동안|뒤|후))|\s?[ap]\.?m|년)"
)
_MONTH = r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"


def plant_number(pair: Pair, rng: Random) -> Iterator[str]:
    given = " ".join(pair.sources)
    for match in _COUNT.finditer(pair.reply):
        before, after = pair.reply[: match.start()], pair.reply[match.end() :]
        if re.search(r"(?:19|20)\d\d$", match[0]) or re.search(rf"{_MONTH}\s$", before):
            continue
        if re.match(rf"\s(?:{_MONTH}|st|nd|rd|th)\b", after):
            continue
        value = match[0].replace(",", "")
        new = str(int(value) + rng.choice((1, 2, 7)) if "." not in value else round(float(value) + 0.3, 1))
        if not re.search(rf"(?<![\d.,]){re.escape(new)}(?![\d])", given.replace(",", "")):
            yield pair.reply[: match.start()] + new + pair.reply[match.end() :]
    for word, other in errors()["words"].items():
        found = re.search(rf"\b{word}\b", pair.reply)
        if found and not re.search(rf"\b{other}\b|(?<!\d){errors()['values'][other]}(?!\d)", given, re.I):
            yield pair.reply[: found.start()] + other + pair.reply[found.end() :]


_UNITS = (
    r"\s?(?:명|채|대|m|km|mm|cm|psi|%|톤|자|가구|건|개소|자루|곳|석|원|도|집|시간|분"
    r"|bar|units|defects|injured|tonnes|people|households)"
)


def plant_swap(pair: Pair, rng: Random) -> Iterator[str]:
    """Exchange two numbers of a unit in the reply, or put in another one of the source."""
    numbers = [(m, _unit(pair.reply, m)) for m in _COUNT.finditer(pair.reply)]
    for index, (one, unit) in enumerate(numbers):
        for other, second in numbers[index + 1 :]:
            if unit == second and unit and one[0] != other[0]:
                yield (
                    pair.reply[: one.start()]
                    + other[0]
                    + pair.reply[one.end() : other.start()]
                    + one[0]
                    + pair.reply[other.end() :]
                )
    given, said = " ".join(pair.sources), [m[0].replace(",", "") for m, _ in numbers]
    for one, unit in numbers:
        for other in _COUNT.finditer(given):
            if (
                unit
                and _unit(given, other) == unit
                and other[0] != one[0]
                and other[0].replace(",", "") not in said
            ):
                yield pair.reply[: one.start()] + other[0] + pair.reply[one.end() :]
                break


def _unit(text: str, match: re.Match[str]) -> str:
    found = re.match(_UNITS, text[match.end() :])
    return found[0].strip() if found else ""


def _affirmed(match: re.Match[str]) -> str:
    """만지지 않는다 becomes 만진다, 열지 않는다 becomes 열는다 or so: what a careless writer makes of it."""
    last = match[1]
    code = ord(last) - 0xAC00
    if code % 28 == 0:
        return f"{chr(0xAC00 + code + 4)}다"
    return f"{chr(0xAC00 + code - code % 28 + 4)}다" if code % 28 == 8 else f"{last}는다"


def _denied(match: re.Match[str]) -> str:
    code = ord(match[1]) - 0xAC00
    return f"{chr(0xAC00 + code - 4)}지 않는다." if code % 28 == 4 and match[1] != "는" else match[0]


def plant_negation(pair: Pair, rng: Random) -> Iterator[str]:
    yield from _first(pair, errors()[f"negation_{pair.lang}"])


def plant_release(pair: Pair, rng: Random) -> Iterator[str]:
    if re.search(r"(?:until|when|till|before)[^.]{0,40}lifted|해제될|해제되면|해제\"", pair.reply):
        return
    yield from _first(pair, errors()[f"release_{pair.lang}"])


def _first(pair: Pair, rules: Iterable[tuple[str, str]]) -> Iterator[str]:
    changed = (_changed(pair.reply, *rule) for rule in rules)
    yield from islice((reply for reply in changed if reply != pair.reply), 1)


def _changed(reply: str, pattern: str, new: str) -> str:
    function = _FUNCTIONS.get(new)
    return re.sub(pattern, function or new, reply, count=1)


_FUNCTIONS: dict[str, Callable[[re.Match[str]], str]] = {
    "@affirmed": _affirmed,
    "@denied": _denied,
    "@upper": lambda match: match[1].upper(),
    "@next_month": lambda match: f"{int(match[1]) % 12 + 1}월",
}


def plant_place(pair: Pair, rng: Random) -> Iterator[str]:
    if pair.lang == "ko":
        for place in errors()["places_ko"]:
            if re.search(rf"(?<![가-힣]){place}", pair.reply):
                others = errors()["others_ko"]
                other = others.get(place[-1] if len(place) > 2 or place == "한강" else "", others[""])
                yield re.sub(rf"(?<![가-힣]){place}", other, pair.reply, count=1)
        return
    for match in re.finditer(r"(?<=[a-z,] )[A-Z][a-z]{3,}\b(?!-)", pair.reply):
        if match[0].lower() not in errors()["no_places_en"] and match[0] in " ".join(pair.sources):
            yield pair.reply[: match.start()] + rng.choice(errors()["others_en"]) + pair.reply[match.end() :]
            return


def plant_unit(pair: Pair, rng: Random) -> Iterator[str]:
    for pattern, new in errors()["unit"]:
        for match in re.finditer(pattern, pair.reply):
            number = re.search(
                r"(?<![\d:])([\d.,]*\d|\b(?:one|two|three|four|five|six|ten|fifteen|thirty))\s?$",
                pair.reply[: match.start()],
            )
            if number is None:
                continue
            changed = pair.reply[: match.start()] + match.expand(new) + pair.reply[match.end() :]
            piece = changed[number.start() :][: len(number[0]) + len(match.expand(new))].strip()
            if not any(piece in source for source in pair.sources):
                yield changed
                break


def plant_time(pair: Pair, rng: Random) -> Iterator[str]:
    given = " ".join(pair.sources)
    for match in re.finditer(r"(?<![\d:])(\d{1,2})(?=시(?!간)|:\d\d)", pair.reply):
        hour = (int(match[0]) + rng.choice((2, 3))) % 12 + (12 if int(match[0]) >= 12 else 0)
        if not re.search(
            rf"(?<!\d)0?(?:{hour}|{(hour + 12) % 24}|{hour % 12 or 12})(?:시|:|\s?[ap]\.?m)", given
        ):
            new = f"{hour:02}" if pair.reply[match.end()] == ":" else str(hour)
            yield pair.reply[: match.start()] + new + pair.reply[match.end() :]
    for match in re.finditer(r"(?<!\d)(\d{1,2})일(?=[ ,에])", pair.reply):
        day = int(match[0][:-1]) + 3
        if "월" in given and day <= 31 and f"{day}일" not in given and match[0] in given:
            yield pair.reply[: match.start()] + f"{day}일" + pair.reply[match.end() :]
    for pattern, new in errors()["time"]:
        changed = _changed(pair.reply, pattern, new)
        if changed != pair.reply and (pattern[0] != "오" or not _half_is_free(pair, changed)):
            yield changed


def _half_is_free(pair: Pair, changed: str) -> bool:
    """Whether the source leaves the half of the day open (2시), so that the other half is no error."""
    hour = re.search(r"오[전후] (\d+)(?=[시:])", changed)
    given = " ".join(pair.sources)
    if hour is None:
        return True
    both = {int(hour[1]) % 12, int(hour[1]) % 12 + 12}
    told = {int(m) for m in re.findall(r"(?<!\d)(\d{1,2})(?=시|:\d\d)", given)}
    return (
        not (told & both)
        or bool(re.search(rf"(?<!오[전후] )(?<!\d){int(hour[1])}시", given))
        or {12, 0} == both
    )


PLANTS: dict[str, Callable[[Pair, Random], Iterator[str]]] = {
    "number": plant_number,
    "swap": plant_swap,
    "negation": plant_negation,
    "release": plant_release,
    "place": plant_place,
    "unit": plant_unit,
    "time": plant_time,
}
