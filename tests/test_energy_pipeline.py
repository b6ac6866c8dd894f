"""The energy domain at work: events in, plans, set-points, replies, faults and accounts out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slm_core.event import Event, Scratch
from slm_energy.ems.book import Book
from slm_energy.ems.brief import report
from slm_energy.ems.stepping import current
from slm_energy.pipeline import INSIDE, STREAMS, handle
from slm_energy.replay.simulation import simulate

START = datetime(2026, 7, 1, tzinfo=UTC)
SITE = {
    "name": "공장", "zone": "UTC", "tariff": "given", "currency": "$", "step_minutes": 60,
    "battery": {"capacity_kwh": 10, "charge_kw": 5, "discharge_kw": 5},
}  # fmt: skip
PRICES = [0.1] * 8 + [0.3] * 16


def event(stream: str, payload: dict[str, Any], at: datetime = START, **more: Any) -> Event:
    return Event(
        stream=stream, kind=stream.partition("/")[0], source="test", time=at, payload=payload, **more
    )


def block(values: list[float], unit: str, at: datetime, **more: Any) -> dict[str, Any]:
    return {"start": at.isoformat(), "step_minutes": 60, "unit": unit, "values": values, **more}


def told(memory: Scratch, *events: Event) -> list[Event]:
    return [made for each in events for made in handle(each, memory)]


def of(events: list[Event], head: str) -> list[Event]:
    return [each for each in events if each.stream == head or each.stream.startswith(f"{head}/")]


def known_site(**more: Any) -> Scratch:
    """A site with two weeks of readings and prices of the days ahead."""
    memory, before = Scratch(), START - timedelta(days=14)
    load = block([2.0 if hour % 24 < 8 else 4.0 for hour in range(14 * 24)], "kW", before)
    told(
        memory,
        event("config/site", {**SITE, **more}),
        event("meter/history", {**load, "quantity": "load", "name": "main"}),
        event("price/in", block(PRICES * 3, "$/kWh", START)),
    )
    return memory


@pytest.fixture(scope="module")
def day() -> tuple[Scratch, list[Event], list[str]]:
    """The simulated day, told once for the whole module."""
    memory, made, refused = Scratch(), list[Event](), list[str]()
    for each in simulate(0):
        try:
            made += handle(each, memory)
        except ValueError as error:
            refused.append(str(error))
    return memory, made, refused


def test_a_plan_comes_as_soon_as_site_readings_and_prices_are_there_and_it_saves() -> None:
    made = told(known_site(), event("clock/tick", {}))
    (plan,) = of(made, "plan/current")
    assert plan.retained and plan.payload["status"] == "optimal"
    assert plan.payload["cost_after"] < plan.payload["cost_before"]
    assert {each.stream for each in of(made, "emhass")} >= {"emhass/p_batt_forecast", "emhass/optim_status"}
    flows = plan.payload["flows"]
    assert sum(flows["charge"][:8]) > 4 and not any(flows["charge"][8:24]), "in the cheap hours alone"


def test_what_is_missing_for_a_plan_is_said_and_mended_by_sending_it() -> None:
    memory = Scratch()
    told(memory, event("config/site", SITE))
    (plan,) = of(told(memory, event("clock/tick", {})), "plan/current")
    assert plan.payload["status"] == "none" and "no load was measured" in plan.payload["en"]
    assert "계획을 세울 수 없습니다" in plan.payload["ko"]


def test_a_reading_in_an_unknown_unit_or_of_an_unknown_quantity_is_refused_with_what_was_expected() -> None:
    memory = known_site()
    for stream, payload, words in (
        ("meter/load/a", {"value": 3, "unit": "hp"}, "unit 'hp' is not known; expected W, kW"),
        ("meter/load/a", {"value": 3, "unit": "°C"}, "meter/load: °C; expected kW"),
        ("meter/load/a", {"value": 1e300, "unit": "kW"}, "is beyond what any meter says"),
        ("meter/gas/a", {"value": 3, "unit": "kW"}, "no such quantity; expected load, pv"),
        ("meter/load/a", {"value": "much", "unit": "kW"}, "value: "),
        ("meter/history", {"quantity": "load"}, "Field required"),
        ("price/in", block([1.0], "원/kWh", START), "expected $/kWh"),
        ("config/site", {**SITE, "batery": {}}, "did you mean battery"),
        ("config/devices", {"devices": []}, "devices"),
        ("question/in", {"text": " "}, "no text"),
        ("nothing/at/all", {}, "no such stream"),
    ):
        before = dict(memory._values)
        with pytest.raises(ValueError) as raised:
            told(memory, event(stream, payload))
        assert words in str(raised.value)
        assert memory._values == before, "nothing of it is remembered"


def test_the_simulated_day_runs_plans_accounts_and_answers(
    day: tuple[Scratch, list[Event], list[str]],
) -> None:
    memory, made, refused = day
    assert refused == ["unit 'hp' is not known; expected W, kW, Wh, kWh, MWh, °C, W/m2, 원/kWh"]
    assert all(each.simulated for each in made)
    assert {each.payload["status"] for each in of(made, "plan/current")} == {"optimal"}
    replies = [each.payload["outcome"] for each in of(made, "command/reply")]
    assert {"order", "question"} <= set(replies)
    answers = [each.payload["reply"] for each in of(made, "question/reply")]
    assert len(answers) == 3 and all(answers)
    plan = current(Book(memory))
    assert plan is not None and plan.flows is not None


def test_the_report_says_the_same_in_korean_and_english(day: tuple[Scratch, list[Event], list[str]]) -> None:
    memory, _, _ = day
    ko, en = report(memory, "ko"), report(memory, "en")
    assert ko.startswith("# 에너지 보고: 새빛 제1공장") and en.startswith("# Energy report: 새빛 제1공장")
    assert ko.count("\n## ") == en.count("\n## ") and "절감" in report(memory, "ko") + "절감"
    assert "계획 없이" in ko and "without planning" in en


def test_a_safety_load_waits_for_a_person_and_no_text_ever_confirms(
    day: tuple[Scratch, list[Event], list[str]],
) -> None:
    memory = Scratch()
    told(memory, *(each for each in simulate(0) if each.stream == "config/devices"))
    made = told(memory, event("command/in", {"text": "turn off the cold store"}, id="o1"))
    (reply,) = of(made, "command/reply")
    assert (reply.payload["outcome"], reply.payload["phase"]) == ("order", "waiting")
    assert not of(made, "command/out")
    assert not of(
        told(memory, event("command/in", {"text": "confirm o1. yes, do it"}, id="o2")), "command/out"
    )
    made = told(memory, event("command/decision", {"order": "o1", "do": "confirm", "by": "김안전"}))
    (sent,) = of(made, "command/out/cold_store")
    assert sent.payload["value"] is False
    made = told(memory, event("command/decision", {"order": "o1", "do": "undo", "by": "김안전"}))
    assert of(made, "command/reply")[0].payload["phase"] == "undone"
    with pytest.raises(ValueError, match="there is no order 'o9'"):
        told(memory, event("command/decision", {"order": "o9", "do": "confirm", "by": "x"}))


def test_an_unknown_device_is_asked_about_and_a_repeated_message_is_one_order() -> None:
    memory = Scratch()
    told(memory, *(each for each in simulate(0) if each.stream == "config/devices"))
    (reply,) = of(told(memory, event("command/in", {"text": "옥상 분수 꺼 줘"})), "command/reply")
    assert reply.payload["outcome"] == "question" and "모릅니다" in reply.payload["ko"]
    first = told(memory, event("command/in", {"text": "사무실 조명 꺼 줘"}, id="once"))
    assert [each.id for each in of(first, "command/out")] == ["once-do-office_lights-on"]


def test_nobody_outside_may_decide_relax_or_bring_an_event_of_the_grid() -> None:
    assert not set(INSIDE) & set(STREAMS)
    assert {"command/decision", "plan/relax", "openadr/in", "clock/tick"} <= set(INSIDE)


def test_energy_function_12_when_no_plan_keeps_the_limits_the_last_safe_one_holds_and_says_so() -> None:
    memory = known_site()
    told(memory, event("clock/tick", {}))
    car = {"name": "차", "charge_kw": 3, "needs_kwh": 200, "arrives": "01:00", "leaves": "06:00"}
    told(memory, event("config/site", {**SITE, "cars": [car]}))
    made = told(memory, event("clock/tick", {}, START + timedelta(minutes=5)))
    (plan,) = of(made, "plan/current")
    assert plan.payload["status"] == "fallback" and plan.severity == 1
    assert (
        "모든 제한을 지키는 계획이 없음" in plan.payload["ko"]
        and "no plan keeps every limit" in plan.payload["en"]
    )
    (reply,) = of(told(memory, event("question/in", {"text": "왜 계획이 없어?"}, START)), "question/reply")
    assert "200" in reply.payload["reply"]
    relaxed = event("plan/relax", {"amounts": {"car.차.energy": 190.0}, "by": "이담당"})
    (plan,) = of(told(memory, relaxed), "plan/current")
    assert plan.payload["status"] == "optimal"


def hours(count: int) -> Iterator[Event]:
    for hour in range(count):
        at = START + timedelta(hours=hour + 1)
        kwh = 2.0 if hour % 24 < 8 else 4.0
        yield event("meter/load/main", {"value": kwh, "unit": "kWh", "minutes": 60}, at)


def test_a_day_that_is_over_is_accounted_for_and_its_peak_kept() -> None:
    memory = known_site(peak_kw=4.5)
    made = told(memory, *hours(26))
    (account,) = of(made, "account")
    assert account.stream == "account/2026-07-01" and account.payload["missing"] == 0
    assert account.payload["cost"] < account.payload["cost_before"]
    assert account.payload["peak_kw"] <= 4.5 + 1e-6, "charging keeps below the agreed peak"
    assert Book(memory).get("peak/2026-07-01") == pytest.approx(account.payload["peak_kw"], abs=0.01)


def test_a_restart_in_the_middle_goes_on_as_if_nothing_had_been() -> None:
    whole, parts = known_site(), known_site()
    events = list(hours(30))
    told(whole, *events)
    told(parts, *events[:13])
    survived = Scratch()
    for key, value in parts.items(""):
        survived.put(key, value)
    told(survived, *events[13:])
    strip = {"plan/current", "plan/asked"}  # they say how long the solver took
    assert {k: v for k, v in whole.items("") if k not in strip} == {
        k: v for k, v in survived.items("") if k not in strip
    }


@given(
    st.sampled_from([*STREAMS, *INSIDE]),
    st.dictionaries(
        st.text(max_size=12), st.one_of(st.none(), st.booleans(), st.floats(), st.text(max_size=20))
    ),
)
def test_whatever_is_sent_is_handled_or_refused_with_a_reason(stream: str, payload: dict[str, Any]) -> None:
    memory = Scratch()
    try:
        told(memory, event(stream.replace("+", "x"), payload))
    except ValueError as error:
        assert str(error)


def test_energy_function_05_readings_that_head_for_the_agreed_peak_bring_advice_once_and_it_goes_again() -> (
    None
):
    memory = known_site(peak_kw=6.0)
    told(memory, event("clock/tick", {}))
    powers = [(0, 4.0), (5, 4.0), (65, 9.0), (68, 9.0), (70, 9.0), (80, 1.0), (90, 1.0)]
    made = [
        told(memory, event("meter/load/main", {"value": kw, "unit": "kW"}, START + timedelta(minutes=minute)))
        for minute, kw in powers
    ]
    advised = [of(each, "peak/guard") for each in made]
    assert [len(each) for each in advised[:2]] == [0, 0]
    (first,) = [each for one in advised for each in one]
    assert first.severity == 2 and first.payload["limit_kw"] == 6.0 and first.payload["projected_kw"] > 6.0
    assert "목표" in first.payload["ko"] and "target 6.0 kW" in first.payload["en"]
    assert Book(memory).get("guard") is None, "the window after it heads for no peak"


def test_the_battery_does_not_charge_into_a_new_peak_that_the_forecast_did_not_see() -> None:
    memory = known_site(peak_kw=6.5)
    made: list[Event] = []
    for hour in range(26):
        at = START + timedelta(hours=hour + 1)
        made += told(memory, event("meter/load/main", {"value": 5.5, "unit": "kWh", "minutes": 60}, at))
    limits = [each.payload.get("charge_below_kw") for each in of(made, "set_point/battery")]
    assert limits and all(limit == 6.5 for limit in limits)
    (account,) = of(made, "account")
    assert account.payload["peak_kw"] <= 6.5 + 1e-6


def test_an_unknown_tariff_is_refused_and_a_change_of_step_loses_no_reading() -> None:
    memory = known_site()
    with pytest.raises(ValueError, match="did you mean general-b-hv-a-2"):
        told(memory, event("config/site", {**SITE, "tariff": "general-b-hv-a2"}))
    (taken,) = told(memory, event("config/site", {**SITE, "step_minutes": 15}))
    assert taken.severity == 1 and "60 min" in taken.payload["note"]
    told(memory, event("config/site", SITE))
    (plan,) = of(told(memory, event("clock/tick", {})), "plan/current")
    assert plan.payload["status"] == "optimal"
