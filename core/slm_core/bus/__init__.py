"""The bus: events of devices, experts and people over MQTT, nothing lost."""

from slm_core.bus.discovery import Entity
from slm_core.bus.envelope import Received, Refused
from slm_core.bus.link import DEFAULT_URL, Link, parse_link
from slm_core.bus.place import Listen, Place
from slm_core.bus.sources import Source, open_sources
from slm_core.bus.store import Store
from slm_core.bus.worker import Worker

__all__ = [
    "DEFAULT_URL",
    "Entity",
    "Link",
    "Listen",
    "Place",
    "Received",
    "Refused",
    "Source",
    "Store",
    "Worker",
    "open_sources",
    "parse_link",
]
