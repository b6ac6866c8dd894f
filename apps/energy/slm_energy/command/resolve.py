"""A command held against the home: which device it means and what would change, or what has to be asked.

A device is never guessed. It is taken when the text names it by one of its names, by a word of its kind or
through its area, and nothing else that the home knows is named beside it; all else is asked back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from slm_energy.command.action import Command, Quote, Value, Verb, What, When
from slm_energy.command.devices import Device, Home, Kind, Limits
from slm_energy.command.rules import phrase_about
from slm_energy.command.verbs import every, excepted
from slm_energy.command.words import is_collective, kind_words, same_name, squeezed

Reason = Literal[
    "unknown_area", "unknown_device", "which_device", "no_device", "which_setting", "missing_value",
    "out_of_range", "wrong_unit", "not_possible", "no_reading", "which_hour", "several", "excepted",
    "also_named",
]  # fmt: skip
State = Mapping[str, bool | float | str]
SWITCHED = frozenset(Kind) - {Kind.SOLAR, Kind.METER, Kind.SENSOR, Kind.COVER, Kind.DOOR}
MOVED = frozenset({Kind.COVER, Kind.DOOR})
SIMILAR = 0.6
_LIGHTS_ONLY = re.compile(r"소등|점등|\blights? (?:out|up)\b|\billuminate\b", re.IGNORECASE)


@dataclass(frozen=True)
class Step:
    """One change of one device: `field` is `on`, `open` or the name of a setting."""

    device: Device
    field: str
    value: bool | float | str
    unit: str = ""


@dataclass(frozen=True)
class Resolved:
    """What an order would change, and when; `sure` is False where a person has to say that it is one."""

    steps: tuple[Step, ...]
    when: tuple[When, ...] = ()
    sure: bool = True


@dataclass(frozen=True)
class Reading:
    """What is asked about devices; `what` None asks whether they are on or open."""

    devices: tuple[Device, ...]
    what: What | None


@dataclass(frozen=True)
class Question:
    """What has to be asked before anything is done: why, which words, and between what one may choose."""

    reason: Reason
    said: str = ""
    devices: tuple[Device, ...] = ()
    limits: Limits | None = None


@dataclass(frozen=True)
class Nothing:
    """The text orders nothing; why."""

    because: str


Outcome = Resolved | Reading | Question | Nothing


class _Ask(Exception):
    """Carries a question out of the search."""

    def __init__(
        self, reason: Reason, said: str = "", devices: Iterable[Device] = (), limits: Limits | None = None
    ):
        super().__init__(reason)
        self.question = Question(reason, said, tuple(devices), limits)


def resolve(command: Command, text: str, home: Home, states: Mapping[str, State] | None = None) -> Outcome:
    """Return what a command means in a home.

    Args:
        command: as it was read from `text`.
        text: what was said; it decides what else is named.
        home: areas and devices.
        states: what is known of each device by its id: `on`, `open`, settings. A relative change needs it.
    """
    if command.verb == Verb.NONE:
        return Nothing(command.because or "no order")
    try:
        if command.verb == Verb.SEVERAL:
            raise _Ask("several", command.because)
        if word := excepted(text):
            raise _Ask("excepted", word)
        devices = _targets(command, text, home)
        _check_beside(devices, text, home)
        if command.verb == Verb.GET:
            return _reading(command, devices)
        if any(when.half_open for when in command.when):
            raise _Ask("which_hour", next(when.span.quote for when in command.when if when.half_open))
        steps = tuple(_step(command, device, (states or {}).get(device.id, {})) for device in devices)
        return Resolved(steps, tuple(command.when), command.sure)
    except _Ask as ask:
        return ask.question


def _targets(command: Command, text: str, home: Home) -> list[Device]:
    """Return the devices that the words name.

    Raises:
        _Ask: none, or several where one is meant.
    """
    areas = _areas(command.area, home) if command.area else None
    pool = [
        device
        for device in home.devices
        if areas is None or any(area in home.above(device.area) for area in areas)
    ]
    if command.device is None:
        return _by_area(command, text, pool, areas is not None)
    said = _whole_phrase(command.device, text, home)
    found = _called(said, command.area, pool, home)
    if len(found) < 2 or every(text):
        return found
    here = [device for device in found if device.area in (areas or ())] or found
    if len(here) == 1 or (areas is not None and is_collective(said)):
        return here
    raise _Ask("which_device", said, here)


def _whole_phrase(device: Quote, text: str, home: Home) -> str:
    """Return all that is said of a device: for `곰돌이 스탠드` a reading of `스탠드` is not enough."""
    phrase = phrase_about(text, device.start, home)
    return phrase if squeezed(device.quote) in squeezed(phrase) else device.quote


def _areas(words: Quote, home: Home) -> list[str]:
    """Return the ids of the areas meant: `2층 침실` is the bedroom on the second floor."""
    found = home.named_areas(words.quote)
    if found:
        return [area.id for area in found]
    parts = words.quote.split()
    for cut in range(1, len(parts)):
        outer, inner = (home.named_areas(" ".join(part)) for part in (parts[:cut], parts[cut:]))
        both = [area.id for area in inner if any(o.id in home.above(area.id) for o in outer)]
        if both:
            return both
    names = {area.id: area.names for area in home.areas}
    close = [id for id, each in names.items() if _likeness(words.quote, each) >= SIMILAR]
    raise _Ask("unknown_area", words.quote, [d for d in home.devices if d.area in close])


def _by_area(command: Command, text: str, pool: Sequence[Device], placed: bool) -> list[Device]:
    if not placed:
        raise _Ask(
            "no_device", "", [d for d in pool if command.what in d.settings or command.what in d.reads]
        )
    if command.what is not None:
        fit = [
            d
            for d in pool
            if command.what in d.settings or (command.verb == Verb.GET and command.what in d.reads)
        ]
        if command.what in (What.TEMPERATURE, What.MODE):
            fit = [d for d in fit if d.kind in (Kind.HVAC, Kind.HEATER)] or fit
        lit = command.what in (What.BRIGHTNESS, What.COLOR, What.COLOR_TEMPERATURE)
        if len(fit) == 1 or (fit and (lit or every(text))):
            return fit
        raise _Ask("which_device" if fit else "no_device", "", fit or pool)
    if _LIGHTS_ONLY.search(text):
        return [device for device in pool if device.kind == Kind.LIGHT]
    if every(text) and command.verb in (Verb.TURN_ON, Verb.TURN_OFF):
        return [device for device in pool if device.kind in SWITCHED]
    raise _Ask("no_device", "", pool)


def _called(said: str, area: Quote | None, pool: Sequence[Device], home: Home) -> list[Device]:
    """Return the devices of the pool that answer to these words; own names go before words of a kind."""
    whole = f"{area.quote} {said}" if area else said
    for words in (said, whole):
        if found := [device for device in pool if any(same_name(name, words) for name in device.names)]:
            return found
    for words in (said, whole):
        if found := [
            device for device in pool if any(same_name(name, words) for name in home.called(device))
        ]:
            heads = [
                d for d in found if any(same_name(name.split()[-1], said.split()[-1]) for name in d.names)
            ]
            return found if is_collective(said) else heads or found
    elsewhere = [
        d
        for d in home.devices
        if d not in pool and any(same_name(n, said) for n in (*d.names, *kind_words(d.kind)))
    ]
    close = sorted(pool, key=lambda device: -_likeness(said, device.names))
    close = [device for device in close if _likeness(said, device.names) >= SIMILAR]
    raise _Ask("unknown_device", said, (close or elsewhere)[:5])


def _likeness(words: str, names: Iterable[str]) -> float:
    return max(SequenceMatcher(None, squeezed(words), squeezed(name)).ratio() for name in names)


def _check_beside(devices: Sequence[Device], text: str, home: Home) -> None:
    """Refuse where the text names an area or a device that the order would not touch.

    Raises:
        _Ask: it does.
    """
    for name in _mentions(
        text,
        [name for device in home.devices for name in device.names] + [n for a in home.areas for n in a.names],
    ):
        areas = {area.id for area in home.named_areas(name)}
        touched = any(
            any(same_name(name, own) for own in home.called(device)) or areas & home.above(device.area)
            for device in devices
        )
        if not touched:
            raise _Ask("also_named", name, devices)
    if not devices:
        raise _Ask("no_device")


def _mentions(text: str, names: Iterable[str]) -> list[str]:
    """Return the names that stand in the text, of overlapping ones the longest."""
    patterns = []
    for name in sorted({*names}, key=len, reverse=True):
        body = r"\s?".join(re.escape(part) for part in name.split())
        patterns.append(
            rf"\b{body}\b" if name.isascii() else rf"(?<![가-힣]){body}" if len(name) < 2 else body
        )
    return [match[0] for match in re.finditer("|".join(patterns), text, re.IGNORECASE)]


def _reading(command: Command, devices: Sequence[Device]) -> Reading:
    what = command.what
    known = [
        d
        for d in devices
        if what is None or what in d.settings or what in d.reads or (what == What.POWER and d.rated_kw)
    ]
    if not known:
        raise _Ask("not_possible", what or "", devices)
    return Reading(tuple(known), what)


def _step(command: Command, device: Device, state: State) -> Step:
    if command.verb in (Verb.INCREASE, Verb.DECREASE, Verb.SET):
        return _setting(command, device, state)
    moves = command.verb in (Verb.OPEN, Verb.CLOSE)
    if device.kind not in (MOVED if moves else SWITCHED):
        raise _Ask("not_possible", command.verb, (device,))
    return Step(device, "open" if moves else "on", command.verb in (Verb.OPEN, Verb.TURN_ON))


def _setting(command: Command, device: Device, state: State) -> Step:
    relative = command.verb != Verb.SET
    if relative and command.value is None and device.kind == Kind.COVER:
        return Step(device, "open", command.verb == Verb.INCREASE)
    what = command.what or _only_setting(device, command.value)
    if what is None and command.value is None and device.settings:
        raise _Ask("which_setting", "", (device,))
    if what not in device.settings:
        raise _Ask("not_possible", what or command.verb, (device,))
    limits = device.settings[what]
    if command.value is None and not (relative and limits.step):
        raise _Ask("missing_value", what, (device,), limits)
    if command.value is not None and command.value.word:
        return Step(device, what, _word(command.value.word, device, limits), limits.unit)
    number = limits.step if command.value is None else _number(command.value, device, limits)
    if number is None or limits.low is None or limits.high is None:
        raise _Ask("out_of_range", command.value.shown if command.value else "", (device,), limits)
    if relative:
        number = _changed(number if command.verb == Verb.INCREASE else -number, what, device, state)
    if not limits.low <= number <= limits.high:
        raise _Ask("out_of_range", f"{number:g} {limits.unit}".strip(), (device,), limits)
    return Step(device, what, number, limits.unit)


def _only_setting(device: Device, value: Value | None) -> What | None:
    """Return the one setting that takes such a value, or None."""
    if value is None:
        return next(iter(device.settings)) if len(device.settings) == 1 else None
    fit = [what for what, limits in device.settings.items() if _takes(limits, value)]
    return fit[0] if len(fit) == 1 else None


def _takes(limits: Limits, value: Value) -> bool:
    if value.word:
        return value.word in limits.words
    return limits.low is not None and value.unit in ("", limits.unit)


def _word(word: str, device: Device, limits: Limits) -> float | str:
    if word in limits.words:
        return word
    extreme = {"max": limits.high, "min": limits.low}.get(word)
    if extreme is None:
        raise _Ask("out_of_range", word, (device,), limits)
    return extreme


def _number(value: Value, device: Device, limits: Limits) -> float:
    """Return the number in the unit of the setting; W becomes kW, nothing else is converted."""
    assert value.number is not None
    if value.unit in ("", limits.unit):
        return value.number
    if (value.unit, limits.unit) == ("W", "kW"):
        return value.number / 1000
    raise _Ask("wrong_unit", value.shown, (device,), limits)


def _changed(by: float, what: What, device: Device, state: State) -> float:
    now = state.get(what)
    if not isinstance(now, int | float) or isinstance(now, bool):
        raise _Ask("no_reading", what, (device,))
    return now + by
