"""What is unusual is found, told with its figures, and no equipment is named that the site does not have."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from math import nan, pi, sin
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from slm_energy.anomaly.anomaly import Anomaly
from slm_energy.anomaly.causes import with_causes
from slm_energy.anomaly.finding import find_anomalies
from slm_energy.anomaly.note import note
from slm_energy.meter.reading import read_meter
from slm_energy.series import Series
from slm_energy.site import Site, parse_site

DATA = Path(__file__).parents[2] / "shared" / "data"
SEOUL = ZoneInfo("Asia/Seoul")
MONDAY = datetime(2026, 3, 2, tzinfo=SEOUL)  # 1 and 2 March: a substitute holiday
QUARTER = timedelta(minutes=15)
BARE = Site(name="office")
FULL = parse_site(
    {
        "name": "office",
        "cars": [{"name": "배송차", "charge_kw": 22, "needs_kwh": 40, "arrives": "18:00", "leaves": "07:00"}],
        "deferrables": [{"name": "펌프", "kw": 5, "hours": 3}],
        "rooms": [{"name": "서버실", "kw": 12, "mode": "cool", "low": 18, "high": 24,
                   "loss_kw_per_k": 0.4, "capacity_kwh_per_k": 6}],
        "panels": {"kwp": 30},
    },
    "test",
)  # fmt: skip


def load(days: int = 42) -> list[float]:
    values = []
    for n in range(days * 96):
        at = MONDAY + QUARTER * n
        open_ = at.weekday() < 5 and 8 <= at.hour < 19 and n >= 96
        values.append(12 + 40 * open_ + sin(n * 1.7) + 0.5 * sin(n * 0.37))
    return values


def series(values: list[float], name: str = "load") -> Series:
    return Series(name, "kW", MONDAY, QUARTER, tuple(values))


def at(day: int, hour: float) -> int:
    return round(day * 96 + hour * 4)


def kinds(found: list[Anomaly]) -> list[str]:
    return [each.kind for each in found]


def test_energy_function_06_a_usual_office_has_no_anomaly() -> None:
    assert find_anomalies(BARE, series(load())) == []


def test_energy_function_06_a_load_left_on_by_night_is_found_with_its_excess() -> None:
    values = load()
    for n in range(at(23, 20), at(24, 6)):
        values[n] += 22
    found = find_anomalies(FULL, series(values))
    assert kinds(found) == ["after_hours"]
    told = found[0]
    assert (told.start, told.end) == (MONDAY + QUARTER * at(23, 20), MONDAY + QUARTER * at(24, 6))
    assert told.facts[2].value == pytest.approx(220, rel=0.05)
    assert told.causes[0].id == "car"
    words = note(told)
    assert "배송차" in words.ko
    assert "운영 시간 밖" in words.ko
    assert "outside opening hours" in words.en


def test_energy_function_06_what_always_runs_is_no_anomaly() -> None:
    assert find_anomalies(BARE, series([value + 30 for value in load()])) == []


def test_energy_function_06_a_weekend_with_a_working_days_load_is_found() -> None:
    values = load()
    for n in range(at(33, 9), at(33, 17)):  # Saturday 4 April
        values[n] += 35
    found = find_anomalies(BARE, series(values))
    assert kinds(found) == ["after_hours"]
    assert found[0].severity == 2


def test_energy_function_06_a_stuck_meter_is_found_and_not_judged_as_a_load() -> None:
    values = load()
    for n in range(at(20, 2), at(20, 14)):
        values[n] = 31.5
    found = find_anomalies(BARE, series(values))
    assert kinds(found) == ["stuck_meter"]
    assert found[0].causes[0].id == "communication"
    assert "31.5 kW" in note(found[0]).en
    zero = [0.0 if at(20, 2) <= n < at(21, 2) else value for n, value in enumerate(load())]
    outage = find_anomalies(BARE, series(zero))
    assert outage[0].causes[0].id == "outage"


def phases(days: int = 14) -> dict[str, list[float]]:
    shapes = {"L1": 0.0, "L2": 2.0, "L3": 4.0}
    levels = {"L1": 6.0, "L2": 12.0, "L3": 9.0}
    return {
        name: [levels[name] + 3 * sin(n / 96 * 2 * pi + shift) + 0.1 * sin(n * 1.3) for n in range(days * 96)]
        for name, shift in shapes.items()
    }


def as_series(found: dict[str, list[float]]) -> dict[str, Series]:
    return {name: series(values, name) for name, values in found.items()}


def test_energy_function_06_a_reversed_transformer_is_found_by_its_phase() -> None:
    three = phases()
    three["L2"] = [-v if n >= at(6, 10) else v for n, v in enumerate(three["L2"])]
    found = find_anomalies(BARE, series(load()), phases=as_series(three))
    assert kinds(found) == ["phase_swap"]
    assert found[0].start == MONDAY + QUARTER * at(6, 10)
    assert found[0].causes[0].id == "reversed"
    assert "L2" in note(found[0]).ko


def test_energy_function_06_exchanged_phases_are_found() -> None:
    three = phases()
    one, two = three["L1"], three["L2"]
    cut = at(8, 0)
    three["L1"], three["L2"] = [*one[:cut], *two[cut:]], [*two[:cut], *one[cut:]]
    found = find_anomalies(BARE, series(load()), phases=as_series(three))
    assert kinds(found) == ["phase_swap"]
    assert found[0].causes[0].id == "exchanged"
    assert "L1, L2" in note(found[0]).en
    assert find_anomalies(BARE, series(load()), phases=as_series(phases())) == []


def test_energy_function_06_a_level_that_stays_higher_is_a_step() -> None:
    values = [value + (20 if n >= at(24, 0) else 0) for n, value in enumerate(load())]
    found = find_anomalies(BARE, series(values))
    step = next(each for each in found if each.kind == "step_change")
    assert abs(step.start - (MONDAY + timedelta(days=24))) <= timedelta(days=3)
    assert step.causes[0].id == "added"
    assert "the panels" not in note(step).en


def test_energy_function_06_a_base_load_that_creeps_up_is_found() -> None:
    values = [value + n / 96 * 0.12 for n, value in enumerate(load(70))]
    found = find_anomalies(BARE, series(values))
    assert "night_creep" in kinds(found)


def test_energy_function_06_a_low_power_factor_is_held_against_the_terms() -> None:
    values = load(14)
    kvar = series([value * 0.7 for value in values], "kvar")
    found = find_anomalies(BARE, series(values), reactive_kvar=kvar)
    assert kinds(found) == ["reactive"]
    assert "82%" in note(found[0]).en
    assert find_anomalies(BARE, series(values), reactive_kvar=series([1.0] * len(values))) == []


EQUIPMENT = re.compile(
    r"배송차|펌프|서버실|태양광|배터리|충전|냉난방|에어컨|보일러|냉동기|압축기|콘덴서|히트펌프|조명|엘리베이터|"
    r"\b(car|pump|server|panels?|battery|charg\w*|heating|cooling|chiller|boiler|compressor|capacitor|lights?|elevator)\b",
    re.IGNORECASE,
)


def every_anomaly(site: Site) -> list[Anomaly]:
    values = load(70)
    for n in range(at(23, 20), at(24, 6)):
        values[n] += 22
    values = [v + (25 if n >= at(40, 0) else 0) + n / 960 for n, v in enumerate(values)]
    for n in range(at(20, 2), at(20, 14)):
        values[n] = 31.5
    three = phases()
    three["L2"] = [-v if n >= at(6, 10) else v for n, v in enumerate(three["L2"])]
    kvar = series([value * 0.7 for value in values], "kvar")
    return find_anomalies(site, series(values), phases=as_series(three), reactive_kvar=kvar)


def test_energy_function_06_no_equipment_is_named_that_the_site_does_not_have() -> None:
    found = every_anomaly(BARE)
    assert set(kinds(found)) >= {"after_hours", "stuck_meter", "phase_swap", "step_change", "reactive"}
    for each in found:
        assert each.causes
        for cause in each.causes:
            assert not EQUIPMENT.search(cause.said.ko + cause.said.en), cause
    named = {
        word
        for each in every_anomaly(FULL)
        for cause in each.causes
        for word in EQUIPMENT.findall(cause.said.ko)
    }
    assert named  # with a site that has them, they are


def test_energy_function_06_a_part_that_could_not_draw_the_excess_is_no_candidate() -> None:
    values = load()
    for n in range(at(23, 20), at(24, 6)):
        values[n] += 60
    found = find_anomalies(FULL, series(values))[0]
    assert {"car", "load", "room"}.isdisjoint(cause.id for cause in found.causes)


def test_energy_function_06_every_figure_of_a_note_is_one_of_its_facts() -> None:
    for each in every_anomaly(FULL):
        for lang in ("ko", "en"):
            first = note(each).of(lang).splitlines()[0]
            told = re.sub(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}|F\d|L\d|9~23|9 to 23", "", first)
            known = " ".join(fact.written() for fact in each.facts)
            for figure in re.findall(r"\d[\d,.]*\d|\d", told):
                assert figure in known, (first, figure)
            assert "[F1" in first


def test_energy_function_06_a_site_name_cannot_break_a_note() -> None:
    site = parse_site({"name": "x", "cars": [{"name": "{F1} <b>", "charge_kw": 22, "needs_kwh": 1,
                                              "arrives": "18:00", "leaves": "07:00"}]}, "test")  # fmt: skip
    values = load()
    for n in range(at(23, 20), at(24, 6)):
        values[n] += 22
    told = with_causes(find_anomalies(site, series(values))[0], site)
    assert "{F1} <b>" in note(told).en


def test_energy_function_06_holes_are_no_anomaly() -> None:
    values = [nan if n % 50 < 3 else value for n, value in enumerate(load())]
    assert find_anomalies(BARE, series(values)) == []


@pytest.mark.skipif(not DATA.exists(), reason="no shared data")
def test_a_real_building_has_few_anomalies() -> None:
    site = Site(name="x", zone="Etc/GMT+5")
    found = read_meter(DATA / "energy_bdg2" / "bdg2_hourly_sample.csv", site=site)
    told = find_anomalies(site, found.series)
    assert len(told) < 9 * 4  # nine months: not one a week
    assert all(note(each).ko for each in told)
