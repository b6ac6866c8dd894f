"""A reply of the model held against the facts: what is faithful passes, what is not is replaced."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from slm_energy.generator.explain import explain_rows
from slm_energy.why.checking import check_reply
from slm_energy.why.fact import Fact, fact
from slm_energy.why.task import EXPLAIN, ExplainRequest, Explanation, explain_by_rules

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
FACTS = (
    fact("charge", 3.0, "kW", part="전기차", time="03:00"),
    fact("price", 92, "원/kWh", time="03:00"),
    fact("mean_price", 131, "원/kWh"),
    fact("price_gap", -30, "%", time="03:00"),
    fact("no_surplus", time="03:00"),
    fact("need", 20, "kWh", part="전기차", time="07:00"),
    fact("forbid_charge", part="전기차", time="03:00"),
    fact("more_cost", 312, "원"),
    fact("more_peak", -0.4, "kW"),
)
KOREAN = (
    "전기차는 03:00에 3.0 kW로 충전합니다. 그때 단가는 92원/kWh로 평균 131원/kWh보다 30% 싸고, "
    "남는 태양광은 없습니다. 전기차는 07:00까지 20.0 kWh가 필요합니다. "
    "03:00에 충전하지 못하게 하면 비용이 312원 늘고 최대 전력은 0.4 kW 줄어듭니다."
)
ENGLISH = (
    "The car charges at 3 am with 3.0 kW. Power then costs 92 won/kWh, 30% below the mean of 131 won/kWh, "
    "and there is no solar surplus. The car needs 20.0 kWh by 07:00. "
    "If it could not charge at 03:00, the cost would rise by 312 won and the peak would fall by 0.4 kW."
)


def kinds(text: str) -> set[str]:
    return {problem.field for problem in check_reply(text, FACTS)}


@pytest.mark.parametrize("text", [KOREAN, ENGLISH])
def test_energy_function_02_a_faithful_reply_passes(text: str) -> None:
    assert check_reply(text, FACTS) == []


@pytest.mark.parametrize(
    ("text", "right", "wrong", "kind"),
    [
        (KOREAN, "312원", "321원", "number"),
        (ENGLISH, "20.0 kWh", "20.5 kWh", "number"),
        (KOREAN, "20.0 kWh", "20.0 kW", "unit"),
        (ENGLISH, "92 won/kWh", "92 won", "unit"),
        (KOREAN, "07:00까지", "08:00까지", "time"),
        (ENGLISH, "3 am", "3 pm", "time"),
        (KOREAN, "전기차는 07:00", "냉장고는 07:00", "part"),
        (ENGLISH, "The car needs", "The battery needs", "part"),
        (KOREAN, "30% 싸고", "30% 비싸고", "direction"),
        (KOREAN, "312원 늘고", "312원 줄고", "direction"),
        (ENGLISH, "30% below", "30% above", "direction"),
        (ENGLISH, "fall by", "rise by", "direction"),
        (KOREAN, "로 충전합니다", "로 충전하지 않습니다", "negation"),
        (ENGLISH, "The car charges", "The car does not charge", "negation"),
        (KOREAN, "남는 태양광은 없습니다", "남는 태양광이 있습니다", "missing"),
        (ENGLISH, "there is no solar", "there is a solar", "missing"),
        (KOREAN, "전기차는 07:00까지 20.0 kWh가 필요합니다. ", "", "missing"),
        (ENGLISH, " The car needs 20.0 kWh by 07:00.", "", "missing"),
        (KOREAN, "필요합니다.", "필요합니다. 내일 비가 오기 때문입니다.", "invented"),
        (ENGLISH, "07:00.", "07:00. It also spares the battery's health.", "invented"),
    ],
)
def test_energy_function_02_a_planted_error_is_caught(text: str, right: str, wrong: str, kind: str) -> None:
    assert right in text
    assert kind in kinds(text.replace(right, wrong, 1))


@pytest.mark.parametrize(
    ("text", "one", "other"),
    [(KOREAN, "92원", "131원"), (ENGLISH, "92 won", "131 won")],
)
def test_energy_function_02_two_exchanged_prices_are_caught(text: str, one: str, other: str) -> None:
    changed = text.replace(one, "?").replace(other, one).replace("?", other)
    assert "swap" in kinds(changed)


def test_energy_function_02_a_saving_told_from_this_plan_s_side_passes() -> None:
    told = KOREAN.replace(
        "03:00에 충전하지 못하게 하면 비용이 312원 늘고 최대 전력은 0.4 kW 줄어듭니다.",
        "03:00에 충전하지 못하면 312원이 더 들지만 최대 전력은 0.4 kW 낮아집니다.",
    )
    assert check_reply(told, FACTS) == []


def test_energy_function_02_the_task_replaces_a_wrong_reply_and_says_which_fault() -> None:
    request = ExplainRequest(lang="ko", facts=FACTS, sentences=(KOREAN,))
    assert EXPLAIN.read(KOREAN, request) == Explanation(text=KOREAN)
    with pytest.raises(ValueError, match="number: '321원' is no fact"):
        EXPLAIN.read(KOREAN.replace("312원", "321원"), request)
    with pytest.raises(ValueError, match="expected a text"):
        EXPLAIN.read({"text": KOREAN}, request)
    assert explain_by_rules(request).text == KOREAN


def test_a_request_survives_its_user_message() -> None:
    request = ExplainRequest(lang="en", facts=FACTS, sentences=(ENGLISH,))
    assert EXPLAIN.parse_request(EXPLAIN.user_text(request)) == request


def test_replies_in_other_words_pass() -> None:
    facts = {}
    for line in (BENCHMARKS / "energy_explain_facts.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        facts[row["id"]] = tuple(Fact(**each) for each in row["facts"])
    for line in (BENCHMARKS / "energy_explain_pairs.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        assert check_reply(row["reply"], facts[row["facts"]]) == [], row["id"]


def test_generated_rows_are_faithful_in_both_languages_and_repeatable() -> None:
    rows = list(explain_rows(3, 4))
    assert {row.lang for row in rows} == {"ko", "en"}
    for row in rows:
        request = EXPLAIN.parse_request(row.user)
        assert EXPLAIN.read(json.loads(row.target), request)
    assert [row.id for row in explain_rows(3, 1)] == [rows[0].id]


@pytest.mark.parametrize(
    ("text", "right", "other"),
    [
        (KOREAN, "312원 늘고", "약 310원 늘고"),
        (ENGLISH, "by 312 won", "by about 310 won"),
        (KOREAN, "평균 131원/kWh보다 30% 싸고", "평균 131원/kWh 대비 30% 저렴하고"),
        (ENGLISH, "the mean of 131 won/kWh", "the average of the usable hours, which is 131 won/kWh"),
        (KOREAN, "03:00에 충전하지 못하게 하면", "03:00에 충전을 금지할 경우"),
        (ENGLISH, "If it could not charge at 03:00,", "Not allowing it to charge at 03:00,"),
        (KOREAN, "최대 전력은 0.4 kW 줄어듭니다", "최대 전력은 0.4 kW 감소하게 됩니다"),
        (ENGLISH, "the peak would fall by 0.4 kW", "it would take 0.4 kW off the peak"),
        (KOREAN, "전기차는 03:00에", "전기차는 오전 3시에"),
    ],
)
def test_what_is_told_in_other_words_passes(text: str, right: str, other: str) -> None:
    assert right in text
    assert check_reply(text.replace(right, other, 1), FACTS) == []


@pytest.mark.parametrize(
    ("text", "right", "wrong", "kind"),
    [
        (KOREAN, "312원 늘고", "310원 늘고", "number"),  # rounded, and not said to be
        (KOREAN, "312원 늘고", "약 350원 늘고", "number"),
        (
            ENGLISH,
            "by 312 won",
            "by about 290 won",
            "number",
        ),
        (ENGLISH, "3.0 kW", "about 3.6 kW", "number"),
        (KOREAN, "312원 늘고", "계약 310원 늘고", "number"),
        (ENGLISH, "the mean of 131 won/kWh", "the average of the usable hours, which is 92 won/kWh", "swap"),
        (KOREAN, "03:00에 충전하지 못하게 하면", "07:00에 충전을 금지할 경우", "missing"),
        (ENGLISH, "the peak would fall by 0.4 kW", "it would put 0.4 kW on the peak", "direction"),
        (ENGLISH, "30% below", "which is not 30% below", "direction"),
    ],
)
def test_the_same_forms_with_a_wrong_figure_hour_or_way_are_refused(
    text: str, right: str, wrong: str, kind: str
) -> None:
    assert right in text
    assert kind in kinds(text.replace(right, wrong, 1))


ROOM_FACTS = (
    fact("heat", 2.8, "kW", part="공방", time="03:00"),
    fact("price", 96, "원/kWh", time="03:00"),
    fact("rank", 7, "rank", time="03:00"),
    fact("low_price", 82, "원/kWh", time="16:00"),
    fact("keep_low", 20, "°C", part="공방", time="09:00"),
    fact("base_load", 0.9, "kW", time="03:00"),
)
ROOM = (
    "The 공방 is heated at 03:00 with 2.8 kW. The price at 03:00 is 96 won/kWh. It is the seventh cheapest "
    "hour; the cheapest is 16:00 at 82 won/kWh. The 공방 must not be colder than 20.0°C from 09:00. "
    "At 03:00 another 0.9 kW is load that is not part of the plan."
)


@pytest.mark.parametrize(
    ("right", "other", "fine"),
    [
        ("It is the", "03:00 is not the cheapest hour: it is the", True),
        ("It is the", "16:00 is not the cheapest hour: 03:00 is the", False),
        ("not be colder than", "not be lower than", True),
        ("not be colder than", "not be warmer than", False),
        ("that is not part of the plan", "outside of the plan", True),
        ("another 0.9 kW is load that is not part", "another 2.8 kW is load that is not part", False),
    ],
)
def test_a_true_denial_passes_and_a_false_one_does_not(right: str, other: str, fine: bool) -> None:
    assert right in ROOM
    assert check_reply(ROOM, ROOM_FACTS) == []
    assert (check_reply(ROOM.replace(right, other, 1), ROOM_FACTS) == []) is fine


STAY_FACTS = (
    fact("charge", 4.3, "kW", part="car", time="07:00"),
    fact("price", 113.5, "원/kWh", time="07:00"),
    fact("mean_price", 168.4, "원/kWh"),
    fact("cheapest", time="07:00"),
    fact("need", 9.5, "kWh", part="car", time="08:00"),
    fact("stay", part="car", time="18:00~08:00"),
    fact("at_peak", 9, "kW", time="07:00"),
    fact("forbid_charge", part="car", time="07:00"),
    fact("same_cost"),
    fact("same_peak"),
)
STAY_KO = (
    "car는 07:00에 4.3 kW로 충전합니다. 07:00의 단가는 113.5원/kWh이고 평균은 168.4원/kWh입니다. "
    "쓸 수 있는 시간 가운데 07:00은 가장 싼 때입니다. car는 08:00까지 9.5 kWh가 필요합니다. "
    "car는 18:00부터 08:00까지만 충전기에 있습니다. 07:00에 사는 전력은 피크 한도 9.0 kW에 닿습니다. "
    "07:00에 car를 충전하지 못하게 하면 비용은 그대로이고 최대 전력도 그대로입니다."
)
STAY_EN = (
    "It charges at 07:00 with 4.3 kW. At 07:00 power costs 113.5 won/kWh, and the mean is 168.4 won/kWh. "
    "07:00 is among the cheapest of the usable hours. The car needs 9.5 kWh by 08:00. "
    "It is at its charger only from 18:00 to 08:00. Power bought at 07:00 reaches the peak limit of 9.0 kW. "
    "If it could not charge at 07:00, the cost would be the same and the peak would be unchanged."
)


@pytest.mark.parametrize("text", [STAY_KO, STAY_EN])
def test_a_reply_about_a_stay_passes(text: str) -> None:
    assert check_reply(text, STAY_FACTS) == []


@pytest.mark.parametrize(
    ("text", "right", "wrong"),
    [
        (STAY_KO, "18:00부터 08:00까지만", "08:00부터 18:00까지만"),
        (STAY_KO, "18:00부터 08:00까지만", "08:00~18:00에만"),
        (STAY_KO, "18:00부터 08:00까지만", "오전 8시부터 오후 6시까지만"),
        (STAY_KO, "18:00부터 08:00까지만", "18:00부터 07:00까지만"),
        (STAY_EN, "from 18:00 to 08:00", "from 08:00 to 18:00"),
        (STAY_EN, "from 18:00 to 08:00", "between 08:00 and 18:00"),
        (STAY_EN, "from 18:00 to 08:00", "from 8 in the morning until 6 in the evening"),
        (STAY_EN, "from 18:00 to 08:00", "until 18:00 and from 08:00"),
        (STAY_EN, "from 18:00 to 08:00", "from 18:00 to 07:00"),
        (STAY_KO, "까지만 충전기", "까지를 빼고 충전기"),
        (STAY_EN, "only from 18:00", "only outside 18:00"),
    ],
)
def test_a_stay_told_from_its_end_to_its_start_is_refused(text: str, right: str, wrong: str) -> None:
    assert right in text
    found = {problem.field for problem in check_reply(text.replace(right, wrong, 1), STAY_FACTS)}
    assert found & {"swap", "time", "missing"}


@pytest.mark.parametrize(
    ("text", "right", "other"),
    [
        (STAY_KO, "18:00부터 08:00까지만", "오후 6시부터 다음 날 오전 8시까지만"),
        (STAY_KO, "113.5원/kWh이고 평균은 168.4원/kWh입니다", "1 kWh에 113.5원이고 평균은 168.4원입니다"),
        (STAY_KO, "평균은 168.4원/kWh", "평균은 반올림해서 약 168원/kWh"),
        (STAY_EN, "from 18:00 to 08:00", "between 6 p.m. and 8 a.m."),
        (STAY_EN, "from 18:00 to 08:00", "between 6 in the evening and 8 in the morning"),
        (STAY_EN, "from 18:00 to 08:00", "until 08:00 from 18:00"),
        (STAY_EN, "9.5 kWh", "9.5 kilowatt-hours"),
        (STAY_EN, "power costs 113.5 won/kWh,", "a kilowatt-hour costs 113.5 won,"),
        (STAY_EN, "the mean is 168.4 won/kWh", "the mean is about 168 won/kWh (rounded)"),
    ],
)
def test_hours_units_and_rounding_are_read_as_they_are_said(text: str, right: str, other: str) -> None:
    assert right in text
    assert check_reply(text.replace(right, other, 1), STAY_FACTS) == []


@pytest.mark.parametrize(
    ("text", "right", "wrong"),
    [
        (STAY_EN, "9.5 kWh", "9.5 kilowatts"),
        (STAY_EN, "9.5 kWh", "10.5 kilowatt-hours"),
        (STAY_EN, "power costs 113.5 won/kWh,", "a kilowatt-hour costs 168.4 won,"),
        (STAY_EN, "by 08:00", "by 8:00 in the evening"),
        (STAY_EN, "the mean is 168.4 won/kWh", "the mean is about 160 won/kWh (rounded)"),
        (STAY_KO, "113.5원/kWh이고 평균은 168.4원/kWh", "1 kWh에 168.4원이고 평균은 113.5원"),
        (STAY_KO, "9.5 kWh가", "1 kWh에 9.5원이"),
        (STAY_KO, "평균은 168.4원/kWh", "평균은 반올림해서 약 178원/kWh"),
    ],
)
def test_the_same_readings_do_not_let_a_wrong_figure_pass(text: str, right: str, wrong: str) -> None:
    assert right in text
    assert check_reply(text.replace(right, wrong, 1), STAY_FACTS)


@pytest.mark.parametrize(
    ("text", "right", "wrong"),
    [
        (STAY_KO, "가장 싼 때입니다", "가장 싼 때는 아닙니다"),
        (STAY_KO, "9.0 kW에 닿습니다", "9.0 kW에 닿지 않습니다"),
        (STAY_KO, "9.0 kW에 닿습니다", "9.0 kW에 이르지는 못합니다"),
        (STAY_KO, "비용은 그대로이고", "비용은 그대로가 아니고"),
        (STAY_KO, "최대 전력도 그대로입니다", "최대 전력은 그대로가 아닙니다"),
        (STAY_KO, "최대 전력도 그대로입니다", "최대 전력도 그대로인 것은 아닙니다"),
        (STAY_EN, "is among the cheapest", "is not among the cheapest"),
        (STAY_EN, "reaches the peak limit", "does not reach the peak limit"),
        (STAY_EN, "reaches the peak limit", "fails to reach the peak limit"),
        (STAY_EN, "reaches the peak limit", "is not up against the peak limit"),
        (STAY_EN, "the cost would be the same", "the cost would not be the same"),
        (STAY_EN, "would be unchanged", "would not stay unchanged"),
        (STAY_KO, "비용은 그대로이고", "비용은 다르고"),
        (STAY_EN, "the cost would be the same", "the cost would be different"),
    ],
)
def test_a_denial_of_what_is_so_is_refused(text: str, right: str, wrong: str) -> None:
    assert right in text
    found = {problem.field for problem in check_reply(text.replace(right, wrong, 1), STAY_FACTS)}
    assert found & {"negation", "direction"}


@pytest.mark.parametrize(
    ("text", "right", "other"),
    [
        (STAY_KO, "비용은 그대로이고", "비용은 달라지지 않고"),
        (STAY_KO, "9.0 kW에 닿습니다", "9.0 kW에 닿아 더 살 수 없습니다"),
        (STAY_EN, "the cost would be the same", "the cost would not change"),
        (
            STAY_EN,
            "It is at its charger only",
            "Outside 18:00 to 08:00 it is not at its charger: it is there",
        ),
    ],
)
def test_a_denial_that_the_facts_bear_out_passes(text: str, right: str, other: str) -> None:
    assert right in text
    assert check_reply(text.replace(right, other, 1), STAY_FACTS) == []


INSTEAD = (fact("forbid_heat", part="공방", time="03:00"), fact("instead", part="공방", time="07:00"))
BASE = (fact("base_load", 0.9, "kW", time="03:00"),)


@pytest.mark.parametrize(
    ("facts", "text", "right", "wrong"),
    [
        (
            INSTEAD,
            "If 공방 could not heat at 03:00, 공방 would heat mainly at 07:00.",
            "would heat",
            "would not heat",
        ),
        (
            INSTEAD,
            "03:00에 공방을 난방하지 못하게 하면 주로 07:00에 난방합니다.",
            "난방합니다",
            "난방하지 않습니다",
        ),
        (BASE, "0.9 kW is load that is not planned at 03:00.", "is not planned", "is planned"),
        (BASE, "03:00에 계획하지 않는 부하는 0.9 kW입니다.", "계획하지 않는", "계획하는"),
    ],
)
def test_the_hour_instead_denied_and_load_told_as_planned_are_refused(
    facts: tuple[Fact, ...], text: str, right: str, wrong: str
) -> None:
    assert check_reply(text, facts) == []
    assert check_reply(text.replace(right, wrong), facts)
