"""The situation record: what the model may write, and what is left of it after the check."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slm_core.domain import TextRequest, find_domain
from slm_disaster.record import decode_record, encode_record, normal_place, record_items, record_schema
from slm_disaster.rules import combine, read_by_rules
from slm_disaster.schema import Found, Hazard, Need, Needs, Record, Span
from slm_disaster.times import find_time, time_value

REPORT = "오늘 06시 강릉시 옥계면 침수로 사망 2명, 부상 3명. 도로 통제 해제"


def read(text: str, **wire: object) -> Record:
    return decode_record(wire, TextRequest(text=text))


def test_quotes_become_places_numbers_and_times() -> None:
    record = read(
        REPORT, hazard=["flood", "침수"], place=["강릉시  옥계면"], time="오늘 06시", dead="사망 2명"
    )
    assert record.hazard is not None and record.hazard.value is Hazard.FLOOD
    assert record.place[0].span.quote == "강릉시 옥계면"
    assert record.time is not None and record.time.value == "T06:00"
    assert record.dead is not None and (record.dead.value, record.dead.by) == (2, "expert")
    assert record.dropped == []


def test_what_the_report_does_not_say_is_dropped_with_the_reason() -> None:
    record = read(REPORT, place=["부산"], dead="부상 3명", infrastructure=[["road", "도로 통제"]])
    assert (record.place, record.dead, record.infrastructure) == ([], None, [])
    assert record.dropped == [
        "place: '부산' is not in the report",
        "dead: 3 is in the text, but belongs to none of 사망, 죽었, 돌아가셨",
        "infrastructure: '도로 통제' is taken back by '해제'",
    ]


def test_of_two_equal_quotes_the_one_beside_the_fields_word_counts() -> None:
    text = "부상 3명이 이송됐고, 사망 3명"
    record = read(text, dead="3명")
    assert record.dead is not None and record.dead.span.start == text.rindex("3명")


def test_a_wire_form_of_the_wrong_shape_is_an_error_not_a_crash() -> None:
    for wire in (
        [],
        {"hazard": "flood"},
        {"hazard": ["flooding", "침수"]},
        {"place": "강릉시"},
        {"needs": [3]},
    ):
        with pytest.raises(ValueError):
            decode_record(wire, TextRequest(text=REPORT))


def test_a_record_survives_the_way_to_the_wire_and_back() -> None:
    text = "[강원특별자치도] 오늘 17:10 삼척시 호우경보 발효. 사망 1명, 식수 부족, 국도 38호선 통제"
    request = TextRequest(text=text)
    record = read_by_rules(text)
    again = decode_record(json.loads(encode_record(record, request)), request)
    assert record_items(again) == record_items(record)
    assert {
        "hazard=heavy_rain",
        "dead=1",
        "needs=water",
        "infrastructure=road",
        "level=warning",
    } <= record_items(again)


def test_a_quote_that_is_no_quote_cannot_be_taught() -> None:
    wrong = Record(hazard=Found[Hazard](value=Hazard.FLOOD, span=Span(start=0, end=2, quote="침수")))
    with pytest.raises(ValueError, match="are not '침수'"):
        encode_record(wrong, TextRequest(text=REPORT))


def test_no_deaths_and_nothing_said_are_the_same_to_the_metric() -> None:
    assert record_items(read_by_rules("산불 발생, 사망자 없음")) == record_items(read_by_rules("산불 발생"))


def test_place_names_are_compared_without_surroundings() -> None:
    assert normal_place("강릉시  옥계면 일대") == normal_place("강릉시 옥계면")
    assert normal_place("The Bronx") == "bronx"


def test_every_string_and_list_of_the_schema_is_bounded() -> None:
    def walk(schema: dict) -> None:
        assert schema.get("type") != "string" or schema["maxLength"] == 40
        assert schema.get("type") != "array" or "maxItems" in schema
        for part in [*schema.get("properties", {}).values(), *schema.get("prefixItems", [])]:
            walk(part)
        if "items" in schema:
            walk(schema["items"])

    walk(record_schema())


@pytest.mark.parametrize(
    ("text", "quote", "value"),
    [
        ("2025-06-25 05:59 충북", "2025-06-25 05:59", "2025-06-25T05:59"),
        ("6. 25.(수) 14시경 백령", "6. 25.(수) 14시", "06-25T14:00"),
        ("오늘 06시 산불", "오늘 06시", "T06:00"),
        ("금일(25일)부터", "금일(25일)", "---25"),
        ("12.12.(토) 17:40~20:47 방문자", "12.12.(토) 17:40", "12-12T17:40"),
        ("어제 저녁 7시 10분께", "어제 저녁 7시 10분", "T19:10"),
        ("the fire began this morning", "this morning", "this morning"),
        ("at 3 p.m. on Monday", "3 p.m. on Monday", "T15:00"),
        ("June 25, 2014 at 6:30 pm", "June 25, 2014 at 6:30 pm", "2014-06-25T18:30"),
        ("around 1530 hrs", "1530 hrs", "T15:30"),
    ],
)
def test_times_are_found_and_read(text: str, quote: str, value: str) -> None:
    found = find_time(text)
    assert found is not None
    assert (found.quote, time_value(found.quote)) == (quote, value)


@pytest.mark.parametrize(
    "text", ["규모 2.2", "2시간 동안", "063-463-4000", "21시까지 주의", "expect delays until 5 pm", "3일간"]
)
def test_what_is_no_time_of_the_event_is_not_taken(text: str) -> None:
    assert find_time(text) is None


def test_a_count_of_the_rules_beats_the_experts_and_the_dispute_is_told() -> None:
    rules = read_by_rules("사망 2명, 부상 3명")
    other = Found[int](value=5, span=Span(start=0, end=5, quote="사망 2명"), by="expert")
    joined = combine(rules, Record(dead=other))
    assert joined.dead is not None and (joined.dead.value, joined.dead.by) == (2, "rule")
    assert joined.dropped == ["dead: the expert read 5 in '사망 2명', the rules 2"]


def test_what_the_rules_found_stands_and_the_expert_adds_places_and_counts_alone() -> None:
    text = "산사태가 난 새말골에서 두 분이 끝내 숨졌습니다"
    expert = read(text, hazard=["collapse", "산사태"], place=["새말골"], stage=["update", "끝내"])
    rules = read_by_rules(text)
    assert not rules.place and rules.stage is None
    joined = combine(rules, expert)
    assert joined.hazard is not None and joined.hazard.value is Hazard.LANDSLIDE
    assert [(found.value, found.by) for found in joined.place] == [("새말골", "expert")]
    assert joined.stage is None, "of the expert's stages too few were right to fill a gap"


def test_a_drill_stays_empty_whatever_the_expert_read_in_it() -> None:
    text = "훈련상황: 15시 하동군 저수지 붕괴, 사망 4명"
    expert = read(text, hazard=["collapse", "붕괴"], dead="사망 4명")
    assert expert.dead is not None
    assert record_items(combine(read_by_rules(text), expert)) == set()


def test_needs_are_written_in_one_order_and_repeated_names_count_once() -> None:
    task = find_domain("disaster").task("needs")
    request = task.parse_request("we need food and water")
    assert task.write(Needs(needs=[Need.FOOD, Need.WATER]), request) == '["water","food"]'
    assert task.read(["food", "food", "water"], request).needs == [Need.WATER, Need.FOOD]
    with pytest.raises(ValueError):
        task.read(["beer"], request)


@given(st.text(max_size=120))
def test_any_text_gives_a_record_whose_spans_quote_it(text: str) -> None:
    record = read_by_rules(text)
    json.loads(encode_record(record, TextRequest(text=text)))
