"""A sentence of a reply is held against its sources: what they do not say is named with the words."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slm_core.grounding import unsupported

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"
TOLL_KO, TOLL_EN = "사망 3명, 부상 5명", "The flood killed 3 people and injured 5."


def kinds(sentence: str, *sources: str, names: tuple[str, ...] = ()) -> set[str]:
    return {problem.field for problem in unsupported(sentence, sources, names)}


def test_a_number_that_no_source_gives_is_named_with_those_it_gives() -> None:
    (problem,) = unsupported("사망자는 4명이다.", [TOLL_KO])
    assert (problem.field, problem.reason) == ("number", "'4명' is in no source; there is '3명', '5명'")


@pytest.mark.parametrize(
    ("sentence", "source"),
    [
        ("세 명이 숨지고 다섯 명이 다쳤다.", TOLL_KO),
        ("Five were injured and three killed.", TOLL_EN),
        ("물이 1.2m까지 찼다.", "지하차도에 물이 120cm 찼다"),
        ("통제는 오후 2시부터 5시까지다.", "14시부터 17시까지 통제"),
        ("The road is closed from 2 p.m.", "From 14:00 the road is closed."),
        ("재산 피해는 2억 4,000만 원이다.", "재산 피해 2억 4천만원"),
        ("It takes 90 minutes.", "It takes an hour and a half."),
        ("바람은 초속 10m였다.", "시속 36km의 바람이 불었다"),
        ("Three dead, five injured as of 14:00.", "14시 기준 사망 3명, 부상 5명"),
        ("두 시간 만에 불을 껐다.", "13시 10분에 난 불은 15시 10분에 꺼졌다"),
    ],
)
def test_a_faithful_sentence_has_no_problem(sentence: str, source: str) -> None:
    assert unsupported(sentence, [source]) == []


@pytest.mark.parametrize(
    ("sentence", "source"),
    [
        ("사망 5명, 부상 3명이다.", TOLL_KO),
        ("5 people were killed.", TOLL_EN),
        ("강릉시 5명, 동해시 3명이 다쳤다.", "부상자는 강릉시 3명, 동해시 5명이다"),
        ("Sokcho counted 5 injured, Goseong 3.", "Sokcho counted 3 injured and Goseong 5."),
        ("12시간에 180mm가 예상되면 호우주의보다.", "호우주의보는 12시간에 110mm, 호우경보는 12시간에 180mm"),
    ],
)
def test_a_number_with_the_words_of_another_one_is_a_swap(sentence: str, source: str) -> None:
    assert "swap" in kinds(sentence, source)


def test_a_swap_is_told_with_both_places() -> None:
    problem = unsupported("부상자는 3명이다.", ["사망 3명, 부상 5명"])[0]
    assert problem.reason == "'부상자는 3명' stands for '사망 3명'"


@pytest.mark.parametrize(
    ("sentence", "source"),
    [
        ("3가구가 대피했다.", "3명이 대피했다"),
        ("The water is 90 mm deep.", "The water is 90 m deep."),
        ("지원금은 300원이다.", "지원금은 300만원이다"),
        ("About 500 barrels leaked.", "About 500 gallons leaked."),
        ("30분 동안 기다린다.", "30시간 동안 기다린다"),
    ],
)
def test_another_unit_is_another_number(sentence: str, source: str) -> None:
    assert kinds(sentence, source) & {"unit", "number"}


@pytest.mark.parametrize(
    ("sentence", "source"),
    [
        ("통제는 오전 2시에 시작된다.", "14시부터 통제"),
        ("17시부터 14시까지 통제한다.", "14시부터 17시까지 통제"),
        ("The road is closed from 5 p.m. to 2 p.m.", "The road is closed from 2 p.m. to 5 p.m."),
        ("7월 4일에 열린다.", "7월 3일에 열린다"),
        ("It opens on Monday.", "It opens on Friday."),
    ],
)
def test_another_hour_or_day_and_a_turned_span_are_named(sentence: str, source: str) -> None:
    assert "time" in kinds(sentence, source)


@pytest.mark.parametrize(
    ("sentence", "source"),
    [
        ("문을 여세요. 엘리베이터를 타세요.", "엘리베이터를 타지 마세요"),
        ("Use the lift.", "Do not use the lift."),
        ("인명피해가 있었다.", "인명피해는 없었다"),
        ("No casualties were reported.", "Casualties were reported."),
        ("하천변에 들어가도 됩니다.", "하천변 출입 금지"),
        ("Swimming is allowed.", "Swimming is prohibited."),
        ("물을 마셔도 됩니다.", "물을 마시면 안 됩니다"),
    ],
)
def test_a_denial_on_one_side_only_is_named(sentence: str, source: str) -> None:
    assert "negation" in kinds(sentence, source)


@pytest.mark.parametrize(
    ("sentence", "source"),
    [
        ("18시에 대피명령이 내려졌다.", "18시 대피명령 해제"),
        ("The evacuation order was issued at 6 p.m.", "The evacuation order was lifted at 6 p.m."),
        ("호우경보가 해제됐다.", "호우경보 발령"),
        ("The warning was lifted.", "The warning was issued."),
    ],
)
def test_a_release_is_no_order_and_an_order_no_release(sentence: str, source: str) -> None:
    assert kinds(sentence, source) & {"release", "negation", "opposite"}


@pytest.mark.parametrize(
    ("sentence", "source"),
    [
        ("경보가 해제될 때까지 내려오지 않는다.", "특보가 풀릴 때까지 내려오지 않는다"),
        ("Wait for tests before you drink the water.", "Do not drink the water before tests."),
        ("Nobody is known to be hurt.", "There were no casualties."),
        ("구조대는 갇힌 사람이 없다고 밝혔다.", "갇힌 사람은 없는 것으로 확인됐다"),
        ("The airport is not closed.", "The airport stays open."),
    ],
)
def test_a_denial_in_other_words_is_the_same(sentence: str, source: str) -> None:
    assert unsupported(sentence, [source]) == []


@pytest.mark.parametrize(
    ("sentence", "source"),
    [
        ("A fire broke out near Donghae.", "A fire broke out near Sokcho."),
        ("동해시 옥계면에서 불이 났다.", "강릉시 옥계면에서 불이 났다"),
        ("부산에서 산불이 났다.", "강릉에서 산불이 났다"),
        ("점검은 B-18에서 했다.", "점검은 A-17에서 했다"),
        ("동해초등학교로 대피한다.", "옥계초등학교로 대피한다"),
    ],
)
def test_a_name_that_no_source_has_is_named(sentence: str, source: str) -> None:
    assert "name" in kinds(sentence, source)


def test_a_name_written_in_the_other_script_is_the_same_name() -> None:
    assert unsupported("A fire broke out in Gangneung.", ["강릉에서 불이 났다"]) == []


def test_names_that_the_domain_gives_are_known_without_their_form() -> None:
    sentence, source = "부산은 안전하다.", "강릉은 안전하다"
    assert "name" not in kinds(sentence, source)
    assert "name" in kinds(sentence, source, names=("부산", "강릉"))


def test_words_that_exclude_each_other_are_told_apart() -> None:
    assert "opposite" in kinds("The north gate is closed.", "The north gate is open.")
    assert "opposite" in kinds("수위가 어제보다 낮아졌다.", "수위가 어제보다 높아졌다")


def test_who_did_it_to_whom_is_read_by_particles() -> None:
    assert "swap" in kinds("부부가 주민을 구했다.", "주민이 부부를 구했다")


@given(st.text(alphabet="사망부상 3명5없지않해제경보시월12일. ,~no lifted killed AB-%m만억", max_size=50))
@settings(max_examples=50, deadline=None)
def test_any_sentence_is_borne_out_by_itself_without_an_error(text: str) -> None:
    for problem in unsupported(text, [text]):
        assert problem.field and problem.reason


@pytest.fixture
def mutations(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import grounding_mutations

    yield grounding_mutations
    for name in ("grounding_mutations", "grounding_errors"):
        sys.modules.pop(name, None)


def test_planted_errors_are_caught_and_faithful_sentences_pass(mutations: object) -> None:
    cases = mutations.mechanical_cases(0)  # type: ignore[attr-defined]
    planted = [mutations.is_flagged(case) for case in cases if case.kind != "faithful"]  # type: ignore[attr-defined]
    faithful = [mutations.is_flagged(case) for case in cases if case.kind == "faithful"]  # type: ignore[attr-defined]
    assert (len(planted) > 900, len(faithful) > 500) == (True, True)
    assert sum(planted) >= 0.99 * len(planted)
    assert sum(faithful) <= 0.02 * len(faithful)
