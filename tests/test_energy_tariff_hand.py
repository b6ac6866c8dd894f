"""Residential bills against the hand calculation that docs/tariffs.md shows, period by period."""

from __future__ import annotations

import json
import re
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slm_energy.tariff import Progressive, bill, find_tariff, marginal_price
from slm_energy.tariff.lines import Line, both, taxed
from slm_energy.tariff.reading import read_book

DOCS = Path(__file__).parents[1] / "docs" / "tariffs.md"
SHARED = Path(__file__).parents[2] / "shared" / "data" / "tariff_ko" / "kepco_residential_tables.json"
USAGES = (0, 13, 200, 201, 300, 301, 400, 401, 450, 451, 1000, 1001)
VOLTAGES = {"Low": "residential-low", "High": "residential-high"}
FUND = {
    "2021-02": 37,
    "2021-08": 37,
    "2021-11": 37,
    "2022-05": 37,
    "2022-07": 37,
    "2022-12": 37,
    "2023-02": 37,
    "2023-05": 37,
    "2023-08": 37,
    "2025-01": 32,
    "2026-07": 27,
}


def _rows() -> list[tuple[str, str, list[str]]]:
    name, rows = "", []
    for line in DOCS.read_text(encoding="utf-8").splitlines():
        if found := re.match(r"### (Low|High) voltage", line):
            name = VOLTAGES[found[1]]
        if re.match(r"\| 20\d\d-\d\d \|", line):
            month, *cells = (cell.strip() for cell in line.strip("|").split("|"))
            rows.append((name, month.strip(), [cell.replace(",", "") for cell in cells]))
    return rows


ROWS = _rows()


def _worked(expression: str) -> Fraction:
    """Work out `200×88.3 + 1×182.9`, or `(...)×15/31 + (...)×16/31`."""
    parts = re.findall(r"\(([^)]*)\)×(\d+)/(\d+)", expression) or [(expression, "1", "1")]
    return sum(
        (
            Fraction(days) / Fraction(whole) * sum(Fraction(kwh) * Fraction(won) for kwh, won in _terms(term))
            for term, days, whole in parts
        ),
        Fraction(0),
    )


def _terms(term: str) -> list[tuple[str, str]]:
    return [(kwh, won) for kwh, won in re.findall(r"(\d+)×([\d.]+)", term)]


def test_the_hand_calculation_has_twelve_usages_in_every_period_and_voltage() -> None:
    for name in VOLTAGES.values():
        for month in FUND:
            kwh = [int(cells[0]) for voltage, at, cells in ROWS if (voltage, at) == (name, month)]
            assert tuple(kwh) == USAGES, (name, month)


def test_each_set_of_rates_that_ever_held_has_a_month_in_the_hand_calculation() -> None:
    book = read_book()
    tables = [each for each in book.tariffs if each.id == "residential-low"]

    def rates(day: date) -> tuple[object, ...]:
        begun = find_tariff("residential-low", day).valid_from
        charges = [(each.id, each.per_kwh, each.share) for each in book.charges if each.stands(day)]
        return begun, tuple(charges), tuple(each.at_most for each in book.deductions if each.stands(day))

    changes = {each.valid_from for each in (*tables, *book.charges, *book.deductions)}
    calculated = {rates(date.fromisoformat(f"{month}-{day}")) for month in FUND for day in ("01", "28")}
    assert {rates(day) for day in changes} == calculated


def test_every_row_of_the_hand_calculation_is_right_in_itself() -> None:
    for _, month, cells in ROWS:
        kwh, base = int(cells[0]), int(cells[1])
        cut, climate, fuel, less, total_before, vat, fund, total = (int(cell) for cell in cells[3:])
        energy = _worked(cells[2])
        assert cut == energy.numerator // energy.denominator, (month, kwh)
        assert base + cut + climate + fuel + less == total_before, (month, kwh)
        assert vat == (total_before + 5) // 10, (month, kwh)
        assert fund == total_before * FUND[month] // 1000 // 10 * 10, (month, kwh)
        assert total == (total_before + vat + fund) // 10 * 10, (month, kwh)
        first = re.match(r"\(?([^)]*)", cells[2])
        assert first and sum(int(part) for part, _ in _terms(first[1])) == kwh, (month, kwh)


@pytest.mark.parametrize("name", VOLTAGES.values())
@pytest.mark.parametrize("month", FUND)
def test_a_bill_is_the_hand_calculation_line_by_line(name: str, month: str) -> None:
    for cells in (cells for voltage, at, cells in ROWS if (voltage, at) == (name, month)):
        found = bill(name, date.fromisoformat(f"{month}-01"), int(cells[0]))
        keys = ("base", "energy", "climate", "fuel", "sum", "vat", "fund", "total")
        expected = [int(cells[1]), *(int(cell) for cell in [*cells[3:6], *cells[7:]])]
        assert [found.won(key) for key in keys] == expected, (name, month, cells[0])
        assert found.won("deduction") + found.won("minimum") == int(cells[6])


@pytest.mark.parametrize(
    ("before", "vat", "fund", "total"),
    [
        (80760, 8076, 2980, 91810),  # KEPCO's worked example of 2021
        (24957, 2496, 920, 28370),  # an example of 2016, at the same rates
        (10183, 1018, 370, 11570),  # a printed bill of December 2016
    ],
)
def test_vat_fund_and_total_round_as_published_bills_do(before: int, vat: int, fund: int, total: int) -> None:
    done = taxed(read_book(), date(2021, 8, 1), [Line("base", both("x"), before, both(""))])
    assert [line.won for line in done[1:]] == [before, vat, fund, total]


@pytest.mark.skipif(not SHARED.exists(), reason="needs shared/data/tariff_ko")
def test_the_residential_tables_hold_the_figures_of_the_source_file() -> None:
    source = json.loads(SHARED.read_text(encoding="utf-8"), parse_float=Decimal)
    days = {"2101": "2021-02-01", "2204": "2022-05-01", "2210": "2022-11-01", "2301": "2023-02-01"}
    days["2305"] = "2023-06-01"
    for voltage in ("low", "high"):
        base = source["PRICE_BASE"][voltage]
        for key, day in days.items():
            table = find_tariff(f"residential-{voltage}", date.fromisoformat(day))
            assert isinstance(table, Progressive)
            assert list(table.energy) == source["PRICE_KWH"][key][voltage]["kwhPrice"]
            assert list(table.base) == base["basicPrice"]
            for ours, theirs in (("summer", "summer"), ("winter", "winter"), ("other", "etc")):
                assert list(table.limits[ours]) == [
                    limit for limit in base["kwhSection"][theirs] if limit < 10000
                ]


@given(st.sampled_from(sorted(VOLTAGES.values())), st.sampled_from(sorted(FUND)), st.integers(0, 3000))
def test_one_kwh_more_never_costs_less_and_every_total_is_whole_tens(name: str, month: str, kwh: int) -> None:
    first = date.fromisoformat(f"{month}-01")
    less, more = (bill(name, first, used) for used in (kwh, kwh + 1))
    assert 0 <= less.total <= more.total
    assert less.total % 10 == 0
    assert less.total == (less.won("sum") + less.won("vat") + less.won("fund")) // 10 * 10


@given(st.integers(0, 1500))
def test_the_marginal_price_is_what_the_next_kwh_adds_before_tax(kwh: int) -> None:
    first = date(2026, 8, 1)
    less, more = (bill("residential-low", first, used) for used in (kwh, kwh + 1))
    step = sum(more.won(key) - less.won(key) for key in ("energy", "climate", "fuel"))
    assert abs(step - marginal_price("residential-low", first, kwh).won_per_kwh) < 1
