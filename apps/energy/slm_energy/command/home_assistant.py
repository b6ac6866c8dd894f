"""Home Assistant's intents as commands: what the labels of its tests and the results of hassil mean here.

The spans are looked up in the text; a value counts only where the text's own words give the slot's number.
Intents without a device of a home (timers, media, lists) are not covered.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from slm_energy.command.action import Command, Quote, Value, Verb, What
from slm_energy.command.reading import read_value
from slm_energy.command.spans import value_spans
from slm_energy.command.words import kind_words, language, words

SWITCHING = {"HassTurnOn": Verb.TURN_ON, "HassTurnOff": Verb.TURN_OFF}
SETTING: dict[str, dict[str, What]] = {
    "HassLightSet": {
        "brightness": What.BRIGHTNESS, "color": What.COLOR, "temperature": What.COLOR_TEMPERATURE,
    },
    "HassSetPosition": {"position": What.POSITION},
    "HassFanSetSpeed": {"percentage": What.SPEED},
    "HassClimateSetTemperature": {"temperature": What.TEMPERATURE},
}  # fmt: skip
ASKING = {"HassGetState": None, "HassClimateGetTemperature": What.TEMPERATURE}
NO_ORDER = frozenset({
    "HassNevermind", "HassRespond", "HassShoppingListAddItem", "HassShoppingListCompleteItem",
    "HassListAddItem", "HassListCompleteItem", "HassListRemoveItem", "HassGetWeather", "HassGetCurrentDate",
    "HassGetCurrentTime", "HassBroadcast",
})  # fmt: skip
COVERED = frozenset({*SWITCHING, *SETTING, *ASKING, *NO_ORDER})

_MEANT = {
    "HassLightSet": "light", "HassFanSetSpeed": "fan", "HassSetPosition": "cover",
    "HassClimateSetTemperature": "climate",
}  # fmt: skip
_DOMAINS = {"light": "light", "fan": "fan", "switch": "switch", "climate": "hvac", "lock": "door"}
_MOVES = (
    (Verb.OPEN, re.compile(r"\b(?:open|unlock)|열|잠금\s?해제|걷", re.I)),
    (Verb.CLOSE, re.compile(r"\b(?:close|shut|lock)|닫|잠[가그]|쳐", re.I)),
    (Verb.INCREASE, re.compile(r"\braise\b|올[려리]", re.I)),
    (Verb.DECREASE, re.compile(r"\blower\b|내[려리]", re.I)),
)


def command_of(intent: str, slots: Mapping[str, Any], text: str) -> Command:
    """Return the command that an intent with these slots makes of a text.

    Raises:
        ValueError: the intent is not covered, or the text has no words for a slot.
    """
    if intent in NO_ORDER:
        return Command(because=intent)
    if intent not in COVERED:
        raise ValueError(f"{intent} orders no device of a home")
    area, device = _place(slots, text), _device({"domain": _MEANT.get(intent), **slots}, text)
    if area and device and area.start < device.end and device.start < area.end:
        area = None  # the garage of `garage door`
    if intent in SWITCHING:
        return Command(verb=_switching(SWITCHING[intent], slots, text), area=area, device=device)
    if intent in ASKING:
        return Command(verb=Verb.GET, area=area, device=device, what=ASKING[intent])
    what, value = _setting(intent, slots, text)
    return Command(verb=Verb.SET, area=area, device=device, what=what, value=value)


def _switching(verb: Verb, slots: Mapping[str, Any], text: str) -> Verb:
    """Home Assistant opens and locks by turning on; the words of the text tell which it is."""
    if re.search(r"\b(?:turn|switch|lights?|fans?)\b.*\b(?:on|off)\b|켜|꺼", text, re.I):
        return verb
    return next((move for move, said in _MOVES if said.search(text)), verb)


def _place(slots: Mapping[str, Any], text: str) -> Quote | None:
    name = slots.get("area") or slots.get("floor")
    if name:
        return _find(str(name), text)
    return _find("house", text) if slots.get("domain") and not slots.get("name") else None


def _device(slots: Mapping[str, Any], text: str) -> Quote | None:
    if slots.get("name"):
        quote = _find(str(slots["name"]), text)
        if quote is None:
            raise ValueError(f"the name {slots['name']!r} is not in the text")
        return _with_kind(quote, text)
    asked = slots.get("device_class") or slots.get("domain") or list(words()["kinds"])
    every = [
        word for each in (asked if isinstance(asked, list) else [asked]) for word in _words_for(str(each))
    ]
    for word in sorted(every, key=len, reverse=True):
        quote = _find(word, text)
        if quote and not re.match(r" (?:it )?up\b", text[quote.end :]):
            return quote
    if slots.get("device_class"):
        raise ValueError(f"no word of the text names a {slots['device_class']}")
    return None


def _with_kind(name: Quote, text: str) -> Quote:
    """The lights called play corner are `play corner lights` in the text."""
    more = re.match(r" (?:lights?|lamps?|fans?|curtains?|blinds?)\b", text[name.end :], re.IGNORECASE)
    end = name.end + (more.end() if more else 0)
    return Quote(start=name.start, end=end, quote=text[name.start : end])


def _words_for(kind: str) -> list[str]:
    """Return the words that may stand for a domain or a device class."""
    tables = words()
    if kind in (*_DOMAINS, *tables["kinds"]):
        return list(kind_words(_DOMAINS.get(kind, kind)))
    return [kind, f"{kind}s", *tables["device_class"].get(kind, [])]


def _setting(intent: str, slots: Mapping[str, Any], text: str) -> tuple[What, Value]:
    for slot, what in SETTING[intent].items():
        if slot in slots:
            return what, _value(slots[slot], text)
    raise ValueError(f"{intent} has no value")


def _value(given: Any, text: str) -> Value:
    """Return the value whose words stand in the text."""
    for start, end in value_spans(text, language(text)):
        value = read_value(Quote(start=start, end=end, quote=text[start:end]))
        if value and (value.word or value.number == given):
            return value
    raise ValueError(f"no words of the text give {given!r}")


def _find(words_: str, text: str) -> Quote | None:
    body = r"\s?".join(re.escape(part) for part in words_.split())
    match = re.search(rf"\b{body}\b" if words_.isascii() else body, text, re.IGNORECASE)
    return Quote(start=match.start(), end=match.end(), quote=match[0]) if match else None
