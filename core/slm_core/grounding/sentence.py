"""Holds one sentence of a reply against the sources that it is said to come from.

What is compared: numbers with their units and words, hours and dates with what begins and ends, names and
ids, words that exclude each other, and what is denied, forbidden or lifted. What is not: whether the rest of
the sentence follows from the sources; a wrong verb or adjective passes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from slm_core.grounding.alignment import Surroundings, about, counted, counting, fit, moved
from slm_core.grounding.checking import Problem
from slm_core.grounding.denial import denials, denies_at
from slm_core.grounding.derived import derived
from slm_core.grounding.measures import CALENDAR, Measure, same, same_dimension
from slm_core.grounding.names import foreign_names
from slm_core.grounding.plain import plain
from slm_core.grounding.polarity import turned
from slm_core.grounding.roles import exchanged
from slm_core.grounding.wording import bare, excluded, table, words


def unsupported(sentence: str, sources: Sequence[str], names: Sequence[str] = ()) -> list[Problem]:
    """Return what the sources do not bear out, with kind and words; none means that all is there.

    Args:
        sentence: one sentence, or a few.
        sources: the passages, records or tool results it may take from.
        names: places and other names that the domain knows; Korean ones are seldom known by their form.
    """
    said, given = plain(sentence), tuple(plain(source) for source in sources)
    problems = [
        *_quantities(said, given),
        *_names(said, given, names),
        *_opposites(said, given),
        *_exchanged(said, given),
        *_turned(said, given),
    ]
    return list(dict.fromkeys(problems))


def _quantities(said: str, given: tuple[str, ...]) -> Iterator[Problem]:
    theirs = [(source, each) for source in given for each in counted(source)]
    yield from _more_than_all(said)
    for one in counted(said):
        measure = one.measure
        if measure is None or _counts_nothing(measure, said):
            continue
        equal = [(source, each) for source, each in theirs if each.measure and same(measure, each.measure)]
        if not equal:
            known = [each.measure for _, each in theirs if each.measure]
            if not any(_roughly(measure, each) for each in known) and not derived(measure, said, known):
                yield _absent(measure, theirs)
            continue
        if problem := _bound_otherwise(said, measure, one, equal, theirs):
            yield problem


def _more_than_all(said: str) -> Iterator[Problem]:
    """Five of three cannot be."""
    every = [each.measure for each in counted(said) if each.measure]
    for one, other in pairwise(every):
        between = said[one.end : other.start]
        if (
            re.fullmatch(r"(?:의|이|을)?\s?(?:중|가운데)\s?(?:에서\s?)?", between)
            and one.kind == other.kind
            and other.value > one.value
        ):
            yield Problem("swap", f"{said[one.start : other.end]!r} is more than there are")
        if (
            re.fullmatch(r"\s(?:out )?of (?:the |all )?", between)
            and other.value < one.value
            and one.kind in ("", other.kind)
        ):
            yield Problem("swap", f"{said[one.start : other.end]!r} is more than there are")


def _counts_nothing(measure: Measure, said: str) -> bool:
    quote = measure.quote.lower()
    if quote in ("절반", "half") and (measure.loose or re.match(r"\s?(?:쯤|정도|가량)", said[measure.end :])):
        return True
    if measure.value == 0 and measure.kind not in CALENDAR and measure.kind != "temperature":
        return True
    return quote.split(" ")[0].split("-")[0] in ("one", "a", "an") and measure.kind in ("", "person", "times")


def _roughly(one: Measure, other: Measure) -> bool:
    """Nearly 3,000 for 2,987, more than two feet for 28 inches: near, and on the side that is said."""
    if one.kind in CALENDAR or not one.kind or not same_dimension(one, other) or other.value <= 0:
        return False
    if one.low and not other.low and one.value <= other.value < 1.25 * one.value and one.unit != other.unit:
        return True
    if not (one.loose or one.low):
        return False
    digits, theirs = (f"{each.figure:.10g}".replace(".", "").strip("0") for each in (one, other))
    rounder = len(digits) < len(theirs) and one.figure >= 20 and one.figure % 10 == 0
    return rounder and abs(one.value - other.value) <= 0.04 * abs(other.value)


def _absent(measure: Measure, theirs: Sequence[tuple[str, Surroundings]]) -> Problem:
    kind = "time" if measure.kind in CALENDAR else "number"
    figures = [char for char in measure.quote if char.isdigit()]
    for _, each in theirs:
        other = each.measure
        if other and kind == "number" and figures and [c for c in other.quote if c.isdigit()] == figures:
            return Problem("unit", f"{measure.quote!r} is in no source, which says {other.quote!r}")
    peers = [each.measure.quote for _, each in theirs if each.measure and each.measure.kind == measure.kind]
    instead = f"; there is {', '.join(map(repr, dict.fromkeys(peers[:4])))}" if peers else ""
    return Problem(kind, f"{measure.quote!r} is in no source{instead}")


def _bound_otherwise(
    said: str,
    measure: Measure,
    one: Surroundings,
    equal: Sequence[tuple[str, Surroundings]],
    theirs: Sequence[tuple[str, Surroundings]],
) -> Problem | None:
    kind = "time" if measure.kind in CALENDAR else "number"
    fitting = [
        (source, each)
        for source, each in equal
        if each.measure
        and (not _bounds_differ(measure, each.measure) or _bound_is_denied(said, one, source, each))
    ]
    if not fitting:
        return Problem(kind, f"{_about(said, one)!r} turns round {_about(*equal[0])!r}")
    apart = [_apart(said, one, source, each) if kind == "number" else None for source, each in fitting]
    if all(apart) and apart[0]:
        return Problem("swap", f"{_about(said, one)!r} stands for {_about(*fitting[0])!r}")
    kept = [each for (_, each), excluded in zip(fitting, apart, strict=True) if not excluded]
    rivals = [
        (source, each) for source, each in theirs
        if each.measure
        and _rival(measure, each.measure)
        and (kind == "time" or not _apart(said, one, source, each))
    ]  # fmt: skip
    others = [
        (each, [given for _, given in theirs if given.measure and same(each.measure, given.measure)])
        for each in counted(said)
        if each.start != one.start and each.measure and each.measure.kind == measure.kind
    ]
    if _is_name(said, measure):
        return None
    other = moved(one, kept, [each for _, each in rivals], others)
    if other is None:
        return None
    source = next(source for source, each in rivals if each is other)
    return Problem("swap", f"{_about(said, one)!r} stands for {_about(source, other)!r}")


def _bound_is_denied(said: str, one: Surroundings, source: str, other: Surroundings) -> bool:
    """Not from three is until three; with two bounds of a kind it is an exchange."""
    bounds = [each for each in counted(said) if each.measure and each.measure.role]
    return len(bounds) == 1 and denies_at(said, one.start) != denies_at(source, other.start)


def _is_name(said: str, measure: Measure) -> bool:
    """Highway 7, and 3층, which says where."""
    return measure.kind in ("floor", "age") or (
        not measure.kind and re.search(r"\b[A-Z][a-z]+\s$", said[: measure.start]) is not None
    )


def _rival(one: Measure, other: Measure) -> bool:
    if one.kind in CALENDAR or other.kind in CALENDAR:
        return one.kind == other.kind and not same(one, other)
    return (
        one.kind == other.kind
        and (bool(one.kind) or bare(one.unit) == bare(other.unit))
        and not same(one, other)
    )


def _bounds_differ(one: Measure, other: Measure) -> bool:
    if (one.low and other.high) or (one.high and other.low):
        return True
    return {one.role, other.role} in ({"start", "end"}, {"earlier", "later"})


def _about(text: str, each: Surroundings) -> str:
    """Return the thing with a few words about it."""
    close = [word for word, weight in each.about if weight >= 0.6]
    start = min([each.start, *(word.start for word in close)])
    end = max([each.end, *(word.end for word in close)])
    return text[max(start, each.start - 30) : min(end, each.end + 30)].strip()


def _names(said: str, given: tuple[str, ...], names: Sequence[str]) -> Iterator[Problem]:
    for found, instead in foreign_names(said, given, names):
        there = f", where {instead!r} is" if instead else ""
        yield Problem("name", f"{found!r} is in no source{there}")


def _opposites(said: str, given: tuple[str, ...]) -> Iterator[Problem]:
    """Words that exclude each other, bound to their own words as numbers are."""
    for group in table()["apart"]:
        if "dead" in group and "unhurt" not in group[:2]:
            continue  # The rescued and the evacuated may be the same people.
        mine = list(_of_group(said, group))
        if not mine:
            continue
        theirs = [(source, name, each) for source in given for name, each in _of_group(source, group)]
        if len({bool(_ALL_BUT.search(text)) for text in (said, *given)}) > 1:
            continue
        if "monday" in group and theirs and not {name for name, _ in mine} <= {name for _, name, _ in theirs}:
            yield Problem(
                "time", f"{_about(said, mine[0][1])!r} stands for {_about(theirs[0][0], theirs[0][2])!r}"
            )
            continue
        for name, one in mine:
            equal = [each for _, other, each in theirs if other == name]
            rivals = [(source, each) for source, other, each in theirs if other != name]
            if (found := _opposite(one, equal, [each for _, each in rivals], len(group) <= 4)) is not None:
                source = next(source for source, each in rivals if each is found)
                yield Problem("opposite", f"{_about(said, one)!r} stands for {_about(source, found)!r}")


_ALL_BUT = re.compile(r"\b(?:only|all but|but one|except)\b|에만|제외|외에", re.IGNORECASE)


def _opposite(
    one: Surroundings, equal: list[Surroundings], rivals: list[Surroundings], contrast: bool
) -> Surroundings | None:
    if equal:
        return moved(one, equal, rivals) if contrast else None
    best = max(rivals, key=lambda each: fit(one, each), default=None)
    return best if best is not None and fit(one, best) >= (1.0 if contrast else 1.5) else None


def _denied(text: str) -> set[int]:
    """Return where words stand that are denied, or may be."""
    return {word.start for denial in denials(text) for word in (*denial.heads, *denial.scope)}


def _apart(said: str, one: Surroundings, source: str, other: Surroundings) -> tuple[str, str] | None:
    """Return the concepts that tell two quantities of one value apart (3 dead, 3 injured)."""
    return excluded(_counting(said, one), _counting(source, other))


def _counting(text: str, each: Surroundings) -> frozenset[str]:
    denied = _denied(text)
    near = (word.concepts for word, weight in each.about if weight >= 0.8 and word.start not in denied)
    return frozenset[str]().union(*near) & counting()


def _of_group(text: str, group: Sequence[str]) -> Iterator[tuple[str, Surroundings]]:
    hits = [(word, name) for word in words(text) for name in group if f"={name}" in word.concepts]
    denied = _denied(text)
    spans = [(word.start, word.end) for word, _ in hits]
    for word, name in hits:
        if word.start not in denied:
            yield name, about(text, word.start, word.end, spans)


def _exchanged(said: str, given: tuple[str, ...]) -> Iterator[Problem]:
    for mine, theirs in exchanged(said, given):
        yield Problem("swap", f"{mine!r} stands for {theirs!r}")


def _turned(said: str, given: tuple[str, ...]) -> Iterator[Problem]:
    found = turned(said, given)
    if found is not None:
        kind = "release" if found.release else "negation"
        yield Problem(kind, f"{found.said!r} turns round {found.given!r}")
