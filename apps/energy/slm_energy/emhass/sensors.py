"""A plan as the sensors that dashboards and automations of EMHASS users read.

Each sensor has the name, unit, sign and schedule attribute that EMHASS gives it, so `sensor.p_batt_forecast`
and `state_attr('sensor.p_batt_forecast', 'battery_scheduled_power')` keep working. As there, the state is the
value of the present step, and the schedule begins with it; values in it are strings.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from math import isfinite
from pathlib import Path
from typing import Any, Literal

from slm_core.bus import Entity
from slm_core.event import Event

STREAM = "emhass/"
KIND = "emhass"
Optim = Literal["Optimal", "Optimal (Relaxed)", "Infeasible"]
_WATTS = 1000.0
_ATTRIBUTES = "{{ value_json.payload.attributes | tojson }}"


@dataclass(frozen=True)
class Published:
    """What there is to publish. Every list has one value for each step.

    Args:
        start: beginning of the first step, with the zone that schedules are written in.
        step: length of a step.
        load_kw: without the deferrable loads.
        grid_kw: positive where it is bought.
        price, sell_price: of one kWh bought and sold, in `currency`.
        status: in EMHASS's words; with `Infeasible` there is no schedule, and the lists may be empty.
        cost: what the hours cost, in `currency`; below 0 where more is earned.
        currency: ISO 4217.
        pv_kw: positive; None where there are no panels.
        battery_kw: positive where it discharges; None where there is no battery. soc: share of 1 at the end
            of each step.
        deferrables: kW by name, in the order that gives `p_deferrable0`, `p_deferrable1`, ...
    """

    start: datetime
    step: timedelta
    load_kw: tuple[float, ...]
    grid_kw: tuple[float, ...]
    price: tuple[float, ...]
    sell_price: tuple[float, ...]
    status: Optim
    cost: float
    currency: str
    pv_kw: tuple[float, ...] | None = None
    battery_kw: tuple[float, ...] | None = None
    soc: tuple[float, ...] | None = None
    deferrables: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.step <= timedelta(0):
            raise ValueError("a plan needs a start with zone and a step longer than nothing")
        if (self.battery_kw is None) != (self.soc is None):
            raise ValueError("battery_kw and soc go together")
        for name, values in self._lists().items():
            if len(values) != len(self.load_kw):
                raise ValueError(f"{name} has {len(values)} values, load_kw {len(self.load_kw)}")
            if not all(isfinite(value) for value in values):
                raise ValueError(f"{name} has a value that is no number")

    def series(self) -> dict[str, tuple[float, ...]]:
        """Return the values by EMHASS's name, in its units."""
        scaled = {
            "p_pv_forecast": (self.pv_kw, _WATTS),
            "p_load_forecast": (self.load_kw, _WATTS),
            "p_batt_forecast": (self.battery_kw, _WATTS),
            "soc_batt_forecast": (self.soc, 100.0),
            "p_grid_forecast": (self.grid_kw, _WATTS),
            "unit_load_cost": (self.price, 1.0),
            "unit_prod_price": (self.sell_price, 1.0),
        }
        loads = {
            f"p_deferrable{number}": (values, _WATTS)
            for number, values in enumerate(self.deferrables.values())
        }
        return {
            name: tuple(value * factor for value in values)
            for name, (values, factor) in {**scaled, **loads}.items()
            if values is not None
        }

    def _lists(self) -> dict[str, Sequence[float]]:
        given = {
            "grid_kw": self.grid_kw, "price": self.price, "sell_price": self.sell_price, "pv_kw": self.pv_kw,
            "battery_kw": self.battery_kw, "soc": self.soc, "load_kw": self.load_kw, **self.deferrables,
        }  # fmt: skip
        return {name: values for name, values in given.items() if values is not None}


def events(
    published: Published, now: datetime, source: str = "energy", *, simulated: bool = False
) -> list[Event]:
    """Return the retained events that set every sensor.

    Where `now` lies outside the plan, or there is none, a sensor has no value (`unknown` in Home Assistant)
    and an empty schedule; an old value must not pass for a plan.
    """
    first = _present(published, now)
    made = [
        _event(name, *_planned(name, values, published, first), now, source, simulated)
        for name, values in published.series().items()
    ]
    cost = f"{0.0 - published.cost:.2f}" if published.status != "Infeasible" else None
    total = {**_described("total_cost_fun_value", published.currency), "cost_function": "profit"}
    made.append(_event("total_cost_fun_value", cost, total, now, source, simulated))
    made.append(_event("optim_status", published.status, {}, now, source, simulated))
    return made


def entities(
    currency: str, *, panels: bool, battery: bool, deferrables: Sequence[str] = (), lang: str = "ko"
) -> tuple[Entity, ...]:
    """Return what makes the sensors appear in Home Assistant under EMHASS's own entity ids.

    Args:
        currency: ISO 4217. panels, battery: whether the site has them. deferrables: their names, in order.
        lang: of the names that people read.
    """
    left_out = set() if panels else {"p_pv_forecast"}
    left_out |= set() if battery else {"p_batt_forecast", "soc_batt_forecast"}
    single = [
        _entity(key, table[lang], currency)
        for key, table in _table().items()
        if key != "p_deferrable" and key not in left_out
    ]
    loads = [
        _entity(f"p_deferrable{number}", f"{_table()['p_deferrable'][lang]} {name}", currency)
        for number, name in enumerate(deferrables)
    ]
    return (*single, *loads)


def _entity(key: str, name: str, currency: str) -> Entity:
    described = _described(key, currency)
    return Entity(
        key=f"emhass_{key}",
        name=name,
        stream=STREAM + key,
        device_class=described.get("device_class"),
        unit=described.get("unit_of_measurement"),
        entity_id=key,
        attributes=_ATTRIBUTES,
    )


@cache
def _table() -> dict[str, Any]:
    found = tomllib.loads((Path(__file__).parent / "sensors.toml").read_text(encoding="utf-8"))
    return {key: value for key, value in found.items() if isinstance(value, dict)}


def _row(key: str) -> dict[str, Any]:
    found: dict[str, Any] = _table()["p_deferrable" if key.startswith("p_deferrable") else key]
    return found


def _described(key: str, currency: str) -> dict[str, str]:
    row = _row(key)
    given = {"unit_of_measurement": row.get("unit"), "device_class": row.get("device_class")}
    return {name: value.format(currency=currency) for name, value in given.items() if value}


def _present(published: Published, now: datetime) -> int | None:
    """Return the number of the step that `now` lies in, or None."""
    number = (now - published.start) // published.step
    inside = 0 <= number < len(published.load_kw) and published.status != "Infeasible"
    return number if inside else None


def _planned(
    key: str, values: tuple[float, ...], published: Published, first: int | None
) -> tuple[str | None, dict[str, Any]]:
    """Return state and attributes of a sensor with a schedule."""
    row = _row(key)
    written = [f"{value + 0.0:.{row['decimals']}f}" for value in values]
    start, zone = published.start.astimezone(UTC), published.start.tzinfo
    schedule = [
        {"date": (start + published.step * number).astimezone(zone).isoformat(), key: written[number]}
        for number in range(len(written) if first is None else first, len(written))
    ]
    attributes: dict[str, Any] = {**_described(key, published.currency), row["attribute"]: schedule}
    if key.startswith("p_deferrable"):
        attributes["load"] = list(published.deferrables)[int(key.removeprefix("p_deferrable"))]
    return (None if first is None else written[first]), attributes


def _event(
    key: str, value: str | None, attributes: Mapping[str, Any], now: datetime, source: str, simulated: bool
) -> Event:
    return Event(
        stream=STREAM + key,
        kind=KIND,
        source=source,
        time=now,
        payload={"value": value, "attributes": dict(attributes)},
        simulated=simulated,
        retained=True,
    )
