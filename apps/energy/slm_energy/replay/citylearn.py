"""CityLearn's 2022 data set as events: a home's meters, its battery and panels, the hourly price.

Columns and sizes are those of the data set's own schema.json (Intelligent Environments Lab, MIT). Its CSVs
have no dates: the year is the one in which the first day is the weekday that the file says.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from slm_core.dataset.source import Rejected
from slm_core.errors import UserError
from slm_core.event import Event
from slm_energy.replay.saying import reading

KIND = "replay"
_LOAD, _SUN = "Equipment Electric Power [kWh]", "Solar Generation [W/kW]"
_PRICE, _OUTDOOR = "Electricity Pricing [$/kWh]", "Outdoor Drybulb Temperature [C]"
_HOUR = timedelta(hours=1)
_MONDAYS_FROM = 2022  # years are tried from here on


@dataclass(frozen=True)
class Home:
    """One building: hourly kW of load and panels, price, outdoor °C; `site` as config/site takes it."""

    name: str
    site: Mapping[str, Any]
    start: datetime
    load: tuple[float, ...]
    pv: tuple[float, ...]
    price: tuple[float, ...]
    outdoor: tuple[float, ...]


def is_citylearn(path: Path) -> bool:
    """Whether a file is a building of the data set: its columns, and the schema beside it."""
    if path.suffix.lower() != ".csv" or not (path.parent / "schema.json").is_file():
        return False
    with path.open(encoding="utf-8-sig", errors="replace") as lines:
        header = next(lines, "")
    return _LOAD in header and _SUN in header


def read_home(path: Path) -> Home:
    """Read a building.

    Raises:
        UserError: its schema does not know it, or the files do not fit together.
    """
    schema = _schema(path)
    building = next(
        (each for each in schema["buildings"].values() if each.get("energy_simulation") == path.name), None
    )
    if building is None:
        raise UserError("the schema knows no building of this file", where=path, expected="as in schema.json")
    rows = _rows(path)
    prices = [float(row[_PRICE]) for row in _rows(path.parent / building["pricing"])]
    outdoor = [float(row[_OUTDOOR]) for row in _rows(path.parent / building["weather"])]
    if not len(rows) == len(prices) == len(outdoor):
        lengths = f"{len(rows)}, {len(prices)} and {len(outdoor)} rows"
        raise UserError(
            f"{lengths} of meters, prices and weather", where=path, expected="the same number of hours"
        )
    kwp = float(building["pv"]["attributes"]["nominal_power"])
    return Home(
        path.stem,
        _site(path.stem, building, kwp),
        _start(rows[0]),
        tuple(float(row[_LOAD] or 0) for row in rows),
        tuple(float(row[_SUN] or 0) / 1000 * kwp for row in rows),
        tuple(prices),
        tuple(outdoor),
    )


def events(home: Home) -> Iterator[Event | Rejected]:
    """Yield site, prices a day ahead, and each hour's readings as meters say them, in order of time."""
    yield _event("config/site", home.site, home.start)
    yield from sorted((*_prices(home), *_readings(home)), key=lambda event: event.time)


def _prices(home: Home) -> Iterator[Event]:
    """What a market tells a day ahead, and enough for a plan that looks a day ahead."""
    for number in range(0, len(home.price), 24):
        at, values = home.start + _HOUR * number, list(home.price[number : number + 72])
        payload = {"start": at.isoformat(), "step_minutes": 60, "unit": "$/kWh", "values": values}
        yield _event("price/in", payload, at)


def _readings(home: Home) -> Iterator[Event]:
    for quantity, unit in (("load", "kW"), ("pv", "kW"), ("outdoor", "°C")):
        for number, value in enumerate(getattr(home, quantity)):
            payload, when = reading(value, unit, home.start + _HOUR * number, _HOUR)
            yield _event(f"meter/{quantity}/{home.name}", payload, when)


def _site(name: str, building: Mapping[str, Any], kwp: float) -> dict[str, Any]:
    battery = building["electrical_storage"]["attributes"]
    one_way = float(battery["efficiency"]) ** 0.5  # CityLearn gives that of the round trip
    return {
        "name": name,
        "zone": "UTC",
        "currency": "$",
        "tariff": "given",
        "step_minutes": 60,
        "panels": {"kwp": kwp},
        "battery": {
            "capacity_kwh": battery["capacity"],
            "charge_kw": battery["nominal_power"],
            "discharge_kw": battery["nominal_power"],
            "charge_efficiency": one_way,
            "discharge_efficiency": one_way,
        },
    }


def _start(row: Mapping[str, str]) -> datetime:
    """The hour that ends at `Hour`; day type 1 is a Monday. Hour 24 is the last hour of the month."""
    month, hour, weekday = int(float(row["Month"])), int(float(row["Hour"])), int(float(row["Day Type"]))
    for year in range(_MONDAYS_FROM, _MONDAYS_FROM + 12):
        day = (
            date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
            if hour == 24
            else date(year, month, 1)
        )
        if day.isoweekday() == weekday:
            return datetime.combine(day, time(hour - 1), UTC)
    raise UserError(f"no year has a {month}-01 that is day {weekday}", expected="day types 1 to 7")


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            return list(csv.DictReader(lines))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot be read: {error}", where=path, expected="a CSV of the data set") from error


def _schema(path: Path) -> dict[str, Any]:
    where = path.parent / "schema.json"
    try:
        found: dict[str, Any] = json.loads(where.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(
            f"cannot be read: {error}", where=where, expected="CityLearn's schema.json"
        ) from error
    return found


def _event(stream: str, payload: Mapping[str, Any], at: datetime) -> Event:
    return Event(stream=stream, kind=KIND, source="replay:citylearn", time=at, payload=dict(payload))
