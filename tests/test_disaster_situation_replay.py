"""Recorded files and the simulated stream as events."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from disaster_stream import Room

from slm_core.dataset.source import Rejected
from slm_core.errors import UserError
from slm_core.event import Event
from slm_disaster.replay import read_replay, simulate
from slm_disaster.replay.timestamps import parse_time

DATA = Path(__file__).parents[2] / "shared" / "data"


def _read(path: Path, text: str, columns: Path | None = None) -> tuple[list[Event], list[Rejected]]:
    path.write_text(text, encoding="utf-8")
    entries = list(read_replay(path, columns))
    return [e for e in entries if isinstance(e, Event)], [e for e in entries if isinstance(e, Rejected)]


def test_a_csv_series_becomes_readings_with_their_own_clock_and_the_mark_replay(tmp_path: Path) -> None:
    text = "ymdhm,wl_1,fw_1,note\n2026-07-01 09:00,100.5,,x\n2026-07-01 09:10,-,12,x\n"
    events, rejected = _read(tmp_path / "river.csv", text)
    assert [(e.stream, e.payload["value"], e.payload["unit"]) for e in events] == [
        ("sensor/level/wl_1", 100.5, "cm"),
        ("sensor/flow/fw_1", 12.0, "m3/s"),
    ]
    assert events[0].time.isoformat() == "2026-07-01T00:00:00+00:00"
    assert all(e.kind == "replay" and not e.simulated for e in events)
    assert [(r.where.rpartition(":")[2], r.content) for r in rejected] == [("1", "note")]


def test_what_cannot_be_read_in_a_series_is_named_by_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "river.csv"
    text = "time,wl_1\n2026-07-01 09:00,high\nyesterday,1\n2026-07-01 09:20,1,2\n2026-07-01 09:30,3\n"
    events, rejected = _read(path, text)
    assert [event.payload["value"] for event in events] == [3.0]
    assert [(r.where, r.reason.split(":")[0]) for r in rejected] == [
        (f"{path}:2", "wl_1"),
        (f"{path}:3", "time"),
        (f"{path}:4", "3 fields where the header has 2"),
    ]


def test_a_column_map_of_the_user_names_kind_and_unit(tmp_path: Path) -> None:
    columns = tmp_path / "columns.toml"
    columns.write_text('[names]\nhoehe = ["level", "m"]\n', encoding="utf-8")
    events, _ = _read(tmp_path / "a.csv", "time,hoehe\n2026-07-01T09:00:00Z,2\n", columns)
    assert (events[0].stream, events[0].payload["unit"]) == ("sensor/level/hoehe", "m")
    columns.write_text('[names]\nhoehe = ["level", "ells"]\n', encoding="utf-8")
    with pytest.raises(UserError, match="'ells' is no unit of a level sensor"):
        _read(tmp_path / "a.csv", "time,hoehe\n2026-07-01,2\n", columns)
    columns.write_text("[nmaes]\n", encoding="utf-8")
    with pytest.raises(UserError, match="unknown key 'nmaes'"):
        _read(tmp_path / "a.csv", "time,hoehe\n2026-07-01,2\n", columns)


def test_a_quake_feed_comes_in_the_order_of_its_clock_and_bad_features_are_rejected(tmp_path: Path) -> None:
    def feature(time: object, mag: object) -> dict[str, object]:
        properties = {"mag": mag, "place": "x", "time": time, "type": "earthquake"}
        return {"id": str(time), "properties": properties, "geometry": {"coordinates": [127.9, 36.9, 12.0]}}

    feed = {
        "type": "FeatureCollection",
        "features": [feature(2000, 4.5), feature(1000, 3.0), feature(3000, None), 7],
    }
    events, rejected = _read(tmp_path / "week.json", json.dumps(feed))
    assert [event.payload["mag"] for event in events] == [3.0, 4.5]
    assert (events[0].payload["lat"], events[0].payload["depth_km"]) == (36.9, 12.0)
    assert [r.where.rpartition(":")[2] for r in rejected] == ["features[2]", "features[3]"]


@pytest.mark.parametrize(
    "row",
    [
        {
            "SN": 7,
            "CRT_DT": "2026/07/01 09:00:00",
            "MSG_CN": "호우경보",
            "RCPTN_RGN_NM": "강원특별자치도 강릉시 ",
        },
        {
            "md101_sn": "7",
            "create_date": "2026-07-01 09:00:00",
            "msg": "호우경보",
            "location_name": "강원도 강릉시",
        },
    ],
)
def test_both_forms_of_the_emergency_messages_are_read_as_official_reports(
    tmp_path: Path, row: dict[str, object]
) -> None:
    events, _ = _read(tmp_path / "sms.json", json.dumps([row], ensure_ascii=False))
    assert (events[0].id, events[0].payload["text"], events[0].payload["official"]) == (
        "sms-7",
        "호우경보",
        True,
    )
    room = Room()
    room.take(events[0])
    assert [place["full"] for place in room.only["places"]] == ["강원특별자치도 강릉시"]


def test_reports_in_jsonl_keep_reporter_and_place(tmp_path: Path) -> None:
    lines = [
        {
            "text": "속초시 화재",
            "time": "2026-07-01T09:00:00+09:00",
            "reporter": "a",
            "lat": 38.2,
            "lon": 128.6,
        },
        {"text": "no time at all"},
    ]
    text = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines) + "\nnot json\n"
    events, rejected = _read(tmp_path / "reports.jsonl", text)
    assert events[0].payload["reporter"] == "a"
    assert events[0].payload["official"] is False
    assert [r.where.rpartition(":")[2] for r in rejected] == ["2", "3"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "x,y\n1,2\n"),
        ("a.json", '[{"x": 1}]'),
        ("a.jsonl", "\n"),
        ("a.csv", "time,note\n2026-07-01,x\n"),
    ],
)
def test_a_file_in_no_known_form_says_what_is_known(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(UserError, match="expected"):
        _read(tmp_path / name, text)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2025/06/25 13:09:14", "2025-06-25T04:09:14+00:00"),
        ("2024-05-15T21:01:51.000Z", "2024-05-15T21:01:51+00:00"),
        ("202507010900", "2025-07-01T00:00:00+00:00"),
        ("2019-08-31 24:00", "2019-08-31T15:00:00+00:00"),
        ("2025-07-01T09:00:00-05:00", "2025-07-01T14:00:00+00:00"),
    ],
)
def test_times_of_public_data_are_read(text: str, utc: str) -> None:
    assert parse_time(text).isoformat() == utc


def test_the_simulated_stream_shows_everything_and_is_marked_throughout() -> None:
    events = list(simulate(1))
    assert events == list(simulate(1))
    assert events != list(simulate(2))
    assert all(event.simulated for event in events)
    assert (events[-1].time - events[0].time).total_seconds() <= 200
    room = Room()
    for event in events:
        room.take(event)
    assert all(event.simulated for event in room.made)
    flood = next(incident for incident in room.incidents if incident["hazard"] == "flood")
    assert flood["counts"]["copies"] == 1
    assert "dead" in [conflict["field"] for conflict in flood["conflicts"]]
    assert {o["kind"]: o["state"] for o in flood["orders"]}["evacuation"] == "released"
    assert room.gauge("level/namdae-2") == ["stuck"]
    assert room.gauge("gas/gas-1") == ["refused"]
    assert "over" in room.gauge("level/namdae-1")
    assert "report/flagged" in room.last
    assert any(place["ask"] for incident in room.incidents for place in incident["places"])


@pytest.mark.parametrize("seed", range(5))
def test_no_seed_of_the_simulation_gives_an_event_that_is_refused(seed: int) -> None:
    room = Room()
    for event in simulate(seed):
        room.take(event)
    assert len(room.incidents) >= 4


def _replayed(name: str) -> tuple[Room, list[Event], list[Rejected]]:
    path = DATA / name
    if not path.exists():
        pytest.skip("the recorded data is not on this machine")
    entries = list(read_replay(path))
    room = Room()
    events = [each for each in entries if isinstance(each, Event)]
    for event in events:
        room.take(event)
    return room, events, [each for each in entries if isinstance(each, Rejected)]


def test_a_week_of_real_quakes_leaves_an_incident_for_each_that_is_worth_one() -> None:
    room, events, rejected = _replayed("usgs/earthquakes.json")
    assert (len(events), len(rejected)) == (1707, 0)
    strong = {event.payload["id"] for event in events if event.payload["mag"] >= 6.0}
    told = {
        e["key"]
        for event in room.suggested
        for e in event.payload["situation"]["evidence"]
        if e["value"] >= 6.0
    }
    assert told == {f"quake:{quake}" for quake in strong}


def test_real_emergency_messages_are_all_placed_and_the_fraud_warning_is_no_incident() -> None:
    room, events, _ = _replayed("ko_emergency_sms/messages.jsonl")
    assert len(events) == 19
    found = [event.payload for event in room.made if event.stream.startswith("situation/") and event.payload]
    texts = [report["text"] for payload in found for report in payload["reports"]]
    assert not any("사칭" in text for text in texts)
    assert all(any(place["code"] for place in payload["places"]) for payload in found)
    released = [payload for payload in found if payload["status"] == "released"]
    assert ["정상적으로 상수도" in payload["reports"][0]["text"] for payload in released] == [True]
