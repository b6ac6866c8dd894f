"""Place names to 행정구역: full name and code of the 시군구, or the candidates of an ambiguous name.

`강릉 옥계면` is one place; `중구` is five and `교동` eighteen. What else the report names (its other places,
the sender in brackets, the site of the sensor) decides between them; where nothing does, the candidates are
kept to be asked about, and none is taken.
"""

from __future__ import annotations

import csv
import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

MOST_CANDIDATES = 20
_TYPES = re.compile(r"(?:특별자치도|특별자치시|통합특별시|특별시|광역시|시|군|구|도)$")
_ROMAN_TYPES = re.compile(r"-(?:si|gun|gu|do)$")
_ENGLISH_TYPES = re.compile(r"\s(?:city|county|district|province|island)$", re.IGNORECASE)


class Candidate(BaseModel):
    """One administrative district: its code and full name."""

    model_config = ConfigDict(frozen=True)

    code: str
    full: str


class Place(BaseModel):
    """A place as it was said, and what is known of it.

    `full` and `code` are empty where the name is in no table (abroad, a landmark) or has several
    `candidates`. A 읍, 면 or 동 has the code of its 시군구. `detail` is what is finer than the table: a
    street, a tunnel. `by_context` tells that the report's other words, not this name, gave the district.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    full: str = ""
    code: str = ""
    detail: str = ""
    by_context: bool = False
    candidates: tuple[Candidate, ...] = ()

    @property
    def ask(self) -> bool:
        """Whether a person has to say which of the candidates is meant."""
        return bool(self.candidates)


@dataclass(frozen=True)
class Node:
    """A district of the table; `town` is the 읍, 면 or 동 in it, or nothing."""

    code: str
    full: str
    town: str = ""

    def holds(self, other: Node) -> bool:
        """Whether the other district is this one or lies in it."""
        if self.town:
            return self == other
        return other.code.startswith(_prefix(self.code))


def resolve_all(names: Sequence[str], context: Sequence[str] = ()) -> list[Place]:
    """Return the places of one report; each name is context of the others, before `context`."""
    return [resolve(name, [*(other for other in names if other != name), *context]) for name in names]


def resolve(name: str, context: Sequence[str] = ()) -> Place:
    """Return the place that a name means, with the names of `context` deciding between several."""
    nodes, rest = _read(name)
    around = [found for found in (_read(other)[0] for other in context) if found]
    if not nodes:
        known = next((found for found in around if len(found) == 1), None)
        if known is None or name.isascii():  # a Latin name that is not in the table is abroad
            return Place(name=name)
        around_it = district(known[0].code)
        return Place(name=name, full=around_it.full, code=around_it.code, detail=name, by_context=True)
    chosen = _widest(_narrowed(nodes, around))
    if len(chosen) > 1:
        candidates = tuple(Candidate(code=node.code, full=node.full) for node in chosen[:MOST_CANDIDATES])
        return Place(name=name, detail=rest, candidates=candidates)
    node = chosen[0]
    return Place(name=name, full=node.full, code=node.code, detail=rest, by_context=len(nodes) > 1)


def overlap(one: Place, other: Place, *, local: bool = False) -> bool:
    """Whether two places can be the same: one holds the other, or an unknown name is the same.

    For a `local` hazard (a fire) the province alone says too little, and two streets are two places.
    """
    if not one.code or not other.code:
        return _plain(one.name) == _plain(other.name)
    if local and min(len(one.code), len(other.code)) < 5:
        return False
    here, there = _node(one), _node(other)
    if not (here.holds(there) or there.holds(here)):
        return False
    words = set(one.detail.split()), set(other.detail.split())
    return not (local and all(words) and words[0].isdisjoint(words[1]))


def _read(name: str) -> tuple[list[Node], str]:
    """Return the districts that a name can mean, and its words that are finer than the table."""
    if name.isascii():
        roman = _ENGLISH_TYPES.sub("", name.strip()).casefold()
        return list(_index().get(roman, ())), ""
    nodes: list[Node] = []
    rest: list[str] = []
    for word in name.split():
        found = _lookup(word, nodes)
        if found:
            nodes = found
        else:
            rest.append(word)
    return nodes, " ".join(rest)


def _lookup(word: str, within: Sequence[Node]) -> list[Node]:
    found = _index().get(word) or _index().get(re.sub(r"\d+(?=동$)", "", word), ())
    if not within:
        return list(found)
    former = [node for outer in within for node in _former().get(f"{outer.full} {word}", ())]
    return former or [node for node in found if any(outer.holds(node) for outer in within)]


def _narrowed(nodes: list[Node], around: Sequence[Sequence[Node]]) -> list[Node]:
    for found in around:
        if len(nodes) == 1:
            break
        inside = [n for n in nodes if any(other.holds(n) or n.holds(other) for other in found)]
        nodes = inside or nodes
    return nodes


def _widest(nodes: list[Node]) -> list[Node]:
    """Of 제주도 and its 제주시 the wider is meant, or else holds what is meant."""
    return next(([node] for node in nodes if all(node.holds(other) for other in nodes)), nodes)


def _node(place: Place) -> Node:
    full = district(place.code).full
    return Node(place.code, place.full, place.full[len(full) :].strip())


def district(code: str) -> Node:
    """Return the district of a 시도 or 시군구 code.

    Raises:
        KeyError: the table has no such code.
    """
    return _districts()[code]


def _prefix(code: str) -> str:
    return code[:4] if len(code) == 5 and code in _cities() else code


def _plain(name: str) -> str:
    return "".join(name.split()).casefold()


@cache
def _rows() -> list[dict[str, str]]:
    text = (Path(__file__).parent / "district_names.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@cache
def _names() -> dict[str, dict[str, list[str]]]:
    table = tomllib.loads((Path(__file__).parent / "places.toml").read_text(encoding="utf-8"))
    return {part: table[part] for part in ("regions", "former")}


@cache
def _districts() -> dict[str, Node]:
    return {row["code"]: Node(row["code"], row["name"]) for row in _rows()}


@cache
def _cities() -> frozenset[str]:
    """Codes of the cities that have districts of their own."""
    parents = {row["name"].rpartition(" ")[0] for row in _rows() if row["name"].count(" ") == 2}
    return frozenset(row["code"] for row in _rows() if row["name"] in parents)


@cache
def _former() -> dict[str, tuple[Node, ...]]:
    return {name: tuple(map(district, codes)) for name, codes in _names()["former"].items()}


@cache
def _index() -> dict[str, tuple[Node, ...]]:
    """What each word can mean: names with and without their ending, towns, Latin letters, other names."""
    index: dict[str, list[Node]] = {}

    def add(words: Iterable[str], node: Node) -> None:
        for word in words:
            if word and node not in index.setdefault(word, []):
                index[word].append(node)

    for row in _rows():
        node = district(row["code"])
        last = row["name"].rpartition(" ")[2]
        roman = row["roman"].casefold()
        bare = _TYPES.sub("", last)
        add([last, bare if len(bare) > 1 else "", roman, _ROMAN_TYPES.sub("", roman)], node)
        for town in row["towns"].split():
            add([town], Node(node.code, f"{node.full} {town}", town))
    for code, others in _names()["regions"].items():
        add([other.casefold() for other in others], district(code))
    return {word: tuple(nodes) for word, nodes in index.items()}
