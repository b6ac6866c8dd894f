"""Which column of a file says when and how much: by its name and content, or by the user's map.

time = "측정일시"              # or date = "일자" and hour = "시"; or start and step_minutes
value = "사용량"
unit = "kWh"                  # W, kW, MW, Wh, kWh, MWh, 원/kWh, °C, W/m2, ...
kind = "counter"              # power, energy (within each step) or counter (ever rising)
zone = "Asia/Seoul"           # of times that name none
stamp = "end"                 # times begin ("start") or end a step
entity = "sensor.main_energy" # which one, where a file holds several
step_minutes = 15
day_first = true              # 3/1/2026 is the third of January
year = 2025                   # of a typical year, whose months come from different ones
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from slm_core.errors import UserError, did_you_mean
from slm_energy.meter.stamps import minute_of_day, parse_stamp
from slm_energy.meter.table import Sheet
from slm_energy.meter.units import header_unit, without_unit

Quantity = Literal["load", "grid", "pv", "price", "outdoor", "ghi", "clouds"]
QUANTITIES: tuple[Quantity, ...] = ("load", "grid", "pv", "price", "outdoor", "ghi", "clouds")
_FEWEST_WIDE = 12  # columns of clock times that make a table of days
_ORDINAL = re.compile(r"[hH]?(\d{1,2})")


class MeterMap(BaseModel):
    """A user's words on a file; what it leaves out is found by name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    time: str | None = None
    date: str | None = None
    hour: str | None = None
    start: datetime | None = None
    step_minutes: Annotated[int, Field(ge=1, le=1440)] | None = None
    value: str | None = None
    unit: str | None = None
    kind: Literal["power", "energy", "counter"] | None = None
    zone: str | None = None
    stamp: Literal["start", "end"] | None = None
    entity: str | None = None
    day_first: bool | None = None
    year: Annotated[int, Field(ge=1970, le=2100)] | None = None

    @field_validator("zone")
    @classmethod
    def _known(cls, zone: str | None) -> str | None:
        try:
            return zone and ZoneInfo(zone).key
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"no time zone {zone!r}") from error


@dataclass(frozen=True)
class Layout:
    """Where a file has what.

    Args:
        value: column of the values; empty where `wide` has them.
        time: column of whole times. date, hour: where they stand apart. None of them: rows are consecutive.
        wide: columns of the times of a day, with their minutes since midnight.
        entity: column that names the meter.
    """

    value: str
    time: str = ""
    date: str = ""
    hour: str = ""
    wide: tuple[tuple[str, int], ...] = ()
    entity: str = ""


def read_meter_map(path: Path) -> MeterMap:
    """Read a map.

    Raises:
        UserError: missing, not TOML, an unknown key (with the nearest known one) or a wrong value.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise UserError(
            f"cannot be read: {error}", where=path, expected="a TOML file: time, value, unit, ..."
        ) from error
    for name in raw:
        if name not in MeterMap.model_fields:
            known = ", ".join(MeterMap.model_fields)
            near = did_you_mean(name, MeterMap.model_fields)
            raise UserError(f"unknown key {name!r}", where=path, expected=known, mend=near)
    try:
        return MeterMap.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        at = ".".join(map(str, first["loc"]))
        raise UserError(f"{at}: {first['msg']}", where=path, expected="see docs/energy-data.md") from error


def names_columns(cells: Sequence[str]) -> bool:
    """Whether a line of a file is its header: it names a time and no cell of it is one, or two quantities."""
    names = [without_unit(cell) for cell in cells]
    timed = any(name in tables()[part]["names"] for part in ("time", "date", "hour") for name in names)
    known = sum(_quantity_of(name) is not None for name in names)
    whole = [cell for cell in cells if len(cell.strip()) > 4 and _is_stamp(cell)]
    figures = [cell for cell in cells if _is_number(cell)]
    return (
        not whole and (timed or known > 0) and (len(figures) < len(cells) / 2 or len(wide_columns(cells)) > 0)
    )


def find_layout(sheet: Sheet, given: MeterMap, quantity: Quantity) -> Layout:
    """Return where a file has the times and the values of a quantity.

    Raises:
        UserError: the map names a column that is not there, no column is a time, or none is the quantity.
    """
    for column in (given.time, given.date, given.hour, given.value):
        _must_have(column, sheet)
    entity = _named(sheet.header, "entity")
    wide = () if given.value else wide_columns(sheet.header)
    if wide:
        return Layout("", date=given.date or _date_column(sheet), wide=wide, entity=entity)
    time, date, hour = _time_columns(sheet, given)
    taken = {time, date, hour, entity}
    value = given.value or value_column(sheet, quantity, taken)
    if not value:
        raise UserError(
            f"no column is known as {quantity}",
            where=f"{sheet.path}:{sheet.header_line or 1}",
            expected=f"a name such as {', '.join(tables()['quantity'][quantity]['names'][:6])}",
            mend=f"say `value = ...` in --map; the columns are {', '.join(sheet.header[:20])}",
        )
    return Layout(value, time, date, hour, entity=entity)


def value_column(sheet: Sheet, quantity: Quantity, taken: set[str]) -> str:
    """Return the column of a quantity by its name; for a load also the only column of numbers. Else ""."""
    free = [name for name in sheet.header if name not in taken and _fits(name, quantity)]
    words = tables()["quantity"][quantity]["names"]
    exact = (name for word in words for name in free if without_unit(name) == word)
    begun = (name for word in words if len(word) > 2 for name in free if without_unit(name).startswith(word))
    found = next(exact, "") or next(begun, "")
    if found or quantity != "load":
        return found
    numbers = [name for name in free if _mostly_numbers(sheet.column(name)[:50])]
    return numbers[0] if len(numbers) == 1 and not _quantity_of(without_unit(numbers[0])) else ""


def power_column(sheet: Sheet, taken: set[str]) -> str:
    """Return a column of power that stands beside one of energy, such as 최대수요(kW). Else ""."""
    for name in sheet.header:
        unit = header_unit(name)
        beside = any(word in without_unit(name) for word in tables()["beside"]["words"])
        if name not in taken and unit is not None and unit.kind == "power" and beside:
            return name
    return ""


def wide_columns(names: Sequence[str]) -> tuple[tuple[str, int], ...]:
    """Return the columns that are the times of a day, with their minutes, where a row is a day."""
    found = [(name, minutes) for name in names if (minutes := _clock(name)) is not None]
    rising = all(a < b for (_, a), (_, b) in pairwise(found))
    return tuple(found) if len(found) >= _FEWEST_WIDE and rising else ()


@cache
def tables() -> dict[str, Any]:
    """Return columns.toml."""
    return tomllib.loads((Path(__file__).parent / "columns.toml").read_text(encoding="utf-8"))


def is_null(cell: str) -> bool:
    """Whether a cell says that there is no value."""
    return cell.strip().lower() in tables()["null"]["words"]


def number(cell: str, decimal_comma: bool = False) -> float:
    """Return the number of a cell: `1,234.5`, `1 234.5`; `1.234,5` where the comma stands for the point.

    Raises:
        ValueError: it is none, or not finite.
    """
    if cell.isascii() and cell.replace(".", "", 1).isdigit() and not decimal_comma:
        return float(cell)  # nearly every cell: the rest is slow
    text = re.sub(r"[\s\u00a0\u202f']", "", cell)
    if decimal_comma:
        text = text.replace(".", "").replace(",", ".") if "," in text else text
    elif re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?", text):
        text = text.replace(",", "")
    elif re.fullmatch(r"[+-]?\d+,\d+", text):
        text = text.replace(",", ".")
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", text):
        raise ValueError(f"{cell!r} is no number")
    value = float(text)
    if abs(value) > 1e15:
        raise ValueError(f"{cell!r} is no reading")
    return value


def _time_columns(sheet: Sheet, given: MeterMap) -> tuple[str, str, str]:
    if given.start is not None:
        return "", "", ""
    if given.time:
        return given.time, "", ""
    date = given.date or _named(sheet.header, "date")
    hour = given.hour or _named([name for name in sheet.header if name != date], "hour")
    if date and hour and (given.hour or _hours_of_day(sheet.column(hour))):
        return "", date, hour
    time = _named(sheet.header, "time")
    if time and not given.date and _mostly_stamps(sheet.column(time)[:50]):
        return time, "", ""
    if date and _mostly_stamps(sheet.column(date)[:50]):
        return date, "", ""
    by_content = [name for name in sheet.header if _mostly_stamps(sheet.column(name)[:50])]
    if by_content:
        return by_content[0], "", ""
    raise UserError(
        "no column is a time",
        where=f"{sheet.path}:{sheet.header_line or 1}",
        expected=f"a name such as {', '.join(tables()['time']['names'][:6])}",
        mend="say `time = ...`, or `start = ...` and `step_minutes = ...`, in --map",
    )


def _date_column(sheet: Sheet) -> str:
    named = _named(sheet.header, "date") or _named(sheet.header, "time")
    found = named or next((n for n in sheet.header if _mostly_stamps(sheet.column(n)[:50])), "")
    if not found:
        raise UserError(
            "no column is a date",
            where=f"{sheet.path}:{sheet.header_line or 1}",
            mend="say `date = ...` in --map",
        )
    return found


def _named(names: Sequence[str], part: str) -> str:
    for word in tables()[part]["names"]:
        for name in names:
            if word in (without_unit(name), re.sub(r"[\s_.-]+", "", name).lower()):
                return name
    return ""


def _must_have(column: str | None, sheet: Sheet) -> None:
    if column is not None and column not in sheet.header:
        raise UserError(
            f"the table has no column {column!r}",
            where=f"{sheet.path}:{sheet.header_line or 1}",
            expected=", ".join(sheet.header[:40]),
            mend=did_you_mean(column, sheet.header),
        )


def _quantity_of(name: str) -> str | None:
    return next((q for q in QUANTITIES if name in tables()["quantity"][q]["names"]), None)


def _fits(name: str, quantity: Quantity) -> bool:
    """Whether the unit in a column's name, if there is one, can be that of the quantity."""
    unit = header_unit(name)
    return unit is None or unit.kind in tables()["quantity"][quantity]["kinds"]


def _hours_of_day(cells: Sequence[str]) -> bool:
    try:
        return all(minute_of_day(cell) <= 24 * 60 for cell in cells[:50])
    except ValueError:
        return False


def _clock(name: str) -> int | None:
    """The minutes of a column such as `00:15`, `1시`, `H01`, `13`, `00:00~00:15` (its end)."""
    last = re.split(r"[~∼]|\s-\s", name)[-1].strip()
    ordinal = _ORDINAL.fullmatch(last)
    try:
        return int(ordinal[1]) * 60 if ordinal and int(ordinal[1]) <= 24 else minute_of_day(last)
    except ValueError:
        return None


def _mostly_stamps(cells: Sequence[str]) -> bool:
    return bool(cells) and sum(_is_stamp(cell) for cell in cells) > len(cells) / 2


def _mostly_numbers(cells: Sequence[str]) -> bool:
    return bool(cells) and sum(_is_number(cell) or is_null(cell) for cell in cells) > len(cells) / 2


def _is_stamp(cell: str) -> bool:
    try:
        parse_stamp(cell)
    except (ValueError, OverflowError):
        return False
    return True


def _is_number(cell: str) -> bool:
    try:
        number(cell)
    except ValueError:
        return False
    return True
