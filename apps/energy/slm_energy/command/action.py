"""The task `command`: what one Korean or English sentence orders, each part with the words that say it.

Wire form: compact JSON that points at words of the text; every number and hour is read by code out of the
words that are quoted:

    {"verb":"set","area":"거실","device":"에어컨","what":"temperature","value":"24도","when":["10분 뒤"]}

A part that the text does not give is left out. `{"verb":"none"}` orders nothing (a question about what
should be done, a report, a denial, small talk); `{"verb":"several"}` orders more than one thing at once.
"""

from __future__ import annotations

import json
import re
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from slm_core.domain import TextRequest
from slm_energy.command.words import squeezed

PROMPT = "command"
QUOTE_LIMIT = 40
WHEN_LIMIT = 2


class Verb(StrEnum):
    """What is to be done."""

    TURN_ON = "turn_on"
    TURN_OFF = "turn_off"
    OPEN = "open"
    CLOSE = "close"
    SET = "set"
    INCREASE = "increase"
    DECREASE = "decrease"
    GET = "get"
    SEVERAL = "several"
    NONE = "none"


class What(StrEnum):
    """Which quantity of the device the order is about."""

    TEMPERATURE = "temperature"
    HUMIDITY = "humidity"
    BRIGHTNESS = "brightness"
    COLOR = "color"
    COLOR_TEMPERATURE = "color_temperature"
    SOC = "soc"  # state of charge
    POWER = "power"
    ENERGY = "energy"
    CURRENT = "current"
    SPEED = "speed"
    POSITION = "position"
    MODE = "mode"
    VOLUME = "volume"


IDLE = (Verb.NONE, Verb.SEVERAL)


class Quote(BaseModel):
    """Characters `start` to `end` (exclusive) of the text, and what stands there."""

    model_config = ConfigDict(frozen=True)

    start: int = Field(ge=0)
    end: int = Field(ge=0)
    quote: str


class Value(BaseModel):
    """A number with its unit (`24 °C`; no unit where none is said), or a word (`max`, `cool`, `red`)."""

    model_config = ConfigDict(frozen=True)

    span: Quote
    number: float | None = None
    unit: str = ""
    word: str = ""

    @property
    def shown(self) -> str:
        """As it is counted and compared: `24 °C`, `50 %`, `max`."""
        return self.word if self.number is None else f"{self.number:g} {self.unit}".strip()


class When(BaseModel):
    """A time of the order: a clock hour (`at`, `until`) or a duration in seconds (`after`, `for`).

    `day` is 1 for tomorrow; `half_open` says that the text leaves open which half of the day is meant.
    """

    model_config = ConfigDict(frozen=True)

    span: Quote
    kind: Literal["at", "until", "after", "for"]
    clock: str | None = None
    seconds: int | None = None
    day: int | None = None
    half_open: bool = False

    @property
    def shown(self) -> str:
        """As it is counted and compared: `after 600 s`, `at 18:00`, `until tomorrow 07:00`."""
        if self.seconds is not None:
            return f"{self.kind} {self.seconds} s"
        day = {None: "", 0: "today ", 1: "tomorrow "}.get(self.day, f"in {self.day} days ")
        return f"{self.kind} {day}{self.clock}"


class Command(BaseModel):
    """One order as the text gives it; nothing here says which device of the home it means.

    `because` tells why nothing is ordered although words of an order stand there. `sure` is False where the
    expert alone reads an order in a text that has not the form of one, and where words are left that nothing
    explains: then a person confirms. `dropped` lists what a check refused, with the reason.
    """

    verb: Verb = Verb.NONE
    device: Quote | None = None
    area: Quote | None = None
    what: What | None = None
    value: Value | None = None
    when: list[When] = []
    because: str = ""
    sure: bool = True
    dropped: list[str] = []


_QUOTE = {"type": "string", "minLength": 1, "maxLength": QUOTE_LIMIT}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "verb": {"enum": [verb.value for verb in Verb]},
        "area": _QUOTE,
        "device": _QUOTE,
        "what": {"enum": [what.value for what in What]},
        "value": _QUOTE,
        "when": {"type": "array", "items": _QUOTE, "minItems": 1, "maxItems": WHEN_LIMIT},
    },
    "required": ["verb"],
    "additionalProperties": False,
}

INSTRUCTIONS = """\
Read one sentence said to a home or building, Korean or English, and write its order as one JSON object. \
Leave out every key that the sentence does not give. Quotes are copied exactly from the sentence, as short \
as possible, without articles and particles. Keys, in this order:
- "verb": turn_on (켜다, start), turn_off (끄다, stop), open (열다, unlock), close (닫다, lock), set (a \
value or mode is named), increase (올리다, more), decrease (내리다, less), get (a question about a state or \
reading), several (more than one order or device), none (no order: small talk, a report, "don't ...", \
"should I ...?").
- "area": quote of the room or floor, e.g. "거실", "second floor".
- "device": quote of the device without the room, e.g. "에어컨", "lamp".
- "what": temperature, humidity, brightness, color, color_temperature, soc (charge level), power, energy, \
current, speed, position, mode, volume.
- "value": quote of number and unit, or of the word, e.g. "24도", "50 percent", "최대", "냉방".
- "when": list of quotes of times and durations, e.g. ["10분 뒤"], ["at 6 pm"].
Examples: 거실 에어컨 24도로 맞춰 줘 -> {"verb":"set","area":"거실","device":"에어컨","what":"temperature",\
"value":"24도"}
Turn off the lamp in the bedroom in 10 minutes -> {"verb":"turn_off","area":"bedroom","device":"lamp",\
"when":["in 10 minutes"]}"""


def encode_command(command: Command, request: TextRequest) -> str:
    """Return the wire form of a command.

    Raises:
        ValueError: a span does not quote the text, or is longer than a quote may be.
    """
    wire: dict[str, Any] = {"verb": command.verb.value}
    if command.verb not in IDLE:
        for key in ("area", "device"):
            if (quote := getattr(command, key)) is not None:
                wire[key] = _checked(key, quote, request.text)
        if command.what is not None:
            wire["what"] = command.what.value
        if command.value is not None:
            wire["value"] = _checked("value", command.value.span, request.text)
        if command.when:
            wire["when"] = [_checked("when", when.span, request.text) for when in command.when[:WHEN_LIMIT]]
    return json.dumps(wire, ensure_ascii=False, separators=(",", ":"))


def decode_command(wire: Any, request: TextRequest) -> Command:
    """Return the checked command of a wire form; what the text does not bear out is listed in `dropped`.

    Raises:
        ValueError: the wire form is no object, or its verb is unknown.
    """
    from slm_energy.command.reading import read_value, read_when

    if not isinstance(wire, dict):
        raise ValueError(f"expected an object, got {type(wire).__name__}")
    verb = Verb(wire.get("verb", ""))
    dropped = [f"{key}: no such field" for key in wire if key not in SCHEMA["properties"]]
    if verb in IDLE:
        return Command(verb=verb, dropped=dropped)
    fields: dict[str, Any] = {"verb": verb}
    for key in ("area", "device"):
        if key in wire and (quote := _found(key, wire[key], request.text, dropped)):
            fields[key] = quote
    if "what" in wire:
        fields["what"] = What(wire["what"])
    if "value" in wire and (quote := _found("value", wire["value"], request.text, dropped)):
        value = read_value(quote)
        fields |= {"value": value} if value else {}
        dropped += [] if value else [f"value: no number or known word in {quote.quote!r}"]
    quotes = [_found("when", each, request.text, dropped) for each in wire.get("when", [])[:WHEN_LIMIT]]
    times = [(quote, read_when(quote, request.text)) for quote in quotes if quote]
    dropped += [f"when: no time in {quote.quote!r}" for quote, when in times if when is None]
    return Command(**fields, when=[when for _, when in times if when], dropped=dropped)


def command_items(command: Command) -> frozenset[str]:
    """Return what the metric counts, e.g. `verb=set`, `target=거실에어컨`, `value=24 °C`; no order: no item.

    The target is area and device in this order without white space, for `garage door` may be read as a door
    in the garage or as one name, and both mean the same device.
    """
    if command.verb in IDLE:
        return frozenset() if command.verb == Verb.NONE else frozenset({f"verb={command.verb}"})
    items = {f"verb={command.verb}"}
    target = "".join(squeezed(quote.quote) for quote in (command.area, command.device) if quote)
    if target:
        items.add(f"target={target}")
    if command.what is not None:
        items.add(f"what={command.what}")
    if command.value is not None:
        items.add(f"value={command.value.shown}")
    return frozenset(items | {f"when={when.shown}" for when in command.when})


def _checked(key: str, quote: Quote, text: str) -> str:
    if not quote.quote or text[quote.start : quote.end] != quote.quote:
        raise ValueError(
            f"{key}: characters {quote.start} to {quote.end} of the text are not {quote.quote!r}"
        )
    if len(quote.quote) > QUOTE_LIMIT:
        raise ValueError(f"{key}: the quote {quote.quote!r} is longer than {QUOTE_LIMIT} characters")
    return quote.quote


def _found(key: str, wanted: Any, text: str, dropped: list[str]) -> Quote | None:
    """Return where a quote stands, or note that it does not.

    Whole words go before parts of words, and the exact words before other white space and case.
    """
    name = str(wanted).strip()
    loose = r"\s*".join(re.escape(letter) for letter in name if not letter.isspace())
    for pattern in (rf"(?<!\w){re.escape(name)}(?!\w)", re.escape(name), loose):
        if name and (match := re.search(pattern, text, re.IGNORECASE)):
            return Quote(start=match.start(), end=match.end(), quote=match[0])
    dropped.append(f"{key}: {wanted!r} is not in the text")
    return None
