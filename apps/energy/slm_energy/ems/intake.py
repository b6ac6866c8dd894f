"""Blocks of values from outside: history of a meter, prices and weather of the hours ahead."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from math import nan
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from slm_energy.ems.book import METERED, Book
from slm_energy.ems.peaks import peaks_of_history
from slm_energy.meter.steps import resampled
from slm_energy.series import Series

MOST = 20_000  # values of one message: 200 days of quarters of an hour
Number = Annotated[float, Field(allow_inf_nan=False, ge=-1e9, le=1e9)]
Values = Annotated[tuple[Number | None, ...], Field(min_length=1, max_length=MOST)]
Minutes = Annotated[int, Field(ge=1, le=1440)]


class _Block(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    start: AwareDatetime
    step_minutes: Minutes


class History(_Block):
    """What a meter said in equal steps; null where it said nothing."""

    quantity: Literal["load", "pv", "grid", "outdoor", "soc", "ghi"]
    name: Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[^/#+\x00-\x1f]+$")]
    unit: str
    values: Values


class Prices(_Block):
    """What a kWh costs in equal steps, in the site's currency."""

    unit: str
    values: Values


class Weather(_Block):
    """What is forecast in equal steps: degrees Celsius, and global horizontal irradiance in W/m2."""

    outdoor: Values | None = None
    ghi: Values | None = None


def take_history(book: Book, payload: Mapping[str, Any]) -> int:
    """Keep the history of a meter and return how many values it had.

    Raises:
        ValueError: the block is not as it must be.
    """
    block = _parsed(History, payload)
    wanted = METERED[block.quantity]
    values = [nan if value is None else value for value in block.values]
    if block.unit != wanted:
        values = _converted(values, block.unit, wanted)
    _put(book, block.quantity, block.name, block, values)
    if book.site is not None and block.quantity in ("load", "pv"):
        peaks_of_history(book, block.start, block.start + timedelta(minutes=block.step_minutes) * len(values))
    return len(values)


def take_prices(book: Book, payload: Mapping[str, Any]) -> int:
    """Keep prices and return how many there were.

    Raises:
        ValueError: the block is not as it must be, or its unit is not the site's.
    """
    block = _parsed(Prices, payload)
    currency = book.site.currency if book.site else "원"
    values = [nan if value is None else value for value in block.values]
    if block.unit != f"{currency}/kWh":
        values = _converted(values, block.unit, f"{currency}/kWh")
    _put(book, "price", "given", block, values)
    return len(block.values)


def take_weather(book: Book, payload: Mapping[str, Any]) -> int:
    """Keep a forecast of the weather and return how many values it had.

    Raises:
        ValueError: the block is not as it must be.
    """
    block = _parsed(Weather, payload)
    told = {name: values for name in ("outdoor", "ghi") if (values := getattr(block, name)) is not None}
    if not told:
        raise ValueError("outdoor, ghi: one of them must be there")
    for name, values in told.items():
        _put(book, name, "forecast", block, [nan if value is None else value for value in values])
    return sum(map(len, told.values()))


def _parsed(model: Any, payload: Mapping[str, Any]) -> Any:
    try:
        return model.model_validate(payload)
    except ValidationError as error:
        fault = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
        known = ", ".join(model.model_fields)
        raise ValueError(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}; known: {known}") from error


def _converted(values: list[float], unit: str, wanted: str) -> list[float]:
    from slm_energy.meter.units import find_unit

    found = find_unit(unit)
    if found is None or found.ours != wanted:
        raise ValueError(f"unit: {unit[:20]!r}; expected {wanted} or what can be converted to it")
    return [found.convert(value) for value in values]


def _put(book: Book, quantity: str, name: str, block: _Block, values: list[float]) -> None:
    step, start = timedelta(minutes=block.step_minutes), _local(block.start, book)
    series = Series(quantity, "", start, step, tuple(values))
    fitted = series if step == book.step else resampled(series, book.step)
    book.put_all(quantity, name, fitted.start, fitted.values)


def _local(start: datetime, book: Book) -> datetime:
    return start.astimezone(book.zone)
