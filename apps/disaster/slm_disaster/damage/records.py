"""Records to rows: one reader for tables and for the properties of GeoJSON features."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from slm_core.dataset.records import Record, read_records
from slm_core.dataset.source import Rejected
from slm_disaster.damage import cells
from slm_disaster.damage.columns import ColumnMap, Columns, find_columns, loss_columns, plain_word, tables
from slm_disaster.damage.money import read_money
from slm_disaster.damage.row import PEOPLE, UNCLASSED, Money, Row, Survey, Unclear

T = TypeVar("T")
MOST_SAID = 80


def read_table(path: Path, given: ColumnMap | None = None) -> tuple[Survey, list[Rejected]]:
    """Return the rows of a CSV, TSV, JSONL or JSON file, and the records that are none.

    Raises:
        UserError: no table file, or the map names a column that it does not have.
    """
    header, list_key = (given.header, given.records) if given else (None, None)
    entries = list(read_records(path, header=header, list_key=list_key))
    records = [each for each in entries if isinstance(each, Record)]
    rejected = [each for each in entries if isinstance(each, Rejected)]
    names = list(dict.fromkeys(name for record in records for name in record.columns))
    columns = find_columns(names, given) if names else Columns()
    return survey(str(path), records, columns), rejected


def survey(file: str, records: Sequence[Record], columns: Columns) -> Survey:
    """Return the rows of records whose columns are known."""
    used = columns.used()
    names = dict.fromkeys(name for record in records for name in record.columns)
    ignored = tuple(name for name in names if name not in used and "." not in name)
    if not columns.measures:
        return Survey(file, (), columns=used, ignored=ignored)
    reader = Reader(columns, digits=_on_scale(records, columns))
    sums = {record.where: said for record in records if (said := _sum_word(record, columns))}
    if len(sums) == len(records):  # a sum of what stands in no row is a figure like another
        sums = {}
    reader.unclear += [Unclear(where, "row", said, "a sum of other rows") for where, said in sums.items()]
    rows = tuple(reader.row(each.where, each.columns) for each in records if each.where not in sums)
    more = set(loss_columns(list(names))) - set(used)
    notes = ["of several columns of losses only the first counts"] if more else []
    notes += [f"not counted, another column says the same of this class: {name}" for name in columns.doubles]
    if _is_flag(records, columns):
        notes.append(
            f"nothing but 0 and 1, read as classes; if they mean no and yes, map the class: {columns.flag}"
        )
    return Survey(file, rows, tuple(reader.unclear), used, ignored, tuple(notes), len(sums))


@dataclass
class Reader:
    """Reads the records of one file and notes every cell that it cannot count."""

    columns: Columns
    digits: bool = True
    unclear: list[Unclear] = field(default_factory=list)

    def row(self, where: str, cells_: Mapping[str, Any]) -> Row:
        """Return a record as a row; a cell that cannot be read is left out of it and noted."""
        known = {name: self._known(cells.text_of(value)) for name, value in cells_.items()}
        said = {name: known.get(column, "") for name, column in self.columns.fields.items()}
        row = Row(where=where, id=said.get("id", ""), facility=cells.facility(said.get("facility", "")))
        row = self._placed(self._timed(row, said), said)
        row = self._graded(row, said, known)
        return replace(
            row,
            losses=tuple(self._losses(where, said, known)),
            people={
                name: count
                for name in PEOPLE
                if said.get(name) and (count := self._read(where, name, said[name], cells.whole)) is not None
            },
        )

    def _known(self, text: str) -> str:
        return "" if text.lower() in self.columns.null else text

    def _read(self, where: str, name: str, said: str, parse: Callable[[str], T]) -> T | None:
        try:
            return parse(said)
        except ValueError as error:
            self.unclear.append(Unclear(where, name, said[:MOST_SAID], str(error)))
            return None

    def _graded(self, row: Row, said: Mapping[str, str], known: Mapping[str, str]) -> Row:
        """Return the row with its things by class; a word outside the scale is a thing without class."""
        if "class" in self.columns.fields:
            word = said["class"]
            things = self._read(row.where, "count", said["count"], cells.whole) if said.get("count") else 1
            if things is None:
                return row
            if not word:
                self.unclear.append(Unclear(row.where, "class", "", "the row says no class"))
                return replace(row, counts={UNCLASSED: things})
            own = self.columns.grades
            found = self._read(row.where, "class", word, lambda w: cells.grade(w, own, digits=self.digits))
            flooded = things if cells.is_flooded(word, own) else 0
            return replace(row, counts={UNCLASSED if found is None else found: things}, flooded=flooded)
        counts: dict[int, int] = {}
        flooded = 0
        for column, grade in self.columns.wide.items():
            cell = known.get(column, "")
            number = self._read(row.where, column, cell, cells.whole) if cell else 0
            if number:
                counts[grade] = counts.get(grade, 0) + number
                flooded += number if plain_word(column).startswith("침수") else 0
        return replace(row, counts=counts, flooded=flooded)

    def _timed(self, row: Row, said: Mapping[str, str]) -> Row:
        found = self._read(row.where, "time", said["time"], cells.moment) if said.get("time") else None
        return replace(row, time=found[0], day_only=found[1]) if found else row

    def _placed(self, row: Row, said: Mapping[str, str]) -> Row:
        parts = [said.get(name, "") for name in ("province", "municipality", "town")]
        name = said.get("place", "") or " ".join(part for part in parts if part)
        lat, lon = self._position(row.where, said)
        row = replace(row, lat=lat, lon=lon)
        if not name:
            return row
        found = cells.place(name)
        full = cells.district_of(found) or name
        return replace(row, place=full, town=found.full, said_place=name, code=found.code)

    def _position(self, where: str, said: Mapping[str, str]) -> tuple[float | None, float | None]:
        if not (said.get("lat") and said.get("lon")):
            return None, None
        found = self._read(where, "lat, lon", f"{said['lat']} {said['lon']}", _degrees)
        return found or (None, None)

    def _losses(self, where: str, said: Mapping[str, str], known: Mapping[str, str]) -> Iterable[Money]:
        unit = said.get("unit") or self.columns.fixed.get("unit", "")
        currency = said.get("currency") or self.columns.fixed.get("currency", "")
        for column, of_column in self.columns.losses.items():
            cell = known.get(column, "")
            if not cell:
                continue
            money = self._read(where, column, cell, lambda c: read_money(c, unit or of_column, currency))  # noqa: B023
            if money is not None:
                yield money


def _sum_word(record: Record, columns: Columns) -> str:
    """Return the word, e.g. 합계, by which a row of a table says that it adds up others; "" where none.

    A class is no such word: "total" may be the gravest one.
    """
    words, own = tables()["sums"]["words"], columns.fields.get("class")
    texts = (cells.text_of(value) for name, value in record.columns.items() if name != own)
    return next((text for text in texts if plain_word(text) in words), "")


def _is_flag(records: Sequence[Record], columns: Columns) -> bool:
    """Whether the class column, by its name perhaps none, holds nothing but 0 and 1."""
    words = {cells.text_of(record.columns.get(columns.flag)) for record in records if columns.flag}
    words = {word for word in words if word.lower() not in columns.null}
    return bool(words) and words <= {"0", "1"}


def _on_scale(records: Sequence[Record], columns: Columns) -> bool:
    """Whether all numbers of the class column are 0 to 3; EMS-98 and others go on to 4 and 5."""
    column = columns.fields.get("class", "")
    words = {plain_word(cells.text_of(record.columns.get(column))) for record in records}
    return {word for word in words if word.isdigit()} <= {"0", "1", "2", "3"}


def _degrees(text: str) -> tuple[float, float]:
    lat, _, lon = text.partition(" ")
    try:
        found = float(lat), float(lon)
    except ValueError as error:
        raise ValueError("no degrees") from error
    if not (abs(found[0]) <= 90 and abs(found[1]) <= 180):
        raise ValueError("not degrees of latitude and longitude (WGS 84)")
    return found
