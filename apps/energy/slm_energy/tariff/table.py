"""What the tables of tariffs hold, as in the TOML files of tables/ and in the files of a user."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Language = Literal["ko", "en"]
Band = Literal["off", "mid", "peak"]
DayType = Literal["weekday", "saturday", "holiday"]
ChargeId = Literal["climate", "fuel", "vat", "fund"]
BANDS: tuple[Band, ...] = ("off", "mid", "peak")
Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,59}$")]
Won = Annotated[Decimal, Field(ge=-1000, le=1_000_000)]
Share = Annotated[Decimal, Field(gt=0, lt=1)]
Month = Annotated[int, Field(ge=1, le=12)]
Spans = tuple[Annotated[str, Field(pattern=r"^\d{1,2}-\d{1,2}$")], ...]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Title(_Part):
    """The name that people know, in both languages."""

    ko: str
    en: str

    def said(self, lang: Language) -> str:
        """Return it in `lang`."""
        return self.ko if lang == "ko" else self.en


class Source(_Part):
    """Where a table comes from: `text` in English, with Korean names as they are, and the same in Korean."""

    text: str
    ko: str = ""
    url: str = ""

    def title(self) -> Title:
        """Return it with its address, in both languages."""
        at = f" <{self.url}>" if self.url else ""
        return Title(ko=(self.ko or self.text) + at, en=self.text + at)


class Dated(_Part):
    """Anything that holds from one day to another, both included."""

    valid_from: date
    valid_to: date
    source: str

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.valid_to < self.valid_from:
            raise ValueError("valid_to lies before valid_from")
        return self

    def stands(self, day: date) -> bool:
        """Whether it holds on that day."""
        return self.valid_from <= day <= self.valid_to

    @property
    def span(self) -> str:
        """Its days as `2021-01-01..2022-03-31`."""
        return f"{self.valid_from}..{self.valid_to}"


class Charge(Dated):
    """What every bill adds: `per_kwh` won, or a `share` of the sum before tax."""

    id: ChargeId
    per_kwh: Won = Decimal(0)
    share: Annotated[Decimal, Field(ge=0, lt=1)] = Decimal(0)


class Deduction(Dated):
    """Taken off a residential bill up to `up_to_kwh`: `at_most` won, as far as `leaves` won remain to pay."""

    id: Id
    title: Title
    up_to_kwh: Annotated[int, Field(gt=0)]
    at_most: Won
    leaves: Won


class Discount(Dated):
    """A share off the energy price in some hours of some seasons and day types."""

    id: Id
    title: Title
    share: Share
    seasons: tuple[str, ...]
    day_types: tuple[DayType, ...]
    hours: Spans


class DemandRule(Dated):
    """Which peak sets the base charge: the month's own and those of `months` within `window` months.

    Args:
        bands: only the peaks of these bands count.
        floor: least share of the contract power.
    """

    id: Id
    months: tuple[Month, ...]
    window: Annotated[int, Field(ge=1, le=24)]
    bands: tuple[Band, ...]
    floor: Share


class TemporaryHolidays(_Part):
    """Public holidays that are none for the tariff."""

    days: tuple[date, ...]
    source: str


class Hours(_Part):
    """Which band holds at which hour. A season without bands is refused when it is asked for.

    Args:
        saturday: `peak-is-mid`: its peak hours are billed at the mid price; `weekday`: like a weekday.
        holiday: `off`: a Sunday or public holiday is off-peak all day; `weekday`: like a weekday.
    """

    id: Id
    seasons: Mapping[str, tuple[Month, ...]]
    bands: Mapping[str, Mapping[Band, Spans]]
    saturday: Literal["peak-is-mid", "weekday"]
    holiday: Literal["off", "weekday"]
    source: str

    @model_validator(mode="after")
    def _whole(self) -> Self:
        _each_month_once(self.seasons)
        for season, bands in self.bands.items():
            if season not in self.seasons:
                raise ValueError(f"bands of {season!r}, which is no season here")
            hours = sorted(hour for spans in bands.values() for hour in hours_of(spans))
            if hours != list(range(24)):
                raise ValueError(f"the bands of {season!r} do not hold each hour of the day once")
        return self


class _Tariff(Dated):
    id: Id
    title: Title
    deferred_to: date | None = Field(default=None, description="see industrial_b.toml")


class Progressive(_Tariff):
    """A residential tariff: the more is used in a month, the more each further kWh costs.

    Args:
        limits: where the steps of a season end, kWh a month; above the last the next step goes on.
        base, energy: of each step, won a household and won a kWh; more than a season has steps is fine.
        minimum: least sum before tax, won.
    """

    kind: Literal["progressive"]
    seasons: Mapping[str, tuple[Month, ...]]
    limits: Mapping[str, tuple[Annotated[int, Field(gt=0)], ...]]
    base: tuple[Won, ...]
    energy: tuple[Won, ...]
    minimum: Won = Decimal(0)
    deduction: str | None = None

    @model_validator(mode="after")
    def _steps(self) -> Self:
        _each_month_once(self.seasons)
        if set(self.limits) != set(self.seasons):
            raise ValueError("limits and seasons must name the same seasons")
        for season, limits in self.limits.items():
            if list(limits) != sorted(set(limits)):
                raise ValueError(f"the limits of {season!r} must rise")
            if len(limits) >= min(len(self.base), len(self.energy)):
                raise ValueError(f"{season!r} has more steps than base or energy has prices")
        return self


class TimeOfUse(_Tariff):
    """A tariff by season, day type and hour, with a base charge on the highest demand.

    Args:
        hours, demand_rule, discounts: ids of such tables.
        demand_rate: won a kW and month.
        energy: won a kWh by season and band.
    """

    kind: Literal["time-of-use"]
    hours: str
    demand_rule: str
    demand_rate: Won
    energy: Mapping[str, Mapping[Band, Won]]
    discounts: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _bands(self) -> Self:
        for season, prices in self.energy.items():
            if lacking := [band for band in BANDS if band not in prices]:
                raise ValueError(f"energy of {season!r} lacks {lacking[0]!r}")
        return self


Tariff = Progressive | TimeOfUse


def hours_of(spans: Spans) -> tuple[int, ...]:
    """Return the hours in spans like `22-8`: 22, 23, 0, 1, ... 7.

    Raises:
        ValueError: an hour beyond 24, or a span of nothing.
    """
    found: list[int] = []
    for span in spans:
        start, end = (int(part) for part in span.split("-"))
        if start > 23 or end > 24 or start == end:
            raise ValueError(f"{span!r} are no hours of a day")
        found += range(start, end) if start < end else [*range(start, 24), *range(end)]
    return tuple(found)


def _each_month_once(seasons: Mapping[str, tuple[int, ...]]) -> None:
    if sorted(month for months in seasons.values() for month in months) != list(range(1, 13)):
        raise ValueError("the seasons do not hold each month of the year once")
