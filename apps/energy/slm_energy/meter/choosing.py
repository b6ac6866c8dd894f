"""What a file leaves open: unit, zone, kind of value, what a stamp marks. Each is decided with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from zoneinfo import ZoneInfo

from slm_core.errors import UserError
from slm_energy.meter import clock
from slm_energy.meter.columns import Layout, MeterMap, Quantity, tables
from slm_energy.meter.counter import looks_counted
from slm_energy.meter.finding import Choice, Finding, finding
from slm_energy.meter.rows import Stamped
from slm_energy.meter.stamps import on_time_line
from slm_energy.meter.steps import Reading
from slm_energy.meter.table import Sheet
from slm_energy.meter.units import Unit, find_unit, header_unit, without_unit
from slm_energy.said import Said

_GIVEN = Said("--map에 적힘", "given in --map")
_PLAIN = {"outdoor": "°C", "ghi": "W/m2", "clouds": "%", "price": "원/kWh"}


def choose_unit(
    sheet: Sheet, layout: Layout, given: MeterMap, quantity: Quantity
) -> tuple[Unit, list[Choice], list[Finding]]:
    """Return the unit of the values: the map's, the header's, else one that is said to be assumed."""
    choices = []
    if layout.value:
        why = Said(f"{quantity} 값이 있는 열", f"the column of {quantity}")
        choices.append(Choice("column", layout.value, why))
    unit = find_unit(given.unit) if given.unit else header_unit(layout.value)
    if given.unit and unit is None:
        units = "W, kW, MW, Wh, kWh, MWh, 원/kWh, °C, W/m2, %"
        raise UserError(f"unknown unit {given.unit!r}", where="--map", expected=units)
    if unit is not None:
        why = _GIVEN if given.unit else Said("머리글에 적힘", "given in the header")
        return unit, [*choices, Choice("unit", unit.name, why)], []
    assumed = _assumed(layout.value, quantity)
    column = layout.value or sheet.header[0]
    told = finding("unit_unknown", sheet.header_line, column=column, unit=assumed.name)
    why = Said("머리글에 단위가 없음", "the header names no unit")
    return assumed, [*choices, Choice("unit", assumed.name, why)], [told]


def _assumed(column: str, quantity: Quantity) -> Unit:
    """Return the usual unit of a quantity; of an electrical one by the words of its name, else energy."""
    name, words = without_unit(column), tables()
    power = not any(word in name for word in words["energy"]["words"])
    power = power and any(word in name for word in words["power"]["words"])
    unit = find_unit(_PLAIN.get(quantity, "kW" if power else "kWh"))
    if unit is None:
        raise LookupError(quantity)
    return unit


def place(
    stamped: Sequence[Stamped], given: MeterMap, local: ZoneInfo, choices: list[Choice]
) -> tuple[list[Reading], list[Finding]]:
    """Lay the readings on the time line: by their own zone, the map's or the local one, and say which."""
    lines, stamps = [each.line for each in stamped], [each.stamp for each in stamped]
    findings = clock.mixed_zones(lines, stamps)
    zone: tzinfo = ZoneInfo(given.zone) if given.zone else local
    if all(stamp.tzinfo is not None for stamp in stamps):
        why = Said("시각마다 시간대가 적혀 있음", "every time names its zone")
        choices.append(Choice("zone", str(stamps[0].tzname()), why))
    else:
        zone, told = clock.own_zone(lines, stamps, zone)
        findings += told
        why = (
            _GIVEN
            if given.zone
            else Said("파일에 시간대가 없어 현장의 시간대로 읽음", "the file names none, so it is the site's")
        )
        choices.append(Choice("zone", str(zone), why))
    placed = on_time_line(stamps, zone)
    readings = [Reading(each.line, at, each.value) for each, at in zip(stamped, placed, strict=True)]
    return readings, findings


def choose_kind(
    layout: Layout, given: MeterMap, unit: Unit, found: Sequence[float], choices: list[Choice]
) -> str:
    """Return whether values are means, the energy of a step, or the readings of a counter."""
    if given.kind:
        kind, why = str(given.kind), _GIVEN
    elif unit.kind != "energy":
        return "power"
    elif any(word in without_unit(layout.value) for word in tables()["counter"]["words"]):
        kind, why = "counter", Said("열 이름이 누적값이라고 함", "the name of the column says so")
    elif looks_counted(found):
        kind, why = "counter", Said("값이 줄어드는 일이 거의 없음", "the values hardly ever fall")
    else:
        kind, why = "energy", Said("값이 오르내림", "the values rise and fall")
    choices.append(Choice("kind", kind, why))
    return kind


def stamps_end(
    layout: Layout,
    given: MeterMap,
    minutes: set[int],
    readings: Sequence[Reading],
    step_s: float,
    choices: list[Choice],
) -> bool:
    """Return whether a stamp is the end of its step, and say by what."""
    named = any(word in without_unit(layout.time or layout.hour) for word in tables()["ends"]["words"])
    # From 00:15 to 00:00: one whole day or several of steps that end with their stamp.
    whole_days = (readings[-1].at - readings[0].at).total_seconds() % 86400 == 86400 - step_s
    first_only = bool(minutes) and min(minutes) == 0 and sorted(minutes)[:2] == [0, step_s / 60]
    after = whole_days and first_only and readings[0].at.minute * 60 % 86400 == step_s
    reasons = (
        (given.stamp is not None, given.stamp == "end", _GIVEN),
        (named, True, Said("열 이름이 끝 시각이라고 함", "the name of the column says so")),
        (24 * 60 in minutes, True, Said("24시가 있음", "the file has an hour 24")),
        (
            after,
            True,
            Said("00시 다음에서 시작해 00시에 끝남", "it begins one step after midnight and ends at one"),
        ),
        (True, False, Said("끝 시각이라는 표시가 없음", "nothing says that it is the end")),
    )
    ends, why = next((ends, why) for holds, ends, why in reasons if holds)
    choices.append(Choice("stamp", "end" if ends else "start", why))
    return ends
