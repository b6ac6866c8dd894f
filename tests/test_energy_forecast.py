"""Forecasts of load and panels: they know the calendar, name their method and beat repeating the past."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from math import cos, isnan, nan, pi, sin
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from slm_core.errors import UserError
from slm_energy.forecast.load import forecast_load
from slm_energy.forecast.pv import Weather, forecast_pv
from slm_energy.meter.columns import MeterMap
from slm_energy.meter.reading import read_meter
from slm_energy.series import Series
from slm_energy.site import Panels, Site

DATA = Path(__file__).parents[2] / "shared" / "data"
SEOUL = ZoneInfo("Asia/Seoul")
HOUR, QUARTER, DAY = timedelta(hours=1), timedelta(minutes=15), timedelta(days=1)
ROOF = Site(name="roof", latitude=36.35, longitude=127.38, panels=Panels(kwp=100, tilt=25))


def office(start: datetime, steps: int, step: timedelta = HOUR, off: tuple[str, ...] = ()) -> Series:
    """20 kW, 80 from 8 to 19 on weekdays that are no holiday."""
    values = []
    for n in range(steps):
        at = start + step * n
        open_ = at.weekday() < 5 and 8 <= at.hour < 19 and f"{at:%m-%d}" not in off
        values.append(20 + 60 * open_ + sin(n * 2.3) * 2)
    return Series("load", "kW", start, step, tuple(values))


def errors(forecast: Series, truth: Series) -> float:
    pairs = zip(forecast.values, truth.values, strict=True)
    return float(np.mean([abs(a - b) for a, b in pairs]) / np.mean(truth.values))


def test_energy_function_01_a_day_ahead_of_an_office_is_near_and_says_by_which_method() -> None:
    monday = datetime(2026, 3, 2, tzinfo=SEOUL)
    history = office(monday, 24 * 42)
    made = forecast_load(history, 24, country="KR")
    assert made.mean.start == history.end
    assert made.mean.unit == "kW"
    assert errors(made.mean, office(history.end, 24)) < 0.06
    assert made.method in made.tried
    assert made.tried[made.method] == min(made.tried.values())
    assert "21 days" in made.reason.en
    assert "21일" in made.reason.ko
    inside = [
        a <= b <= c for a, b, c in zip(made.low.values, made.mean.values, made.high.values, strict=True)
    ]
    assert all(inside)


def test_a_public_holiday_is_no_working_day() -> None:
    start = datetime(2026, 4, 1, tzinfo=SEOUL)
    history = office(start, 24 * 61, off=("05-01", "05-05", "05-25"))  # up to 1 June
    to_vote = history.between(start, datetime(2026, 6, 3, tzinfo=SEOUL))
    assert to_vote.end.strftime("%m-%d") == "06-01"
    made = forecast_load(history, 72)  # local elections on 3 June 2026, a Wednesday
    noon = {
        at.day: value for at, value in zip(made.mean.times(), made.mean.values, strict=True) if at.hour == 12
    }
    assert noon[1] > 60
    assert noon[3] < 45


def test_quarter_hours_are_foretold_in_quarter_hours() -> None:
    history = office(datetime(2026, 3, 2, tzinfo=SEOUL), 96 * 40, QUARTER)
    made = forecast_load(history, 96)
    assert len(made.mean) == 96
    assert made.mean.step == QUARTER
    assert errors(made.mean, office(history.end, 96, QUARTER)) < 0.13


@pytest.mark.parametrize(("days", "method"), [(3, "naive_day"), (10, ("naive_day", "naive_week"))])
def test_a_short_history_falls_back_by_name(days: int, method: str | tuple[str, ...]) -> None:
    made = forecast_load(office(datetime(2026, 3, 2, tzinfo=SEOUL), 24 * days), 24)
    assert made.method in ((method,) if isinstance(method, str) else method)
    one = forecast_load(office(datetime(2026, 3, 2, tzinfo=SEOUL), 24), 24)
    assert one.method == "naive_day"
    assert "too short" in one.reason.en
    assert one.low.values[0] < one.mean.values[0] < one.high.values[0]


def test_holes_in_the_history_are_bridged_for_learning_and_too_many_are_refused() -> None:
    history = office(datetime(2026, 3, 2, tzinfo=SEOUL), 24 * 42)
    few = [nan if 500 <= n < 530 else value for n, value in enumerate(history.values)]
    made = forecast_load(history.with_values(few), 24)
    assert not any(isnan(value) for value in made.mean.values)
    many = [nan if n > 24 * 42 - 100 else value for n, value in enumerate(history.values)]
    with pytest.raises(UserError, match="more than 10%"):
        forecast_load(history.with_values(many), 24)
    with pytest.raises(UserError, match="too few"):
        forecast_load(office(datetime(2026, 3, 2, tzinfo=SEOUL), 5), 24)


def test_a_foretold_heat_is_seen_in_the_load() -> None:
    start = datetime(2026, 6, 1, tzinfo=SEOUL)
    warm = [24 + 6 * sin(n / 24 * 2 * pi / 9) + 4 * cos((n % 24 - 15) / 24 * 2 * pi) for n in range(24 * 51)]
    base = office(start, 24 * 50)
    load = base.with_values([v + 3 * max(0, t - 22) for v, t in zip(base.values, warm, strict=False)])
    hot = [*warm[: 24 * 50], *(38.0,) * 24]
    cool = [*warm[: 24 * 50], *(20.0,) * 24]
    means = [
        sum(forecast_load(load, 24, temperature=Series("outdoor", "°C", start, HOUR, tuple(air))).mean.values)
        for air in (hot, cool)
    ]
    assert means[0] > means[1] * 1.3


@pytest.mark.skipif(not DATA.exists(), reason="no shared data")
def test_real_homes_and_a_building_are_foretold_better_than_by_their_last_week() -> None:
    folder = DATA / "energy_citylearn" / "citylearn_challenge_2022_phase_1"
    said = MeterMap(start=datetime(2016, 7, 31, 23), step_minutes=60)
    homes = [
        read_meter(folder / f"Building_{n}.csv", said, site=Site(name="home", zone="Etc/GMT+8")).series
        for n in (4,)
    ]
    building = read_meter(
        DATA / "energy_bdg2" / "bdg2_hourly_sample.csv", site=Site(name="x", zone="America/New_York")
    ).series
    for load in (*homes, building):
        made, naive = [], []
        for day in range(100, 260, 32):
            at = load.start + DAY * day
            truth = np.array(load.between(at, at + DAY).values)
            forecast = forecast_load(load.between(at - DAY * 60, at), 24, country="US")
            made.append(np.abs(np.array(forecast.mean.values) - truth).mean())
            naive.append(np.abs(np.array(load.between(at - DAY * 7, at - DAY * 6).values) - truth).mean())
        assert np.mean(made) < np.mean(naive)


def test_panels_under_a_foretold_sky_follow_the_light() -> None:
    start = datetime(2026, 6, 20, tzinfo=SEOUL)
    clear = forecast_pv(ROOF, start, 96, QUARTER, weather=Weather(clouds=_flat("clouds", 0.0, start)))
    dull = forecast_pv(ROOF, start, 96, QUARTER, weather=Weather(clouds=_flat("clouds", 1.0, start)))
    assert clear.method == "weather"
    assert 500 < sum(clear.mean.values) / 4 < 750  # kWh of 100 kWp on a clear day in June
    assert 0.2 < sum(dull.mean.values) / sum(clear.mean.values) < 0.45
    assert clear.mean.values[8] == 0  # two in the morning
    assert max(clear.mean.values) <= 100
    assert "pvlib" in clear.reason.ko


def _flat(name: str, value: float, start: datetime) -> Series:
    return Series(name, "", start, HOUR, (value,) * 24)


def given(start: datetime, days: int, share: float = 0.8) -> Series:
    """What the roof gave under changing skies, `share` of what it should have."""
    cover = [v for day in range(days) for v in (0.5 + 0.5 * sin(day * 1.9),) * 24]
    sky = Weather(clouds=Series("clouds", "", start, HOUR, tuple(cover)))
    power = forecast_pv(ROOF, start, 24 * days, HOUR, weather=sky).mean.values
    return Series("pv", "kW", start, HOUR, tuple(share * value for value in power))


def test_panels_are_calibrated_on_what_they_gave() -> None:
    start = datetime(2026, 5, 1, tzinfo=SEOUL)
    past = given(start, 20)
    sky = [v for day in range(21) for v in (0.5 + 0.5 * sin(day * 1.9),) * 24]
    weather = Weather(clouds=Series("clouds", "", start, HOUR, tuple(sky)))
    made = forecast_pv(ROOF, past.end, 24, HOUR, weather=weather, history=past)
    assert "0.80" in made.reason.en
    assert errors(made.mean, given(start, 21).between(past.end, past.end + DAY)) < 0.01


@pytest.mark.parametrize("site", [ROOF, Site(name="no place")])
def test_without_weather_the_last_days_say_it(site: Site) -> None:
    past = given(datetime(2026, 5, 1, tzinfo=SEOUL), 40)
    made = forecast_pv(site, past.end, 24, HOUR, history=past)
    assert made.method in ("naive_day", "mean_day", "clear_sky")
    assert "40 days" in made.reason.en
    total = sum(made.mean.values)
    assert 0.5 < total / (sum(past.values) / 40) < 2
    assert made.mean.values[1] == 0
    assert sum(made.low.values) < total < sum(made.high.values)


def test_a_new_roof_gets_a_usual_sky_and_says_so() -> None:
    made = forecast_pv(ROOF, datetime(2026, 6, 20, tzinfo=SEOUL), 24, HOUR)
    assert made.method == "usual_sky"
    assert "neither weather nor readings" in made.reason.en
    with pytest.raises(UserError, match="nothing to foretell"):
        forecast_pv(Site(name="bare"), datetime(2026, 6, 20, tzinfo=SEOUL), 24, HOUR)


def test_a_history_that_ends_too_early_is_refused() -> None:
    past = given(datetime(2026, 5, 1, tzinfo=SEOUL), 5)
    with pytest.raises(UserError, match="does not reach"):
        forecast_pv(ROOF, past.end + DAY, 24, HOUR, history=past)
    with pytest.raises(UserError, match="does not reach"):
        forecast_pv(ROOF, past.end, 96, QUARTER, history=replace(past))


def test_other_countries_have_their_own_holidays() -> None:
    start = datetime(2026, 11, 2, tzinfo=ZoneInfo("America/New_York"))
    history = office(start, 24 * 52, off=("11-11", "11-26"))  # up to 24 December
    at = {country: forecast_load(history, 48, country=country).mean.values[36] for country in ("US", None)}
    assert at["US"] < at[None]  # Christmas at noon


def test_the_example_of_the_docs_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (Path(__file__).parents[1] / "docs" / "energy-data.md").read_text(encoding="utf-8")
    code = page.partition("```python\n")[2].partition("```")[0]
    load = office(datetime(2026, 3, 2, tzinfo=SEOUL), 96 * 30, QUARTER)
    rows = [f"{at:%Y-%m-%d %H:%M},{kw / 4:.3f}" for at, kw in zip(load.times(), load.values, strict=True)]
    del rows[50:60]
    (tmp_path / "ismart.csv").write_text("\n".join(["일시,사용량(kWh)", *rows]), encoding="cp949")
    monkeypatch.chdir(tmp_path)
    made: dict[str, object] = {}
    exec(compile(code, "energy-data.md", "exec"), made)
    assert "51-52행: 10개 구간 비어 있음 (2026-03-02 12:30 ~ 2026-03-02 15:00)" in capsys.readouterr().out
    assert made["fine"] is True
