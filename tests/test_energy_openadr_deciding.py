"""What is accepted and what is not, without any network; and what readers make of odd messages."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import nan
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slm_energy.openadr.deciding import OFFERED, Decision, SiteLimits, decide
from slm_energy.openadr.ledger import Ledger
from slm_energy.openadr.read_2b import read_2b
from slm_energy.openadr.read_3 import read_3
from slm_energy.openadr.signal import BadEvent, GridEvent, after, build, delay, signal
from slm_energy.series import Series

NOW = datetime(2026, 12, 1, 0, 0, tzinfo=UTC)  # 09:00 in Korea
HOUR = timedelta(hours=1)
LOAD = Series("load", "kW", NOW, timedelta(minutes=15), (100.0,) * 96)
SITE = SiteLimits(
    load=LOAD, spare_kw=10, level_kw=(5, 20, 40), discharge_kw=50, stored_kwh=100, reserve_kwh=40
)


def event(kind: Any = "import_limit", value: float = 80.0, hours: float = 1.0, **parts: Any) -> GridEvent:
    start = parts.pop("start", NOW + HOUR)
    unit = {"price": "KRW/kWh"}.get(kind, "kW")
    asked = signal(kind, kind.upper(), unit, [(start, start + timedelta(hours=hours), value)])
    return build(
        parts.pop("id", "e1"), modification=parts.pop("modification", 0), program="p", signals=(asked,),
        received=NOW, source="openadr3", **parts,
    )  # fmt: skip


def said(asked: GridEvent, site: SiteLimits = SITE, *standing: GridEvent) -> Decision:
    decision = decide(asked, site, NOW, standing)
    assert decision.ko.startswith("수락" if decision.accept else "거절") or decision.code == "cancelled"
    assert (
        decision.en.startswith("Accepted" if decision.accept else "Declined") or decision.code == "cancelled"
    )
    assert "{" not in decision.ko + decision.en
    return decision


def test_energy_function_07_a_limit_that_load_and_battery_bear_is_accepted_with_figures() -> None:
    decision = said(event(value=60, hours=1))
    assert decision.code == "covered" and "40 kW" in decision.ko and "40 kWh" in decision.en
    assert "reserve of 40 kWh" in decision.en and "예비량 40 kWh" in decision.ko


def test_energy_function_07_the_battery_keeps_its_reserve() -> None:
    decision = said(
        event(value=60, hours=3)
    )  # 30 kW for 3 hours out of the battery, 60 kWh above the reserve
    assert decision.code == "reserve"
    assert "94.7 kWh" in decision.en and "60 kWh" in decision.en and "60 kWh" in decision.ko


def test_energy_function_07_more_power_than_there_is_names_time_and_figures() -> None:
    decision = said(event(value=20, hours=0.5))
    assert decision.code == "power"
    assert "2026-12-01 10:00" in decision.ko and "80 kW" in decision.ko and "60 kW" in decision.ko


@pytest.mark.parametrize(
    ("asked", "site", "code"),
    [
        (event(start=NOW - 2 * HOUR), SITE, "over"),
        (event(), replace(SITE, programs=frozenset({"q"})), "program"),
        (event(targets=("zone-9",)), replace(SITE, targets=frozenset({"zone-1"})), "targets"),
        (event(), replace(SITE, offered=OFFERED - {"import_limit"}), "not_offered"),
        (event(start=NOW + timedelta(minutes=5)), replace(SITE, notice=HOUR), "notice"),
        (event(), replace(SITE, load=None), "no_forecast"),
        (event(hours=30), SITE, "no_forecast"),
        (event(), replace(SITE, load=LOAD.with_values([nan] * 96)), "no_forecast"),
        (event("dispatch", 130), SITE, "raise"),
        (event("dispatch_change", 20), SITE, "raise"),
        (event("price"), replace(SITE, currency="EUR"), "currency"),
        (event("price"), replace(SITE, load=None), "accepted"),
        (event("import_limit", 120), SITE, "covered"),
        (event("dispatch_change", -20), replace(SITE, load=None), "covered"),
        (event("simple_level", 2), SITE, "covered"),
        (event("simple_level", 3, hours=2), replace(SITE, spare_kw=0), "reserve"),
        (event("simple_level", 0), replace(SITE, discharge_kw=0), "covered"),
        (event("export_limit", 0), replace(SITE, load=None), "accepted"),
        (event(test=True, value=0), SITE, "test"),
        (event(status="cancelled"), SITE, "cancelled"),
        (event(start=NOW - timedelta(minutes=15)), replace(SITE, notice=HOUR), "covered"),
    ],
)  # fmt: skip
def test_each_reason_has_its_case(asked: GridEvent, site: SiteLimits, code: str) -> None:
    assert said(asked, site).code == code


def test_an_event_without_a_readable_signal_names_what_it_had() -> None:
    asked = build(
        "e1", modification=0, program="p", signals=(), unread=("CURVE", "OLS", "<b>x</b>", "y"),
        received=NOW, source="openadr3",
    )  # fmt: skip
    assert "CURVE, OLS, <b>x</b> (+1)" in said(asked).ko


def test_an_endless_request_for_power_is_declined_and_an_endless_price_is_not() -> None:
    for kind, unit, value, code in (
        ("simple_level", "level", 1.0, "endless"), ("price", "KRW/kWh", 99.0, "accepted"),
        ("simple_level", "level", 0.0, "covered"), ("import_limit", "kW", 50.0, "no_forecast"),
    ):  # fmt: skip
        asked = signal(kind, kind, unit, [(NOW + HOUR, None, value)])  # type: ignore[arg-type]
        made = build("e", modification=0, program="p", signals=(asked,), received=NOW, source="openadr3")
        assert said(made).code == code


def test_of_two_requests_for_the_same_hour_the_one_of_higher_priority_holds() -> None:
    standing = event(id="first", priority=2, name="저녁 피크")
    assert said(event(id="second", priority=3), SITE, standing).code == "priority"
    assert "저녁 피크" in said(event(id="second"), SITE, standing).ko, "no priority is the last one"
    assert said(event(id="second", priority=2), SITE, standing).code == "priority", "the earlier one stays"
    assert said(event(id="second", priority=1), SITE, standing).code == "covered"
    assert said(event(id="second", start=NOW + 5 * HOUR), SITE, standing).code == "covered"
    assert said(event(id="first", priority=3, modification=1), SITE, standing).code == "covered", (
        "its own change"
    )
    assert said(event("price", id="second"), SITE, standing).code == "accepted"


def test_a_level_and_a_set_point_that_say_the_same_are_not_added_up() -> None:
    span = (NOW + HOUR, NOW + 2 * HOUR)
    both = (
        signal("simple_level", "SIMPLE", "level", [(*span, 3.0)]),
        signal("dispatch", "DISPATCH_SETPOINT", "kW", [(*span, 60.0)]),
    )
    made = build("e", modification=0, program="p", signals=both, received=NOW, source="openadr3")
    decision = said(made, replace(SITE, spare_kw=0, stored_kwh=85))
    assert decision.code == "covered" and "40 kWh" in decision.en


@given(
    days=st.integers(0, 400),
    hours=st.integers(0, 99),
    minutes=st.integers(0, 99),
    seconds=st.integers(0, 9999),
)
def test_durations_of_days_and_clock_parts_add_up(days: int, hours: int, minutes: int, seconds: int) -> None:
    length = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    text = f"P{days}DT{hours}H{minutes}M{seconds}S"
    if length:
        assert after(NOW, text) == NOW + length
    else:
        with pytest.raises(BadEvent, match="lasts no time"):
            after(NOW, text)


def test_months_and_years_are_those_of_the_calendar() -> None:
    assert after(datetime(2027, 1, 31, tzinfo=UTC), "P1M") == datetime(2027, 2, 28, tzinfo=UTC)
    assert after(datetime(2028, 2, 1, tzinfo=UTC), "P1Y2M") == datetime(2029, 4, 1, tzinfo=UTC)
    assert after(NOW, "P2W") == NOW + timedelta(days=14) and after(NOW, "P9999Y") is None


@given(st.one_of(st.text(max_size=30), st.from_regex(r"P[0-9YMWDTHS.,-]{0,20}")))
def test_any_text_is_a_duration_or_a_bad_event(text: str) -> None:
    try:
        end = after(NOW, text)
    except BadEvent as error:
        assert error.reason == "times" and len(str(error)) < 200
    else:
        assert end is None or end > NOW


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
FIELDS = ("id", "programID", "intervals", "intervalPeriod", "priority", "targets", "modificationDateTime")


@given(st.dictionaries(st.sampled_from(FIELDS), JUNK), JUNK)
def test_whatever_a_vtn_of_3_sends_it_is_an_event_or_a_bad_one(over: dict[str, Any], whole: Any) -> None:
    good: dict[str, Any] = {
        "id": "e", "programID": "p", "modificationDateTime": "2026-11-01T00:00:00Z",
        "intervalPeriod": {"start": "2026-12-01T00:00:00Z", "duration": "PT1H"},
        "intervals": [{"id": 0, "payloads": [{"type": "SIMPLE", "values": [1]}]}],
    }  # fmt: skip
    for found in (good | over, whole):
        try:
            read_3(found, NOW, "site")
        except BadEvent as error:
            assert error.reason in ("shape", "times", "value")


PARTS = ("event_descriptor", "active_period", "event_signals", "targets", "response_required")


@given(st.dictionaries(st.sampled_from(PARTS), JUNK))
def test_whatever_openleadr_parses_it_is_an_event_or_a_bad_one(over: dict[str, Any]) -> None:
    good: dict[str, Any] = {
        "event_descriptor": {"event_id": "e", "modification_number": 0, "market_context": "p"},
        "active_period": {"dtstart": NOW, "duration": HOUR},
        "event_signals": [
            {"signal_name": "SIMPLE", "signal_type": "level",
             "intervals": [{"duration": HOUR, "signal_payload": 1.0}]}
        ],
    }  # fmt: skip
    assert read_2b(good, NOW, "site").end == NOW + HOUR
    try:
        read_2b(good | over, NOW, "site")
    except BadEvent as error:
        assert error.reason in ("shape", "times", "value")


def test_a_duration_of_nothing_is_open_ended_in_2b_and_only_at_the_end() -> None:
    intervals = [{"duration": HOUR, "signal_payload": 1.0}, {"duration": timedelta(0), "signal_payload": 2.0}]
    sent = {
        "event_descriptor": {"event_id": "e", "market_context": "p"},
        "active_period": {"dtstart": NOW, "duration": timedelta(0)},
        "event_signals": [{"signal_name": "SIMPLE", "signal_type": "level", "intervals": intervals}],
    }
    assert read_2b(sent, NOW, "site").end is None
    intervals.reverse()
    with pytest.raises(BadEvent, match="another follows"):
        read_2b(sent, NOW, "site")


def test_shares_of_a_start_window_spread_over_sites_and_stay_within_it() -> None:
    window = timedelta(minutes=10)
    drawn = [delay(window, "e1", f"site-{number}") for number in range(200)]
    assert all(timedelta(0) <= each < window for each in drawn) and len(set(drawn)) > 100
    assert delay(window, "e1", "site-1") == drawn[1]


def test_the_ledger_answers_the_same_after_a_restart_and_forgets_nothing_that_stands(tmp_path: Path) -> None:
    one, two = event(id="one"), event(id="two", start=NOW + 3 * HOUR)
    order = [one, two]
    random.Random(7).shuffle(order)
    ledger = Ledger(tmp_path / "told.sqlite")
    for number, each in enumerate(order):
        ledger.note(each, said(each), NOW + timedelta(seconds=number))
    ledger.close()
    again = Ledger(tmp_path / "told.sqlite")
    assert again.decision(one.key) == said(one) and again.last("openadr3", "two") == two
    assert {each.id for each in again.standing(NOW)} == {"one", "two"}
    assert [each.id for each in again.standing(NOW + 2.5 * HOUR)] == ["two"]
    declined = two.model_copy(update={"modification": 1})
    again.note(declined, said(declined, replace(SITE, load=None)), NOW + HOUR)
    assert [each.id for each in again.standing(NOW)] == ["one"], "a change that was declined ends what stood"
    again.close()
