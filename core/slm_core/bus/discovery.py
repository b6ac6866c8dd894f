"""Home Assistant discovery: a retained message that makes a stream of ours an entity there.

The form is that of Home Assistant's MQTT discovery: `homeassistant/<component>/<node>/<object>/config`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Literal

from slm_core.bus.place import Place
from slm_core.errors import UserError

ROOT = "homeassistant"
_ATTRIBUTES = "{{ {'time': value_json.time, 'simulated': value_json.simulated} | tojson }}"
_NOT_WORD = re.compile(r"[^A-Za-z0-9_-]")


@dataclass(frozen=True)
class Publication:
    """A message that the bus sends by itself; without a payload it removes what was retained there."""

    topic: str
    payload: bytes
    retained: bool = True


@dataclass(frozen=True)
class Entity:
    """One value of ours as Home Assistant shows it.

    Args:
        key: identifier, the same for ever: `water_level_3`.
        name: what a person reads.
        stream: whose events carry the value.
        value: Jinja template that takes it out of the event.
        component: kind of entity.
        device_class: `temperature`, `energy`, `problem`, ...; none for a plain value.
        state_class: `measurement` or `total_increasing` where it is a number worth a statistic.
        unit: as Home Assistant writes it (`°C`, `kWh`).
        entity_id: name in Home Assistant where others expect one (`p_pv_forecast`); left out, it is made of
            site, domain and key.
        attributes: Jinja template that takes the attributes out of the event.
    """

    key: str
    name: str
    stream: str
    value: str = "{{ value_json.payload.value }}"
    component: Literal["sensor", "binary_sensor"] = "sensor"
    device_class: str | None = None
    state_class: str | None = None
    unit: str | None = None
    entity_id: str | None = None
    attributes: str = _ATTRIBUTES

    def __post_init__(self) -> None:
        for name in (self.key, self.entity_id):
            if name is not None and (not name or _word(name) != name):
                raise UserError(f"{name!r} is no key of an entity", expected="letters, digits, - and _")

    def announce(self, place: Place, version: str) -> Publication:
        """Return the message that makes it appear, as part of one device for each place."""
        node = _word(place.client_id)
        called = self.entity_id or f"{node}_{self.key}"
        config = {
            "name": self.name,
            "unique_id": f"{node}_{self.key}",
            # Home Assistant up to 2026.3 reads the first, from 2025.10 the second.
            "object_id": called,
            "default_entity_id": f"{self.component}.{called}",
            "state_topic": place.topic(self.stream),
            "value_template": self.value,
            "device_class": self.device_class,
            "state_class": self.state_class,
            "unit_of_measurement": self.unit,
            "availability_topic": place.available,
            # Home Assistant knows neither word for `stopped`, and would leave the entity alive.
            "availability_template": "{{ 'online' if value == 'online' else 'offline' }}",
            "json_attributes_topic": place.topic(self.stream),
            "json_attributes_template": self.attributes,
            "device": {
                "identifiers": [node],
                "name": f"{place.domain} ({place.site})",
                "manufacturer": "ondevice-slm",
                "model": place.domain,
                "sw_version": version,
            },
        }
        said = json.dumps(
            {key: value for key, value in config.items() if value is not None}, ensure_ascii=False
        )
        return Publication(self._topic(place), said.encode())

    def remove(self, place: Place) -> Publication:
        """Return the message that makes it disappear."""
        return Publication(self._topic(place), b"")

    def _topic(self, place: Place) -> str:
        return f"{ROOT}/{self.component}/{_word(place.client_id)}/{self.key}/config"


def _word(name: str) -> str:
    """Home Assistant allows no dot in an id."""
    return _NOT_WORD.sub("_", name)
