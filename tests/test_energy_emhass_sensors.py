"""A plan as EMHASS's sensors, on a real broker, as Home Assistant reads them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import jinja2
import pytest
from bus_bench import peer, until, working

from slm_core.bus import Entity, Place, parse_link
from slm_core.bus.broker import Broker, choose_broker
from slm_core.errors import UserError
from slm_core.event import Event, Memory
from slm_energy.emhass.sensors import Published, entities, events

SEOUL = ZoneInfo("Asia/Seoul")
START = datetime(2026, 12, 1, 0, 0, tzinfo=SEOUL)
HALF = timedelta(minutes=30)
PLAN = Published(
    start=START, step=HALF, load_kw=(1.0, 1.25, 2.0), grid_kw=(0.5, -0.75, 2.0), price=(120.5, 120.5, 210.0),
    sell_price=(80.0, 80.0, 80.0), status="Optimal", cost=312.456, currency="KRW", pv_kw=(0.0, 0.5, 0.5),
    battery_kw=(0.5, 1.5, -0.5), soc=(0.6, 0.5, 0.5), deferrables={"세탁기": (0.0, 0.0, 0.8)},
)  # fmt: skip
NAMES = {
    "p_pv_forecast", "p_load_forecast", "p_deferrable0", "p_batt_forecast", "soc_batt_forecast",
    "p_grid_forecast", "optim_status", "unit_load_cost", "unit_prod_price", "total_cost_fun_value",
}  # fmt: skip


def read(made: list[Event]) -> dict[str, dict[str, Any]]:
    return {event.stream.removeprefix("emhass/"): event.payload for event in made}


def test_energy_function_07_the_sensors_have_emhass_names_units_signs_and_schedules() -> None:
    sensors = read(events(PLAN, START))
    assert set(sensors) == NAMES
    assert sensors["p_batt_forecast"]["value"] == "500.00", "W, positive where it discharges"
    assert sensors["p_grid_forecast"]["attributes"]["forecasts"][1] == {
        "date": "2026-12-01T00:30:00+09:00", "p_grid_forecast": "-750.00",
    }  # fmt: skip
    soc = sensors["soc_batt_forecast"]
    assert soc["value"] == "60.00" and soc["attributes"]["unit_of_measurement"] == "%"
    assert soc["attributes"]["battery_scheduled_soc"][1]["soc_batt_forecast"] == "50.00"
    assert sensors["p_deferrable0"]["attributes"]["deferrables_schedule"][2]["p_deferrable0"] == "800.00"
    assert sensors["p_deferrable0"]["attributes"]["load"] == "세탁기"
    cost = sensors["unit_load_cost"]
    assert cost["value"] == "120.5000" and cost["attributes"]["unit_of_measurement"] == "KRW/kWh"
    assert sensors["total_cost_fun_value"]["value"] == "-312.46", "EMHASS's default objective is the profit"
    assert sensors["optim_status"]["value"] == "Optimal"


def test_the_state_is_the_present_step_and_the_schedule_begins_with_it() -> None:
    sensors = read(events(PLAN, START + timedelta(minutes=59)))
    assert sensors["p_load_forecast"]["value"] == "1250.00"
    assert [each["date"][11:16] for each in sensors["p_load_forecast"]["attributes"]["forecasts"]] == [
        "00:30", "01:00",
    ]  # fmt: skip


def test_after_the_plan_and_without_one_no_old_value_passes_for_a_plan() -> None:
    infeasible = Published(START, HALF, (), (), (), (), "Infeasible", 0.0, "KRW", (), (), (), {"car": ()})
    for plan, now in ((PLAN, START + 3 * HALF), (PLAN, START - HALF), (infeasible, START)):
        sensors = read(events(plan, now))
        assert set(sensors) == NAMES
        assert sensors["p_grid_forecast"]["value"] is None
        assert sensors["p_grid_forecast"]["attributes"]["forecasts"] == []
    assert sensors["optim_status"]["value"] == "Infeasible"
    assert sensors["total_cost_fun_value"]["value"] is None


def test_a_site_without_panels_and_battery_has_no_such_sensors() -> None:
    bare = replace(PLAN, pv_kw=None, battery_kw=None, soc=None, deferrables={})
    sensors = read(events(bare, START))
    assert not set(sensors) & {"p_pv_forecast", "p_batt_forecast", "soc_batt_forecast", "p_deferrable0"}
    shown = {entity.entity_id for entity in entities("KRW", panels=False, battery=False)}
    assert shown == set(sensors)


def test_clocks_that_are_put_back_give_each_step_its_own_time() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    night = datetime(2026, 10, 25, 1, 30, tzinfo=berlin)
    plan = Published(
        night, HALF, (1.0,) * 5, (1.0,) * 5, (1.0,) * 5, (0.0,) * 5, "Optimal (Relaxed)", 0.0, "EUR"
    )
    dates = [each["date"] for each in read(events(plan, night))["p_load_forecast"]["attributes"]["forecasts"]]
    assert dates[1:4] == [
        "2026-10-25T02:00:00+02:00", "2026-10-25T02:30:00+02:00", "2026-10-25T02:00:00+01:00",
    ]  # fmt: skip


def test_lists_of_other_lengths_and_values_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="price has 2 values, load_kw 3"):
        replace(PLAN, price=(1.0, 2.0))
    with pytest.raises(ValueError, match="세탁기 has a value that is no number"):
        replace(PLAN, deferrables={"세탁기": (0.0, float("nan"), 0.0)})
    with pytest.raises(ValueError, match="go together"):
        replace(PLAN, soc=None)
    with pytest.raises(ValueError, match="zone"):
        replace(PLAN, start=START.replace(tzinfo=None))


def test_names_for_people_are_korean_or_english() -> None:
    for lang, name in (("ko", "미룰 수 있는 부하 세탁기"), ("en", "Deferrable load 세탁기")):
        shown = entities("KRW", panels=True, battery=True, deferrables=["세탁기"], lang=lang)
        assert {entity.entity_id for entity in shown} == NAMES and name in {entity.name for entity in shown}


def test_a_name_that_home_assistant_does_not_take_is_refused() -> None:
    with pytest.raises(UserError, match="no key of an entity"):
        Entity("a", "b", "c", entity_id="p pv")


def test_energy_function_07_on_a_real_broker_home_assistant_finds_state_and_attributes(
    tmp_path: Path,
) -> None:
    shown = entities("KRW", panels=True, battery=True, deferrables=["세탁기"])
    place = Place("home", "d")

    def publish(event: Event, memory: Memory) -> list[Event]:
        return events(PLAN, START, source=event.id)

    with (
        Broker(tmp_path / "broker", 0, choose_broker()) as broker,
        peer(parse_link(broker.url), place) as device,
        working(parse_link(broker.url), place, tmp_path, handle=publish, entities=shown),
    ):
        topic = next(entity for entity in shown if entity.entity_id == "p_batt_forecast").remove(place).topic
        until(lambda: device.on(topic))
        device.send(b'{"id": "go", "kind": "k", "payload": {}}')
        until(lambda: device.on("emhass/optim_status"))
        config = json.loads(device.on(topic)[0])
        said = json.loads(device.on("emhass/p_batt_forecast")[0])
        with peer(parse_link(broker.url), place) as late:
            until(lambda: late.on("emhass/p_batt_forecast"))
    assert topic.startswith("homeassistant/sensor/")
    assert config["default_entity_id"] == "sensor.p_batt_forecast"
    assert config["object_id"] == "p_batt_forecast"
    assert (config["device_class"], config["unit_of_measurement"]) == ("power", "W")
    assert config["state_topic"] == config["json_attributes_topic"] == place.topic("emhass/p_batt_forecast")

    def rendered(template: str) -> str:
        return jinja2.Environment(autoescape=False).from_string(template).render(value_json=said)

    assert rendered(config["value_template"]) == "500.00"
    attributes = json.loads(rendered(config["json_attributes_template"]))
    assert attributes["battery_scheduled_power"][0]["p_batt_forecast"] == "500.00"


def test_an_hour_of_a_year_of_plans_is_quick_enough_for_a_home() -> None:
    day = 96
    plan = Published(
        START, timedelta(minutes=15), (1.0,) * day, (1.0,) * day, (1.0,) * day, (1.0,) * day, "Optimal", 1.0,
        "KRW", deferrables={f"load {number}": (0.5,) * day for number in range(20)},
    )  # fmt: skip
    made = events(plan, START.astimezone(UTC))
    assert len(made) == 26 and all(len(event.model_dump_json()) < 16_384 for event in made)
