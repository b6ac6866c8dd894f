"""What one row of a survey says, and what of it could not be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

UNCLASSED = -1  # the class was not said, or not in words of the scale
GRADES = (3, 2, 1, 0, UNCLASSED)
PEOPLE = ("dead", "missing", "injured", "people", "households")
Ring = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Money:
    """An amount in the unit of its currency (won, dollars), never in thousands."""

    currency: str
    amount: Decimal


@dataclass(frozen=True)
class Row:
    """One record of a survey.

    Args:
        where: `file:line`.
        id: of the thing, empty where the file gives none.
        counts: class to number of things; empty where the file gives no classes.
        flooded: how many of them are in class 1 because they were said to be flooded and nothing else.
        facility: kind, a key of columns.toml or the file's word.
        place: full name of the district, or the words of the file where it is not one known district.
        town: full name down to 읍, 면 or 동, where the file says it.
        said_place: the words of the file.
        code: of the district, empty where it is not known.
        time: UTC; with `day_only` the Korean day alone is known.
        losses: amounts, one for each column of losses.
        people: the fields of `PEOPLE` that the file gives.
        disputed: `loss` and fields of `PEOPLE` that rows of one thing tell differently, counted by none.
        lat: of the thing, or of the middle of its outline.
        rings: outlines as (latitude, longitude), the first of each polygon outside.
        area_m2: inside its outlines.
    """

    where: str
    id: str = ""
    counts: Mapping[int, int] = field(default_factory=dict)
    flooded: int = 0
    facility: str = ""
    place: str = ""
    town: str = ""
    said_place: str = ""
    code: str = ""
    time: datetime | None = None
    day_only: bool = False
    losses: tuple[Money, ...] = ()
    people: Mapping[str, int] = field(default_factory=dict)
    disputed: frozenset[str] = frozenset()
    lat: float | None = None
    lon: float | None = None
    rings: tuple[Ring, ...] = ()
    area_m2: float | None = None

    @property
    def things(self) -> int:
        """How many things the row stands for."""
        return sum(self.counts.values())


@dataclass(frozen=True)
class Unclear:
    """A cell that was not counted: where, which field, what it said and why."""

    where: str
    field: str
    said: str
    reason: str


@dataclass(frozen=True)
class Survey:
    """The rows of a file, what of them was unclear, and how the file was read."""

    file: str
    rows: tuple[Row, ...]
    unclear: tuple[Unclear, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    sums: int = 0  # rows that add up others, told in `unclear`
