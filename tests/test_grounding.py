"""Numbers belong to their words and units; what a source does not say is named with the reason."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from slm_core.grounding import (
    Claim,
    bind,
    bindings,
    check,
    mixed,
    moments,
    numbers,
    revoked,
    unsupported_numbers,
)

WORDS = {
    "dead": ("사망", "숨지", "숨졌", "killed", "dead", "death toll"),
    "missing": ("실종", "missing"),
    "injured": ("부상", "다쳤", "injured", "wounded"),
}
UNITS = ("명", "사람", "people", "others", "residents")


def claim(field: str, value: float, quote: str | None = None) -> Claim:
    rivals = (*(word for other, words in WORDS.items() if other != field for word in words), "대피")
    return Claim(field, value, quote, words=WORDS[field], units=UNITS, rivals=rivals)


def bound(text: str, field: str) -> list[float]:
    each = claim(field, 0)
    return [found.value for found in bindings(text, each.words, units=each.units, rivals=each.rivals)]


@pytest.mark.parametrize(
    "written", ["3,000명", "3000명", "3천명", "3천 명", "삼천 명", "three thousand people", "3 thousand"]
)
def test_one_number_in_many_spellings(written: str) -> None:
    assert [number.value for number in numbers(written)] == [3000]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1만 2천명", 12000),
        ("1만2,000 명", 12000),
        ("세 명", 3),
        ("열두 명", 12),
        ("스무 명", 20),
        ("이십삼 명", 23),
        ("twenty-five others", 25),
        ("two hundred and five", 205),
        ("1.2 million people", 1200000),
        ("10여 명", 10),
    ],
)
def test_korean_and_english_numerals(written: str, value: float) -> None:
    assert [number.value for number in numbers(written)] == [value]


@pytest.mark.parametrize(
    "vague",
    [
        "수십 명",
        "수백명",
        "몇 명",
        "여러 명",
        "두세 명",
        "서너 명",
        "dozens",
        "a dozen",
        "two dozen",
        "several hundred people",
        "a few people",
        "일대",
        "이천시",
        "일명",
        "이만 마치겠습니다",
    ],
)
def test_vague_words_and_look_alikes_are_no_numbers(vague: str) -> None:
    assert numbers(vague) == []


def test_figures_inside_dates_telephones_and_pages_are_no_counts() -> None:
    text = "6. 25.(수) 14시 신고 063-463-4000, covid19.jeju.go.kr/page.jsp"
    assert numbers(text) == []
    assert [moment.value for moment in moments(text)] == ["06-25", "T14:00"]


@pytest.mark.parametrize(
    ("text", "dead", "missing", "injured"),
    [
        ("사망 3명, 부상 5명", [3], [], [5]),
        ("3명 사망, 5명 부상, 실종 2명", [3], [2], [5]),
        ("3명이 숨지고 5명이 다쳤다", [3], [], [5]),
        ("사망자가 3명으로 늘었고 부상자는 5명", [3], [], [5]),
        ("1명 사망 2명 부상 3명 실종", [1], [3], [2]),
        ("사망 1·부상 2·실종 3", [1], [3], [2]),
        ("3 killed, 5 injured", [3], [], [5]),
        ("사망 10, 실종 11, 부상 229로 집계됐다", [10], [11], [229]),
        ("20 remain missing", [], [20], []),
        ("killed 3 and injured 5", [3], [], [5]),
        ("The death toll rose from 3 to 12, with 30 injured", [12], [], [30]),
        ("부상자 5명 중 1명이 숨졌다", [1], [], [5]),
        ("3 of the 5 residents were killed", [3], [], []),
        ("Three people, including a child, were killed", [3], [], []),
        ("12 people were killed and 30 wounded in 2013", [12], [], [30]),
        ("차량 3대 침수, 사망 1명", [1], [], []),
        ("50명 대피, 사망자 확인 중", [], [], []),
        ("수십 명이 다쳤고 2명이 숨졌다", [2], [], []),
    ],
)
def test_each_number_goes_to_its_own_word(
    text: str, dead: list[float], missing: list[float], injured: list[float]
) -> None:
    assert (bound(text, "dead"), bound(text, "missing"), bound(text, "injured")) == (dead, missing, injured)


@pytest.mark.parametrize("text", ["사망·실종 3명", "3 dead or missing", "사망 및 실종 3명"])
def test_a_number_that_two_words_share_belongs_to_neither(text: str) -> None:
    assert bound(text, "dead") == bound(text, "missing") == []


@pytest.mark.parametrize(
    "text", ["사망자 없음", "사망자는 없으며", "No one was killed", "no deaths, none killed", "사망: 없음"]
)
def test_none_in_words_is_zero(text: str) -> None:
    assert set(bound(text, "dead")) == {0}


def test_a_binding_says_which_words_it_took() -> None:
    text = "밤사이 사망 3명, 부상 5명으로 집계됐다"
    found = bind(text, WORDS["injured"], units=UNITS, rivals=WORDS["dead"])
    assert found is not None
    assert text[found.start : found.end] == "부상 5명"
    assert found.word == "부상"


def test_swapped_counts_are_refused_with_the_reason() -> None:
    text = "사망 3명, 부상 5명"
    problems = check([claim("dead", 5), claim("injured", 3)], text)
    assert [problem.field for problem in problems] == ["dead", "injured"]
    assert problems[0].reason == "the text gives 3 for '사망', not 5"
    assert check([claim("dead", 3, "사망 3명"), claim("injured", 5, "부상 5명")], text) == []


def test_a_true_number_with_another_ones_quote_is_refused() -> None:
    (problem,) = check([claim("dead", 3, "부상 5명")], "사망 3명, 부상 5명")
    assert problem.reason == "3 stands elsewhere, not in '부상 5명'"


def test_quotes_and_places_must_stand_in_the_text() -> None:
    text = "강릉시  옥계면에서 산불, ID A-17"
    assert check([Claim("place", "강릉시 옥계면"), Claim("id", "A-17", "ID A-17")], text) == []
    (problem,) = check([Claim("place", "동해시")], text)
    assert problem.reason == "'동해시' is not in the text"


def test_a_lifted_evacuation_order_is_no_evacuation() -> None:
    text = "18시 대피명령 해제"
    (problem,) = check([Claim("evacuation", "대피명령", "대피명령", released_by=("해제", "lifted"))], text)
    assert problem.reason == "'대피명령' is taken back by '해제'"
    assert revoked("evacuation order lifted at 6", 0, 16, ("lifted",)) == "lifted"
    assert revoked("대피명령 발령. 통제 해제", 0, 4, ("해제",)) is None


def test_numbers_that_no_source_gives_are_found_in_prose() -> None:
    sources = ["사망 3명, 최고 수위 512cm, 2025-06-25 05:59", "약 3천 명 대피"]
    assert (
        unsupported_numbers("6월 25일 오전 5시 59분, 사망자는 세 명이고 3,000명이 대피했다.", sources) == []
    )
    loose = unsupported_numbers("사망 4명, 수위 512km, 7시", sources)
    assert [getattr(found, "value", None) for found in loose] == [4, 512, "T07:00"]


NUMBER = st.integers(1, 9999)
FORMS = {
    "ko word first": "사망 {dead}명, 부상 {injured}명, 실종 {missing}명",
    "ko number first": "{dead}명이 숨졌고 {injured}명이 다쳤으며 {missing}명이 실종됐다",
    "ko list": "인명피해: 사망 {dead}, 부상 {injured}, 실종 {missing}",
    "en number first": "{dead} people were killed, {injured} injured and {missing} are missing",
    "en word first": "The flood killed {dead} people and injured {injured}; missing: {missing}",
    "en list": "Dead {dead}, injured {injured}, missing {missing}.",
}


def _written(value: int, style: str) -> str:
    if style == "천" and value % 1000 == 0:
        return f"{value // 1000}천"
    return f"{value:,}" if style == "," else str(value)


@given(
    st.sampled_from(sorted(FORMS)),
    st.lists(NUMBER, min_size=3, max_size=3, unique=True),
    st.sampled_from([",", "", "천"]),
)
def test_true_counts_are_accepted_and_swapped_ones_refused(form: str, counts: list[int], style: str) -> None:
    truth = dict(zip(WORDS, counts, strict=True))
    assume("en" not in form or style != "천")
    text = FORMS[form].format(**{field: _written(value, style) for field, value in truth.items()})
    assert check([claim(field, value) for field, value in truth.items()], text) == []
    for field in WORDS:
        for other in WORDS:
            if other != field:
                assert check([claim(field, truth[other])], text), (field, truth[other], text)


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("1만 2천", 12_000),
        ("3억 5천2백만", 352_000_000),
        ("5만천", 51_000),
        ("1,234만 5", 12_340_005),
        ("2조 5,000억", 2_500_000_000_000),
        ("1.5천만", 15_000_000),
    ],
)
def test_figures_with_korean_powers_are_one_number(words: str, value: int) -> None:
    assert mixed(words) == value


@given(st.text(alphabet="0123456789,.천만명 사망부상없음people killed no-~:/일이삼\n", max_size=60))
def test_any_text_is_read_without_an_error_and_spans_lie_inside(text: str) -> None:
    for found in numbers(text):
        assert 0 <= found.start < found.end <= len(text)
    for one in bindings(text, WORDS["dead"], units=UNITS, rivals=WORDS["injured"]):
        assert 0 <= one.start < one.end <= len(text)
        assert one.word in text
