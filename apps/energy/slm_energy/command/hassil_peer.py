"""hassil with Home Assistant's own sentences: the deterministic peer, given the names of a home.

Its lists are built from the home: every name of a device with its Home Assistant domain, and every area.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from slm_core.errors import MissingExtra
from slm_energy.command.action import Command
from slm_energy.command.devices import Device, Home, Kind
from slm_energy.command.home_assistant import COVERED, command_of
from slm_energy.command.words import language

if TYPE_CHECKING:
    from hassil import Intents, RecognizeResult

_DOMAINS = {
    Kind.LIGHT: "light", Kind.HVAC: "climate", Kind.HEATER: "climate", Kind.WATER_HEATER: "climate",
    Kind.FAN: "fan", Kind.COVER: "cover", Kind.METER: "sensor", Kind.SENSOR: "sensor",
    Kind.SOLAR: "sensor",
}  # fmt: skip
Name = tuple[str, str, str]
"""A name, what it stands for, its domain."""


def hassil_peer(home: Home) -> Callable[[str], Command]:
    """Return what reads a text as hassil does, in the text's language.

    Raises:
        MissingExtra: hassil or home-assistant-intents is not installed.
    """
    names = [
        (name, name, domain)
        for device in home.devices
        for name in _all_names(device, home)
        for domain in _domains(device)
    ]
    areas = [name for area in home.areas for name in area.names]
    return Recognizer(names, areas).read


def _domains(device: Device) -> tuple[str, ...]:
    """A door may be a cover or a lock to Home Assistant; its names stand for both."""
    return ("cover", "lock") if device.kind == Kind.DOOR else (_DOMAINS.get(device.kind, "switch"),)


def _all_names(device: Device, home: Home) -> list[str]:
    """Home Assistant names an entity once and knows aliases; people put the room before it."""
    rooms = home.area(device.area).names
    return [*device.names, *(f"{room} {name}" for room in rooms for name in device.names)]


class Recognizer:
    """hassil with lists of names and areas.

    Args:
        names: of devices, with their domains.
        areas: names of rooms.
        floors: names of floors, where they are told apart from rooms.
    """

    def __init__(self, names: Iterable[Name], areas: Iterable[str], floors: Iterable[str] = ()) -> None:
        try:
            from hassil import TextSlotList
        except ImportError as error:
            raise MissingExtra("the peer hassil", "energy") from error
        entries = [(name, id, {"domain": domain}) for name, id, domain in names]
        self._lists = {
            "name": TextSlotList.from_tuples(entries, allow_template=False, name="name"),
            "area": TextSlotList.from_tuples([(a, a) for a in areas], allow_template=False, name="area"),
            "floor": TextSlotList.from_tuples([(f, f) for f in floors], allow_template=False, name="floor"),
        }

    def read(self, text: str) -> Command:
        """Return the command of the sentence that matches best; none where none does."""
        result = self.recognize(text)
        if result is None:
            return Command(because="no sentence matches")
        if result.intent.name not in COVERED:
            return Command(because=result.intent.name)
        slots: dict[str, Any] = {}
        for entity in result.entities_list:
            named = entity.name in ("name", "area", "floor")
            slots[entity.name] = entity.text.strip() if named else entity.value
        try:
            return command_of(result.intent.name, slots, text)
        except ValueError as error:
            return Command(because=f"{result.intent.name}: {error}")

    def recognize(self, text: str) -> RecognizeResult | None:
        """Return hassil's best match. A room is always around the speaker, as with a voice satellite."""
        from hassil import recognize_best

        intents, rest = _intents(language(text))
        return recognize_best(
            text, intents, slot_lists=self._lists, skip_words=rest, intent_context={"area": "here"},
            best_slot_name="name",
        )  # fmt: skip


@lru_cache(maxsize=2)
def _intents(lang: str) -> tuple[Intents, list[str]]:
    try:
        from hassil import Intents
        from home_assistant_intents import get_intents
    except ImportError as error:
        raise MissingExtra("the peer hassil", "energy") from error
    found = get_intents(lang)
    assert found is not None  # both languages are in the wheel
    return Intents.from_dict(found), list(found.get("skip_words", []))
