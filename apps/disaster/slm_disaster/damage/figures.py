"""The figures of a survey, added up by code: each from rows that are kept with it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from slm_disaster.alerts.message import KST
from slm_disaster.damage.row import GRADES, PEOPLE, UNCLASSED, Row, Survey, Unclear

HOURLY_UP_TO = timedelta(hours=48)
Counts = Mapping[int, int]


@dataclass(frozen=True)
class Repeat:
    """A row that was not counted because its id was counted already: `where` and the row that counts."""

    id: str
    where: str
    counted: str
    differs: bool = False


@dataclass(frozen=True)
class Loss:
    """The losses in one currency, and how many amounts they were added from."""

    currency: str
    amount: Decimal
    amounts: int


@dataclass(frozen=True)
class Series:
    """Things by class and hour or day, Korean time; `undated` rows are in none."""

    step: str
    bars: tuple[tuple[datetime, Counts], ...]
    undated: int


@dataclass(frozen=True)
class Figures:
    """What the surveys add up to.

    `counts` hold `UNCLASSED` (-1) for things whose class was not said in words of the scale; so the classes
    and the rows add up.
    """

    rows: tuple[Row, ...]
    counts: Counts
    places: tuple[tuple[str, Counts], ...]
    facilities: tuple[tuple[str, Counts], ...]
    losses: tuple[Loss, ...]
    losses_by_place: tuple[tuple[str, tuple[Loss, ...]], ...]
    people: Mapping[str, int]
    series: Series
    areas_m2: Mapping[int, int]
    flooded: int = 0
    repeats: tuple[Repeat, ...] = ()
    unclear: tuple[Unclear, ...] = ()
    without_id: int = 0

    @property
    def things(self) -> int:
        """How many things were counted."""
        return sum(self.counts.values())

    @property
    def classed(self) -> int:
        """How many of them have a class."""
        return self.things - self.counts.get(UNCLASSED, 0)


def add_up(surveys: Iterable[Survey]) -> Figures:
    """Return the figures of surveys; a thing with an id is counted once."""
    surveys = list(surveys)
    every = [row for survey in surveys for row in survey.rows]
    rows, repeats = once(every)
    return Figures(
        rows=rows,
        counts=_counts(rows),
        places=_crossed(rows, "town" if _one_district(rows) else "place"),
        facilities=_crossed(rows, "facility"),
        losses=_losses(rows),
        losses_by_place=tuple(
            (name, _losses(group))
            for name, group in _groups(rows, "place")
            if any(row.losses for row in group)
        ),
        people={name: sum(row.people[name] for row in rows if name in row.people) for name in _told(rows)},
        series=_series(rows),
        areas_m2=_areas(rows),
        flooded=sum(row.flooded for row in rows),
        repeats=tuple(repeats),
        unclear=tuple(each for survey in surveys for each in survey.unclear),
        without_id=sum(not row.id for row in rows),
    )


def once(rows: Sequence[Row]) -> tuple[tuple[Row, ...], list[Repeat]]:
    """Return the rows with each id once, and those left out.

    Two rows are of one thing where id, place and kind agree, or one of the rows does not say. The latest
    counts, and where it does not say class, losses or people the other one does. Where times do not tell and
    the rows differ, nobody knows: it is one thing without class, and losses and people are not added.
    """
    kept: dict[int, Row] = {}
    known: dict[str, list[int]] = defaultdict(list)
    repeats: list[Repeat] = []
    for number, row in enumerate(rows):
        same = next((n for n in known[row.id] if _one_thing(kept[n], row)), None) if row.id else None
        if same is None:
            kept[number] = row
            if row.id:
                known[row.id].append(number)
            continue
        before = kept[same]
        stays, goes = (row, before) if _later(row, before) else (before, row)
        one, other = _said(before), _said(row)
        differ = {name for name in one.keys() & other.keys() if one[name] != other[name]}
        timed = _later(row, before) or _later(before, row)
        if "class" in differ and not timed:
            stays = replace(stays, counts={UNCLASSED: max(before.things, row.things)}, flooded=0)
        open_ = goes.disputed - _said(stays).keys() if timed else goes.disputed | differ - {"class"}
        kept[same] = _filled(stays, goes, stays.disputed | open_)
        repeats.append(Repeat(row.id, goes.where, stays.where, bool(differ)))
    return tuple(kept.values()), repeats


def _said(row: Row) -> Mapping[str, object]:
    """Return what a row says by field; None, which nothing agrees with, where rows before it differed."""
    told = {"class": row.counts, "loss": row.losses}
    said = {name: value for name, value in told.items() if value}
    return {**said, **row.people, **dict.fromkeys(row.disputed)}


def _filled(stays: Row, goes: Row, disputed: frozenset[str]) -> Row:
    """Return the row that counts with what only the other says: one table has the classes, one the losses."""
    counts, flooded = (stays.counts, stays.flooded) if stays.counts else (goes.counts, goes.flooded)
    losses = () if "loss" in disputed else stays.losses or goes.losses
    told = {**goes.people, **stays.people}
    people = {name: number for name, number in told.items() if name not in disputed}
    return replace(stays, counts=counts, flooded=flooded, losses=losses, people=people, disputed=disputed)


def _one_thing(one: Row, other: Row) -> bool:
    pairs = ((one.said_place, other.said_place), (one.facility, other.facility))
    return all(left == right or not left or not right for left, right in pairs)


def _later(one: Row, other: Row) -> bool:
    return one.time is not None and other.time is not None and one.time > other.time


def _counts(rows: Iterable[Row]) -> Counts:
    total: Counter[int] = Counter()
    for row in rows:
        total.update(row.counts)
    return {grade: total[grade] for grade in GRADES if total[grade]}


def _groups(rows: Sequence[Row], by: str) -> list[tuple[str, list[Row]]]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[getattr(row, by)].append(row)
    return list(groups.items())


def _crossed(rows: Sequence[Row], by: str) -> tuple[tuple[str, Counts], ...]:
    """Return the classes of each place or kind, the gravest first; "" where it is not said."""
    table = [(name, _counts(group)) for name, group in _groups(rows, by)]
    table = [(name, counts) for name, counts in table if counts]
    return tuple(sorted(table, key=lambda each: (not each[0], _gravity(each[1]), each[0])))


def _one_district(rows: Sequence[Row]) -> bool:
    """Whether all lie in one district and in several towns of it, which then tell them apart."""
    classed = [row for row in rows if row.counts and row.place]
    return len({row.place for row in classed}) == 1 and len({row.town for row in classed if row.town}) > 1


def _gravity(counts: Counts) -> tuple[int, ...]:
    return tuple(-counts.get(grade, 0) for grade in GRADES)


def _losses(rows: Iterable[Row]) -> tuple[Loss, ...]:
    total: dict[str, list[Decimal]] = defaultdict(list)
    for row in rows:
        for money in row.losses:
            total[money.currency].append(money.amount)
    return tuple(Loss(name, sum(total[name], Decimal(0)), len(total[name])) for name in sorted(total))


def _told(rows: Sequence[Row]) -> list[str]:
    return [name for name in PEOPLE if any(name in row.people for row in rows)]


def _areas(rows: Iterable[Row]) -> Mapping[int, int]:
    """Area by class of rows that are one thing with an outline, in whole m² so that the classes add up."""
    areas: dict[int, float] = defaultdict(float)
    for row in rows:
        if row.area_m2 and row.things == 1:
            areas[next(iter(row.counts))] += row.area_m2
    return {grade: round(areas[grade]) for grade in GRADES if grade in areas}


def _series(rows: Sequence[Row]) -> Series:
    dated = [row for row in rows if row.time is not None and row.counts]
    undated = sum(row.time is None and bool(row.counts) for row in rows)
    times = [row.time for row in dated if row.time is not None]
    close = bool(times) and max(times) - min(times) <= HOURLY_UP_TO
    hourly = close and not any(row.day_only for row in dated)
    groups: dict[datetime, list[Row]] = defaultdict(list)
    for row in dated:
        groups[_start(row.time, hourly)].append(row)
    bars = tuple((start, _counts(groups[start])) for start in sorted(groups))
    return Series("hour" if hourly else "day", bars, undated)


def _start(time: datetime | None, hourly: bool) -> datetime:
    """Beginning of the hour or the Korean day, in UTC."""
    assert time is not None
    local = time.astimezone(KST)
    whole = local.replace(hour=local.hour if hourly else 0, minute=0, second=0, microsecond=0)
    return whole.astimezone(UTC)
