"""Measurement and verification: a planted saving is found, and each number of the report is traced."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from datetime import date, datetime, timedelta
from math import cos, nan, pi, sin
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from slm_core.errors import UserError
from slm_energy.meter.columns import MeterMap
from slm_energy.meter.finding import Metered
from slm_energy.meter.reading import read_meter
from slm_energy.saving.measuring import Saving, measure
from slm_energy.saving.report import files, report
from slm_energy.saving.trace import numbers
from slm_energy.series import Series
from slm_energy.site import Site

DATA = Path(__file__).parents[2] / "shared" / "data"
SEOUL = ZoneInfo("Asia/Seoul")
HOUR = timedelta(hours=1)
START = datetime(2025, 1, 1, tzinfo=SEOUL)
YEAR, NEXT = (date(2025, 1, 1), date(2025, 12, 31)), (date(2026, 1, 1), date(2026, 3, 31))
DAYS = 455


def air(days: int = DAYS) -> list[float]:
    rng = np.random.default_rng(3)
    drift = np.convolve(rng.normal(0, 2, days + 4), np.ones(5) / 2)[4 : days + 4]
    return [13 - 14 * cos(d / 365 * 2 * pi) + drift[d] + 3 * sin((h - 9) / 24 * 2 * pi)
            for d in range(days) for h in range(24)]  # fmt: skip


def building(saved: float = 0.0, from_day: int = 365, days: int = DAYS) -> tuple[Metered, Metered]:
    """Heating below 15 °C, cooling above 22, less on days off; `saved` as a share from a day on."""
    rng = np.random.default_rng(5)
    warm, values = air(days), []
    for d in range(days):
        off = (START + timedelta(days=d)).weekday() >= 5
        mean = sum(warm[d * 24 : d * 24 + 24]) / 24
        level = 40 - 15 * off + 1.5 * max(0, 15 - mean) + 2 * max(0, mean - 22) + rng.normal(0, 2)
        level *= 1 - saved * (d >= from_day)
        values += [level + 5 * sin(h / 24 * 2 * pi) for h in range(24)]
    lines = tuple(range(2, days * 24 + 2))

    def metered(name: str, unit: str, found: list[float]) -> Metered:
        series = Series(name, unit, START, HOUR, tuple(found))
        return Metered(f"{name}.csv", series, (), (), len(found), len(found), lines)

    return metered("load", "kW", values), metered("outdoor", "°C", warm)


def saving(saved: float = 0.1, **options: object) -> Saving:
    load, outdoor = building(saved)
    return measure(load, outdoor, YEAR, NEXT, **options)  # type: ignore[arg-type]


def test_energy_function_09_a_planted_saving_is_found_within_its_uncertainty() -> None:
    found = saving(0.1)
    assert found.share == pytest.approx(0.1, abs=0.015)
    assert abs(found.saved_kwh - 0.1 * found.adjusted_kwh) < found.half_kwh
    assert found.certain
    assert all(check.holds for check in found.checks)
    assert found.baseline.form in ("3P-heat", "5P")
    assert found.baseline.heat == pytest.approx(1.5 * 24, rel=0.1)
    assert found.baseline.heat_below == pytest.approx(15, abs=1.5)


def test_energy_function_09_nothing_saved_is_said_to_be_uncertain() -> None:
    found = saving(0.0)
    assert abs(found.share) < 0.02
    assert not found.certain
    assert "cannot" in str(report(found, "en").blocks) or "nobody can say" in str(report(found, "en").blocks)
    assert "말할 수 없습니다" in str(report(found, "ko").blocks)


def test_energy_function_09_a_colder_winter_is_taken_out() -> None:
    load, outdoor = building(0.1)
    colder = [t - 4 if n >= 365 * 24 else t for n, t in enumerate(outdoor.series.values)]
    more = [v + (0.9 * 1.5 * 4 if n >= 365 * 24 else 0) for n, v in enumerate(load.series.values)]
    found = measure(
        replace(load, series=load.series.with_values(more)),
        replace(outdoor, series=outdoor.series.with_values(colder)),
        YEAR,
        NEXT,
    )
    assert found.share == pytest.approx(0.1, abs=0.03)
    plain = measure(load, None, YEAR, NEXT)
    assert any("기온 자료가 없어" in note.ko for note in plain.notes)
    assert plain.share < 0.05  # a winter held against a whole year says little


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_energy_function_09_every_number_of_the_report_is_traced(lang: str) -> None:
    found = saving(0.1, price=150.0)
    traced = numbers(found)
    document = report(found, lang)
    text = [block.text for block in document.blocks if hasattr(block, "text")]
    said = " ".join(text)
    dates = re.sub(r"\d{4}-\d{2}-\d{2}", "", said)
    known = {number.value for number in traced} | {number.value.lstrip("-") for number in traced}
    known |= set(re.findall(r"\d+", " ".join(number.id for number in traced))) | {"90", "14"}
    for number in re.findall(r"\d[\d,]*(?:\.\d+)?", dates):
        assert number.rstrip(",") in known, number
    for number in traced:
        assert number.formula or "load.csv" in number.source
    metered = next(number for number in traced if number.id == "N1")
    assert "8762–10921" in metered.source  # rows of the file


def test_energy_function_09_money_follows_from_the_price() -> None:
    found = saving(0.1, price=150.0)
    assert found.money == pytest.approx(found.saved_kwh * 150)
    assert "원" in str(report(found, "ko").blocks)
    assert saving(0.1).money is None


def test_energy_function_09_the_report_is_markdown_html_and_pdf_in_both_languages() -> None:
    found = files(saving(0.1, price=150.0))
    assert sorted(found) == [
        f"saving.{lang}.{kind}" for lang in ("en", "ko") for kind in ("html", "md", "pdf")
    ]
    assert "절감했습니다".encode() in found["saving.ko.md"]
    assert b"were saved" in found["saving.en.html"]
    pypdf = pytest.importorskip("pypdf")
    text = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(found["saving.ko.pdf"])).pages)
    assert "수치 추적표" in text
    assert found == files(saving(0.1, price=150.0))  # the same input, the same bytes


def test_energy_function_09_a_baseline_that_scatters_too_much_is_said_to() -> None:
    load, outdoor = building(0.1)
    noisy = [v * (1.6 if (n // 24) % 3 == 0 else 0.7) for n, v in enumerate(load.series.values)]
    found = measure(replace(load, series=load.series.with_values(noisy)), outdoor, YEAR, NEXT)
    assert not found.fits
    assert "do not settle" in str(report(found, "en").blocks)
    assert "확정하지 마십시오" in str(report(found, "ko").blocks)


def test_energy_function_09_a_hostile_file_name_stays_text() -> None:
    load, outdoor = building(0.1)
    found = files(measure(replace(load, source="<script>x</script>|a"), outdoor, YEAR, NEXT))
    assert b"<script>x" not in found["saving.en.html"]
    assert b"<script>x" not in found["saving.en.md"]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ((date(2025, 1, 1), date(2025, 2, 10)), NEXT, "too few"),
        (YEAR, (date(2026, 1, 1), date(2026, 1, 10)), "too few"),
        (YEAR, (date(2025, 12, 1), date(2026, 2, 10)), "overlap"),
        ((date(2025, 4, 1), date(2025, 9, 30)), NEXT, "colder or warmer"),
        (YEAR, (date(2026, 1, 1), date(2026, 6, 30)), "of 181 days"),
    ],
)
def test_energy_function_09_thin_data_are_refused(
    before: tuple[date, date], after: tuple[date, date], said: str
) -> None:
    load, outdoor = building()
    with pytest.raises(UserError, match=said):
        measure(load, outdoor, before, after)


def test_energy_function_09_days_with_holes_are_left_out_and_told() -> None:
    load, outdoor = building(0.1)
    values = [nan if 400 * 24 <= n < 403 * 24 else value for n, value in enumerate(load.series.values)]
    found = measure(replace(load, series=load.series.with_values(values)), outdoor, YEAR, NEXT)
    assert len(found.after.days) == 87
    assert any("3 days" in note.en and "left out" in note.en for note in found.notes)


@pytest.mark.skipif(not DATA.exists(), reason="no shared data")
def test_a_tenth_taken_from_a_real_building_is_found() -> None:
    """Nothing was saved there, so what is found beside the planted tenth is error."""
    path = DATA / "energy_bdg2" / "bdg2_hourly_sample.csv"
    found = read_meter(path, MeterMap(zone="Etc/GMT+5"), site=Site(name="x", zone="Etc/GMT+5"))
    series = found.series
    change = (datetime(2016, 7, 1, tzinfo=ZoneInfo("Etc/GMT+5")) - series.start) // HOUR
    less = series.with_values([v * 0.9 if n >= change else v for n, v in enumerate(series.values)])
    result = measure(
        replace(found, series=less),
        None,
        (date(2016, 1, 1), date(2016, 6, 30)),
        (date(2016, 7, 1), date(2016, 9, 15)),
    )
    assert result.share == pytest.approx(0.1, abs=0.08)
