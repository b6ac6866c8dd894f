"""Personal data leaves the text; the numbers a task lives on stay."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slm_core.dataset.personal import find
from slm_core.dataset.row import Message, Row
from slm_core.dataset.scrub import personal_left, scrub_row, scrub_text

DIGITS = "0123456789"


def row(user: str, target: str, lang: str = "ko", **more: str) -> Row:
    messages = (Message(role="user", content=user), Message(role="assistant", content=target))
    return Row(messages=messages, task="t", lang=lang, source="s", licence="MIT", **more)


@pytest.mark.parametrize(
    ("text", "scrubbed"),
    [
        ("문의 010-1234-5678로", "문의 [전화]로"),
        ("(02) 123-4567 또는 051)123-4567", "[전화] 또는 [전화]"),
        ("바랍니다.(063-463-4000)", "바랍니다.([전화])"),
        ("전각 ０１０－１２３４－５６７８", "전각 [전화]"),
        ("국제 +82 (0)10 1234 5678, 821012345678", "국제 [전화], [전화]"),
        ("문의: 463-4000", "문의: [전화]"),
        ("주민번호 900101-1234567", "주민번호 [주민번호]"),
        ("900101-1****** 홍씨", "[주민번호] 홍씨"),
        ("메일은hong@naver.com으로", "메일은[이메일]으로"),
        ("hong 골뱅이 naver.com", "[이메일]"),
        ("http://kim:secret@host.kr/a?b=1", "http://[계정]@host.kr/a?b=1"),
        ("카드 4111-1111-1111-1111", "카드 [카드번호]"),
        ("계좌 110-123-456789 (신한은행)", "계좌 [계좌번호] (신한은행)"),
        ("농협 301-0123-4567-01 김씨", "농협 [계좌번호] 김씨"),
        ("접속 192.168.3.13에서", "접속 [IP주소]에서"),
        ("12가 3456 차량, 서울 34 나 5678", "[차량번호] 차량, [차량번호]"),
    ],
)
def test_korean_personal_data_becomes_a_korean_placeholder(text: str, scrubbed: str) -> None:
    assert scrub_text(text, "ko").text == scrubbed


@pytest.mark.parametrize(
    ("text", "scrubbed"),
    [
        ("Pls call 403-678-1551.", "Pls call [phone]."),
        ("(403) 678-1551 or +1 202 555 0123", "[phone] or [phone]"),
        ("call me at 37 45 67 89", "call me at [phone]"),
        ("Paris +33 1 23 45 67 89", "Paris [phone]"),
        ("mail me: jo.doe+x@mail.example.org!", "mail me: [email]!"),
        ("SSN 123-45-6789", "SSN [national id]"),
        ("IBAN DE89 3704 0044 0532 0130 00", "IBAN [account]"),
        ("visa 4111 1111 1111 1111", "visa [card]"),
        ("from 2001:db8::1", "from [ip]"),
        ("license plate ABC-1234 left", "license plate [plate] left"),
    ],
)
def test_english_personal_data_becomes_an_english_placeholder(text: str, scrubbed: str) -> None:
    assert scrub_text(text, "en").text == scrubbed


@pytest.mark.parametrize(
    "text",
    [
        "신고는 119, 112, 1339, 110으로",
        "call 911 or 988",
        "상담 1588-1234",
        "12.12.(토) 17:40~20:47 27번가 그집(연제구 쌍미천로 161번길 27)",
        "확진자 527~537번, 590~595번",
        "2025-06-25 05:59 충북 증평군 북북동쪽 7km 지역 규모 2.2 지진발생",
        "수위 512cm, 방류량 1,234.5㎥/s, 30도 1500명, 11조 2000억",
        "37.5665, 126.9780 / +37.5665+126.9780 / -82.28403129",
        "제19호 2019년, 2010-2011, 1592-1598",
        "ID 211040709124440064, 1612315678901",
        "version 1.2.3.4 on 127.0.0.1, std::cout at 12:30:45",
        "blog.naver.com/222181006251 @mayor #2023",
        "flight KE-1234, 20,000,000 people, 3-4월",
        "전화 2020-12-21 접수, 문의 12.12. 17:40",
    ],
)
def test_numbers_that_a_task_needs_stay(text: str) -> None:
    assert scrub_text(text, "ko").text == text


def test_a_quote_in_the_target_is_replaced_as_in_the_text() -> None:
    clean, counts = scrub_row(row("우리집 계좌 110-123-456789로", '{"quote":"110-123-456789로","dead":3}'))
    assert clean.user == "우리집 계좌 [계좌번호]로"
    assert json.loads(clean.target) == {"quote": "[계좌번호]로", "dead": 3}
    assert counts["account"] == 1


def test_a_piece_of_a_number_in_the_target_is_replaced_too() -> None:
    clean, _ = scrub_row(row("연락 010-1234-5678", '{"tail":"1234-5678"}'))
    assert json.loads(clean.target) == {"tail": "[전화]"}


def test_numbers_of_a_json_target_are_never_touched() -> None:
    target = '{"water_level":4111111111111111,"cost":1012345678}'
    assert scrub_row(row("수위", target))[0].target == target


def test_a_group_named_by_an_address_becomes_opaque_and_stays_one_group() -> None:
    first, second = (scrub_row(row(text, "{}", group="kim@naver.com"))[0] for text in ("가", "나"))
    assert first.group == second.group
    assert "kim" not in first.group


def test_a_row_without_personal_data_is_the_same_row() -> None:
    same = row("강릉 호우경보 발령", '{"hazard":"heavy_rain"}')
    assert scrub_row(same) == (same, {})


def separated(parts: tuple[str, ...]) -> st.SearchStrategy[str]:
    return st.sampled_from(["-", " ", ".", ""]).map(lambda sign: sign.join(parts))


korean_mobile = st.tuples(
    st.sampled_from(["010", "011", "016", "+82-10", "0082 10"]),
    st.text(DIGITS, min_size=4, max_size=4),
    st.text(DIGITS, min_size=4, max_size=4),
).flatmap(separated)
around = st.text(st.characters(codec="utf-8").filter(lambda sign: not sign.isdecimal()), max_size=12)


@given(around, korean_mobile, around)
def test_every_korean_mobile_number_goes_wherever_it_stands(before: str, number: str, after: str) -> None:
    text = scrub_text(f"{before} {number} {after}", "ko").text
    assert sum(sign in DIGITS for sign in text) == 0


@given(st.text(max_size=60) | st.from_regex(r"[0-9 .:@+()~a-z가-나-]{0,50}", fullmatch=True))
def test_scrubbing_leaves_nothing_to_find_and_twice_is_once(text: str) -> None:
    once = scrub_text(text, "ko").text
    assert find(once) == []
    assert scrub_text(once, "ko").text == once


@given(
    st.integers(1, 12), st.integers(1, 31), st.integers(0, 23), st.integers(0, 59), st.integers(1, 999),
    st.floats(0.1, 9.9),
)  # fmt: skip
def test_dates_times_ranges_and_magnitudes_survive(
    month: int, day: int, hour: int, minute: int, case: int, magnitude: float
) -> None:
    text = (
        f"{month}.{day}.(토) {hour:02}:{minute:02}~{(hour + 1) % 24:02}:{minute:02} "
        f"2024-{month:02}-{day:02} {case}~{case + 9}번 확진자, 규모 {magnitude:.1f}, {case}명, {case * 10}cm"
    )
    assert scrub_text(text, "ko").text == text


@given(st.floats(-90, 90), st.floats(-180, 180), st.integers(3, 8))
def test_coordinates_survive(latitude: float, longitude: float, places: int) -> None:
    text = f"위치 {latitude:.{places}f}, {longitude:.{places}f}"
    assert scrub_text(text, "ko").text == text


@given(st.text(max_size=30), korean_mobile)
def test_the_check_sees_what_the_scrub_would_take(text: str, number: str) -> None:
    dirty = row(f"{text} {number}", "[]")
    assert personal_left(dirty)
    assert not personal_left(scrub_row(dirty)[0])
