"""Reports to incidents: what is the same, what is another, what is over."""

from __future__ import annotations

import pytest
from disaster_stream import Room


def test_two_reporters_of_one_flood_make_one_incident_that_keeps_both_texts() -> None:
    room = Room()
    room.tell("강릉시 옥계면 하천이 범람해 침수됐습니다", 0, "a")
    room.tell("Flooding in Gangneung, the road is under water", 20, "b")
    assert [report["source"] for report in room.only["reports"]] == ["a", "b"]
    assert room.only["reports"][0]["text"] == "강릉시 옥계면 하천이 범람해 침수됐습니다"
    assert room.only["reports"][0]["spans"]["hazard"][0]["span"]["quote"] == "범람"


@pytest.mark.parametrize(
    ("first", "second", "minute"),
    [
        ("강릉시 옥계면 침수 발생", "속초시 조양동 침수 발생", 5),
        ("강릉시 옥계면 침수 발생", "강릉시 옥계면 산불 발생", 5),
        ("강릉시 옥계면 침수 발생", "강릉시 옥계면 침수 발생했습니다 도와주세요", 60 * 9),
        ("강남구 역삼로 12 화재 발생", "강남구 테헤란로 30 화재 발생", 5),
    ],
    ids=["place", "hazard", "time", "street"],
)
def test_another_place_hazard_time_or_street_of_a_fire_is_another_incident(
    first: str, second: str, minute: int
) -> None:
    room = Room()
    room.tell(first, 0, "a")
    room.tell(second, minute, "b")
    assert len(room.incidents) == 2


def test_the_rain_over_a_city_does_not_make_one_incident_of_the_floods_in_its_towns() -> None:
    room = Room()
    room.tell("강릉시 호우경보 발령 [기상청]", 0, "기상청", official=True)
    room.tell("강릉시 옥계면 침수로 1명 사망", 5, "a")
    room.tell("강릉시 노암동 침수로 2명 사망", 9, "b")
    assert sorted(incident["hazard"] for incident in room.incidents) == ["flood", "flood", "heavy_rain"]
    assert not any(incident["conflicts"] for incident in room.incidents), "both numbers are true"


def test_a_forwarded_text_is_counted_and_no_new_report() -> None:
    room = Room()
    room.tell("강릉시 옥계면에서 침수로 3명이 고립됐습니다 구조 요청합니다", 0, "a")
    room.tell("RT 강릉시 옥계면에서 침수로 3명이 고립됐습니다!! 구조 요청합니다", 2, "b")
    assert room.only["counts"] == {"reports": 1, "copies": 1, "left_out": 0}
    assert room.only["reports"][0]["copies"] == ["b"]


def test_nearly_the_same_text_with_another_number_is_another_report() -> None:
    room = Room()
    room.tell("강릉시 옥계면 산사태로 사망 3명 발생, 수색 진행 중입니다", 0, "a")
    room.tell("강릉시 옥계면 산사태로 사망 5명 발생, 수색 진행 중입니다", 2, "b")
    assert room.only["counts"]["reports"] == 2


def test_a_release_of_the_evacuation_order_is_no_new_event_and_does_not_end_the_flood() -> None:
    room = Room()
    room.tell("강릉시 옥계면 침수로 대피명령 발령 [강릉시]", 0, "강릉시", official=True)
    room.tell("옥계면 대피명령 해제 [강릉시]", 90, "강릉시", official=True)
    orders = {order["kind"]: order for order in room.only["orders"]}
    assert orders["evacuation"]["state"] == "released"
    assert orders["evacuation"]["said"][0]["quote"] == "대피명령 해제"
    assert room.only["hazard"] == "flood"
    assert room.only["status"] == "open"


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("강릉시 옥계면 산불 발생", "강릉시 옥계면 산불 진화 완료"),
        ("강릉시 호우경보 발령", "강릉시 호우경보 해제"),
        ("Wildfire in Gangneung, smoke everywhere", "The wildfire in Gangneung has been extinguished"),
    ],
)
def test_a_fire_that_is_out_and_a_warning_that_is_lifted_are_released(start: str, end: str) -> None:
    room = Room()
    room.tell(start, 0, "desk", official=True)
    room.tell(end, 60, "desk", official=True)
    assert room.only["status"] == "released"


def test_lifting_one_order_leaves_the_other_in_force() -> None:
    room = Room()
    room.tell("강릉시 옥계면 침수로 대피명령 발령, 도로 통제 중", 0, "desk", official=True)
    room.tell("강릉시 옥계면 대피명령은 해제되었으나 도로 통제는 유지됩니다", 60, "desk", official=True)
    states = {order["kind"]: order["state"] for order in room.only["orders"]}
    assert (states["evacuation"], states["closure"]) == ("released", "in force")


def test_a_drill_makes_no_incident() -> None:
    room = Room()
    room.tell("훈련 상황입니다. 강릉시 옥계면 산불 발생, 대피명령 발령", 0, "desk", official=True)
    assert room.incidents == []


def test_the_expert_adds_what_the_rules_did_not_see_and_the_words_must_stand_there() -> None:
    room = Room()
    text = "강릉시 옥계면 침수. 두 사람이 끝내 눈을 감았다"
    report = room.tell(text, 0, "a")
    start = text.index("두 사람")
    span = {"start": start, "end": len(text), "quote": text[start:]}
    wrong = {"start": 0, "end": 3, "quote": "속초시"}
    record = {
        "dead": {"value": 2, "span": span, "by": "expert"},
        "injured": {"value": 7, "span": wrong, "by": "expert"},
    }
    room.take(room.event("expert/record", {"event": report.id, "source": report.source, "reply": record}, 1))
    assert room.only["fields"]["dead"]["value"] == 2
    assert "injured" not in room.only["fields"]


def test_a_report_that_names_no_hazard_joins_the_incident_at_its_place() -> None:
    room = Room()
    room.tell("속초시 조양동 하늘이 온통 벌겋습니다, 다친 사람 2명", 0, "a")
    room.tell("속초시 조양동 화재 발생", 1, "b")
    assert room.only["hazard"] == "fire"
    assert room.only["counts"]["reports"] == 2


def test_a_message_delivered_twice_has_its_effect_once() -> None:
    room = Room()
    report = room.tell("강릉시 옥계면 침수로 3명 고립", 0)
    before = dict(room.memory.values)
    assert room.take(report) == []
    assert room.memory.values == before


def test_two_topics_in_either_order_leave_the_same_memory() -> None:
    one, other = Room(), Room()
    report = one.event("report/in", {"text": "강릉시 옥계면 침수 발생"})
    gauge = one.event("sensor/gas/g1", {"value": 900, "unit": "ppm", "gas": "CO", "place": "속초시 조양동"})
    for room, events in ((one, (report, gauge)), (other, (gauge, report))):
        for event in events:
            room.take(event)
    assert len(one.incidents) == 2
    assert one.memory.values == other.memory.values


def test_simulated_and_replayed_reports_never_join_a_real_incident() -> None:
    room = Room()
    room.tell("강릉시 옥계면 침수 발생", 0, "a")
    for mark in ({"simulated": True}, {"kind": "replay"}):
        event = room.event(
            "report/in", {"text": "강릉시 옥계면 침수로 3명 사망", "official": True}, 1, **mark
        )
        room.take(event)
    assert sorted(incident["origin"] for incident in room.incidents) == ["live", "replay", "simulated"]
    simulated = [event for event in room.made if event.payload.get("origin") == "simulated"]
    assert simulated and all(event.simulated for event in simulated)
    assert all(event.kind == "replay" for event in room.made if event.payload.get("origin") == "replay")


def test_what_is_long_over_goes_to_the_archive_and_leaves_nothing_behind() -> None:
    room = Room()
    for number in range(5):
        room.tell(f"강릉시 옥계면 침수, {number + 2}명 고립", number, f"c{number}")
    room.take(room.event("clock/tick", {}, 60 * 24 * 5))
    assert room.incidents == []
    closed, cleared = [each for each in room.made if each.stream.startswith("situation/")][-2:]
    assert (closed.payload["archived"], closed.retained) == ("quiet", False)
    assert (cleared.payload, cleared.retained, cleared.stream) == ({}, True, closed.stream)
    room.take(room.event("clock/tick", {}, 60 * 24 * 9))
    assert [key for key in room.memory.values if "incident/" in key or "report/" in key] == []


def test_an_incident_keeps_a_bounded_number_of_reports_and_counts_the_rest() -> None:
    room = Room()
    room.tell("강릉시 옥계면 침수로 1명 사망 확인", 0, "desk", official=True)
    for number in range(45):
        room.tell(f"강릉시 옥계면 침수로 {number + 2}명이 고립됐어요", 1 + number / 10, f"c{number}")
    assert room.only["counts"] == {"reports": 46, "copies": 0, "left_out": 6}
    assert room.only["reports"][0]["official"]


@pytest.mark.parametrize(
    ("stream", "payload", "reason"),
    [
        ("report/in", {"text": ""}, "text"),
        ("report/in", {}, "text"),
        ("report/in", {"text": "침수", "official": "yes"}, "official"),
        ("report/in", {"text": "가" * 4001}, "text"),
        ("sensor/level/a", {"value": "high"}, "value"),
        ("sensor/level/a", {"value": True}, "value"),
        ("sensor/level", {"value": 1}, "sensor/<kind>/<id>"),
        ("quake/in", {"mag": None}, "mag"),
        ("config/sensors", {"rules": [{"id": "x"}]}, "rules"),
        ("somewhere/else", {}, "no such stream"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason_and_nothing_is_remembered(
    stream: str, payload: dict[str, object], reason: str
) -> None:
    room = Room()
    with pytest.raises(ValueError, match=reason):
        room.take(room.event(stream, payload))
    assert room.memory.values == {}
