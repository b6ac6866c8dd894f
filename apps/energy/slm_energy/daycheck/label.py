"""The task `anomaly`: the label of one day, from figures that code has computed.

Wire form: one JSON string, e.g. `"stuck"`.
"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Any

from pydantic import BaseModel

from slm_energy.daycheck.summary import DaySummary
from slm_energy.said import Said

PROMPT = "anomaly"


class Label(StrEnum):
    """What a day of a meter shows."""

    NORMAL = "normal"
    AFTER_HOURS = "after_hours"
    STUCK = "stuck"
    NEGATIVE = "negative"
    GAP = "gap"
    SPIKE = "spike"
    UNIT_ERROR = "unit_error"


TITLES = {
    Label.NORMAL: Said("정상", "Normal"),
    Label.AFTER_HOURS: Said("업무 시간 밖의 부하", "Load after hours"),
    Label.STUCK: Said("계량기 값이 멈춤", "Stuck meter"),
    Label.NEGATIVE: Said("부호가 바뀜(결선 방향 확인)", "Sign reversed (check wiring direction)"),
    Label.GAP: Said("값이 빠짐", "Values are missing"),
    Label.SPIKE: Said("한 시간 동안 튀는 값", "One hour out of line"),
    Label.UNIT_ERROR: Said("단위나 배율이 틀림", "Wrong unit or multiplier"),
}


class DayLabel(BaseModel):
    """The label of one day."""

    label: Label


SCHEMA: dict[str, Any] = {"enum": [label.value for label in Label]}

INSTRUCTIONS = """\
The JSON object describes one day of an electricity meter, 24 hourly values, against the usual day of the \
same kind: how many values are missing or negative, the longest run of equal values in hours, and total, \
night (22 to 6 h), day and highest hour as multiples of the usual ones. Answer with one JSON string:
"normal", "after_hours" (the night is far above the usual, the day is not), "stuck" (many equal values), \
"negative" (values below zero), "gap" (values are missing), "spike" (one hour far above the usual, the \
total is not), "unit_error" (night and day are many times the usual, or a small part of it)."""

# Thresholds of the rules, chosen on generated days and confirmed on planted days of real meters.
GAP_HOURS = 3
EQUAL_HOURS = 6
SPIKE_TIMES = 4.0
UNIT_TIMES = 2.8
NIGHT_TIMES = 1.6


def encode_label(reply: DayLabel, request: DaySummary) -> str:
    """Return the wire form."""
    return json.dumps(reply.label.value)


def decode_label(wire: Any, request: DaySummary) -> DayLabel:
    """Return the reply of a wire form; ValueError where it is none of the labels."""
    return DayLabel(label=Label(wire))


def label_items(reply: DayLabel) -> frozenset[str]:
    """Return what the metric counts: the label."""
    return frozenset({reply.label.value})


def label_by_rules(day: DaySummary) -> DayLabel:
    """Return the label by thresholds, the surest signs first."""
    return DayLabel(label=_label(day))


def _label(day: DaySummary) -> Label:
    if day.missing >= GAP_HOURS:
        return Label.GAP
    if day.negative:
        return Label.NEGATIVE
    if day.equal >= EQUAL_HOURS:
        return Label.STUCK
    apart = max(day.night, day.day) / max(min(day.night, day.day), 0.01)
    far = day.total >= UNIT_TIMES or day.total <= 1 / UNIT_TIMES
    if far and apart < 2:
        return Label.UNIT_ERROR
    if day.highest >= SPIKE_TIMES:
        return Label.SPIKE
    if day.night >= NIGHT_TIMES and day.night > 1.3 * day.day:
        return Label.AFTER_HOURS
    return Label.NORMAL
