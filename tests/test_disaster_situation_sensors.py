"""Sensors by rule: one crossing is one event, units are converted, faults are told of once."""

from __future__ import annotations

from datetime import date

import pytest
from disaster_stream import Room
from hypothesis import given, settings
from hypothesis import strategies as st

from slm_disaster.situation.rules import convert, in_base, rules

GAUGE = "level/wl_1018683"


def _flow(room: Room, values: list[float], every: float = 120, sensor: str = GAUGE) -> None:
    for step, value in enumerate(values):
        room.measure(sensor, value, step * every)


def test_a_level_that_swings_about_its_threshold_crosses_once() -> None:
    room = Room()
    _flow(room, [8.0, 8.6, 8.45, 8.55, 8.4, 8.6, 8.2, 8.1])
    assert room.gauge(GAUGE) == ["over", "clear"]
    assert room.only["status"] == "released"


def test_advisory_and_warning_are_two_crossings_of_one_incident() -> None:
    room = Room()
    _flow(room, [8.0, 8.6, 9.4, 10.2, 10.6])
    assert [each["rule"] for each in room.only["evidence"]] == ["hangang-advisory", "hangang-warning"]
    assert room.only["severity"] == 3


def test_the_unit_of_the_sensor_does_not_matter() -> None:
    for unit, factor in (("cm", 100), ("m", 1), ("ft", 1 / 0.3048), ("mm", 1000)):
        room = Room()
        for minute, level in ((0, 8.4), (120, 8.51)):
            room.measure(GAUGE, level * factor, minute, unit)
        assert room.gauge(GAUGE) == ["over"], unit


@pytest.mark.parametrize(
    ("kind", "value", "unit", "base"),
    [
        ("temperature", 135, "°F", 57.2222),
        ("temperature", 330.15, "K", 57.0),
        ("seismic", 0.1, "g", 98.0665),
        ("flow", 100, "cfs", 2.8317),
        ("gas", 500, "ppb", 0.5),
        ("rain", 2, "in/h", 50.8),
    ],
)
def test_units_are_converted_by_code(kind: str, value: float, unit: str, base: float) -> None:
    assert convert(kind, value, unit).value == pytest.approx(base, abs=1e-3)


@pytest.mark.parametrize(
    ("sensor", "value", "unit", "reason"),
    [
        ("level/a", 3, "bananas", "no unit of a level sensor; known are m, cm"),
        ("level/a", 3, "", "no unit is given"),
        ("level/a", 3, "ppm", "no unit of a level sensor"),
        ("magic/a", 3, "m", "unknown kind of sensor 'magic'; known are level"),
        ("temperature/a", 9999, "°C", "cannot be (-90 ~ 1500 °C)"),
    ],
)
def test_a_reading_that_cannot_be_used_says_why_once(
    sensor: str, value: float, unit: str, reason: str
) -> None:
    room = Room()
    for minute in range(3):
        room.measure(sensor, value, minute, unit)
    (event,) = [each for each in room.made if each.stream.startswith("gauge/")]
    assert event.payload["state"] == "refused"
    assert reason in event.payload["reason"]["en"]
    assert "센서" in event.payload["reason"]["ko"] or event.payload["reason"]["ko"]


def test_water_that_rises_by_a_metre_within_an_hour_is_told_below_any_threshold() -> None:
    room = Room()
    _flow(room, [1.0, 1.1, 1.3, 1.6, 1.9, 2.2, 2.4], every=10, sensor="level/brook")
    assert room.only["evidence"][0]["rule"] == "level-rise"
    slow = Room()
    _flow(slow, [1.0 + 0.1 * step for step in range(20)], every=10, sensor="level/brook")
    assert slow.incidents == []


def test_rain_is_summed_over_three_hours() -> None:
    room = Room()
    for step in range(18):
        room.measure("rain/r1", 6, step * 10, "mm", place="강릉시")
    assert [each["rule"] for each in room.only["evidence"]] == ["rain-advisory-3h", "rain-warning-3h"]
    assert room.only["hazard"] == "heavy_rain"


def test_a_stuck_gauge_is_told_once_and_again_when_it_is_well() -> None:
    room = Room()
    _flow(room, [2.0] * 50 + [2.1], every=10, sensor="level/s")
    assert room.gauge("level/s") == ["stuck", "well"]
    assert room.incidents == []


def test_a_silent_sensor_is_noticed_by_the_clock_and_by_other_events() -> None:
    for late in ("clock/tick", "report/in"):
        room = Room()
        _flow(room, [2.0, 2.1, 2.0], every=10, sensor="level/s")
        payload = {"text": "강릉시 침수"} if late == "report/in" else {}
        room.take(room.event(late, payload, 45))
        assert room.gauge("level/s") == []
        room.take(room.event("clock/tick", {}, 61))
        room.take(room.event("clock/tick", {}, 90))
        assert room.gauge("level/s") == ["silent"]
        room.measure("level/s", 2.2, 100)
        assert room.gauge("level/s") == ["silent", "well"]


def test_a_late_reading_changes_nothing_now_but_an_unknown_crossing_of_the_past_is_told() -> None:
    room = Room()
    room.measure(GAUGE, 8.0, 0)
    room.measure(GAUGE, 8.1, 300)
    room.measure(GAUGE, 8.7, 150)
    room.measure(GAUGE, 8.8, 155)
    assert room.gauge(GAUGE) == ["past"]
    assert "arrived late" in room.last[f"gauge/{GAUGE}"].payload["reason"]["en"]
    assert room.last[f"gauge/{GAUGE}"].payload["over"] == []


def test_a_late_reading_within_a_crossing_that_is_known_is_no_second_one() -> None:
    room = Room()
    _flow(room, [8.0, 8.6, 8.7, 8.0])
    room.measure(GAUGE, 8.65, 180)
    assert room.gauge(GAUGE) == ["over", "clear"]


def test_the_site_s_own_rules_count_from_when_they_are_told() -> None:
    room = Room()
    rule = {"id": "brook", "kind": "level", "sensors": ["brook"], "measure": "value", "at": 120, "clear": 100}
    rule |= {"unit": "cm", "severity": 2, "hazard": "flood", "ko": "주의", "en": "caution"}
    rule |= {"source": "operator", "valid_from": "2026-01-01"}
    room.measure("level/brook", 1.3, 0)
    assert room.incidents == []
    room.take(room.event("config/sensors", {"rules": [rule]}, 1))
    room.measure("level/brook", 1.31, 2)
    assert room.only["evidence"][0]["source"] == "operator"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"unit": "bananas"}, "unknown unit 'bananas'; known are"),
        ({"clear": 99}, "above"),
        ({"wrong": 1}, "Extra inputs"),
    ],
)
def test_a_wrong_rule_is_refused_with_the_reason(change: dict[str, object], reason: str) -> None:
    rule = {"id": "b", "kind": "level", "measure": "value", "at": 1, "unit": "m", "ko": "가", "en": "a"}
    room = Room()
    with pytest.raises(ValueError, match=reason):
        payload = {"rules": [rule | {"source": "s", "valid_from": "2026-01-01"} | change]}
        room.take(room.event("config/sensors", payload))


def test_every_packaged_rule_names_its_source_and_the_day_it_counts_from() -> None:
    for rule in rules():
        assert rule.source
        assert rule.valid_from >= date(1990, 1, 1)
        assert rule.ko and rule.en
        if rule.measure in ("value", "rise", "sum"):
            assert rule.clear is not None, rule.id
            assert rule.kind == "quake" or in_base(rule.at, rule.unit) > in_base(rule.clear, rule.unit)


def test_a_rule_counts_only_from_its_day() -> None:
    advisory = next(rule for rule in rules() if rule.id == "hangang-advisory")
    assert not advisory.holds_for("level", "wl_1018683", "", date(2019, 8, 1))
    assert advisory.holds_for("level", "wl_1018683", "", date(2026, 8, 1))


def test_a_quake_and_its_revision_are_one_and_a_weak_one_is_none() -> None:
    room = Room()
    place = {"place": "12 km NE of Goesan", "lat": 36.88, "lon": 127.88}
    room.take(room.event("quake/in", {"id": "q1", "mag": 2.0, **place}, 0))
    assert room.incidents == []
    room.take(room.event("quake/in", {"id": "q2", "mag": 4.1, **place}, 1))
    room.take(room.event("quake/in", {"id": "q2", "mag": 5.2, **place}, 2))
    room.tell("충북 괴산군 지진 발생, 건물이 흔들렸습니다", 3, lat=36.9, lon=127.9)
    assert [(each["value"], each["rule"]) for each in room.only["evidence"]] == [(5.2, "quake-strong")]
    assert room.only["counts"]["reports"] == 1


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 600), st.floats(0, 20)), max_size=25))
def test_over_and_clear_always_alternate_in_whatever_order_readings_arrive(
    readings: list[tuple[int, float]],
) -> None:
    room = Room()
    for minute, value in readings:
        room.measure(GAUGE, value, minute)
    states = [
        event.payload["state"]
        for event in room.made
        if event.stream == f"gauge/{GAUGE}" and event.payload["rule"] == "hangang-advisory"
    ]
    present = [state for state in states if state != "past"]
    assert present == (["over", "clear"] * len(present))[: len(present)]
