"""Causes of an anomaly, ranked: those whose condition holds first. Only parts of the site are named."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from slm_energy.anomaly.anomaly import Anomaly, Cause
from slm_energy.said import Said
from slm_energy.site import Site

_NEAR = 0.35  # of a part's rating
_OFTEN = 3
_PANELS = Said("태양광", "the panels")


def with_causes(anomaly: Anomaly, site: Site, *, alike: int = 1) -> Anomaly:
    """Return the anomaly with its causes.

    Args:
        anomaly: as a rule found it.
        site: whose parts may be named.
        alike: how many of this kind were found in the same readings.
    """
    held: list[Cause] = []
    rest: list[Cause] = []
    for row in _table()[anomaly.kind]:
        for part, kw in _parts(row.get("needs"), site):
            condition = row.get("when")
            holds = condition is not None and _holds(condition, anomaly, kw, alike)
            if condition == "near_part_kw" and not holds:
                continue  # a part that could not draw the excess is no candidate
            cause = _cause(row, part, holds)
            (held if holds else rest).append(cause)
    return replace(anomaly, causes=(*held, *rest))


def _cause(row: Mapping[str, str], part: str, holds: bool) -> Cause:
    because = Said(row["because_ko"], row["because_en"]) if holds else Said("", "")
    said, why = (Said(each.ko.replace("{part}", part), each.en.replace("{part}", part))
                 for each in (Said(row["ko"], row["en"]), because))  # fmt: skip
    return Cause(row["id"], said, why)


def _parts(needs: str | None, site: Site) -> Iterator[tuple[str, float]]:
    """Name and rating of each part of the kind that is needed; one without name where none is."""
    if needs is None:
        yield "", 0.0
    elif needs == "panels":
        if site.panels is not None:
            yield "", site.panels.kwp
    elif needs == "cars":
        yield from ((car.name, car.charge_kw) for car in site.cars)
    elif needs == "deferrables":
        yield from ((load.name, load.kw) for load in site.deferrables)
    else:
        yield from ((room.name, room.kw) for room in site.rooms)


def _holds(condition: str, anomaly: Anomaly, kw: float, alike: int) -> bool:
    facts = {fact.id: fact.value for fact in anomaly.facts}
    night = facts.get("share_of_night", 0.0)
    excess = anomaly.value - anomaly.expected
    conditions = {
        "near_part_kw": kw > 0 and abs(excess - kw) <= _NEAR * kw,
        "whole_night": night >= 80,
        "evening": 0 < night < 40 and anomaly.start.hour >= 12,
        "often": alike >= _OFTEN,
        "zero": anomaly.value == 0,
        "not_zero": anomaly.value != 0,
        "negative": anomaly.value < 0,
        "exchanged": "exchanged" in facts,
        "up": anomaly.value > anomaly.expected,
        "down": anomaly.value < anomaly.expected,
        "no_temperature": True,
        "low_load": facts.get("low_load", 0.0) > 0,
    }
    return conditions[condition]


@cache
def _table() -> dict[str, list[dict[str, str]]]:
    text = (Path(__file__).parent / "causes.toml").read_text(encoding="utf-8")
    found: dict[str, Any] = tomllib.loads(text)
    return found
