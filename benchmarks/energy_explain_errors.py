"""Plants one error of each kind into a faithful reason of a plan, by rules of energy_explain_errors.toml.

The rules know nothing of the checker. Each makes sure that what it writes is wrong: a changed number or hour
is that of no fact, exchanged ones differ, a dropped sentence takes a required fact along.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from slm_energy.why.fact import Fact


@dataclass(frozen=True)
class Reply:
    """A faithful reply with the facts it tells."""

    lang: str
    facts: tuple[Fact, ...]
    text: str


@cache
def errors() -> dict[str, Any]:
    """Return the tables of energy_explain_errors.toml."""
    return tomllib.loads((Path(__file__).parent / "energy_explain_errors.toml").read_text(encoding="utf-8"))


_NUMBER = re.compile(
    r"(?<![\d:.,A-Za-z])(\d[\d,]*(?:\.\d+)?)"
    r"(?=\s?(?:원|won|kW|%|EUR|°C|시간 |번째|hours?\b)|(?<=number \d)|(?<=number \d\d))"
)
_TIME = re.compile(r"(?<!\d)(\d\d):(\d\d)")
_RANGE = re.compile(
    r"(?P<start>\d\d:\d\d)(?P<between>~|-|–|부터 |에서 | to | until | till |(?<=between \d\d:\d\d) and )"
    r"(?P<end>\d\d:\d\d)"
)


def _numbers(reply: Reply) -> list[tuple[re.Match[str], str]]:
    """Return the numbers with their units."""
    found = []
    for match in _NUMBER.finditer(reply.text):
        unit = re.match(
            r"\s?((?:원|won|EUR)/kWh|원|won|EUR|kWh|kW|%|°C|시간|번째|hours?)?", reply.text[match.end() :]
        )
        found.append((match, (unit[1] or "") if unit else ""))
    return found


def plant_number(reply: Reply, rng: Random) -> Iterator[str]:
    known = {abs(each.number) for each in reply.facts if each.number is not None}
    for match, _ in _numbers(reply):
        value = match[1].replace(",", "")
        places = len(value.partition(".")[2])
        new = float(value) + rng.choice((1, 2, 3, 7, 10)) / 10**places
        if round(new, places) not in known:
            yield reply.text[: match.start()] + f"{new:,.{places}f}" + reply.text[match.end() :]


def plant_unit(reply: Reply, rng: Random) -> Iterator[str]:
    for pattern, new in errors()["unit"]:
        for match in re.finditer(
            r"(?<=\d)\s?" + pattern if not pattern.startswith("(?<=") else pattern, reply.text
        ):
            gap = " " if match[0].startswith(" ") else ""
            yield reply.text[: match.start()] + gap + new + reply.text[match.end() :]


def plant_time(reply: Reply, rng: Random) -> Iterator[str]:
    known = {time for each in reply.facts for time in re.findall(r"\d\d:\d\d", each.time)}
    for match in _TIME.finditer(reply.text):
        hour = (int(match[1]) + rng.choice((1, 2, 3, 5, 12))) % 24
        if f"{hour:02}:{match[2]}" not in known:
            yield reply.text[: match.start()] + f"{hour:02}:{match[2]}" + reply.text[match.end() :]


def plant_part(reply: Reply, rng: Random) -> Iterator[str]:
    """Another part of the house for the one that is meant: one of the facts, or none of them."""
    parts = sorted({each.part for each in reply.facts if each.part})
    strangers = {"ko": ["냉장고", "세탁기", "히트펌프"], "en": ["fridge", "heat pump", "freezer"]}[reply.lang]
    for part in parts:
        others = [other for other in parts if other != part] + [rng.choice(strangers)]
        for match in re.finditer(re.escape(part), reply.text, re.I):
            yield reply.text[: match.start()] + others[0] + reply.text[match.end() :]


def plant_swap(reply: Reply, rng: Random) -> Iterator[str]:
    """Exchange two numbers of one unit."""
    found = _numbers(reply)
    for index, (one, unit) in enumerate(found):
        for other, second in found[index + 1 :]:
            if unit == second and unit and one[1] != other[1]:
                yield _exchanged(reply.text, one, other)


def plant_swap_time(reply: Reply, rng: Random) -> Iterator[str]:
    """Exchange two hours."""
    found = list(_TIME.finditer(reply.text))
    for index, one in enumerate(found):
        for other in found[index + 1 :]:
            between = reply.text[one.end() : other.start()]
            if one[0] != other[0] and between not in ("~", "에서 ", " to ", "부터 "):
                yield _exchanged(reply.text, one, other)


def plant_ends(reply: Reply, rng: Random) -> Iterator[str]:
    """Exchange the two ends of a range of hours."""
    for match in _RANGE.finditer(reply.text):
        if match["start"] != match["end"]:
            told = match["end"] + match["between"] + match["start"]
            yield reply.text[: match.start()] + told + reply.text[match.end() :]


def _exchanged(text: str, one: re.Match[str], other: re.Match[str]) -> str:
    return text[: one.start()] + other[0] + text[one.end() : other.start()] + one[0] + text[other.end() :]


def plant_negation(reply: Reply, rng: Random) -> Iterator[str]:
    yield from _by_rules(reply, errors()[f"negation_{reply.lang}"])


def plant_denial(reply: Reply, rng: Random) -> Iterator[str]:
    """Deny what is so, and nothing else."""
    yield from _by_rules(reply, errors()[f"denial_{reply.lang}"])


def plant_direction(reply: Reply, rng: Random) -> Iterator[str]:
    yield from _by_rules(reply, errors()[f"direction_{reply.lang}"])


def _by_rules(reply: Reply, rules: Sequence[tuple[str, str]]) -> Iterator[str]:
    for pattern, new in rules:
        changed = re.sub(pattern, new, reply.text, count=1)
        if changed != reply.text:
            yield changed


def plant_dropped(reply: Reply, rng: Random) -> Iterator[str]:
    """Leave out a sentence that has a number or an hour no other sentence has."""
    lines = re.split(r"(?<=[.])\s", reply.text)
    for index, line in enumerate(lines):
        rest = " ".join(lines[:index] + lines[index + 1 :])
        own = [token for token in re.findall(r"\d[\d.,:]*\d|\d", line) if token not in rest]
        if rest and own:
            yield rest


def plant_invented(reply: Reply, rng: Random) -> Iterator[str]:
    lines = re.split(r"(?<=[.])\s", reply.text)
    for line in rng.sample(errors()["invented"][reply.lang], 2):
        at = rng.randint(1, len(lines))
        yield " ".join([*lines[:at], line, *lines[at:]])


PLANTS: dict[str, Callable[[Reply, Random], Iterator[str]]] = {
    "number": plant_number,
    "unit": plant_unit,
    "time": plant_time,
    "part": plant_part,
    "swap": plant_swap,
    "swap_time": plant_swap_time,
    "negation": plant_negation,
    "direction": plant_direction,
    "dropped": plant_dropped,
    "invented": plant_invented,
    "ends": plant_ends,
    "denial": plant_denial,
}
