"""A site as its owner describes it, in TOML or JSON: battery, panels, cars, loads, rooms and limits."""

from __future__ import annotations

import json
import tomllib
from datetime import time
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from slm_core.errors import UserError, did_you_mean

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0, le=1e6)]
NotNegative = Annotated[float, Field(ge=0, le=1e6)]
Name = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[^/#+\x00-\x1f]+$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Battery(_Part):
    """A stationary battery. Efficiencies are one way; `reserve` is the share that is never used."""

    name: Name = "battery"
    capacity_kwh: Positive
    charge_kw: Positive
    discharge_kw: Positive
    charge_efficiency: Annotated[float, Field(gt=0, le=1)] = 0.95
    discharge_efficiency: Annotated[float, Field(gt=0, le=1)] = 0.95
    reserve: Share = 0.0
    full: Share = 1.0
    end: Share | None = Field(default=None, description="least charge at the end; none: as at the start")
    wear_per_kwh: NotNegative = Field(default=0.0, description="cost of one kWh discharged")

    @model_validator(mode="after")
    def _room(self) -> Self:
        if self.reserve >= self.full:
            raise ValueError("reserve must be below full")
        return self


class Panels(_Part):
    """An array of panels: peak power, tilt from level, azimuth (0 north, 90 east, 180 south), share lost."""

    kwp: Positive
    tilt: Annotated[float, Field(ge=0, le=90)] = 30.0
    azimuth: Annotated[float, Field(ge=0, lt=360)] = 180.0
    loss: Share = 0.14


class Car(_Part):
    """A car at a charger from `arrives` to `leaves` (local time, over midnight where that is earlier)."""

    name: Name
    charge_kw: Positive
    least_kw: NotNegative = Field(default=0.0, description="below this the charger is off")
    needs_kwh: NotNegative
    arrives: time
    leaves: time
    efficiency: Annotated[float, Field(gt=0, le=1)] = 0.92
    start_cost: NotNegative | None = Field(default=None, description="what a start more must save")


class Deferrable(_Part):
    """A load that runs `hours` in all between `earliest` and `latest`, in one piece where `unbroken`."""

    name: Name
    kw: Positive
    hours: Positive
    earliest: time = time(0, 0)
    latest: time = time(0, 0)
    unbroken: bool = True
    start_cost: NotNegative | None = Field(default=None, description="what a start more must save")


class Room(_Part):
    """A room that is heated or cooled electrically, as one resistance and one capacity.

    C dT/dt = (T_out - T) / R + (heat - cool), ISO 52016-1's idea reduced to one node.

    Args:
        kw: electrical power at most.
        cop: heat (or cold) moved for one unit of electricity.
        mode: `heat` or `cool`.
        low, high: degrees Celsius that must be kept while occupied.
        from_, to: occupied, local time; equal means always.
        loss_kw_per_k: 1/R.
        capacity_kwh_per_k: C.
    """

    name: Name
    kw: Positive
    cop: Positive = 3.0
    mode: Annotated[str, Field(pattern="^(heat|cool)$")]
    low: Annotated[float, Field(ge=-30, le=60)]
    high: Annotated[float, Field(ge=-30, le=60)]
    from_: time = Field(default=time(0, 0), alias="from")
    to: time = time(0, 0)
    loss_kw_per_k: Positive
    capacity_kwh_per_k: Positive
    now: Annotated[float, Field(ge=-30, le=60)] | None = Field(
        default=None, description="temperature at the start"
    )

    @model_validator(mode="after")
    def _band(self) -> Self:
        if self.low >= self.high:
            raise ValueError("low must be below high")
        return self


class Site(_Part):
    """What is there, what it may do and by which tariff it is billed.

    Args:
        tariff: name of a tariff (docs/tariffs.md lists them), or `given` where prices come with the data.
        contract_kw: contract power.
        import_kw, export_kw: what the connection carries. peak_kw: the 15-minute mean not to be passed.
        export_price: paid for one kWh fed in, in `currency`.
        safety: names of loads that are never switched without a person.
        step_minutes: of readings and plans; 15 is what Korean demand charges count in.
    """

    name: Name
    zone: str = "Asia/Seoul"
    currency: Annotated[str, Field(min_length=1, max_length=8)] = "원"
    tariff: str = "given"
    contract_kw: Positive | None = None
    import_kw: Positive = 1e6
    export_kw: NotNegative = 1e6
    peak_kw: Positive | None = None
    export_price: NotNegative = 0.0
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None
    open_from: time = Field(default=time(8, 0), description="when the building is in use")
    open_to: time = time(19, 0)
    battery: Battery | None = None
    panels: Panels | None = None
    cars: tuple[Car, ...] = ()
    deferrables: tuple[Deferrable, ...] = ()
    rooms: tuple[Room, ...] = ()
    safety: tuple[Name, ...] = ()
    step_minutes: Literal[15, 30, 60] = 15

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        try:
            ZoneInfo(self.zone)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"no time zone {self.zone!r}") from error
        parts = [*self.cars, *self.deferrables, *self.rooms, *([self.battery] if self.battery else [])]
        names = [part.name for part in parts]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two parts have the name {twice[0]!r}")
        return self


def read_site(path: Path) -> Site:
    """Read a site from TOML or JSON.

    Raises:
        UserError: no such file, no TOML or JSON, an unknown key or a value out of its range.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot be read: {error}", where=path, expected="a site as TOML or JSON") from error
    try:
        found = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except ValueError as error:
        raise UserError(f"cannot be parsed: {error}", where=path, expected="TOML or JSON") from error
    return parse_site(found, str(path))


def parse_site(found: Any, where: str) -> Site:
    """Read a site from what a file or a message held.

    Raises:
        UserError: an unknown key or a value out of its range; the first fault is told with its place.
    """
    try:
        return Site.model_validate(found)
    except ValidationError as error:
        # A key that nobody knows first: what else is missing may only be misspelt.
        fault = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
        place = ".".join(str(part) for part in fault["loc"])
        mend = _mend(fault) if fault["type"] == "extra_forbidden" else None
        raise UserError(
            f"{place}: {fault['msg']}" if place else fault["msg"],
            where=where,
            expected="see docs/energy.md",
            mend=mend,
        ) from error


def _mend(fault: Any) -> str | None:
    models = {"battery": Battery, "panels": Panels, "cars": Car, "deferrables": Deferrable, "rooms": Room}
    *above, key = (str(part) for part in fault["loc"])
    fields = (models[above[0]] if above and above[0] in models else Site).model_fields
    known = [field.alias or name for name, field in fields.items()]
    return did_you_mean(key, known) or f"known are {', '.join(known)}"
