"""Tables of tariffs from TOML: those that come along, and those of a user's folder, checked together."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from slm_core.errors import UserError, did_you_mean
from slm_energy.tariff.table import (
    Charge,
    Deduction,
    DemandRule,
    Discount,
    Hours,
    Progressive,
    Source,
    Tariff,
    TemporaryHolidays,
    TimeOfUse,
    Title,
)

TABLES = Path(__file__).with_name("tables")
_Any = Annotated[Progressive | TimeOfUse, Field(discriminator="kind")]
_Found = TypeVar("_Found", Progressive | TimeOfUse, Charge, Deduction, Discount, DemandRule)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    tariff: tuple[_Any, ...] = ()
    charge: tuple[Charge, ...] = ()
    deduction: tuple[Deduction, ...] = ()
    discount: tuple[Discount, ...] = ()
    demand_rule: tuple[DemandRule, ...] = ()
    hours: tuple[Hours, ...] = ()
    temporary_holiday: tuple[TemporaryHolidays, ...] = ()
    source: dict[str, Source] = Field(default_factory=dict)


@dataclass(frozen=True)
class Book:
    """All tables that were read, each with the file and line where it stands."""

    tariffs: tuple[Tariff, ...]
    charges: tuple[Charge, ...]
    deductions: tuple[Deduction, ...]
    discounts: tuple[Discount, ...]
    demand_rules: tuple[DemandRule, ...]
    hours: dict[str, Hours]
    temporary_holidays: frozenset[date]
    sources: dict[str, Source]
    places: dict[int, str] = field(repr=False, hash=False)

    def source(self, key: str) -> Title:
        """Return what a table's `source` stands for: a text with its address."""
        found = self.sources.get(key)
        return found.title() if found else Title(ko=key, en=key)

    def standing(self, tables: Sequence[_Found], id_: str, day: date, what: str) -> _Found:
        """Return the one of `tables` with that id that holds on `day`.

        Raises:
            UserError: none holds; says from when to when there are some.
        """
        mine = [each for each in tables if each.id == id_]
        found = next((each for each in mine if each.stands(day)), None)
        if found is None:
            raise UserError(
                f"no {what} {id_!r} is known for {day}",
                expected="a day in " + ", ".join(each.span for each in mine),
                mend="add a TOML with this table and its source to your folder of tariffs (docs/tariffs.md)",
            )
        return found


def read_book(folder: Path | None = None) -> Book:
    """Read the tables that come along, and those of `folder`.

    Raises:
        UserError: no such folder, or a file that cannot be read; names file and line.
    """
    if folder is not None and not folder.is_dir():
        raise UserError("no such folder", where=folder, expected="a folder with tariffs as *.toml")
    files = sorted(TABLES.glob("*.toml")) + (sorted(folder.glob("*.toml")) if folder else [])
    # The time of change is part of the key, so that an edited table is read again.
    return _read(tuple((path, path.stat().st_mtime_ns) for path in files))


@cache
def _read(files: tuple[tuple[Path, int], ...]) -> Book:
    read = [(path, *_parse(path)) for path, _ in files]
    places = {id(each): place for path, text, parsed in read for each, place in _placed(path, text, parsed)}
    sections = {
        name: [each for _, _, parsed in read for each in getattr(parsed, name)]
        for name in _File.model_fields
        if name != "source"
    }
    book = Book(
        tariffs=tuple(sections["tariff"]) + _deferred(sections["tariff"]),
        charges=tuple(sections["charge"]),
        deductions=tuple(sections["deduction"]),
        discounts=tuple(sections["discount"]),
        demand_rules=tuple(sections["demand_rule"]),
        hours={each.id: each for each in sections["hours"]},
        temporary_holidays=frozenset(day for each in sections["temporary_holiday"] for day in each.days),
        sources={key: value for _, _, parsed in read for key, value in parsed.source.items()},
        places=places,
    )
    for tables in (book.tariffs, book.charges, book.deductions, book.discounts, book.demand_rules):
        _apart(book, tables)
    _linked(book)
    return book


def _parse(path: Path) -> tuple[str, _File]:
    try:
        text = path.read_text(encoding="utf-8")
        found = tomllib.loads(text, parse_float=Decimal)
    except (OSError, ValueError) as error:
        line = re.search(r"at line (\d+)", str(error))
        where = f"{path}:{line[1]}" if line else str(path)
        raise UserError(f"cannot be parsed: {error}", where=where, expected="TOML, UTF-8") from error
    try:
        return text, _File.model_validate(found)
    except ValidationError as error:
        # An unknown key first: it mostly is the reason why another one is missing.
        faults = sorted(error.errors(), key=lambda fault: fault["type"] != "extra_forbidden")
        raise _fault(path, text, faults[0]) from error


def _fault(path: Path, text: str, fault: Any) -> UserError:
    loc = [part for part in fault["loc"] if part not in ("progressive", "time-of-use")]
    keys = [str(part) for part in loc if not isinstance(part, int)]
    number = next((part for part in loc if isinstance(part, int)), 0)
    where = f"{path}:{_line(text, keys[0], number, keys[1:])}"
    mend = did_you_mean(keys[-1], _known(keys, loc, text)) if fault["type"] == "extra_forbidden" else None
    return UserError(
        f"{'.'.join(keys)}: {fault['msg']}", where=where, expected="see docs/tariffs.md", mend=mend
    )


def _known(keys: Sequence[str], loc: Sequence[Any], text: str) -> Iterable[str]:
    """Return the keys that could have stood where an unknown one was found."""
    if len(keys) == 1:
        return _File.model_fields
    models: dict[str, Iterable[Any]] = {
        "tariff": (TimeOfUse, Progressive),
        "charge": (Charge,),
        "deduction": (Deduction,),
        "discount": (Discount,),
        "demand_rule": (DemandRule,),
        "hours": (Hours,),
        "temporary_holiday": (TemporaryHolidays,),
        "source": (Source,),
    }
    return [name for model in models[keys[0]] for name in model.model_fields]


def _line(text: str, section: str, number: int, keys: Sequence[str] = ()) -> int:
    """Return the line of the last of `keys` in the `number`-th `[[section]]`, or that of the section."""
    lines = text.splitlines()
    heads = [count for count, line in enumerate(lines) if re.match(rf"\s*\[+\s*{re.escape(section)}\b", line)]
    if number >= len(heads):
        return next((count for count, line in enumerate(lines, 1) if line.startswith(section)), 1)
    start = heads[number]
    end = next((count for count in range(start + 1, len(lines)) if lines[count].startswith("[")), len(lines))
    found = [count for count in range(start, end) if keys and _has(lines[count], keys[-1])]
    # `mid` stands in the line of each season: the one that names the season too is meant.
    return next((c for c in found if len(keys) < 2 or _has(lines[c], keys[-2])), [*found, start][0]) + 1


def _has(line: str, key: str) -> bool:
    return bool(re.search(rf"(?<![\w-]){re.escape(key)}\s*[.=]", line))


def _placed(path: Path, text: str, parsed: _File) -> Iterable[tuple[Any, str]]:
    for name in _File.model_fields:
        if name != "source":
            for number, each in enumerate(getattr(parsed, name)):
                yield each, f"{path}:{_line(text, name, number)}"


def _deferred(tariffs: Sequence[Tariff]) -> tuple[Tariff, ...]:
    """Return the twins "<id>-deferred": the old table to its later end, then the next ones from then on."""
    twins: list[Tariff] = []
    for old in tariffs:
        if old.deferred_to is None:
            continue
        change = {"id": f"{old.id}-deferred", "deferred_to": None}
        twins.append(old.model_copy(update={**change, "valid_to": old.deferred_to}))
        for new in tariffs:
            if new.id == old.id and new.valid_from > old.valid_from and new.valid_to > old.deferred_to:
                start = max(new.valid_from, old.deferred_to + timedelta(days=1))
                twins.append(new.model_copy(update={**change, "valid_from": start}))
    return tuple(twins)


def _apart(book: Book, tables: Sequence[Any]) -> None:
    """Refuse two tables of one id that hold on the same day."""
    last: dict[str, Any] = {}
    for each in sorted(tables, key=lambda table: (table.id, table.valid_from)):
        before = last.get(each.id)
        if before is not None and each.valid_from <= before.valid_to:
            raise UserError(
                f"{each.id!r} {each.span} overlaps {before.span} of {book.places.get(id(before), '?')}",
                where=book.places.get(id(each)),
                expected="one table for each day",
                mend="end the older table on the day before the newer begins",
            )
        last[each.id] = each


def _linked(book: Book) -> None:
    """Refuse a tariff that names hours, a rule, a discount or a deduction that is not there."""
    for tariff in book.tariffs:
        named: list[tuple[str, Iterable[str]]] = []
        if isinstance(tariff, TimeOfUse):
            named = [
                (tariff.hours, book.hours),
                (tariff.demand_rule, {each.id for each in book.demand_rules}),
            ]
            named += [(name, {each.id for each in book.discounts}) for name in tariff.discounts]
        elif tariff.deduction:
            named = [(tariff.deduction, {each.id for each in book.deductions})]
        for name, known in named:
            if name not in known:
                raise UserError(
                    f"{tariff.id!r} names {name!r}, and there is no such table",
                    where=book.places.get(id(tariff)),
                    mend=did_you_mean(name, known),
                )
