"""The home: its areas and devices with their Korean and English names, limits and ratings, from TOML or JSON.

[[devices]]
id = "living_ac"
kind = "hvac"
area = "living_room"
ko = ["에어컨", "스탠드 에어컨"]
en = ["air conditioner", "AC"]
rated_kw = 2.1
safety = false
settings = { temperature = [18, 30, "°C", 1], mode = ["cool", "dry", "fan_only"] }
"""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from slm_core.errors import UserError, did_you_mean
from slm_energy.command.action import What
from slm_energy.command.words import kind_words, same_name


class Kind(StrEnum):
    """What a device is; each kind has everyday words of its own (words.toml)."""

    LIGHT = "light"
    HVAC = "hvac"
    HEATER = "heater"
    FAN = "fan"
    BATTERY = "battery"
    EV_CHARGER = "ev_charger"
    COVER = "cover"
    DOOR = "door"
    SWITCH = "switch"
    PUMP = "pump"
    WATER_HEATER = "water_heater"
    APPLIANCE = "appliance"
    SERVER = "server"
    SOLAR = "solar"
    METER = "meter"
    SENSOR = "sensor"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Limits(_Strict):
    """What a setting may be: numbers from `low` to `high` in `unit`, or one of `words`.

    `step` is how much "a bit more" is; without one such an order is asked back.
    """

    low: float | None = None
    high: float | None = None
    unit: str = ""
    step: float | None = None
    words: tuple[str, ...] = ()


class _Named(_Strict):
    id: str = Field(pattern=r"^[a-z0-9_]+$", max_length=60)
    ko: tuple[str, ...] = ()
    en: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Every name, Korean first."""
        return (*self.ko, *self.en)

    def name(self, lang: str) -> str:
        """Return the first name in a language, else the first there is."""
        own = self.ko if lang == "ko" else self.en
        return (own or self.names)[0]

    @model_validator(mode="after")
    def _has_a_name(self) -> Self:
        if not self.names or not all(name.strip() for name in self.names):
            raise ValueError(f"{self.id} needs a name: ko = [...] or en = [...], none of them empty")
        return self


class Area(_Named):
    """A room, a floor or a building; `within` is the id of the area it lies in."""

    within: str = ""


class Device(_Named):
    """One thing that can be switched, set or read.

    Args:
        kind: what it is.
        area: id of the area it stands in.
        rated_kw: electric power when on, kW.
        safety: whether people, animals, food or data depend on it, so that a person confirms each change.
        settings: what may be set, with its limits: `[low, high, unit]`, `[low, high, unit, step]` or words.
        reads: what can be asked of it besides its settings.
    """

    kind: Kind
    area: str
    rated_kw: float = Field(default=0.0, ge=0, le=100_000)
    safety: bool = False
    settings: dict[What, Limits] = {}
    reads: tuple[What, ...] = ()

    @field_validator("settings", mode="before")
    @classmethod
    def _limits(cls, settings: Any) -> Any:
        return (
            {what: _limits_of(limits) for what, limits in settings.items()}
            if isinstance(settings, dict)
            else settings
        )


class Home(_Strict):
    """A home or building with everything that can be ordered in it.

    Args:
        ko, en: what it is called.
        confirm_above_kw: a change of more than so many kW is confirmed by a person.
        timezone: of the hours that people say, an IANA name.
        areas, devices: as above; ids are unique, areas exist.
    """

    ko: str = ""
    en: str = ""
    confirm_above_kw: float = Field(default=2.0, ge=0)
    timezone: str = "Asia/Seoul"
    areas: tuple[Area, ...] = ()
    devices: tuple[Device, ...] = Field(min_length=1)

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, timezone: str) -> str:
        if timezone not in available_timezones():
            near = did_you_mean(timezone, sorted(available_timezones()))
            raise ValueError(f"there is no time zone {timezone!r}; {near or 'e.g. Asia/Seoul'}")
        return timezone

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for each in (self.areas, self.devices):
            twice = [id for id, times in Counter(one.id for one in each).items() if times > 1]
            if twice:
                raise ValueError(f"the id {twice[0]!r} is given twice")
        known = {area.id for area in self.areas}
        wanted = {device.id: device.area for device in self.devices}
        wanted |= {area.id: area.within for area in self.areas if area.within}
        for user, place in wanted.items():
            if place not in known:
                hint = did_you_mean(place, known) or f"known are {', '.join(sorted(known)) or 'none'}"
                raise ValueError(f"{user}: there is no area {place!r}; {hint}")
        for area in self.areas:
            if area.id in self.above(area.within):
                raise ValueError(f"{area.id}: lies within itself")
        return self

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of the hours that people say."""
        return ZoneInfo(self.timezone)

    @cached_property
    def _within(self) -> dict[str, str]:
        return {area.id: area.within for area in self.areas}

    def above(self, area: str) -> set[str]:
        """Return an area and all that it lies in."""
        found: set[str] = set()
        while area and area not in found:
            found.add(area)
            area = self._within.get(area, "")
        return found

    def area(self, id: str) -> Area:
        """Return the area of that id."""
        return next(area for area in self.areas if area.id == id)

    def device(self, id: str) -> Device:
        """Return the device of that id.

        Raises:
            UserError: there is none; the nearest id is named.
        """
        for device in self.devices:
            if device.id == id:
                return device
        known = [device.id for device in self.devices]
        expected = ", ".join(known[:40])
        raise UserError(f"there is no device {id!r}", expected=expected, mend=did_you_mean(id, known))

    def inside(self, area: str) -> Iterator[Device]:
        """Yield the devices of an area and of those within it."""
        return (device for device in self.devices if area in self.above(device.area))

    def named_areas(self, words: str) -> list[Area]:
        """Return the areas that are called so."""
        return [area for area in self.areas if any(same_name(name, words) for name in area.names)]

    def called(self, device: Device) -> set[str]:
        """Return all that a device answers to: its names, the words of its kind, both after its areas."""
        names = {*device.names, *kind_words(device.kind)}
        areas = [name for id in self.above(device.area) for name in self.area(id).names]
        return names | {f"{area} {name}" for area in areas for name in names}

    def title(self, device: Device, lang: str) -> str:
        """Return what a person reads: the area and the device, unless its name says the area already."""
        name, area = device.name(lang), self.area(device.area).name(lang)
        return name if same_name(name[: len(area)], area) else f"{area} {name}"


def read_home(path: Path) -> Home:
    """Read a home from a TOML or JSON file.

    Raises:
        UserError: no such file, not TOML or JSON, an unknown key (the nearest is named) or a wrong value.
    """
    if not path.is_file():
        raise UserError(
            "no such file", where=path, expected="a TOML or JSON file with [[areas]] and [[devices]]"
        )
    text = path.read_text(encoding="utf-8")
    try:
        value = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except ValueError as error:
        raise UserError(
            f"cannot be read: {error}", where=path, expected="TOML, or JSON in a .json file"
        ) from error
    try:
        return Home.model_validate(value)
    except ValidationError as error:
        raise _fault(error, value, path) from error


def _fault(error: ValidationError, value: Any, path: Path) -> UserError:
    first = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
    at = ".".join(str(part) for part in first["loc"])
    if first["type"] != "extra_forbidden":
        said = first["msg"].removeprefix("Value error, ")
        return UserError(f"{at or 'the home'}: {said}", where=_where(path, value, first["loc"]))
    entries: dict[str, type[_Strict]] = {"areas": Area, "devices": Device}
    owner = entries.get(str(first["loc"][0]), Home) if len(first["loc"]) > 1 else Home
    return UserError(
        f"unknown key {at}",
        where=_where(path, value, first["loc"]),
        expected=", ".join(owner.model_fields),
        mend=did_you_mean(str(first["loc"][-1]), owner.model_fields),
    )


def _where(path: Path, value: Any, loc: tuple[int | str, ...]) -> str:
    """Return `file:line` of the entry at fault: where its id stands."""
    if len(loc) < 2 or not isinstance(loc[1], int):
        return str(path)
    entry = value[loc[0]][loc[1]]
    id = str(entry.get("id", "")) if isinstance(entry, dict) else ""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if id and f'"{id}"' in line and "id" in line.split(f'"{id}"')[0]:
            return f"{path}:{number}"
    return f"{path}: entry {loc[1] + 1} of {loc[0]}"


def _limits_of(limits: Any) -> Any:
    if isinstance(limits, list) and limits and all(isinstance(each, str) for each in limits):
        return {"words": limits}
    if isinstance(limits, list) and len(limits) in (3, 4):
        return dict(zip(("low", "high", "unit", "step"), limits, strict=False))
    if isinstance(limits, list):
        raise ValueError("a setting is [low, high, unit], [low, high, unit, step] or a list of words")
    return limits
