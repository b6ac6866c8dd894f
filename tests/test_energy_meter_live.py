"""Meters over MQTT: messages to finished steps in any order; Home Assistant's entities as sources."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slm_core.source_table import read_tables
from slm_energy.meter.homeassistant import Unsupported, read_discovery, value_path
from slm_energy.meter.live import Live, Sample, Step, read_sample, take, tick

START = datetime(2026, 3, 2, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


def after(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def power(minutes: float, kw: float) -> Sample:
    return read_sample({"value": kw, "unit": "kW"}, after(minutes))


def counter(minutes: float, kwh: float) -> Sample:
    return read_sample({"value": kwh, "unit": "kWh", "state_class": "total_increasing"}, after(minutes))


def run(samples: Iterable[Sample]) -> tuple[Live, list[Step]]:
    """Count samples in, through JSON each time as a memory would keep it."""
    live, steps = Live(), []
    for sample in samples:
        taken = take(Live.model_validate(json.loads(live.model_dump_json())), sample, QUARTER)
        live = taken.live
        steps += taken.steps
    return live, steps


def test_power_is_weighted_by_the_time_it_held() -> None:
    live, steps = run([power(0, 2), power(5, 5), power(15, 1), power(16, 1)])
    assert [(step.start, step.value) for step in steps] == [(START, pytest.approx(4.0))]
    assert live.holes == 0


def test_a_counter_becomes_the_power_between_its_readings() -> None:
    _, steps = run([counter(minute, 100 + minute * 0.1) for minute in range(0, 40, 4)])
    assert [step.value for step in steps] == [pytest.approx(6.0), pytest.approx(6.0)]


def test_the_energy_of_a_quarter_is_the_power_of_that_quarter() -> None:
    samples = [
        read_sample({"value": kwh, "unit": "kWh", "minutes": 15}, after(15 * n))
        for n, kwh in enumerate((1.0, 2.0, 3.0), 1)
    ]
    live, steps = run(samples)
    assert [step.value for step in steps] == [4.0, 8.0]
    assert [step.value for step in tick(live, after(46), QUARTER).steps] == [12.0]


def test_watts_and_megawatt_hours_are_converted() -> None:
    assert power(0, 1.5).value == 1.5
    assert read_sample({"value": 1500, "unit": "W"}, START).value == 1.5
    assert read_sample({"value": 2, "unit": "MWh"}, START).value == 2000
    assert read_sample({"value": 20.5, "unit": "°C"}, START).unit == "°C"


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"value": "x", "unit": "W"},
        {"value": True, "unit": "W"},
        {"value": 1, "unit": "ppm"},
        {"value": float("nan"), "unit": "W"},
    ],
)
def test_a_message_that_is_no_reading_is_refused(payload: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"value|unit"):
        read_sample(payload, START)


def test_repeats_and_late_samples_are_counted_and_change_nothing() -> None:
    samples = [power(0, 2), power(0, 2), power(5, 4), power(15, 1), power(20, 1), power(3, 99), power(20, 1)]
    live, steps = run(samples)
    assert [step.value for step in steps] == [pytest.approx((2 * 5 + 4 * 10) / 15)]
    assert (live.twice, live.late) == (2, 1)
    live, _ = run([power(0, 2), power(0, 3)])
    assert live.contradicting == 1


def test_samples_that_overtake_each_other_within_half_a_minute_are_put_in_order() -> None:
    ordered = [power(n / 6, n % 7) for n in range(200)]
    shuffled = [each for pair in zip(ordered[1::2], ordered[::2], strict=True) for each in pair]
    assert run(shuffled)[1] == run(ordered)[1]
    assert len(run(ordered)[1]) == 2


def test_a_silent_hour_is_a_hole_and_not_zero() -> None:
    live, steps = run([power(0, 4), power(14, 4), power(180, 4), power(196, 4), power(197, 4)])
    assert [step.start for step in steps] == [after(15 * n) for n in (0, 1, 2, 3, 12)]
    assert live.holes == 8


def test_a_meter_that_speaks_on_change_only_goes_on_for_an_hour() -> None:
    live, _ = run([power(0, 4)])
    steps: list[Step] = []
    for minute in range(5, 120, 5):
        taken = tick(live, after(minute), QUARTER)
        live = taken.live
        steps += taken.steps
    assert [(step.start, step.value) for step in steps] == [(after(15 * n), 4.0) for n in range(4)]


def test_energy_function_11_a_counter_that_is_reset_is_told_and_its_step_left_out() -> None:
    live, told = Live(), []
    steps: list[Step] = []
    for minute, value in ((0, 500.0), (10, 501.0), (15, 501.5), (20, 0.2), (30, 1.2), (45, 2.7), (46, 2.8)):
        taken = take(live, counter(minute, value), QUARTER)
        live, told, steps = taken.live, [*told, *taken.findings], [*steps, *taken.steps]
    assert [each.code for each in told] == ["counter_reset"]
    assert [(step.start, round(step.value, 6)) for step in steps] == [(START, 6.0), (after(30), 6.0)]
    assert (live.resets, live.holes) == (1, 1)


def test_what_is_remembered_stays_small() -> None:
    live, steps = run([power(second / 60, second % 5) for second in range(2400)])
    assert len(live.model_dump_json()) < 3000
    assert len(steps) == 2


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 7200), st.floats(-1e6, 1e6)), max_size=60),
    st.sampled_from(["kW", "kWh"]),
)
def test_no_order_of_samples_gives_a_step_twice(said: list[tuple[int, float]], unit: str) -> None:
    _, steps = run([read_sample({"value": v, "unit": unit}, START + timedelta(seconds=s)) for s, v in said])
    starts = [step.start for step in steps]
    assert starts == sorted(set(starts))


# Home Assistant discovery

CONFIG = {
    "name": "House energy",
    "unique_id": "shelly_em_1",
    "state_topic": "shellies/em/1",
    "value_template": "{{ value_json.emeter['total'] | float }}",
    "device_class": "energy",
    "state_class": "total_increasing",
    "unit_of_measurement": "kWh",
}


def announced(**changes: object) -> bytes:
    return json.dumps(CONFIG | changes, ensure_ascii=False).encode()


def test_energy_function_07_an_announced_counter_becomes_a_table_of_sources(tmp_path: Path) -> None:
    source = read_discovery("homeassistant/sensor/shelly/em1/config", announced())
    assert source is not None
    assert (source.path, source.quantity.value) == ("$.emeter['total']", "load")
    assert tomllib.loads(source.toml())["sources"] == [
        {
            "topic": "shellies/em/1",
            "domain": "energy",
            "stream": "meter/load/shelly_em_1",
            "value": "$.emeter['total']",
            "unit": "kWh",
            "payload": {"state_class": "total_increasing"},
        }
    ]
    path = tmp_path / "slm.toml"
    assert read_tables(tomllib.loads(source.toml())["sources"], path, source.toml())[0].model_dump() == (
        source.table().model_dump()
    )


def test_the_short_keys_of_tasmota_and_esphome_are_known() -> None:
    said = {
        "name": "태양광 발전",
        "uniq_id": "pv/1",
        "~": "tele/roof",
        "stat_t": "~/SENSOR",
        "val_tpl": "{{value_json.ENERGY.Power}}",
        "dev_cla": "power",
        "unit_of_meas": "W",
        "stat_cla": "measurement",
    }
    source = read_discovery("homeassistant/sensor/roof/config", json.dumps(said).encode())
    assert source is not None
    assert (source.topic, source.path, source.quantity.value) == ("tele/roof/SENSOR", "$.ENERGY.Power", "pv")
    assert source.id == "pv_1"
    assert "pv" in source.quantity.reason.ko


def test_an_empty_message_takes_an_entity_away() -> None:
    assert read_discovery("homeassistant/sensor/x/config", b"") is None


@pytest.mark.parametrize(
    ("topic", "payload", "said"),
    [
        ("homeassistant/switch/x/config", announced(), "no sensor"),
        (
            "homeassistant/sensor/x/config",
            announced(device_class="humidity", unit_of_measurement="%"),
            "no meter",
        ),
        ("homeassistant/sensor/x/config", announced(unit_of_measurement="W"), "no meter"),
        ("homeassistant/sensor/x/config", announced(state_topic=""), "no state_topic"),
        ("homeassistant/sensor/x/config", b"[1]", "no JSON object"),
        (
            "homeassistant/sensor/x/config",
            announced(value_template="{{ value_json.a * 2 }}"),
            "not supported",
        ),
        ("homeassistant/sensor/x/config", announced(value_template="{{ states('x') }}"), "not supported"),
    ],
)
def test_what_is_no_meter_or_needs_a_template_to_be_run_is_named(
    topic: str, payload: bytes, said: str
) -> None:
    with pytest.raises(Unsupported, match=said) as caught:
        read_discovery(topic, payload)
    assert caught.value.said.ko


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("", "$"),
        ("{{ value }}", "$"),
        ("{{ value | float }}", "$"),
        ("{{ value_json.power }}", "$.power"),
        ("{{ value_json['apower'] }}", "$['apower']"),
        ("{{value_json.phases[0].w}}", "$.phases[0].w"),
    ],
)
def test_paths_of_value_templates_are_read(template: str, path: str) -> None:
    assert value_path(template) == path


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_no_announcement_breaks_the_reader(payload: bytes) -> None:
    try:
        read_discovery("homeassistant/sensor/x/config", payload)
    except Unsupported as error:
        assert error.said.en
