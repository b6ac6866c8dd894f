"""Tariffs: names, dates, hours, days, prices, tables of a user. What has no table is refused by name."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from slm_core.errors import UserError
from slm_energy.tariff import (
    TimeOfUse,
    bill,
    day_type,
    find_tariff,
    marginal_price,
    prices,
    season,
    tariff_names,
)
from slm_energy.tariff.days import KOREA
from slm_energy.tariff.reading import TABLES, read_book

DOCS = Path(__file__).parents[1] / "docs" / "tariffs.md"
INDUSTRIAL = "industrial-b-hv-a-2"
MORE_FUEL = """
[[charge]]
id = "fuel"
per_kwh = 4.0
valid_from = 2027-01-01
valid_to = 2027-03-31
source = "a notice"
"""
OWN = """
[[tariff]]
id = "education-b-hv-a-1"
title = { ko = "교육용(을) 고압A 선택Ⅰ", en = "Education (B), high voltage A, option 1" }
kind = "time-of-use"
valid_from = 2026-06-01
valid_to = 2026-12-31
hours = "kepco-2026"
demand_rule = "kepco-68"
demand_rate = 6090
energy.spring_fall = { off = 76.5, mid = 90.9, peak = 111.4 }
energy.summer = { off = 76.5, mid = 121.2, peak = 187.1 }
source = "KEPCO 2026-06-01"
"""


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=KOREA)


def bands(name: str, day: str) -> str:
    """Return the bands of a day's 24 hours, one letter each."""
    hours = prices(name, [at(f"{day}T{hour:02}:00") for hour in range(24)])
    return "".join(price.band[0] for price in hours)


def own(folder: Path, text: str) -> Path:
    (folder / "own.toml").write_text(text, encoding="utf-8")
    return folder


# --- names and dates


def test_a_tariff_is_found_by_id_and_by_its_korean_and_english_title() -> None:
    day = date(2026, 7, 1)
    for name in ("general-b-hv-a-1", "일반용(을) 고압A 선택Ⅰ", "일반용(을)고압A선택1"):
        assert find_tariff(name, day).id == "general-b-hv-a-1"
    assert find_tariff("General (B), high voltage A, option 1", day).id == "general-b-hv-a-1"
    assert find_tariff("산업용(을) 고압A 선택Ⅱ", day).id == INDUSTRIAL
    assert find_tariff("산업용(갑)Ⅱ 고압B 선택Ⅱ", day).id == "industrial-a2-hv-b-2"


def test_an_unknown_tariff_is_refused_with_the_nearest() -> None:
    with pytest.raises(UserError, match=r"no tariff is called 'residental-low'[\s\S]*mean residential-low\?"):
        find_tariff("residental-low", date(2026, 7, 1))


@pytest.mark.parametrize(
    ("name", "day", "dates"),
    [
        ("residential-low", date(2020, 12, 31), "2021-01-01..2022-03-31"),
        ("residential-high", date(2027, 1, 1), "2023-05-16..2026-12-31"),
        ("general-b-hv-b-3", date(2024, 10, 23), "2024-10-24..2026-05-31"),
        (INDUSTRIAL, date(2027, 1, 1), "2026-04-16..2026-12-31"),
    ],
)
def test_a_date_without_a_table_is_refused_and_the_dates_are_named(name: str, day: date, dates: str) -> None:
    with pytest.raises(UserError, match=re.escape(dates)):
        find_tariff(name, day)


def test_a_bill_of_a_month_without_a_table_is_refused() -> None:
    with pytest.raises(UserError, match="2027-01-01"):
        bill("residential-low", date(2027, 1, 1), 300)


def test_every_table_names_a_source_that_is_explained_with_an_address() -> None:
    book = read_book()
    dated = (*book.tariffs, *book.charges, *book.deductions, *book.discounts, *book.demand_rules)
    assert len(dated) > 60
    for each in (*dated, *book.hours.values()):
        assert book.sources[each.source].url.startswith("https://"), each.source


# --- days and seasons


@pytest.mark.parametrize(
    ("day", "kind"),
    [
        (date(2026, 5, 4), "weekday"),
        (date(2026, 5, 2), "saturday"),
        (date(2026, 5, 3), "holiday"),  # a Sunday
        (date(2026, 5, 25), "holiday"),  # substitute for Buddha's birthday
        (date(2026, 10, 3), "holiday"),  # foundation day, a Saturday
        (date(2026, 6, 3), "holiday"),  # local elections
        (date(2025, 1, 27), "weekday"),  # named a holiday at short notice
        (date(2025, 6, 3), "weekday"),  # an election at short notice
    ],
)
def test_sundays_and_public_holidays_are_holidays_temporary_ones_are_not(day: date, kind: str) -> None:
    assert day_type(day) == kind


def test_seasons_differ_between_residential_and_time_of_use() -> None:
    june, november = date(2026, 6, 15), date(2026, 11, 15)
    home, works = find_tariff("residential-low", june), find_tariff(INDUSTRIAL, june)
    assert [season(home, day) for day in (june, november)] == ["other", "other"]
    assert [season(works, day) for day in (june, november)] == ["summer", "winter"]


# --- hours


def test_the_reform_moves_the_peak_into_the_evening_in_spring_summer_and_autumn() -> None:
    before = "oooooooommmpmpppppmmmmoo"
    after = "oooooooommmmmmmppppppmoo"
    assert bands("general-b-hv-a-1", "2026-05-29") == before
    assert bands("general-b-hv-a-1", "2026-06-01") == after
    assert bands(INDUSTRIAL, "2026-04-15") == before
    assert bands(INDUSTRIAL, "2026-04-16") == after


def test_winter_keeps_its_hours_in_the_reform() -> None:
    winter = "oooooooompppmmmmpppmmmoo"
    assert bands("general-b-hv-a-1", "2025-12-10") == winter
    assert bands("general-b-hv-a-1", "2026-12-10") == winter


def test_saturdays_peak_is_billed_as_mid_and_a_holiday_is_off_peak_all_day() -> None:
    assert bands(INDUSTRIAL, "2026-07-04") == "oooooooommmmmmmmmmmmmmoo"
    assert bands(INDUSTRIAL, "2026-07-05") == bands(INDUSTRIAL, "2026-07-17") == "o" * 24


def test_times_of_other_zones_are_taken_in_korean_time_and_a_time_without_zone_is_refused() -> None:
    utc = datetime.fromisoformat("2026-07-01T06:00+00:00")
    assert prices(INDUSTRIAL, [utc]) == prices(INDUSTRIAL, [at("2026-07-01T15:00")])
    with pytest.raises(UserError, match="names no zone"):
        prices(INDUSTRIAL, [datetime(2026, 7, 1, 15)])


# --- prices


def test_the_price_of_an_hour_is_energy_climate_and_fuel() -> None:
    price = prices("industrial-a2-hv-a-2", [at("2025-07-01T14:00")])[0]
    assert price.parts == (
        ("energy", Decimal("150.1")),
        ("discount", Decimal(0)),
        ("climate", Decimal("9.0")),
        ("fuel", Decimal("5.0")),
    )
    assert (price.won_per_kwh, price.band, price.season) == (Decimal("164.1"), "peak", "summer")


@pytest.mark.parametrize(
    ("name", "time", "won"),
    [
        (INDUSTRIAL, "2026-05-02T11:00", "80.70"),  # Saturday: half of mid 133.4, 9 and 5
        (INDUSTRIAL, "2026-05-03T13:45", "72.00"),  # Sunday: half of off-peak 116.0
        (INDUSTRIAL, "2026-05-03T14:00", "130.0"),  # the discount ends at 14
        (INDUSTRIAL, "2026-07-05T12:00", "130.0"),  # not in summer
        (INDUSTRIAL, "2026-04-12T12:00", "124.9"),  # not before the reform
        (f"{INDUSTRIAL}-deferred", "2026-05-03T12:00", "124.9"),  # not for who deferred it
        (f"{INDUSTRIAL}-deferred", "2026-10-04T12:00", "72.00"),  # from 2026-10-01 for them too
        ("general-b-hv-a-2", "2026-09-06T12:00", "101.3"),  # never for another contract type
    ],
)
def test_spring_and_autumn_weekend_middays_cost_half_for_industrial_b_alone(
    name: str, time: str, won: str
) -> None:
    assert prices(name, [at(time)])[0].won_per_kwh == Decimal(won)


def test_who_deferred_the_reform_keeps_the_old_table_to_the_end_of_september() -> None:
    old, new = (find_tariff(INDUSTRIAL, date(2026, month, 1)) for month in (4, 5))
    kept, ended = (find_tariff(f"{INDUSTRIAL}-deferred", date(2026, month, 1)) for month in (9, 10))
    assert all(isinstance(each, TimeOfUse) for each in (old, new, kept, ended))
    assert (kept.energy, ended.energy) == (old.energy, new.energy)  # type: ignore[union-attr]
    assert (kept.valid_to, ended.valid_from) == (date(2026, 9, 30), date(2026, 10, 1))


def test_the_announced_changes_lead_from_the_old_to_the_new_industrial_table() -> None:
    for name in (each for each in tariff_names() if re.fullmatch(r"industrial-b-hv-[ab]-\d", each)):
        old, new = (find_tariff(name, day) for day in (date(2026, 4, 15), date(2026, 4, 16)))
        assert isinstance(old, TimeOfUse) and isinstance(new, TimeOfUse)
        for when, before in old.energy.items():
            peak = Decimal("13.2") if when == "spring_fall" else Decimal("16.9")
            after = {
                "off": before["off"] + Decimal("5.1"),
                "mid": before["mid"],
                "peak": before["peak"] - peak,
            }
            assert dict(new.energy[when]) == after, (name, when)


@pytest.mark.parametrize(
    ("used", "band", "won"),
    [(0, "step 1", "134.0"), (299, "step 1", "134.0"), (300, "step 2", "228.6"), (1000, "step 4", "750.2")],
)
def test_the_next_kwh_costs_what_the_step_of_the_month_says(used: int, band: str, won: str) -> None:
    price = marginal_price("residential-low", date(2026, 8, 20), used)
    assert (price.band, price.won_per_kwh) == (band, Decimal(won))


def test_no_step_above_1000_kwh_outside_summer_and_winter() -> None:
    assert marginal_price("residential-low", date(2026, 10, 1), 1500).band == "step 3"


def test_a_residential_tariff_has_no_hours_and_a_time_of_use_one_no_steps() -> None:
    with pytest.raises(UserError, match="marginal_price"):
        prices("residential-low", [at("2026-07-01T15:00")])
    with pytest.raises(UserError, match="use prices"):
        marginal_price(INDUSTRIAL, date(2026, 7, 1), 100)


# --- tables of a user


def test_the_next_quarters_fuel_charge_alone_is_not_enough_and_the_message_says_what_else(
    tmp_path: Path,
) -> None:
    with pytest.raises(UserError, match="no tariff 'residential-low' is known for 2027-01-01"):
        marginal_price("residential-low", date(2027, 1, 1), 100, own(tmp_path, MORE_FUEL))


def test_a_users_table_is_used_and_its_missing_season_refused_by_name(tmp_path: Path) -> None:
    folder = own(tmp_path, OWN)
    assert "education-b-hv-a-1" in tariff_names(folder) and "education-b-hv-a-1" not in tariff_names()
    price = prices("교육용(을) 고압A 선택Ⅰ", [at("2026-07-01T15:00")], folder)[0]
    assert price.won_per_kwh == Decimal("201.1")
    with pytest.raises(UserError, match="no price with a source for 'winter'"):
        prices("education-b-hv-a-1", [at("2026-12-01T15:00")], folder)


def test_an_edited_table_is_read_again(tmp_path: Path) -> None:
    own(tmp_path, OWN)
    assert find_tariff("education-b-hv-a-1", date(2026, 7, 1), tmp_path).valid_to == date(2026, 12, 31)
    own(tmp_path, OWN.replace("valid_to = 2026-12-31", "valid_to = 2026-08-31  # shorter"))
    assert find_tariff("education-b-hv-a-1", date(2026, 7, 1), tmp_path).valid_to == date(2026, 8, 31)


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (OWN.replace("demand_rate", "demand_rates"), 10, "did you mean demand_rate?"),
        (OWN.replace("peak = 187.1", 'peak = "much"'), 12, "tariff.energy.summer.peak"),
        (OWN.replace(", peak = 111.4", ""), 2, "lacks 'peak'"),
        (OWN.replace("2026-06-01", "2027-06-01"), 2, "before valid_from"),
        (OWN.replace('"kepco-2026"', '"kepco-2062"'), 2, "did you mean kepco-2026?"),
        (OWN + OWN, 15, "overlaps 2026-06-01..2026-12-31"),
        (OWN.replace("[[tariff]]", "[[tarif]]"), 2, "did you mean tariff?"),
        ("[[tariff]\n", 1, "cannot be parsed"),
        (MORE_FUEL.replace('"fuel"', '"fuell"'), 3, "'climate', 'fuel', 'vat' or 'fund'"),
    ],
)
def test_a_fault_in_a_users_table_is_named_with_file_and_line(
    tmp_path: Path, text: str, line: int, says: str
) -> None:
    with pytest.raises(UserError) as caught:
        tariff_names(own(tmp_path, text))
    assert str(caught.value).startswith(f"{tmp_path / 'own.toml'}:{line}: ")
    assert says in str(caught.value)


def test_hours_that_leave_a_gap_in_the_day_or_a_month_out_are_refused(tmp_path: Path) -> None:
    hours = (TABLES / "hours.toml").read_text(encoding="utf-8").replace("kepco-20", "mine-20")
    with pytest.raises(UserError, match="each hour of the day once"):
        tariff_names(own(tmp_path, hours.replace('mid = ["8-15", "21-22"]', 'mid = ["8-15"]')))
    with pytest.raises(UserError, match="each month of the year once"):
        tariff_names(own(tmp_path, hours.replace("[6, 7, 8]", "[6, 7]")))


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such folder"):
        tariff_names(tmp_path / "none")


# --- the page


def test_the_example_of_the_page_says_what_it_prints(capsys: pytest.CaptureFixture[str]) -> None:
    page = DOCS.read_text(encoding="utf-8")
    code = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)[0]
    scope: dict[str, object] = {}
    exec(code, scope)
    assert bill("residential-low", date(2026, 8, 1), 350).total == int(re.search(r"# (\d+)\n", code)[1])  # type: ignore[index]
    price = marginal_price("residential-low", date(2026, 8, 1), 450).won_per_kwh
    assert f"# {price}:" in code
    assert "To pay: 51,873,010 -> 51,197,620 won (-675,390)" in capsys.readouterr().out
    assert "-675,390" in code


def test_the_table_of_the_page_is_read_as_it_stands(tmp_path: Path) -> None:
    page = DOCS.read_text(encoding="utf-8")
    folder = own(tmp_path, re.findall(r"```toml\n(.*?)```", page, flags=re.DOTALL)[0])
    assert find_tariff("education-b-hv-a-1", date(2026, 7, 1), folder).source.startswith("KEPCO")
    assert read_book(folder).charges[-1].valid_to == date(2027, 3, 31)
