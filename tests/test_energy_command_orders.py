"""Function 8 of the energy domain: dry run, confirmation, undo; what is not surely meant is asked back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slm_core.errors import UserError
from slm_energy.command.action import Command, Quote, Value, Verb, What
from slm_energy.command.devices import Home, read_home
from slm_energy.command.order import Order, confirm, lost, place_order, refuse, tick, undo
from slm_energy.command.peers import demo_home
from slm_energy.command.resolve import Nothing, Outcome, Question, Reading, Resolved, State, resolve
from slm_energy.command.rules import read_by_rules
from slm_energy.command.wording import ask_back, dry_run, reading
from slm_energy.command.words import kind_words, squeezed

HOME = demo_home()
NOW = datetime(2026, 11, 28, 9, 30, tzinfo=UTC)  # 18:30 in Seoul
STATES: dict[str, State] = {
    "bedroom_ac": {"on": True, "temperature": 25.0},
    "ev_charger": {"on": False, "soc": 40.0},
    "living_lamp": {"on": False},
    "boiler": {"on": True, "temperature": 34.5},
    "study_fan": {"on": True},
}


def meant(text: str, home: Home = HOME, states: Mapping[str, State] = STATES) -> Outcome:
    return resolve(read_by_rules(text, home), text, home, states)


def steps(text: str) -> list[tuple[str, str, object]]:
    outcome = meant(text)
    assert isinstance(outcome, Resolved), outcome
    return [(step.device.id, step.field, step.value) for step in outcome.steps]


def asked(text: str) -> Question:
    outcome = meant(text)
    assert isinstance(outcome, Question), outcome
    return outcome


def order(text: str, id: str = "message-1") -> Order:
    outcome = meant(text)
    assert isinstance(outcome, Resolved), outcome
    return place_order(outcome, text, HOME, STATES, id=id, now=NOW)


def test_energy_function_08_a_light_load_is_shown_and_sent_at_once() -> None:
    placed = order("거실 스탠드 켜줘")
    assert dry_run(placed, HOME, "ko") == "거실 스탠드: 꺼짐 → 켜짐 (+0.02 kW)"
    sent, events = tick(placed, NOW)
    assert sent.phase == "sent"
    assert [(event.stream, event.payload["value"]) for event in events] == [("command/out/living_lamp", True)]


def test_energy_function_08_a_heavy_load_waits_for_a_person() -> None:
    placed = order("turn on the EV charger")
    assert (placed.phase, placed.reasons) == ("waiting", ("power",))
    assert dry_run(placed, HOME, "en") == (
        "garage EV charger: off → on (+7.4 kW)\nIt is above 2 kW: please confirm."
    )
    assert tick(placed, NOW)[1] == ()
    sent, events = tick(confirm(placed, placed.id, "Kim", NOW), NOW)
    assert (sent.by, len(events)) == ("Kim", 1)


def test_energy_function_08_a_safety_load_waits_for_a_person_however_small() -> None:
    assert order("차고문 열어").reasons == ("safety",)
    assert order("연못 펌프 꺼 줘").reasons == ("safety",)


def test_energy_function_08_a_change_of_unknown_power_counts_as_the_rating() -> None:
    assert order("온수기 60도로 맞춰 줘").reasons == ("power",)


def test_energy_function_08_a_text_cannot_confirm() -> None:
    for text in ("응 확인했어", "yes I confirm", "확인. 진행해.", "confirm order message-1", "주문 승인"):
        assert not isinstance(meant(text), Resolved), text
    both = "전기차 충전기 켜줘. 확인했어, 승인된 명령이야"
    outcome = meant(both)
    assert not isinstance(outcome, Resolved)
    with pytest.raises(UserError, match="confirms another order"):
        confirm(order("turn on the EV charger"), "message-2", "Kim", NOW)
    with pytest.raises(UserError, match="nobody confirms"):
        confirm(order("turn on the EV charger"), "message-1", " ", NOW)


def test_energy_function_08_a_confirmation_expires() -> None:
    placed, late = order("turn on the EV charger"), NOW + timedelta(minutes=3)
    with pytest.raises(UserError, match="has passed"):
        confirm(placed, placed.id, "Kim", late)
    assert tick(placed, late)[0].phase == "expired"
    with pytest.raises(UserError, match="waits for no confirmation"):
        confirm(tick(placed, late)[0], placed.id, "Kim", late)


def test_energy_function_08_undo_restores_what_was_before() -> None:
    sent, _ = tick(order("안방 에어컨 22도로 맞춰"), NOW)
    back, events = undo(sent, "Kim", NOW)
    assert back.phase == "undone"
    assert [(event.payload["field"], event.payload["value"]) for event in events] == [("temperature", 25.0)]
    with pytest.raises(UserError, match="nothing to take back"):
        undo(back, "Kim", NOW)


def test_energy_function_08_what_nobody_knew_before_is_not_set_back_and_named() -> None:
    sent, _ = tick(order("turn off the kitchen lights"), NOW)
    assert undo(sent, "Kim", NOW)[1] == ()
    assert [change.device for change in lost(sent)] == ["kitchen_light"]


def test_energy_function_08_a_message_delivered_twice_is_one_order() -> None:
    first, again = order("거실 스탠드 켜줘"), order("거실 스탠드 켜줘")
    assert [event.id for event in tick(first, NOW)[1]] == [event.id for event in tick(again, NOW)[1]]
    assert tick(tick(first, NOW)[0], NOW)[1] == ()


def test_energy_function_08_an_order_for_later_waits_and_one_for_a_while_ends() -> None:
    placed = order("10분 뒤에 선풍기 꺼줘")
    assert tick(placed, NOW)[1] == ()
    assert len(tick(placed, NOW + timedelta(minutes=10))[1]) == 1
    lamp = order("거실 스탠드 30분 동안 켜줘")
    sent, _ = tick(lamp, NOW)
    ended, events = tick(sent, NOW + timedelta(minutes=30))
    assert (ended.phase, events[0].payload["value"]) == ("ended", False)


def test_energy_function_08_an_hour_is_the_next_one_of_the_home() -> None:
    assert order("오후 11시에 선풍기 꺼줘").start == datetime(2026, 11, 28, 14, tzinfo=UTC)
    assert order("turn off the desk fan at 6 am").start == datetime(2026, 11, 28, 21, tzinfo=UTC)


def test_energy_function_08_by_when_a_car_is_to_be_charged_is_passed_on_and_sets_nothing_back() -> None:
    placed = order("charge the car to 80 percent by 7 am")
    assert (placed.end, placed.deadline) == (None, datetime(2026, 11, 28, 22, tzinfo=UTC))
    _, events = tick(confirm(placed, placed.id, "Kim", NOW), NOW)
    assert events[0].payload["by"] == "2026-11-28T22:00:00+00:00"


def test_energy_function_08_a_refused_order_does_nothing() -> None:
    assert tick(refuse(order("turn on the EV charger"), "Kim"), NOW)[1] == ()


def test_energy_function_08_an_unknown_device_is_asked_back_with_the_nearest() -> None:
    question = asked("곰돌이 스탠드 켜줘")
    assert ask_back(question, HOME, "ko") == ("'곰돌이 스탠드'(이)라는 기기를 모릅니다.\n가능: 거실 스탠드")
    assert asked("stop the pool pump").reason == "unknown_device"
    assert asked("turn on the light in the guest room").reason == "unknown_area"


def test_energy_function_08_two_devices_of_a_name_are_asked_back() -> None:
    question = asked("에어컨 꺼줘")
    assert question.reason == "which_device"
    assert [device.id for device in question.devices] == ["living_ac", "bedroom_ac"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("거실 에어컨 35도로 맞춰", "out_of_range"), ("set the boiler to 90 degrees", "out_of_range"),
        ("거실 에어컨 맞춰 줘", "which_setting"), ("거실 에어컨 온도 맞춰 줘", "missing_value"),
        ("충전기 출력 50%로 낮춰", "wrong_unit"),
        ("거실 스탠드 밝기 올려 줘", "no_reading"),
        ("거실 말고 주방 불 켜줘", "excepted"), ("6시에 선풍기 꺼 줘", "which_hour"),
        ("turn off all lights except the kitchen", "excepted"), ("태양광 꺼 줘", "not_possible"),
        ("set the EV charger to 20 degrees", "not_possible"), ("온도 24도로 맞춰", "no_device"),
        ("주방 불이랑 거실 불 꺼", "several"), ("보일러 1도 올려", "out_of_range"),
    ],
)  # fmt: skip
def test_energy_function_08_what_is_missing_or_impossible_is_asked_back(text: str, reason: str) -> None:
    question = asked(text)
    assert question.reason == reason
    assert ask_back(question, HOME, "ko") and ask_back(question, HOME, "en")


def test_energy_function_08_all_of_an_area_and_all_of_a_home() -> None:
    assert {id for id, _, _ in steps("거실 불 꺼")} == {"living_light", "living_lamp"}
    assert {id for id, _, _ in steps("2층 불 다 꺼줘")} == {"bedroom_light", "kids_light"}
    assert "server_rack" not in {id for id, _, _ in steps("turn off everything upstairs")}


def test_energy_function_08_a_question_is_answered_out_of_what_is_known() -> None:
    outcome = meant("안방 에어컨 온도 몇 도야?")
    assert isinstance(outcome, Reading)
    assert reading(outcome, HOME, STATES, "ko") == "안방 벽걸이 에어컨 온도: 25 °C"


def test_energy_function_08_a_denial_changes_nothing() -> None:
    assert isinstance(meant("거실 불 끄지 마"), Nothing)


@pytest.mark.parametrize(
    "text",
    [
        "거실 불 누가 켜 놨어", "보일러 꺼져 있으면 좋겠는데 왜 켜져 있지",
        "거실 불 꺼 줘라고 아까 말했잖아", "인덕션 켜 둔 채로 외출했어", "히터 꺼지면 나한테 말해 줘",
        "아이방 히터 켜는 건 안 돼", "거실 에어컨 대신 선풍기 켜", "배터리 다 썼네", "온수기 켜야겠다",
        "확인하고 차고문 열어", "거실 불 켜 말아", "보일러 켜지 않게 해 줘",
        "the garage door should stay closed", "turning off the boiler saves money",
        "don't you dare turn off the server rack", "when I leave turn off the lights",
        "ask if we can turn off the boiler", "say turn on the lights",
        "before you open the garage door ask me", "set the boiler to 30, actually never mind",
        "turn off everything but the fridge", "can you turn off the lights by yourself at night?",
        "lights on or off?", "let's not open the blinds", "보일러 꺼 놓은 게 맞지?", "히터 켤 줄 알아?",
        "에어컨 끄기 싫어", "식기세척기 돌린 지 얼마나 됐어", "서버 꺼서 혼났어", "불 끄재",
        "연못 펌프 켜질 때 소리가 나", "현관문 열어야 되나 말아야 되나", "냉난방기 켤래 말래",
        "배터리 충전 안 시켜도 돼", "the boiler turns on by itself",
        "I think we could charge the car later", "I hate when you turn off the lights",
        "somebody turn off the heater said my mum", "close call with the induction hob yesterday",
        "charge for the car is too high", "stop it with the lights already",
        "off the lights went at midnight", "kill bill is on tv tonight",
    ],
)  # fmt: skip
def test_energy_function_08_a_text_that_only_sounds_like_an_order_is_never_sent(text: str) -> None:
    outcome = meant(text)
    if isinstance(outcome, Resolved):
        assert place_order(outcome, text, HOME, STATES, id="m", now=NOW).phase == "waiting"


def test_words_that_nothing_explains_make_an_order_wait_for_a_person() -> None:
    assert order("wake the bedroom up, open the curtains").reasons == ("unsure",)


def test_an_expert_that_points_at_half_a_name_or_at_the_wrong_room_is_asked_back() -> None:
    text = "곰돌이 스탠드 켜줘"
    half = Command(verb=Verb.TURN_ON, device=Quote(start=4, end=7, quote="스탠드"))
    assert isinstance(resolve(half, text, HOME), Question)
    text = "거실 말고 주방 불 켜줘"
    room = Quote(start=0, end=2, quote="거실")
    wrong = Command(verb=Verb.TURN_ON, area=room, device=Quote(start=9, end=10, quote="불"))
    assert isinstance(resolve(wrong, text, HOME), Question)


def test_an_order_that_only_the_expert_reads_waits_for_a_person() -> None:
    text = "거실 스탠드"
    found = Command(verb=Verb.TURN_ON, device=Quote(start=3, end=6, quote="스탠드"), sure=False)
    outcome = resolve(found, text, HOME)
    assert isinstance(outcome, Resolved)
    placed = place_order(outcome, text, HOME, {}, id="m", now=NOW)
    assert (placed.phase, placed.reasons) == ("waiting", ("unsure",))


def test_a_home_is_refused_with_the_line_and_the_nearest_key(tmp_path: Path) -> None:
    path = tmp_path / "home.toml"
    head = (
        '[[areas]]\nid = "living"\nko = ["거실"]\n[[devices]]\nid = "ac"\nko = ["에어컨"]\narea = "living"\n'
    )
    path.write_text(head + 'knd = "hvac"\n', encoding="utf-8")
    with pytest.raises(UserError, match=r"home.toml:5: unknown key devices.0.knd\n(.|\n)*did you mean kind"):
        read_home(path)
    path.write_text(head.replace('area = "living"', 'area = "livng"') + 'kind = "hvac"\n', encoding="utf-8")
    with pytest.raises(UserError, match="no area 'livng'; did you mean living"):
        read_home(path)
    path.write_text(head + 'kind = "hvac"\nsettings = { temperature = [1, 2] }\n', encoding="utf-8")
    with pytest.raises(UserError, match="a setting is"):
        read_home(path)


KOREAN = (
    "불 조명 에어컨 스탠드 곰돌이 거실 안방 2층 모든 다 말고 끄지 마 켜줘 꺼 꺼줘 24도로 맞춰 80%까지 "
    "충전해 차고문 열어 "
    "전기차 보일러 펌프 블라인드 올려 사무실 서버 확인 랑 히터 이랑 주방 커튼 닫아"
)
ENGLISH = "the lights in kitchen lamp pump pool charger not and upstairs everything AC please all fan"
WORDS = (*KOREAN.split(), *ENGLISH.split(), "turn off", "turn on", "to 20 degrees", "living room")
TEXTS = st.lists(st.sampled_from(WORDS) | st.text(max_size=4), min_size=1, max_size=8).map(" ".join)
VALUES = st.sampled_from([None, (20.0, "°C"), (80.0, "%"), (3.0, "kW")])


@st.composite
def homes(draw: st.DrawFn) -> Home:
    kept = draw(st.sets(st.sampled_from(range(len(HOME.devices))), min_size=1))
    return HOME.model_copy(update={"devices": tuple(HOME.devices[index] for index in sorted(kept))})


@st.composite
def readings(draw: st.DrawFn, text: str) -> Command:
    """Whatever an expert may come up with: any verb, any spans of the text."""
    cuts = [draw(st.integers(0, len(text))) for _ in range(4)]
    spans = [(min(cuts[:2]), max(cuts[:2])), (min(cuts[2:]), max(cuts[2:]))]
    device, area = (Quote(start=a, end=b, quote=text[a:b]) if a < b else None for a, b in spans)
    number = draw(VALUES)
    value = Value(span=Quote(start=0, end=0, quote=""), number=number[0], unit=number[1]) if number else None
    what = draw(st.sampled_from([None, *What]))
    return Command(verb=draw(st.sampled_from(list(Verb))), device=device, area=area, what=what, value=value)


def named(text: str, home: Home, device_id: str) -> bool:
    """Whether a text names a device: by a name, a word of its kind, or one of its areas."""
    device = home.device(device_id)
    names = [*device.names, *kind_words(device.kind)]
    names += [name for area in home.above(device.area) for name in home.area(area).names]
    return any(squeezed(name) in squeezed(text) for name in names)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_energy_function_08_whatever_is_said_no_device_is_touched_that_was_not_named(
    data: st.DataObject,
) -> None:
    home, text = data.draw(homes()), data.draw(TEXTS)
    for command in (read_by_rules(text, home), read_by_rules(text), data.draw(readings(text))):
        outcome = resolve(command, text, home)
        if isinstance(outcome, Resolved):
            assert all(named(text, home, step.device.id) for step in outcome.steps)
