"""The situation record: what one report says, each field with the words that say it.

Offsets count characters (not bytes) of the report. A field that the report does not give is absent, never
guessed.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

T = TypeVar("T")


class Hazard(StrEnum):
    """Kinds of hazard, after the kinds of the Korean emergency messages and CAP's event categories."""

    EARTHQUAKE = "earthquake"
    TSUNAMI = "tsunami"
    VOLCANO = "volcano"
    FLOOD = "flood"  # 홍수, 침수, 하천 범람, 만조
    HEAVY_RAIN = "heavy_rain"  # 호우
    STORM = "storm"  # 태풍, hurricane, cyclone
    STRONG_WIND = "strong_wind"  # 강풍, 풍랑
    LANDSLIDE = "landslide"  # 산사태
    WILDFIRE = "wildfire"  # 산불
    FIRE = "fire"  # 화재
    EXPLOSION = "explosion"
    COLLAPSE = "collapse"  # 붕괴, 지반침하
    HEAVY_SNOW = "heavy_snow"  # 대설
    COLD_WAVE = "cold_wave"  # 한파
    HEAT_WAVE = "heat_wave"  # 폭염
    DUST = "dust"  # 황사, 미세먼지
    DROUGHT = "drought"  # 가뭄
    EPIDEMIC = "epidemic"  # 감염병
    CHEMICAL = "chemical"  # 화학물질 유출, 환경오염
    TRANSPORT = "transport"  # 교통사고, 선박, 열차, 교통통제
    UTILITY = "utility"  # 정전, 단수, 가스, 통신 장애
    OTHER = "other"


class Need(StrEnum):
    """What people ask for or lack: ten aid columns of Disaster Response Messages, in their order."""

    MEDICAL_HELP = "medical_help"
    MEDICAL_PRODUCTS = "medical_products"
    SEARCH_AND_RESCUE = "search_and_rescue"
    WATER = "water"
    FOOD = "food"
    SHELTER = "shelter"
    CLOTHING = "clothing"
    MONEY = "money"
    MISSING_PEOPLE = "missing_people"
    REFUGEES = "refugees"


class Infrastructure(StrEnum):
    """What is damaged, cut or closed."""

    ROAD = "road"
    BRIDGE = "bridge"
    RAILWAY = "railway"
    AIRPORT_PORT = "airport_port"
    POWER = "power"
    WATER_SUPPLY = "water_supply"
    GAS = "gas"
    TELECOM = "telecom"
    BUILDING = "building"
    HOSPITAL = "hospital"
    SCHOOL = "school"
    DAM_LEVEE = "dam_levee"


class Level(StrEnum):
    """Weather warnings (주의보, 경보) and the four crisis levels (관심, 주의, 경계, 심각)."""

    ADVISORY = "advisory"
    WARNING = "warning"
    ATTENTION = "attention"
    CAUTION = "caution"
    ALERT = "alert"
    SERIOUS = "serious"


class Stage(StrEnum):
    """Where in its life the event is."""

    START = "start"
    UPDATE = "update"
    RELEASE = "release"


class Span(BaseModel):
    """Characters `start` to `end` (exclusive) of the report, and what stands there."""

    model_config = ConfigDict(frozen=True)

    start: int = Field(ge=0)
    end: int = Field(ge=0)
    quote: str


class Found(BaseModel, Generic[T]):
    """A value, the span that gives it, and who found it."""

    model_config = ConfigDict(frozen=True)

    value: T
    span: Span
    by: Literal["rule", "expert"] = "rule"


class Record(BaseModel):
    """One report as a typed situation record.

    `time` is ISO 8601 with just the parts that the report gives (`2025-06-25T05:59`, `06-25T14:00`,
    `T06:00`), or the quote itself where it gives none in figures (`this morning`). Counts are people.
    `dropped` lists what a check refused, with the reason.
    """

    hazard: Found[Hazard] | None = None
    place: list[Found[str]] = []
    time: Found[str] | None = None
    dead: Found[int] | None = None
    missing: Found[int] | None = None
    injured: Found[int] | None = None
    needs: list[Found[Need]] = []
    infrastructure: list[Found[Infrastructure]] = []
    level: Found[Level] | None = None
    stage: Found[Stage] | None = None
    dropped: list[str] = []


class Needs(BaseModel):
    """The needs a message names, without spans: the multi-label task."""

    needs: list[Need] = []
