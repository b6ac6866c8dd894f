"""A CAP 1.2 message as a typed object: Alert, Info, Area and what they hold.

Field names are those of the standard in lower case with underscores. Times stay the text that they were
(`2026-11-22T14:00:00+09:00`), for references repeat them letter by letter. What the schema cannot say
(references, polygons, zones, characters) is checked here, on messages read and on messages built alike.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator

from slm_disaster.alerts.faults import Fault, fault
from slm_disaster.alerts.geometry import LARGEST_RADIUS_KM, Point, check_point, check_ring

KST = timezone(timedelta(hours=9))
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d")
_NAME = re.compile(r"[^\s,<&]+")
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Status(StrEnum):
    """How the message is meant; only Actual asks the public to act."""

    ACTUAL = "Actual"
    EXERCISE = "Exercise"
    SYSTEM = "System"
    TEST = "Test"
    DRAFT = "Draft"


class MsgType(StrEnum):
    """What the message does."""

    ALERT = "Alert"
    UPDATE = "Update"
    CANCEL = "Cancel"
    ACK = "Ack"
    ERROR = "Error"


class Scope(StrEnum):
    """Who may read it."""

    PUBLIC = "Public"
    RESTRICTED = "Restricted"
    PRIVATE = "Private"


class Category(StrEnum):
    """The kind of event."""

    GEO = "Geo"
    MET = "Met"
    SAFETY = "Safety"
    SECURITY = "Security"
    RESCUE = "Rescue"
    FIRE = "Fire"
    HEALTH = "Health"
    ENV = "Env"
    TRANSPORT = "Transport"
    INFRA = "Infra"
    CBRNE = "CBRNE"
    OTHER = "Other"


class ResponseType(StrEnum):
    """What the reader is asked to do."""

    SHELTER = "Shelter"
    EVACUATE = "Evacuate"
    PREPARE = "Prepare"
    EXECUTE = "Execute"
    AVOID = "Avoid"
    MONITOR = "Monitor"
    ASSESS = "Assess"
    ALL_CLEAR = "AllClear"
    NONE = "None"


class Urgency(StrEnum):
    """How soon to act."""

    IMMEDIATE = "Immediate"
    EXPECTED = "Expected"
    FUTURE = "Future"
    PAST = "Past"
    UNKNOWN = "Unknown"


class Severity(StrEnum):
    """How great the threat is."""

    EXTREME = "Extreme"
    SEVERE = "Severe"
    MODERATE = "Moderate"
    MINOR = "Minor"
    UNKNOWN = "Unknown"


class Certainty(StrEnum):
    """How sure it is."""

    OBSERVED = "Observed"
    LIKELY = "Likely"
    POSSIBLE = "Possible"
    UNLIKELY = "Unlikely"
    UNKNOWN = "Unknown"


def check_time(time: str) -> str:
    """Return a time in the one form that CAP allows.

    Raises:
        PydanticCustomError: no zone or `Z` (wrong-zone), or no such moment (wrong-time).
    """
    if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z?", time):
        raise fault(Fault.WRONG_ZONE, f"{time}: the zone is Z or absent; CAP wants +09:00, for UTC -00:00")
    try:
        given = datetime.fromisoformat(time) if _TIME.fullmatch(time) else None
    except ValueError:
        given = None
    if given is None or abs(given.utcoffset() or timedelta()) > timedelta(hours=14):
        raise fault(Fault.WRONG_TIME, f"{time[:40]!r} is no time of the form 2026-11-22T14:00:00+09:00")
    return time


def cap_time(moment: datetime) -> str:
    """Return a moment in Korean time, to the second."""
    return moment.astimezone(KST).replace(microsecond=0).isoformat()


def _name(kind: Fault) -> AfterValidator:
    def check(name: str) -> str:
        if not _NAME.fullmatch(name):
            raise fault(kind, f"{name[:60]!r} is empty or has a space, comma, < or &")
        return name

    return AfterValidator(check)


def _plain(text: str) -> str:
    odd = _NOT_XML.search(text)
    if odd:
        raise fault(Fault.CHARACTER, f"character U+{ord(odd[0]):04X} cannot stand in XML")
    return text


Text = Annotated[str, AfterValidator(_plain)]
CapTime = Annotated[str, AfterValidator(check_time)]
Identifier = Annotated[Text, _name(Fault.IDENTIFIER)]
Sender = Annotated[Text, _name(Fault.SENDER)]
Polygon = Annotated[tuple[Point, ...], AfterValidator(check_ring)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Pair(_Part):
    """A name and a value: eventCode, parameter, geocode."""

    value_name: Text
    value: Text


class Resource(_Part):
    """A file that belongs to the message; it is never fetched."""

    resource_desc: Text
    mime_type: Text
    size: int | None = None
    uri: Text | None = None
    deref_uri: Text | None = None
    digest: Text | None = None


class Circle(_Part):
    """A centre and a radius in kilometres."""

    centre: Annotated[Point, AfterValidator(check_point)]
    radius_km: Decimal

    @model_validator(mode="after")
    def _on_earth(self) -> Circle:
        if not 0 <= self.radius_km <= LARGEST_RADIUS_KM:
            raise fault(Fault.CIRCLE, f"a radius of {self.radius_km} km is not on this earth")
        return self


class Area(_Part):
    """Where the message applies; altitude and ceiling in feet above mean sea level."""

    area_desc: Text
    polygon: tuple[Polygon, ...] = ()
    circle: tuple[Circle, ...] = ()
    geocode: tuple[Pair, ...] = ()
    altitude: Decimal | None = None
    ceiling: Decimal | None = None

    @model_validator(mode="after")
    def _ceiling_has_floor(self) -> Area:
        if self.ceiling is not None and self.altitude is None:
            raise fault(Fault.CEILING, "a ceiling needs an altitude below it")
        return self


class Info(_Part):
    """What is said, in one language."""

    language: Text | None = None
    category: tuple[Category, ...]
    event: Text
    response_type: tuple[ResponseType, ...] = ()
    urgency: Urgency
    severity: Severity
    certainty: Certainty
    audience: Text | None = None
    event_code: tuple[Pair, ...] = ()
    effective: CapTime | None = None
    onset: CapTime | None = None
    expires: CapTime | None = None
    sender_name: Text | None = None
    headline: Text | None = None
    description: Text | None = None
    instruction: Text | None = None
    web: Text | None = None
    contact: Text | None = None
    parameter: tuple[Pair, ...] = ()
    resource: tuple[Resource, ...] = ()
    area: tuple[Area, ...] = ()


class Reference(_Part):
    """An earlier message."""

    sender: Sender
    identifier: Identifier
    sent: CapTime

    def __str__(self) -> str:
        return f"{self.sender},{self.identifier},{self.sent}"


class Alert(_Part):
    """The message."""

    identifier: Identifier
    sender: Sender
    sent: CapTime
    status: Status
    msg_type: MsgType
    source: Text | None = None
    scope: Scope
    restriction: Text | None = None
    addresses: Text | None = None
    code: tuple[Text, ...] = ()
    note: Text | None = None
    references: tuple[Reference, ...] = ()
    incidents: Text | None = None
    info: tuple[Info, ...] = ()

    @model_validator(mode="after")
    def _whole(self) -> Alert:
        if self.msg_type is not MsgType.ALERT and not self.references:
            raise fault(Fault.NO_REFERENCES, f"{self.msg_type} must name the earlier messages in references")
        if self.scope is Scope.RESTRICTED and not self.restriction:
            raise fault(Fault.NO_RESTRICTION, "scope Restricted needs a restriction")
        if self.scope is Scope.PRIVATE and not self.addresses:
            raise fault(Fault.NO_ADDRESSES, "scope Private needs addresses")
        return self

    def reference(self) -> Reference:
        """Return how a later message names this one."""
        return Reference(sender=self.sender, identifier=self.identifier, sent=self.sent)
