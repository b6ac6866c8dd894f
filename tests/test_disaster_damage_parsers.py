"""Cells, amounts, columns and outlines: read rightly or refused with a reason, never a traceback."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slm_core.errors import UserError
from slm_disaster.damage import cells, geometry
from slm_disaster.damage.batch import assess
from slm_disaster.damage.columns import find_columns
from slm_disaster.damage.money import read_money, read_unit
from slm_disaster.damage.record import as_json
from slm_disaster.damage.report import report
from slm_disaster.damage.said import quantity

FEW = settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize(
    ("cell", "unit", "currency", "name", "amount"),
    [
        ("3억 5천만원", "", "", "KRW", "350000000"),
        ("1억2,345만6천원", "", "", "KRW", "123456000"),
        ("1,200", "천원", "", "KRW", "1200000"),
        ("1,200", "단위: 백만원", "", "KRW", "1200000000"),
        ("12.5", "억원", "", "KRW", "1250000000.0"),
        ("1,200원", "천원", "", "KRW", "1200"),  # the cell's own unit counts
        ("3억", "천원", "", "KRW", "300000000"),
        ("약 3천만 원", "", "", "KRW", "30000000"),
        ("3천5백만원", "", "", "KRW", "35000000"),
        ("2억 3천5백만원", "", "", "KRW", "235000000"),
        ("1억 2천3백4십만 5천원", "", "", "KRW", "123405000"),
        ("1조 2천3백억원", "", "", "KRW", "1230000000000"),
        ("2조 5,000억원", "", "", "KRW", "2500000000000"),
        ("5만천원", "", "", "KRW", "51000"),
        ("₩3,000", "", "", "KRW", "3000"),
        ("USD 1.2 million", "", "", "USD", "1200000.0"),
        ("US$ 3m", "", "", "USD", "3000000"),
        ("$500", "", "", "USD", "500"),
        ("2.5", "million USD", "", "USD", "2500000.0"),
        ("7", "", "eur", "EUR", "7"),
        ("0.1", "USD", "", "USD", "0.1"),
    ],
)
def test_an_amount_is_read_with_unit_and_currency(
    cell: str, unit: str, currency: str, name: str, amount: str
) -> None:
    money = read_money(cell, unit, currency)
    assert (money.currency, money.amount) == (name, Decimal(amount))


@pytest.mark.parametrize(
    ("cell", "unit", "currency", "reason"),
    [
        ("1200", "", "", "no currency"),
        ("5 million", "", "", "no currency"),
        ("12 달러", "원", "", "two currencies"),
        ("12", "천원", "USD", "two currencies"),
        ("-5", "원", "", "below zero"),
        ("1,2", "원", "", "no amount"),
        ("1 200 000원", "", "", "no amount"),
        ("10 20만원", "", "", "no amount"),
        ("많음", "원", "", "no amount"),
        ("12", "인", "", "unit"),
        ("12", "", "pesos", "currency"),
    ],
)
def test_an_amount_that_is_not_clear_is_refused_with_the_reason(
    cell: str, unit: str, currency: str, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        read_money(cell, unit, currency)


@FEW
@given(st.integers(0, 10**13), st.sampled_from(["원", "천원", "만원", "억원"]))
def test_won_written_with_commas_under_any_unit_come_back_exactly(number: int, unit: str) -> None:
    assert read_money(f"{number:,}", unit).amount == number * read_unit(unit)[0]


@FEW
@given(st.integers(1, 9999), st.integers(0, 9999), st.integers(0, 9999))
def test_an_amount_in_powers_is_the_sum_of_its_parts(eok: int, man: int, rest: int) -> None:
    words = f"{eok}억" + (f" {man}만" if man else "") + (f" {rest}" if rest else "")
    assert read_money(f"{words}원").amount == eok * 10**8 + man * 10**4 + rest


@FEW
@given(st.text(max_size=40), st.text(max_size=10), st.text(max_size=6))
def test_any_text_is_an_amount_or_refused(cell: str, unit: str, currency: str) -> None:
    try:
        assert read_money(cell, unit, currency).amount >= 0
    except ValueError as error:
        assert str(error)


@FEW
@given(st.text(max_size=40))
def test_any_text_is_a_class_a_count_and_a_time_or_refused(text: str) -> None:
    for read in (lambda t: cells.grade(t, {}, digits=True), cells.whole, cells.moment):
        try:
            read(text)
        except ValueError as error:
            assert str(error)
    quantity(text, "flooded")
    quantity(text, "loss_krw")


@pytest.mark.parametrize(
    ("word", "grade"),
    [
        ("no-damage", 0),
        ("Minor Damage", 1),
        ("major-damage", 2),
        ("DESTROYED", 3),
        ("전파", 3),
        ("반파", 2),
        ("소파", 1),
        ("침수", 1),
        ("피해 없음", 0),
        ("2", 2),
    ],
)
def test_the_words_of_the_scale(word: str, grade: int) -> None:
    assert cells.grade(word, {}, digits=True) == grade


@pytest.mark.parametrize("word", ["un-classified", "moderate", "심함", "4", "반파 또는 전파", ""])
def test_a_word_outside_the_scale_is_not_guessed(word: str) -> None:
    with pytest.raises(ValueError, match="scale"):
        cells.grade(word, {}, digits=True)


@pytest.mark.parametrize("text", ["2024-07-15T25:00", "2024-07-15 47:10", "2024-02-30", "45488"])
def test_an_hour_or_day_that_no_calendar_has_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="no time"):
        cells.moment(text)


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("subtype", "class"),
        ("Damage Class", "class"),
        ("피해 등급", "class"),
        ("building_id", "id"),
        ("소재지", "place"),
        ("조사 일시", "time"),
        ("이재민(명)", "people"),
        ("피해동수", "count"),
    ],
)
def test_a_column_is_known_by_its_name(header: str, field: str) -> None:
    assert find_columns([header]).fields == {field: header}


def test_a_running_number_is_no_identity() -> None:
    assert "id" not in find_columns(["연번", "번호", "no", "피해정도"]).fields


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("주택 12동 침수, 3동 전파", "flooded", 12),
        ("주택 12동 침수, 3동 전파", "destroyed", 3),
        ("이재민 20세대 45명", "households", 20),
        ("이재민 20세대 45명", "displaced", 45),
        ("120 homes destroyed and 35 houses damaged", "destroyed", 120),
        ("120 homes destroyed and 35 houses damaged", "damaged", 35),
        ("재산피해 3억 5천만원 추정", "loss_krw", 350_000_000),
        ("estimated $2 million in property damage", "loss_usd", 2_000_000),
        ("재산피해가 3억원이 아니라 5억원", "loss_krw", 500_000_000),
        ("재산피해 - 3천5백만원", "loss_krw", 35_000_000),
        ("전파 5동 아닌 3동", "destroyed", 3),
        ("전파 5동을 3동으로 정정", "destroyed", 3),
        ("주택 12동 침수가 아니라 15동 침수", "flooded", 15),
        ("전파 5동이 아니고 반파 4동", "major", 4),
        ("전파 5동은 오보가 아님", "destroyed", 5),
        ("전파 5동, 반파 3동은 오보", "destroyed", 5),
        ("전파 5동, 인명 피해는 아닌 것으로 확인", "destroyed", 5),
        ("5 houses destroyed is not false", "destroyed", 5),
        ("property damage of not $5 million but $3 million", "loss_usd", 3_000_000),
    ],
)
def test_a_report_tells_of_damage_in_numbers(text: str, field: str, value: int) -> None:
    found = quantity(text, field)
    assert found is not None and found[0] == value and found[1] in text


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("약 20~30동 침수", "flooded"),
        ("도로 2곳 침수", "flooded"),
        ("수십 채 전파", "destroyed"),
        ("복구비 5억 원을 지원한다", "loss_krw"),
        ("no homes destroyed", "destroyed"),
        ("$5 million in aid for the damage", "loss_usd"),
        ("재산피해 10~12억원", "loss_krw"),
        ("재산피해 10억 원에서 12억 원", "loss_krw"),
        ("property damage of $1.2 million to $3 million", "loss_usd"),
        ("property damage: -$5", "loss_usd"),
        ("전파 5동은 오보", "destroyed"),
        ("전파 5동 (오보)", "destroyed"),
        ("전파 5동은 사실이 아닙니다", "destroyed"),
        ("전파 5동은 사실과 다름", "destroyed"),
        ("전파 5동이 아니고 반파 4동", "destroyed"),
        ("reports of 5 houses destroyed are false", "destroyed"),
        ("false reports of 5 houses destroyed", "destroyed"),
        ("재산피해 5억원은 오보", "loss_krw"),
        ("재산피해 5억원 아님", "loss_krw"),
    ],
)
def test_what_is_no_damage_in_numbers_is_not_read_as_one(text: str, field: str) -> None:
    assert quantity(text, field) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@FEW
@given(JSON, JSON)
def test_any_geojson_is_read_or_refused_in_words(tmp_path: Path, geometry_: Any, properties: Any) -> None:
    feature = {"type": "Feature", "geometry": geometry_, "properties": properties}
    damaged = {
        "type": "Feature",
        "geometry": geometry_,
        "properties": {"damage": properties, "id": properties},
    }
    file = tmp_path / "any.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": [feature, damaged, properties]}))
    try:
        found = assess([file])
    except UserError as error:
        assert str(file) in str(error)
    else:
        json.dumps(as_json(found), allow_nan=False)
        assert report(found, "ko").blocks


@FEW
@given(
    st.binary(max_size=300), st.sampled_from([".csv", ".tsv", ".jsonl", ".json", ".geojson", ".png", ".doc"])
)
def test_any_bytes_are_read_or_refused_in_words(tmp_path: Path, data: bytes, suffix: str) -> None:
    file = tmp_path / f"any{suffix}"
    file.write_bytes(data)
    try:
        assess([file])
    except UserError as error:
        assert str(error)


HEADER = "id,피해정도,피해액(천원),조사일시,lat,lon,이재민,주소,동수\n"


@FEW
@given(
    st.lists(st.lists(st.text(alphabet="전파반1234,.-:억 \"'TZ+９é\x00", max_size=8), min_size=9, max_size=9))
)
def test_any_cells_are_counted_or_listed_and_the_figures_add_up(
    tmp_path: Path, rows: list[list[str]]
) -> None:
    import csv

    file = tmp_path / "any.csv"
    with file.open("w", encoding="utf-8", newline="") as out:
        out.write(HEADER)
        csv.writer(out).writerows(rows)
    try:
        found = assess([file])
    except UserError:
        return
    figures = found.figures
    assert sum(figures.counts.values()) == sum(row.things for row in figures.rows)
    assert sum(sum(counts.values()) for _, counts in figures.places) == figures.things
    assert len(figures.rows) + len(figures.repeats) + found.sources[0].rejected == found.sources[0].rows
    assert report(found, "en").blocks


def test_an_outline_that_is_not_closed_or_off_the_earth_is_refused() -> None:
    for ring, reason in (
        ([[129, 37], [129.1, 37], [129.1, 37.1], [129, 37.1]], "closed"),
        ([[129, 370], [129.1, 37], [129.1, 37.1], [129, 370]], "WGS 84"),
        ([[129, "37"], [129.1, 37], [129.1, 37.1], [129, 37]], "number"),
    ):
        with pytest.raises(ValueError, match=reason):
            geometry.rings_of({"type": "Polygon", "coordinates": [ring]})


def test_a_tenth_of_the_globe_has_a_tenth_of_its_area() -> None:
    ring = [[0, -90], [36, -90], [36, 90], [0, 90], [0, -90]]
    area = geometry.area_m2({"type": "Polygon", "coordinates": [ring]})
    assert area == pytest.approx(510.0656e12 / 10, rel=1e-4)


def test_a_report_of_nothing_but_figures_is_read_at_once() -> None:
    for text in ("1" * 4000, "1," * 2000, "1 " * 2000, "1억 " * 1300, "1.1" * 1300):
        assert quantity(f"피해액 {text}", "loss_krw") is None
