"""Why a plan does what it does, and why there is none: facts, sentences, conflicts."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import time
from functools import cache
from pathlib import Path

import pytest
from test_energy_why_question import home, planned

from slm_core.errors import UserError
from slm_energy.plan.limits import limits
from slm_energy.plan.problem import Problem
from slm_energy.plan.schedule import Schedule
from slm_energy.plan.solve import solve
from slm_energy.site import Battery, Car
from slm_energy.why.checking import check_reply
from slm_energy.why.conflict import Conflict, explain_conflict, feasible, what_if
from slm_energy.why.counterfactual import forbid, force
from slm_energy.why.explaining import explain
from slm_energy.why.parts import Span, part_of
from slm_energy.why.reply import conflict_sentences
from slm_energy.why.wording import rounded, shown, with_particles

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from energy_broken_plans import broken_plans, examine

EVENING = Span(2, 3)  # 20:00


@cache
def too_little_power() -> tuple[Problem, Conflict]:
    problem = home(import_kw=2.5, battery=None)
    conflict = explain_conflict(problem)
    assert conflict is not None
    return problem, conflict


def facts_of(text: str, schedule: Schedule) -> dict[str, object]:
    return {each.id: each for each in explain(text, schedule).facts}


def test_energy_function_02_price_need_and_limits_explain_a_charge_with_numbers_of_the_plan() -> None:
    reason = explain("왜 전기차를 새벽 3시에 충전해?", planned())
    facts = {each.id: each for each in reason.facts}
    assert planned().flows is not None
    assert facts["charge"].number == rounded(planned().flows.cars["전기차"].values[9], "kW")  # type: ignore[union-attr]
    assert facts["price"].number == 92.0
    assert facts["mean_price"].number == rounded(sum([210.0] * 2 + [140.0] + [92.0] * 9) / 12, "원/kWh")
    assert (facts["need"].number, facts["need"].time) == (20.0, "07:00")
    assert "전기차는 07:00까지 20.0 kWh가 필요합니다." in reason.text
    assert "가장 싼 때" in reason.text


def test_energy_function_02_forbidding_an_hour_never_makes_the_plan_cheaper() -> None:
    car = part_of(planned().problem.site, "전기차")
    for first in (4, 8, 11):
        change = forbid(planned(), car, "charge", Span(first, first + 1))
        assert change.solved
        assert change.cost >= 0


def test_energy_function_02_a_forced_hour_costs_what_solving_with_it_costs() -> None:
    schedule = solve(home(battery=None, deferrables=()))
    assert schedule.flows is not None
    car = part_of(schedule.problem.site, "전기차")
    change = force(schedule, car, "charge", EVENING)
    moved = max(schedule.flows.cars["전기차"].values)  # kWh in that hour, from 92 won to 210 won
    assert change.cost == pytest.approx(moved * (210 - 92), rel=1e-3)
    told = explain("Why not charge the car at 8 pm?", schedule).text
    assert f"the cost would be {shown(rounded(change.cost, '원'), '원', 'en')} more" in told


def test_energy_function_02_charging_from_surplus_is_not_explained_by_the_price() -> None:
    facts = facts_of("왜 배터리를 오후 3시에 충전해?", planned())
    assert {"surplus", "nothing_bought"} <= {*facts}
    assert "price" not in facts


def test_energy_function_02_a_false_premise_is_corrected() -> None:
    assert "전기차는 20:00에 충전하지 않습니다." in explain("왜 전기차를 오후 8시에 충전해?", planned()).text


def test_energy_function_02_an_hour_without_the_car_says_when_it_is_there() -> None:
    reason = explain("What if the car charges at 2 pm?", planned())
    assert "전기차 cannot be used at 14:00 in this plan." in reason.text
    assert "19:00~07:00" in reason.text


def test_energy_function_02_a_safety_load_is_said_to_be_out_of_the_plans_hands() -> None:
    schedule = solve(home(safety=("식기세척기",), battery=None, cars=()))
    assert (
        "식기세척기는 안전 부하라서 계획이 바꾸지 않습니다."
        in explain("식기세척기를 새벽 3시에 돌리면?", schedule).text
    )
    english = explain("Why does 식기세척기 run at 8 pm?", schedule)
    assert "is a safety load" in english.text
    assert check_reply(english.text, english.facts) == []


def test_energy_function_02_leaving_earlier_is_solved_again_or_names_the_conflict() -> None:
    tight = solve(
        home(
            import_kw=4.0,
            cars=(Car(name="전기차", charge_kw=7, needs_kwh=20, arrives=time(19), leaves=time(7)),),
        )
    )
    easy, hard = (explain(f"전기차를 {hour}까지 끝내면?", tight) for hour in ("06:00", "22:00"))
    assert "06:00까지 끝내게 하면 비용" in easy.text
    assert hard.conflict is not None
    assert "계획을 세울 수 없습니다. 함께 지킬 수 없는 조건" in hard.text


def test_energy_function_02_every_required_fact_is_told_in_both_languages_and_passes_the_check() -> None:
    questions = (
        "왜 전기차를 3시에 충전해?",
        "왜 배터리를 오후 7시에 방전해?",
        "식기세척기는 왜 그때 돌려?",
        "피크가 왜 이래?",
        "비용이 얼마야?",
    )
    for text in questions:
        for lang in ("ko", "en"):
            reason = explain(text, planned(), lang)  # type: ignore[arg-type]
            told = {name for sentence in reason.sentences for name in sentence.facts}
            assert {each.id for each in reason.facts if each.required} <= told
            assert check_reply(reason.text, reason.facts) == []


@pytest.mark.parametrize("broken", broken_plans()[3::9], ids=lambda broken: broken.name)
def test_energy_function_03_a_broken_plan_names_its_causes_and_the_relaxation_works(broken: object) -> None:
    found = examine(broken)  # type: ignore[arg-type]
    assert found.named
    assert found.minimal
    assert found.solved
    assert found.alone


def test_energy_function_03_leaving_out_any_one_limit_of_a_set_makes_it_solvable() -> None:
    problem, conflict = too_little_power()
    (found,) = conflict.sets
    others = {limit.id for limit in limits(problem)} - {limit.id for limit in found}
    assert not feasible(problem, others)
    for limit in found:
        assert feasible(problem, others | {limit.id})


def test_energy_function_03_one_click_applies_the_relaxation_and_the_plan_says_so() -> None:
    problem, conflict = too_little_power()
    mended = what_if(problem, conflict.relaxation)
    assert mended.status == "optimal"
    assert dict(mended.problem.relaxed) == dict(conflict.relaxation)


def test_energy_function_03_a_step_less_than_the_relaxation_is_not_enough() -> None:
    problem = home(
        battery=None,
        deferrables=(),
        cars=(Car(name="전기차", charge_kw=3, needs_kwh=50, arrives=time(19), leaves=time(7)),),
    )
    conflict = explain_conflict(problem)
    assert conflict is not None
    assert dict(conflict.relaxation) == {"car.전기차.energy": 16.9}  # 12 h * 3 kW * 0.92 = 33.1 kWh
    assert what_if(problem, {"car.전기차.energy": 16.8}).status == "infeasible"


def test_energy_function_03_the_reply_names_limits_and_ways_in_both_languages() -> None:
    problem, conflict = too_little_power()
    korean = explain("왜 안 돼?", solve(problem)).text
    english = " ".join(line.text for line in conflict_sentences(conflict, "en")[1])
    assert korean.startswith("함께 지킬 수 없는 조건: 수전 한도 2.5 kW, 전기차에 필요한 전기 20.0 kWh")
    assert "가장 작게 고치려면" in korean
    assert english.startswith("These cannot be kept together: the import limit of 2.5 kW")
    assert "The smallest change:" in english


def test_energy_function_03_a_solved_plan_has_no_conflict() -> None:
    assert explain_conflict(planned().problem) is None
    assert explain("왜 계획이 안 돼?", planned()).text == "이 계획은 풀렸습니다. 어긋나는 조건이 없습니다."


def test_energy_function_03_an_unknown_limit_is_refused_with_the_nearest() -> None:
    with pytest.raises(UserError, match=r"did you mean grid\.import"):
        what_if(home(import_kw=2.5), {"grid.imports": 1.0})


def test_a_plan_that_the_solver_gave_up_on_has_no_reasons() -> None:
    failed = replace(planned(), status="failed", flows=None, cost=None)
    assert (
        explain("What does it cost?", failed).text == "There is no plan yet, so there is nothing to explain."
    )


@pytest.mark.parametrize(
    ("number", "unit", "ko", "en"),
    [
        (311.5, "원", "312원", "312 won"), (1234567.0, "원", "1,234,567원", "1,234,567 won"),
        (2.25, "kW", "2.3 kW", "2.3 kW"), (0.5, "%", "1%", "1%"), (92.0, "원/kWh", "92원/kWh", "92 won/kWh"),
        (92.34, "원/kWh", "92.3원/kWh", "92.3 won/kWh"),
        (0.0715, "EUR/kWh", "0.072 EUR/kWh", "0.072 EUR/kWh"),
        (1.0, "h", "1.0시간", "1.0 hour"), (20.0, "°C", "20.0°C", "20.0°C"),
    ],
)  # fmt: skip
def test_numbers_are_rounded_once_and_shown_with_their_unit(
    number: float, unit: str, ko: str, en: str
) -> None:
    assert shown(rounded(number, unit), unit, "ko") == ko
    assert shown(rounded(number, unit), unit, "en") == en


@pytest.mark.parametrize(
    ("text", "fitted"),
    [
        ("전기차은/는", "전기차는"), ("거실은/는", "거실은"), ("3.0 kW으로/로", "3.0 kW로"),
        ("312원이/가", "312원이"), ("12.0 kWh을/를", "12.0 kWh를"), ("EV6을/를", "EV6을"),
        ("ESS은/는", "ESS는"),
        ("2.0시간으로/로", "2.0시간으로"), ("서울으로/로", "서울로"), ("03:00은/는", "03:00은"),
        ("Ioniq은/는", "Ioniq은"), ("30%으로/로", "30%로"),
    ],
)  # fmt: skip
def test_particles_follow_the_sound_before_them(text: str, fitted: str) -> None:
    assert with_particles(text) == fitted


def test_a_battery_that_must_be_full_in_an_hour_names_end_and_power() -> None:
    problem = home(
        cars=(), deferrables=(), battery=Battery(capacity_kwh=80, charge_kw=1, discharge_kw=1, end=1.0)
    )
    conflict = explain_conflict(problem)
    assert conflict is not None
    assert [limit.id for limit in conflict.limits] == ["battery.end", "battery.power"]
