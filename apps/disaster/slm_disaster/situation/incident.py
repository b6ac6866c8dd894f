"""What is kept of an incident: its reports word for word, and what its sensors saw."""

from __future__ import annotations

import tomllib
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from slm_disaster.schema import Hazard, Record
from slm_disaster.situation.orders import Order
from slm_disaster.situation.places import Place
from slm_disaster.situation.scope import Origin
from slm_disaster.situation.screening import FLAG


class Report(BaseModel):
    """One report: who said it and when, its words, and what was read from them.

    `source` is who speaks: the reporter, or the authority that signed. `copies` names the senders of the same
    text; `seen` counts how often it came.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    source: str
    time: datetime
    text: str
    official: bool = False
    lang: str = ""
    record: Record
    places: tuple[Place, ...] = ()
    orders: tuple[Order, ...] = ()
    flags: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    lat: float | None = None
    lon: float | None = None
    copies: tuple[str, ...] = ()
    seen: int = 1

    @property
    def trusted(self) -> bool:
        """Whether it may count for an alert: a report that gives orders to the machine never does."""
        return FLAG not in self.flags


class Evidence(BaseModel):
    """What a sensor or a quake feed says: one rule that was crossed. `over` while it holds."""

    model_config = ConfigDict(frozen=True)

    key: str
    sensor: str
    rule: str
    text: str
    value: float
    unit: str
    time: datetime
    over: bool
    severity: int
    source: str
    title: dict[str, str] = {}


class Incident(BaseModel):
    """Reports and evidence of one thing that happens at one place."""

    model_config = ConfigDict(frozen=True)

    id: str
    origin: Origin
    first: datetime
    last: datetime
    reports: tuple[Report, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    places: tuple[Place, ...] = ()  # of its sensors; those of the reports stand with them
    hazard_of_evidence: Hazard | None = None
    lat: float | None = None
    lon: float | None = None
    left_out: int = 0
    suggested: tuple[str, ...] = ()

    @property
    def hazard(self) -> Hazard | None:
        """The hazard that the first official report names, else the first trusted one, else the sensor's."""
        told = sorted(self.reports, key=lambda each: (not each.trusted, not each.official, each.time))
        named = [report.record.hazard.value for report in told if report.record.hazard]
        if Hazard.FIRE in named[:1] and Hazard.WILDFIRE in named:
            return Hazard.WILDFIRE
        return named[0] if named else self.hazard_of_evidence

    def all_places(self) -> list[Place]:
        """Return its places, each once, the most exact of a name first."""
        places = [*self.places, *(place for report in self.reports for place in report.places)]
        unique = {(place.full or place.name, place.detail): place for place in places}
        return list(unique.values())


@cache
def settings() -> dict[str, Any]:
    """Return incidents.toml."""
    return tomllib.loads((Path(__file__).parent / "incidents.toml").read_text(encoding="utf-8"))
