"""`quake/in`: one quake of a feed to evidence; a revision with the same id takes the earlier word's place."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from slm_core.event import Event
from slm_disaster.situation.incident import Evidence
from slm_disaster.situation.rules import Rule, rules

_ALERTS = {"yellow": 2, "orange": 3, "red": 3}


class Quake(BaseModel):
    """The payload of `quake/in`, with the names of the USGS feed; `id` stays the same through revisions."""

    model_config = ConfigDict(extra="ignore")

    mag: float = Field(ge=-3, le=11, allow_inf_nan=False)
    id: str = Field(default="", max_length=100)
    place: str = Field(default="", max_length=200)
    lat: float | None = Field(default=None, ge=-90, le=90)
    lon: float | None = Field(default=None, ge=-180, le=180)
    depth_km: float | None = None
    type: str = "earthquake"
    tsunami: int = 0
    alert: str | None = None


def parse_quake(event: Event) -> Quake:
    """Return the payload of `quake/in`.

    Raises:
        ValueError: it is none.
    """
    try:
        return Quake.model_validate(event.payload)
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def quake_evidence(quake: Quake, event: Event, *, known: bool) -> Evidence | None:
    """Return what a quake is evidence of: the strongest rule it meets; a blast or a weak quake is none.

    A quake that was `known` and is revised below every rule stays as evidence that no longer holds.
    """
    if quake.type != "earthquake":
        return None
    met = [rule for rule in _rules(event) if quake.mag >= rule.at]
    if not met and not known:
        return None
    rule = max(met or _rules(event)[:1], key=lambda each: each.at)
    tsunami = 3 if quake.tsunami and quake.mag >= 6.5 else 0
    figure = f"M {quake.mag:g}" + (f", {quake.depth_km:g} km" if quake.depth_km is not None else "")
    return Evidence(
        key=f"quake:{quake.id or event.id}",
        sensor=event.source,
        rule=rule.id,
        text=f"{figure}, {quake.place}" if quake.place else figure,
        value=quake.mag,
        unit="M",
        time=event.time,
        over=bool(met),
        severity=max(rule.severity, tsunami, _ALERTS.get(quake.alert or "", 0)) if met else 0,
        source=rule.source,
        title={"ko": rule.ko, "en": rule.en},
    )


def _rules(event: Event) -> list[Rule]:
    day = event.time.date()
    valid = [rule for rule in rules() if rule.kind == "quake" and rule.holds_for("quake", "", "", day)]
    return sorted(valid, key=lambda each: each.at)
