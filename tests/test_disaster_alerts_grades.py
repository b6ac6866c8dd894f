"""The grade of a message: a dated rule is quoted, or the advice says why nothing is decided."""

from __future__ import annotations

from datetime import date

import pytest

from slm_disaster.alerts.grades import Advice, Grade, Measured, Outcome, advise_grade, rules
from slm_disaster.rules import read_by_rules

DAY = date(2026, 11, 22)


def advise(report: str, day: date = DAY, **measured: object) -> Advice:
    return advise_grade(read_by_rules(report), Measured.model_validate(measured), day)


RAIN = "오늘 06시 강릉시 호우"
QUAKE = "오늘 06시 경주시 지진 발생"


@pytest.mark.parametrize(
    ("report", "measured", "rule"),
    [
        ("한강 홍수 정보 심각 단계 발령, 서울시 영등포구", {}, "flood-information-serious"),
        ("산사태경보 발령, 강릉시 옥계면", {}, "landslide-forecast-warning"),
        (RAIN, {"rain_1h_mm": 50, "rain_3h_mm": 90}, "extreme-rain"),
        (QUAKE, {"magnitude": 3.5, "epicentre": "land"}, "earthquake-land"),
        (QUAKE, {"magnitude": 4.0}, "earthquake-sea"),
    ],
)
def test_disaster_function_03_the_grade_quotes_its_rule_with_date_and_source(
    report: str, measured: dict[str, object], rule: str
) -> None:
    advice = advise(report, **measured)
    assert advice.grade is Grade.URGENT
    assert advice.lines("ko")[0] == "긴급재난"
    quoted = next(line for line in advice.lines("ko") if rule in line)
    assert quoted.startswith("해당: ")
    assert "재난문자방송 기준 및 운영규정" in quoted
    assert "확인 2026-11-22" in quoted


@pytest.mark.parametrize(
    ("report", "measured", "lacking"),
    [
        (RAIN, {}, ("rain_1h_mm", "rain_3h_mm")),
        (RAIN, {"rain_1h_mm": 60}, ("rain_3h_mm",)),
        (QUAKE, {"magnitude": 3.7}, ("epicentre",)),
        (QUAKE, {"epicentre": "sea"}, ("magnitude",)),
        ("강릉시 옥계면 산사태 발생", {}, ("level",)),
    ],
)
def test_disaster_function_03_lacking_data_are_named_and_nothing_is_decided(
    report: str, measured: dict[str, object], lacking: tuple[str, ...]
) -> None:
    advice = advise(report, **measured)
    assert (advice.grade, advice.lacking) == (None, lacking)
    assert advice.lines("en")[0].startswith("not decidable: unknown - ")
    assert advice.lines("ko")[0].startswith("판단할 수 없음: 자료 없음 - ")


@pytest.mark.parametrize("rain", [(60.0, 80.0), (40.0, 95.0)])
def test_disaster_function_03_where_the_sources_disagree_the_advice_says_so(
    rain: tuple[float, float],
) -> None:
    advice = advise(RAIN, rain_1h_mm=rain[0], rain_3h_mm=rain[1])
    assert advice.grade is None
    assert [each.outcome for each in advice.findings] == [Outcome.DISPUTED]
    assert "disagree" in advice.lines("en")[0]
    assert "secondary source" in advice.lines("en")[1]


def test_a_quake_at_sea_below_4_meets_no_rule_and_no_grade_is_made_up() -> None:
    advice = advise(QUAKE, magnitude=3.7, epicentre="sea")
    assert advice.grade is None
    assert advice.lines("en")[0] == "not decidable: no rule held calls for a grade here"
    assert [each.outcome for each in advice.findings] == [Outcome.NOT_MET, Outcome.NOT_MET]


def test_a_hazard_without_a_rule_is_not_decidable() -> None:
    assert (
        advise("강릉시 폭염경보 발효").lines("ko")[0] == "판단할 수 없음: 가진 기준 가운데 해당하는 것이 없음"
    )
    assert advise("점심 뭐 먹지").grade is None


def test_a_rule_says_nothing_of_a_day_before_it_is_known_to_stand() -> None:
    early = advise("산사태경보 발령, 강릉시 옥계면", day=date(2025, 7, 1))
    assert early.grade is None
    assert early.lines("en")[0] == "not decidable: no rule held is known to stand on that day"
    assert early.judgement == ()
    (judgement,) = advise(RAIN, day=date(2026, 3, 1)).judgement
    assert (judgement.grade, judgement.valid_from) == (Grade.CRITICAL, "2026-02-28")


def test_every_rule_has_its_source_and_the_day_it_was_read() -> None:
    for rule in (*rules("rule"), *rules("judgement")):
        assert rule.source and rule.ko and rule.en
        assert rule.stands(rule.read)
