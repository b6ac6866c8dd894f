"""Meter files to series: layouts, units, zones, and every fault by its row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from math import isnan, sin
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slm_core.errors import UserError
from slm_energy.meter.checks import usable, wrong_length
from slm_energy.meter.columns import MeterMap, read_meter_map
from slm_energy.meter.filling import fill
from slm_energy.meter.finding import Finding, Metered, table
from slm_energy.meter.reading import read_meter, read_meters
from slm_energy.meter.stamps import parse_stamp
from slm_energy.meter.steps import resampled
from slm_energy.site import Site

DATA = Path(__file__).parents[2] / "shared" / "data"
MONDAY = datetime(2026, 3, 2)
QUARTER = timedelta(minutes=15)


def load(n: int, per_day: int = 96) -> float:
    """An office: 8 kW by night, 30 by day, never twice quite the same."""
    hour = n % per_day * 24 / per_day
    day = n // per_day % 7
    return round(8 + (22 if 8 <= hour < 19 and day < 5 else 0) + sin(n * 1.7) + sin(n * 0.013), 3)


def rows(count: int, step: timedelta = QUARTER, start: datetime = MONDAY) -> list[tuple[datetime, float]]:
    per_day = timedelta(days=1) // step
    return [(start + step * n, load(n, per_day)) for n in range(count)]


def written(
    path: Path,
    lines: Sequence[tuple[datetime | str, float | str]],
    header: str = "timestamp,load (kW)",
    encoding: str = "utf-8",
) -> Path:
    text = "\n".join([header, *(f"{at},{value}" for at, value in lines)]) + "\n"
    path.write_bytes(text.encode(encoding))
    return path


def only(metered: Metered, code: str) -> Finding:
    """The one finding of this code; no other than notes beside it may be there."""
    found = [each for each in metered.findings if each.code == code]
    assert len(found) == 1, [each.line("en") for each in metered.findings]
    assert found[0].said.ko
    assert found[0].said.en
    return found[0]


def codes(metered: Metered) -> list[str]:
    return [each.code for each in metered.findings]


# layouts


def test_a_plain_file_is_read_without_a_word(tmp_path: Path) -> None:
    found = read_meter(written(tmp_path / "load.csv", rows(200)))
    assert found.findings == ()
    assert (found.rows, found.used, found.series.missing) == (200, 200, 0)
    assert found.series.unit == "kW"
    assert found.series.step == QUARTER
    assert found.series.start.isoformat() == "2026-03-02T00:00:00+09:00"
    assert found.series.values[3] == load(3)
    assert found.lines[3] == 5  # as an editor counts


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16", "utf-16-le"])
def test_korean_headers_are_read_in_every_encoding(tmp_path: Path, encoding: str) -> None:
    path = written(tmp_path / "load.csv", rows(60), "측정일시,사용량(kWh)", encoding)
    found = read_meter(path)
    assert found.findings == ()
    assert found.series.values[0] == pytest.approx(load(0) * 4)  # 0.25 h


def test_an_export_with_a_title_date_and_hours_that_end_at_24_is_read(tmp_path: Path) -> None:
    lines = [
        "고객번호,0123456789,,",
        "조회기간,2026.03.02~2026.03.03,,",
        "일자,시간,사용량(kWh),최대수요(kW)",
    ]
    for n in range(192):
        end = (n % 96 + 1) * 15
        day = MONDAY + timedelta(days=n // 96)
        energy = load(n) / 4
        lines.append(f"{day:%Y.%m.%d},{end // 60:02}:{end % 60:02},{energy},{energy * 4:.3f}")
    path = tmp_path / "ismart.csv"
    path.write_bytes("\n".join(lines).encode("cp949"))
    found = read_meter(path)
    assert codes(found) == []
    assert found.series.start.isoformat() == "2026-03-02T00:00:00+09:00"
    assert found.series.values[5] == pytest.approx(load(5))
    assert {each.what: each.value for each in found.choices}["stamp"] == "end"


def test_a_day_in_each_row_with_a_column_for_each_time_is_read(tmp_path: Path) -> None:
    header = "날짜," + ",".join(f"{hour}시" for hour in range(1, 25))
    days = [
        f"2026-03-0{2 + day}," + ",".join(str(load(day * 24 + hour, 24)) for hour in range(24))
        for day in range(3)
    ]
    path = tmp_path / "wide.csv"
    path.write_text("\n".join([header, *days]), encoding="utf-8")
    found = read_meter(path, MeterMap(unit="kWh"))
    assert codes(found) == []
    assert len(found.series) == 72
    assert found.series.start.hour == 0
    assert found.series.values[30] == load(30, 24)
    assert found.lines[30] == 3


def test_the_history_of_home_assistant_is_a_counter_of_one_entity(tmp_path: Path) -> None:
    lines = ["entity_id,state,last_changed"]
    total = 1000.0
    for n in range(80):
        total += 0.5
        at = datetime(2026, 3, 1, 15, tzinfo=UTC) + timedelta(minutes=10 * n)
        lines.append(f"sensor.main_energy,{total},{at.isoformat().replace('+00:00', 'Z')}")
        lines.append(f"sensor.other,{n},{at.isoformat().replace('+00:00', 'Z')}")
    lines.append("sensor.main_energy,unavailable,2026-03-02T04:20:00Z")
    path = tmp_path / "history.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(UserError, match=r"holds 2 meters[\s\S]*sensor.main_energy"):
        read_meter(path)
    found = read_meter(path, MeterMap(entity="sensor.main_energy", unit="kWh"))
    assert found.series.start.isoformat() == "2026-03-02T00:00:00+09:00"
    assert found.series.values[4] == pytest.approx(3.0)  # 0.5 kWh in 10 minutes
    assert {each.what: each.value for each in found.choices}["kind"] == "counter"


def test_readings_that_come_on_change_count_for_the_time_they_stand_for(tmp_path: Path) -> None:
    path = written(
        tmp_path / "power.csv",
        [
            ("2026-03-02T00:00:00+09:00", 1),
            ("2026-03-02T00:05:00+09:00", 4),
            ("2026-03-02T00:15:00+09:00", 2),
            ("2026-03-02T00:22:30+09:00", 6),
            ("2026-03-02T00:30:00+09:00", 0),
            ("2026-03-02T03:30:00+09:00", 0),
        ],
        "time,power (kW)",
    )
    series = read_meter(path).series
    assert series.values[:3] == (pytest.approx(3.0), pytest.approx(4.0), 0.0)
    assert series.values[4] == 0.0
    assert isnan(series.values[6])  # nobody knows after an hour of silence


@pytest.mark.skipif(not DATA.exists(), reason="no shared data")
def test_a_file_without_times_is_laid_out_from_its_start(tmp_path: Path) -> None:
    folder = DATA / "energy_citylearn" / "citylearn_challenge_2022_phase_1"
    said = tmp_path / "map.toml"
    said.write_text('start = "2021-07-31T23:00:00"\nstep_minutes = 60\n', encoding="utf-8")
    found = read_meters(folder / "Building_1.csv", read_meter_map(said))
    assert list(found) == ["load", "pv"]
    assert len(found["load"].series) == 8760
    assert found["load"].series.values[0] == pytest.approx(2.2758)
    assert found["pv"].series.unit == "kW"
    price = read_meters(folder / "pricing.csv", read_meter_map(said))
    assert list(price) == ["price"]
    assert price["price"].series.unit == "$/kWh"


@pytest.mark.skipif(not DATA.exists(), reason="no shared data")
def test_a_typical_year_is_named_and_can_be_put_into_one(tmp_path: Path) -> None:
    path = DATA / "energy_pv" / "723170TYA.CSV"
    site = Site(name="Greensboro", zone="Etc/GMT+5")
    assert "typical_year" in codes(read_meter(path, quantity="ghi", site=site))
    found = read_meter(path, MeterMap(year=2025), quantity="ghi", site=site)
    assert len(found.series) == 8760
    assert found.series.missing == 0
    assert sum(found.series.values) / 1000 == pytest.approx(1520, rel=0.1)  # kWh/m2 a year


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01 00:15", "2026-03-01T00:15:00"),
        ("2026.3.1 0:15", "2026-03-01T00:15:00"),
        ("2026년 3월 1일 0시 15분", "2026-03-01T00:15:00"),
        ("2026-03-01 오후 1:15", "2026-03-01T13:15:00"),
        ("2026-03-01 오전 12:15:30", "2026-03-01T00:15:30"),
        ("202603010015", "2026-03-01T00:15:00"),
        ("20260301 0015", "2026-03-01T00:15:00"),
        ("2026-03-01 24:00", "2026-03-02T00:00:00"),
        ("3/1/2026 1:15 PM", "2026-03-01T13:15:00"),
        ("2026-03-01T00:15:00Z", "2026-03-01T00:15:00+00:00"),
        ("2026-03-01 00:15 KST", "2026-03-01T00:15:00+09:00"),
    ],
)
def test_times_are_read_as_exports_write_them(text: str, expected: str) -> None:
    assert parse_stamp(text).isoformat() == expected


def test_the_day_stands_first_where_a_month_would_be_the_13th(tmp_path: Path) -> None:
    lines = [(f"{1 + n // 24:02}/03/2026 {n % 24:02}:00", load(n, 24)) for n in range(24 * 14)]
    found = read_meter(written(tmp_path / "load.csv", lines))
    assert found.series.start.isoformat() == "2026-03-01T00:00:00+09:00"
    assert found.series.missing == 0


@pytest.mark.parametrize("form", ["%d.%m.%Y %H:%M", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M"])
def test_the_order_of_a_date_is_the_one_in_which_readings_follow_each_other(
    tmp_path: Path, form: str
) -> None:
    start = datetime(2026, 3, 1)
    lines = [(f"{start + timedelta(hours=n):{form}}", load(n, 24)) for n in range(24 * 10)]
    found = read_meter(written(tmp_path / "load.csv", lines))
    assert found.series.start.isoformat() == "2026-03-01T00:00:00+09:00"
    assert found.series.missing == 0


def test_a_comma_is_a_point_where_semicolons_part_the_cells(tmp_path: Path) -> None:
    path = tmp_path / "load.csv"
    body = "\n".join(f"{at:%d.%m.%Y %H:%M};1.234,125" for at, _ in rows(96 * 14))
    path.write_text(f"Zeit;load (kW)\n{body}\n".replace("Zeit", "time"), encoding="utf-8")
    found = read_meter(path)
    assert found.series.values[0] == 1234.125
    comma = written(tmp_path / "us.csv", [(at, '"1,234.5"') for at, _ in rows(30)])
    assert read_meter(comma).series.values[0] == 1234.5


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=40))
def test_no_text_makes_the_reading_of_a_time_fail_otherwise_than_by_a_value_error(text: str) -> None:
    with suppress(ValueError, OverflowError):
        parse_stamp(text)


@settings(max_examples=60, deadline=None)
@given(body=st.binary(max_size=400))
def test_no_bytes_end_in_anything_but_a_clear_line(
    body: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("meter") / "any.csv"
    path.write_bytes(b"timestamp,load (kW)\n" + body)
    try:
        assert isinstance(read_meter(path), Metered)
    except UserError as error:
        assert str(path.name) in str(error) or "--map" in str(error)


# 4.6.11: bad input is named, with the row


def test_energy_function_11_a_gap_is_named_with_the_rows_around_it(tmp_path: Path) -> None:
    lines = rows(200)
    del lines[50:60]
    found = read_meter(written(tmp_path / "load.csv", lines))
    gap = only(found, "gap")
    assert (gap.first, gap.last, gap.value) == (51, 52, 10.0)
    assert "2026-03-02 12:30" in gap.line("en")
    assert "10개 구간 비어 있음" in gap.line("ko")
    assert found.series.missing == 10  # never invented


def test_energy_function_11_an_empty_or_unreadable_value_is_a_gap_and_named(tmp_path: Path) -> None:
    lines: list[tuple[datetime | str, float | str]] = list(rows(200))
    lines[10] = (lines[10][0], "ERR")
    lines[20] = (lines[20][0], "")
    found = read_meter(written(tmp_path / "load.csv", lines))
    assert only(found, "no_number").line("en") == "row 12: load (kW): 'ERR' is no number → left empty"
    assert found.series.missing == 2


def test_energy_function_11_duplicated_stamps_count_once(tmp_path: Path) -> None:
    lines = rows(200)
    lines.insert(31, lines[30])
    found = read_meter(written(tmp_path / "load.csv", lines))
    assert only(found, "duplicate").first == 33
    assert found.series.values[30] == load(30)


def test_energy_function_11_contradicting_stamps_leave_the_step_empty(tmp_path: Path) -> None:
    lines = rows(200)
    lines.insert(31, (lines[30][0], 99.0))
    found = read_meter(written(tmp_path / "load.csv", lines))
    told = only(found, "contradiction")
    assert (told.first, told.value, told.expected) == (33, 99.0, load(30))
    assert isnan(found.series.values[30])


def test_energy_function_11_rows_out_of_order_are_sorted_and_named(tmp_path: Path) -> None:
    lines = rows(200)
    lines[40], lines[45] = lines[45], lines[40]
    found = read_meter(written(tmp_path / "load.csv", lines))
    assert only(found, "out_of_order").first == 43
    assert found.series.values[:60] == pytest.approx([load(n) for n in range(60)])


def test_energy_function_11_a_clock_with_summer_time_in_korea_is_named_at_both_changes(
    tmp_path: Path,
) -> None:
    def wall(at: datetime) -> datetime:
        summer = datetime(2026, 3, 8, 2) <= at < datetime(2026, 11, 1, 1)
        return at + timedelta(hours=summer)

    hour = timedelta(hours=1)
    spring = rows(24 * 14, hour, datetime(2026, 3, 2))
    found = read_meter(written(tmp_path / "spring.csv", [(wall(at), v) for at, v in spring]))
    assert (only(found, "dst_hole").first, only(found, "dst_hole").last) == (147, 148)
    autumn = rows(24 * 14, hour, datetime(2026, 10, 26))
    found = read_meter(written(tmp_path / "autumn.csv", [(wall(at), v) for at, v in autumn]))
    assert only(found, "dst_double").first == 147
    assert only(found, "dst_double").severity == "error"


def test_energy_function_11_summer_time_that_the_zone_has_is_no_fault(tmp_path: Path) -> None:
    site = Site(name="office", zone="America/New_York")
    start = datetime(2026, 10, 30, 4, tzinfo=UTC)
    lines = [
        (
            (start + timedelta(hours=n)).astimezone(ZoneInfo(site.zone)).replace(tzinfo=None, fold=0),
            load(n, 24),
        )
        for n in range(24 * 6)
    ]
    found = read_meter(written(tmp_path / "load.csv", lines), site=site)
    assert found.findings == ()
    assert len(found.series) == 24 * 6


def test_energy_function_11_standard_time_in_a_zone_with_summer_time_is_named_and_read_as_such(
    tmp_path: Path,
) -> None:
    site = Site(name="office", zone="America/New_York")
    lines = rows(24 * 14, timedelta(hours=1), datetime(2026, 3, 2))
    found = read_meter(written(tmp_path / "load.csv", lines), site=site)
    assert only(found, "dst_none").first == 148
    assert found.series.missing == 0


def test_energy_function_11_utc_rows_after_local_ones_are_named(tmp_path: Path) -> None:
    lines = rows(96 * 4)
    mixed = [*lines[:200], *((at - timedelta(hours=9), value) for at, value in lines[200:])]
    found = read_meter(written(tmp_path / "load.csv", mixed))
    assert only(found, "utc_mix").first == 202
    assert "UTC" in only(found, "utc_mix").line("ko")


def test_energy_function_11_a_day_that_shifts_by_nine_hours_without_a_jump_is_named(tmp_path: Path) -> None:
    lines = rows(24 * 42, timedelta(hours=1))
    change = 24 * 24
    moved = [(at, load(n - 9, 24) if n >= change else v) for n, (at, v) in enumerate(lines)]
    told = only(read_meter(written(tmp_path / "load.csv", moved)), "shifted")
    assert abs(told.first - (change + 2)) <= 48
    assert "9" in told.line("en")
    assert codes(read_meter(written(tmp_path / "well.csv", lines))) == []


def test_energy_function_11_times_with_and_without_zone_are_named(tmp_path: Path) -> None:
    lines: list[tuple[datetime | str, float | str]] = list(rows(100))
    lines[70:] = [(f"{at}+09:00", value) for at, value in lines[70:]]
    assert only(read_meter(written(tmp_path / "load.csv", lines)), "zone_mix").first == 72


def test_energy_function_11_kw_after_kwh_is_named_by_its_factor(tmp_path: Path) -> None:
    lines = rows(96 * 14)
    change = 96 * 8 + 40
    mixed = [(at, value / 4 if n < change else value) for n, (at, value) in enumerate(lines)]
    told = only(read_meter(written(tmp_path / "load.csv", mixed)), "unit_step")
    assert abs(told.first - (change + 2)) <= 4
    assert told.value == pytest.approx(4, rel=0.12)
    assert told.severity == "error"


def test_energy_function_11_watts_after_kilowatts_are_named(tmp_path: Path) -> None:
    lines = rows(24 * 14, timedelta(hours=1))
    mixed = [(at, value * 1000 if n >= 24 * 8 else value) for n, (at, value) in enumerate(lines)]
    told = only(read_meter(written(tmp_path / "load.csv", mixed)), "unit_step")
    assert told.first == 24 * 8 + 2


def test_energy_function_11_a_column_of_kw_that_is_kwh_is_named_beside_its_neighbour(tmp_path: Path) -> None:
    lines = [(at, f"{value / 4:.4f},{value / 4:.4f}") for at, value in rows(200)]
    path = written(tmp_path / "load.csv", lines, "일시,사용량(kWh),최대수요(kW)")
    told = only(read_meter(path), "unit_columns")
    assert (told.value, told.expected) == (pytest.approx(1.0, rel=0.01), 4.0)


def test_energy_function_11_a_load_far_beyond_the_contract_is_named(tmp_path: Path) -> None:
    lines = [(at, value * 1000) for at, value in rows(200)]
    site = Site(name="office", contract_kw=50)
    told = only(read_meter(written(tmp_path / "load.csv", lines), site=site), "over_contract")
    assert told.expected == 50
    assert told.severity == "error"


def test_energy_function_11_a_file_without_unit_says_what_was_assumed(tmp_path: Path) -> None:
    told = only(read_meter(written(tmp_path / "load.csv", rows(100), "timestamp,사용량")), "unit_unknown")
    assert "kWh" in told.line("ko")
    assert told.first == 1


def test_energy_function_11_negative_readings_of_a_load_are_named_and_left_out(tmp_path: Path) -> None:
    lines = rows(200)
    lines[80:83] = [(at, -value) for at, value in lines[80:83]]
    found = read_meter(written(tmp_path / "load.csv", lines))
    told = only(found, "negative")
    assert (told.first, told.last) == (82, 84)
    assert found.series.missing == 3


def test_energy_function_11_a_grid_meter_may_be_negative(tmp_path: Path) -> None:
    lines = [(at, value - 15) for at, value in rows(200)]
    path = written(tmp_path / "grid.csv", lines, "timestamp,grid (kW)")
    assert codes(read_meter(path, quantity="grid")) == []


def counted(count: int, start: float = 5000.0) -> list[tuple[datetime, float]]:
    total, lines = start, []
    for at, value in rows(count):
        lines.append((at, round(total, 3)))
        total += value / 4
    return lines


def test_energy_function_11_a_reset_counter_is_named_with_its_row(tmp_path: Path) -> None:
    lines = counted(100) + [(at + QUARTER * 100, value) for at, value in counted(100, 0.0)]
    found = read_meter(written(tmp_path / "meter.csv", lines, "일시,누적전력량(kWh)"))
    told = only(found, "counter_reset")
    assert (told.first, told.value) == (102, 0.0)
    assert found.series.missing == 1
    assert found.series.values[20] == pytest.approx(load(20), abs=0.01)


def test_energy_function_11_a_counter_that_rolls_over_loses_nothing(tmp_path: Path) -> None:
    lines = [(at, value % 10000) for at, value in counted(200, 9600.0)]
    found = read_meter(written(tmp_path / "meter.csv", lines, "일시,지침(kWh)"))
    assert only(found, "counter_rollover").expected == pytest.approx(9999, abs=8)
    assert found.series.missing == 0
    assert found.series.values[-1] == pytest.approx(load(198), abs=0.01)


def test_energy_function_11_quarters_and_hours_in_one_file_are_brought_to_hours(tmp_path: Path) -> None:
    first = [(at, value / 4) for at, value in rows(96)]
    later = [(MONDAY + timedelta(hours=24 + n), 12.5) for n in range(0, 24)]
    later = [(at, value + n / 100) for n, (at, value) in enumerate(later)]
    found = read_meter(written(tmp_path / "load.csv", first + later, "timestamp,load (kWh)"))
    told = only(found, "mixed_step")
    assert told.first == 99
    assert found.series.step == timedelta(hours=1)
    assert found.series.values[10] == pytest.approx(sum(load(n) for n in range(40, 44)) / 4)
    assert found.series.values[30] == pytest.approx(12.56)


def test_energy_function_11_a_stuck_meter_is_named(tmp_path: Path) -> None:
    lines = rows(400)
    lines[100:140] = [(at, 17.25) for at, _ in lines[100:140]]
    told = only(read_meter(written(tmp_path / "load.csv", lines)), "stuck")
    assert (told.first, told.last, told.value) == (102, 141, 17.25)
    assert "10 h" in told.line("en")


def test_energy_function_11_a_spike_is_named_and_left_out(tmp_path: Path) -> None:
    lines = rows(400)
    lines[200] = (lines[200][0], 4321.0)
    found = read_meter(written(tmp_path / "load.csv", lines))
    assert only(found, "spike").first == 202
    assert found.series.missing == 1


@pytest.mark.parametrize(
    ("unit", "value", "guess"), [("원/kWh", 0.1459, "천원/kWh"), ("원/kWh", 145900, "원/MWh")]
)
def test_energy_function_11_a_price_in_the_wrong_unit_is_named(
    tmp_path: Path, unit: str, value: float, guess: str
) -> None:
    lines = [(at, value * (1 + n % 7 / 10)) for n, (at, _) in enumerate(rows(96, timedelta(hours=1)))]
    found = read_meter(written(tmp_path / "price.csv", lines, f"일시,단가({unit})"), quantity="price")
    told = only(found, "price_unit")
    assert guess in told.line("ko")
    assert (told.first, told.last) == (2, 97)


def test_energy_function_11_a_price_in_thousands_that_says_so_is_converted(tmp_path: Path) -> None:
    lines = [(at, 0.1459) for at, _ in rows(24, timedelta(hours=1))]
    found = read_meter(written(tmp_path / "price.csv", lines, "일시,단가(천원/kWh)"), quantity="price")
    assert found.series.unit == "원/kWh"
    assert found.series.values[0] == pytest.approx(145.9)
    assert codes(found) == []


def test_energy_function_11_a_year_of_8759_hours_is_named(tmp_path: Path) -> None:
    path = tmp_path / "load.csv"
    path.write_text("load (kWh)\n" + "\n".join(str(load(n, 24)) for n in range(8759)), encoding="utf-8")
    said = MeterMap(start=datetime(2025, 1, 1), step_minutes=60)
    told = only(read_meter(path, said), "length")
    assert (told.first, told.value, told.expected) == (8760, 8759.0, 8760.0)
    assert wrong_length(95, QUARTER, 96, expected=96)[0].expected == 96
    assert wrong_length(8760, timedelta(hours=1), 8761) == []


def test_energy_function_11_times_to_come_are_named_and_not_used(tmp_path: Path) -> None:
    now = datetime(2026, 3, 3, 12, tzinfo=UTC)
    found = read_meter(written(tmp_path / "load.csv", rows(200)), now=now)
    told = only(found, "future")
    assert (told.first, told.last) == (184, 201)
    assert found.series.end <= now + QUARTER * 2


def test_energy_function_11_rows_of_another_width_are_named(tmp_path: Path) -> None:
    lines: list[tuple[datetime | str, float | str]] = list(rows(100))
    lines[5] = (lines[5][0], "1,2")
    assert only(read_meter(written(tmp_path / "load.csv", lines)), "uneven").first == 7


def test_energy_function_11_more_than_ten_percent_missing_is_refused(tmp_path: Path) -> None:
    lines = rows(400)
    del lines[100:130]
    series = read_meter(written(tmp_path / "load.csv", lines)).series
    start, day = series.start, timedelta(days=1)
    assert usable(series, start, start + day)[0]
    assert usable(series, start, start + day * 4)[0]
    fine, why = usable(series, start + day, start + day * 2)
    assert not fine
    assert "31.2%" in why.en
    assert "31.2%" in why.ko
    assert not usable(series, start, start + day * 30)[0]  # what the file does not reach is missing too


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("a,b\nx,y\nz,w\n", "no column is a time"),
        ("timestamp,note\n2026-03-01,x\n2026-03-02,y\n", "no column is known as load"),
        ("timestamp,load\n", "no row of data"),
    ],
)
def test_energy_function_11_a_file_that_is_none_says_what_is_wrong(
    tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "load.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=said):
        read_meter(path)


def test_a_map_with_a_wrong_key_names_the_nearest(tmp_path: Path) -> None:
    path = tmp_path / "map.toml"
    path.write_text('colum = "x"\nvalu = "y"\n', encoding="utf-8")
    with pytest.raises(UserError, match="unknown key"):
        read_meter_map(path)
    path.write_text('zone = "Asia/Soul"\n', encoding="utf-8")
    with pytest.raises(UserError, match="Asia/Soul"):
        read_meter_map(path)


def test_holes_are_filled_on_request_only_and_marked(tmp_path: Path) -> None:
    lines = rows(96 * 10)
    del lines[700:760]
    del lines[300:302]
    series = read_meter(written(tmp_path / "load.csv", lines)).series
    filled = fill(series)
    assert filled.series.missing == 0
    assert filled.places == (300, 301, *range(700, 760))
    assert filled.series.values[300] == pytest.approx((series.values[299] * 2 + series.values[302]) / 3)
    assert filled.series.values[720] == series.values[720 - 96 * 7]
    assert [v for n, v in enumerate(filled.series.values) if n not in filled.places] == [
        v for v in series.values if not isnan(v)
    ]
    short = series.between(series.start, series.start + timedelta(days=8))
    assert fill(short.with_values([float("nan")] * len(short))).series.missing == len(short)


def test_other_steps_keep_the_energy_and_the_holes(tmp_path: Path) -> None:
    lines = rows(96)
    del lines[40]
    series = read_meter(written(tmp_path / "load.csv", lines)).series
    hourly = resampled(series, timedelta(hours=1))
    assert hourly.values[3] == pytest.approx(sum(series.values[12:16]) / 4)
    assert isnan(hourly.values[10])
    assert resampled(hourly, QUARTER).values[13] == hourly.values[3]


@pytest.mark.parametrize("read", [lambda path: read_meter(path, MeterMap(value="Load"))])
def test_a_column_that_is_not_there_names_the_nearest(
    tmp_path: Path, read: Callable[[Path], Metered]
) -> None:
    with pytest.raises(UserError, match="did you mean load"):
        read(written(tmp_path / "load.csv", rows(10)))


def test_the_page_of_the_docs_lists_every_check() -> None:
    page = (Path(__file__).parents[1] / "docs" / "energy-data.md").read_text(encoding="utf-8")
    assert [code for code in table()["findings"] if f"`{code}`" not in page] == []
