"""Orders are read out of Korean and English text: quotes are exact, numbers come from code."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slm_core.domain import TextRequest
from slm_energy.command.action import (
    Command,
    Quote,
    Verb,
    command_items,
    decode_command,
    encode_command,
)
from slm_energy.command.combining import combine
from slm_energy.command.reading import read_value, read_when
from slm_energy.command.rules import read_by_rules
from slm_energy.tasks import COMMAND


def items(text: str) -> set[str]:
    return set(command_items(read_by_rules(text)))


def quote(text: str) -> Quote:
    return Quote(start=0, end=len(text), quote=text)


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("24도", "24 °C"), ("이십사 도", "24 °C"), ("스물네 도", "24 °C"), ("스물두도", "22 °C"),
        ("80프로", "80 %"), ("팔십 퍼센트", "80 %"), ("반", "50 %"), ("최대", "max"), ("냉방", "cool"),
        ("3.5킬로와트", "3.5 kW"), ("3단", "3 step"), ("영하 5도", "-5 °C"), ("20.5°", "20.5 °C"),
        ("twenty two degrees", "22 °C"), ("twenty point five degrees", "20.5 °C"), ("half", "50 %"),
        ("2700 Kelvin", "2700 K"), ("16 amps", "16 A"), ("warm white", "warm_white"), ("21", "21"),
    ],
)  # fmt: skip
def test_a_value_is_read_out_of_figures_and_words(words: str, value: str) -> None:
    read = read_value(quote(words))
    assert read is not None and read.shown == value


@pytest.mark.parametrize(
    ("words", "time"),
    [
        ("10분 뒤", "after 600 s"), ("한 시간 반 뒤", "after 5400 s"), ("세 시간 동안", "for 10800 s"),
        ("오후 6시", "at 18:00"), ("새벽 두 시", "at 02:00"), ("내일 아침 7시까지", "until tomorrow 07:00"),
        ("오후 3시 반까지", "until 15:30"), ("in 10 minutes", "after 600 s"),
        ("for half an hour", "for 1800 s"), ("at 6 pm", "at 18:00"), ("at seven in the evening", "at 19:00"),
        ("until 7am tomorrow", "until tomorrow 07:00"), ("in an hour", "after 3600 s"),
    ],
)  # fmt: skip
def test_a_time_is_read_out_of_figures_and_words(words: str, time: str) -> None:
    read = read_when(quote(words))
    assert read is not None and read.shown == time


def test_an_hour_without_its_half_of_the_day_says_so() -> None:
    assert [read_when(quote(words)).half_open for words in ("6시", "오후 6시", "at 7", "at 7 pm")] == [  # type: ignore[union-attr]
        True, False, True, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("거실 불 켜줘", {"verb=turn_on", "target=거실불"}),
        ("거실불꺼", {"verb=turn_off", "target=거실불"}),
        ("안방 에어컨 24도로 맞춰줘", {"verb=set", "target=안방에어컨", "what=temperature", "value=24 °C"}),
        ("에어컨 2도 낮춰줘", {"verb=decrease", "target=에어컨", "what=temperature", "value=2 °C"}),
        ("보일러 20도로 낮춰", {"verb=set", "target=보일러", "what=temperature", "value=20 °C"}),
        ("전기차 80%까지 충전해줘", {"verb=set", "target=전기차", "what=soc", "value=80 %"}),
        ("10분 뒤에 선풍기 꺼줘", {"verb=turn_off", "target=선풍기", "when=after 600 s"}),
        ("차고문 열어", {"verb=open", "target=차고문"}),
        ("배터리 잔량 얼마나 남았어?", {"verb=get", "target=배터리", "what=soc"}),
        ("주방 불 켰으면 좋겠어", {"verb=turn_on", "target=주방불"}),
        ("거실 불 끄고 에어컨 켜줘", {"verb=several"}),
        ("Turn on the lights in the kitchen", {"verb=turn_on", "target=kitchenlights"}),
        ("dim the living room lamp to 30%",
         {"verb=set", "target=livingroomlamp", "what=brightness", "value=30 %"}),
        ("charge the car to 80 percent by 7 am",
         {"verb=set", "target=car", "what=soc", "value=80 %", "when=until 07:00"}),
        ("it's cold, turn on the heater", {"verb=turn_on", "target=heater"}),
        ("is the front door locked?", {"verb=get", "target=frontdoor"}),
        ("turn off the lamp and the fan", {"verb=several"}),
    ],
)  # fmt: skip
def test_an_order_is_read_without_knowing_the_home(text: str, expected: set[str]) -> None:
    assert items(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "불 끄지 마", "보일러 끄지 말고 그냥 둬", "거실 불 꺼야 할까?", "제가 불 껐어요", "켜는 게 나을까?",
        "거실 조명 켜 놓고 나온 것 같아", "서버실 에어컨 끄는 방법 아는 사람?", "엄마가 불 끄라고 하셨어",
        "응 확인했어", "불 꺼도 될까?", "에어컨 20도로 하면 너무 추울까?", "왜 히터가 꺼졌어?",
        "don't turn off the heater", "should I turn off the boiler?", "I turned off the heater",
        "I was going to switch off the light", "who left the garage light on?", "leave the fan on",
        "what happens if I turn off the server?", "yes I confirm", "never mind", "we never turn on the fan",
    ],
)  # fmt: skip
def test_what_denies_deliberates_or_reports_orders_nothing(text: str) -> None:
    assert items(text) == set()


def test_the_wire_form_points_at_the_text_and_comes_back_the_same() -> None:
    request = TextRequest(text="10분 뒤에 거실 에어컨 이십사 도로 맞춰 줘")
    command = read_by_rules(request.text)
    wire = encode_command(command, request)
    assert wire == (
        '{"verb":"set","area":"거실","device":"에어컨","what":"temperature",'
        '"value":"이십사 도","when":["10분 뒤"]}'
    )
    assert decode_command(json.loads(wire), request) == command


def test_what_the_model_quotes_and_the_text_has_not_is_dropped_with_the_reason() -> None:
    request = TextRequest(text="거실 불 켜줘")
    command = decode_command({"verb": "turn_on", "area": "주방", "device": "불", "value": "엄청"}, request)
    assert (command.area, command.value) == (None, None)
    assert command.dropped == ["area: '주방' is not in the text", "value: '엄청' is not in the text"]


def test_a_quote_is_looked_up_as_a_whole_word_before_parts_of_words() -> None:
    text = "Set the climate control to eco mode"
    command = decode_command(
        {"verb": "set", "device": "climate control", "value": "eco"}, TextRequest(text=text)
    )
    assert command.value is not None and text[command.value.span.start :].startswith("eco mode")


def test_the_expert_fills_what_is_open_and_never_overrules_a_denial() -> None:
    request = TextRequest(text="불 끄지 마")
    expert = decode_command({"verb": "turn_off", "device": "불"}, request)
    assert combine(read_by_rules(request.text), expert).verb == Verb.NONE


def test_an_order_that_only_the_expert_reads_is_not_sure() -> None:
    request = TextRequest(text="거실이 너무 어둡네 조명")
    rules = read_by_rules(request.text)
    assert rules.verb == Verb.NONE
    joined = combine(rules, decode_command({"verb": "turn_on", "area": "거실", "device": "조명"}, request))
    assert (joined.verb, joined.sure) == (Verb.TURN_ON, False)


@given(st.text(max_size=60))
def test_any_text_is_read_and_its_quotes_are_its_own(text: str) -> None:
    command = read_by_rules(text)
    for found in (command.device, command.area, *(when.span for when in command.when)):
        assert found is None or text[found.start : found.end] == found.quote
    request = TextRequest(text=text)
    short = all(
        len(each.quote) <= 40
        for each in (
            command.device,
            command.area,
            command.value.span if command.value else None,
            *(when.span for when in command.when),
        )
        if each is not None
    )
    if short:
        wire = json.loads(COMMAND.write(command, request))
        assert isinstance(COMMAND.read(wire, request), Command)
