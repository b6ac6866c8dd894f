"""Day-ahead forecasts of load and panels on real readings, walked forward, beside the seasonal naive ones.

    python benchmarks/energy_forecast.py FOLDER [--days 60] [--every 3] [--mstl]

FOLDER holds energy_citylearn, energy_bdg2 and energy_pv as published. Each line is a data set: the mean
absolute error of a day ahead (24 h from midnight) as a share of the mean, the skill against repeating the
last week (load) or the last day (panels), the share of values inside the 80 % range, the seconds of one.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from time import perf_counter

import numpy as np

from slm_energy.forecast.load import forecast_load
from slm_energy.forecast.methods import METHODS, mstl
from slm_energy.forecast.outcome import Forecast
from slm_energy.forecast.past import past_of
from slm_energy.forecast.pv import Weather, forecast_pv
from slm_energy.forecast.sun import Sun
from slm_energy.meter.columns import MeterMap
from slm_energy.meter.reading import read_meter, read_meters
from slm_energy.series import Series
from slm_energy.site import Panels, Site

DAY = timedelta(days=1)
HOMES = "energy_citylearn/citylearn_challenge_2022_phase_1"
CALIFORNIA = Site(name="home", zone="Etc/GMT+8", latitude=34.09, longitude=-117.43)
GREENSBORO = Site(
    name="roof", zone="Etc/GMT+5", latitude=36.1, longitude=-79.95, panels=Panels(kwp=10, tilt=30)
)


class Score:
    """Errors of one method over many days."""

    def __init__(self) -> None:
        self.errors: list[float] = []
        self.inside: list[float] = []
        self.seconds = 0.0

    def add(self, made: Forecast, truth: np.ndarray, only_lit: bool = False) -> None:
        mean, low, high = (np.array(each.values) for each in (made.mean, made.low, made.high))
        self.errors.append(float(np.nanmean(np.abs(mean - truth))))
        counted = truth > 0 if only_lit else ~np.isnan(truth)
        if counted.any():
            self.inside.append(float(np.mean((low <= truth)[counted] & (truth <= high)[counted])))


def loads(folder: Path) -> Iterator[tuple[str, Series, Series | None, str | None]]:
    """Yield name, load, temperature and country."""
    start = MeterMap(start=datetime(2016, 7, 31, 23), step_minutes=60)
    warm = read_meter(folder / HOMES / "weather.csv", start, quantity="outdoor", site=CALIFORNIA).series
    for number in range(1, 6):
        path = folder / HOMES / f"Building_{number}.csv"
        home = read_meter(path, start, site=CALIFORNIA).series
        yield f"citylearn home {number}", home, None, "US-CA"
        yield f"citylearn home {number} + °C", home, warm, "US-CA"
    path = folder / "energy_bdg2" / "bdg2_hourly_sample.csv"
    yield "bdg2 building", read_meter(path, site=Site(name="x", zone="America/New_York")).series, None, "US"
    path = folder / "energy_bdg2" / "vic_electricity_2012_2013.csv"
    state = read_meters(path, site=Site(name="x", zone="Australia/Melbourne"))
    yield "Victoria", state["load"].series, None, "AU-VIC"
    yield "Victoria + °C", state["load"].series, state["outdoor"].series, "AU-VIC"


def midnights(series: Series, first_day: int, every: int) -> Iterator[int]:
    """Yield the steps at which local days begin."""
    midnight = [n for n, time in enumerate(series.times()) if time.hour == time.minute == 0]
    per_day = round(DAY / series.step)
    yield from (n for n in midnight[first_day::every] if n + per_day <= len(series))


def walk_load(
    name: str, load: Series, warm: Series | None, country: str | None, args: argparse.Namespace
) -> None:
    per_day = round(DAY / load.step)
    chosen, single = Score(), {each: [] for each in METHODS} | ({"mstl": []} if args.mstl else {})
    used: dict[str, int] = {}
    for end in midnights(load, args.days + 1, args.every):
        first = end - args.days * per_day
        begin = load.start + load.step * first
        history = replace(load, start=begin, values=load.values[first:end])
        truth = np.array(load.values[end : end + per_day])
        started = perf_counter()
        made = forecast_load(history, per_day, temperature=warm, country=country)
        chosen.seconds += perf_counter() - started
        chosen.add(made, truth)
        used[made.method] = used.get(made.method, 0) + 1
        past = past_of(history, per_day, country, warm)
        for each, errors in single.items():
            method = mstl if each == "mstl" else METHODS[each]
            errors.append(float(np.nanmean(np.abs(method(past, per_day) - truth))))
    level, base = np.nanmean(load.values), np.mean(single["naive_week"])
    others = " ".join(f"{each} {np.mean(errors) / level:.3f}" for each, errors in single.items())
    print(
        f"{name:24} n={len(chosen.errors):3} error {np.mean(chosen.errors) / level:.3f} "
        f"skill {1 - np.mean(chosen.errors) / base:+.2f} inside {np.mean(chosen.inside):.2f} "
        f"{chosen.seconds / len(chosen.errors):.2f} s | {others} | {used}",
        flush=True,
    )


def weather_year(folder: Path) -> tuple[Series, Weather, Weather]:
    """Return what 10 kWp at Greensboro would give by measured beam and diffuse light, and the weather."""

    def column(value: str, unit: str, quantity: str) -> Series:
        said = MeterMap(year=2025, value=value, unit=unit)
        path = folder / "energy_pv" / "723170TYA.CSV"
        return read_meter(path, said, quantity=quantity, site=GREENSBORO).series  # type: ignore[arg-type]

    ghi, air = column("GHI (W/m^2)", "W/m2", "ghi"), column("Dry-bulb (C)", "C", "outdoor")
    beam, diffuse = (column(f"{each} (W/m^2)", "W/m2", "ghi") for each in ("DNI", "DHI"))
    clouds = column("TotCld (tenths)", "tenths", "clouds")
    sun = Sun(GREENSBORO, ghi.start, len(ghi), ghi.step)
    sky = {"ghi": np.array(ghi.values), "dni": np.array(beam.values), "dhi": np.array(diffuse.values)}
    assert GREENSBORO.panels is not None
    power = sun.power_under(GREENSBORO.panels, sky, np.array(air.values))
    given = replace(ghi, name="pv", unit="kW", values=tuple(map(float, power)))
    return given, Weather(ghi=ghi, air=air), Weather(clouds=clouds, air=air)


def walk_pv(
    name: str, given: Series, ways: dict[str, Callable[[datetime, Series], Forecast]], every: int
) -> None:
    per_day = round(DAY / given.step)
    scores = {way: Score() for way in ways}
    naive = []
    for end in midnights(given, 46, every):
        start, truth = given.start + given.step * end, np.array(given.values[end : end + per_day])
        history = given.between(given.start, start)
        naive.append(float(np.mean(np.abs(np.array(given.values[end - per_day : end]) - truth))))
        for way, foretell in ways.items():
            started = perf_counter()
            made = foretell(start, history)
            scores[way].seconds += perf_counter() - started
            scores[way].add(made, truth, only_lit=True)
    level, base = np.mean(given.values), np.mean(naive)
    print(f"{name:24} n={len(naive):3} naive_day error {base / level:.3f}")
    for way, score in scores.items():
        print(
            f"  {way:22} error {np.mean(score.errors) / level:.3f} "
            f"skill {1 - np.mean(score.errors) / base:+.2f} inside {np.mean(score.inside):.2f} "
            f"{score.seconds / len(score.errors):.2f} s",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--days", type=int, default=60, help="of history that each forecast has")
    parser.add_argument("--every", type=int, default=3, help="days from one forecast to the next")
    parser.add_argument("--mstl", action="store_true", help="MSTL beside the others: seconds a day")
    args = parser.parse_args()
    for each in loads(args.folder):
        walk_load(*each, args)
    given, light, clouds = weather_year(args.folder)
    roof, bare = GREENSBORO, Site(name="roof")
    hour = given.step
    walk_pv(
        "Greensboro TMY, 10 kWp",
        given,
        {
            "readings": lambda at, past: forecast_pv(roof, at, 24, hour, history=past),
            "readings, no place": lambda at, past: forecast_pv(bare, at, 24, hour, history=past),
            "measured light": lambda at, _: forecast_pv(roof, at, 24, hour, weather=light),
            "clouds and readings": lambda at, past: forecast_pv(
                roof, at, 24, hour, weather=clouds, history=past
            ),
            "place and panels alone": lambda at, _: forecast_pv(roof, at, 24, hour),
        },
        args.every,
    )
    start = MeterMap(start=datetime(2016, 7, 31, 23), step_minutes=60)
    home = read_meter(args.folder / HOMES / "Building_1.csv", start, quantity="pv", site=CALIFORNIA).series
    walk_pv(
        "citylearn panels, 1 kWp",
        home,
        {
            "readings": lambda at, past: forecast_pv(CALIFORNIA, at, 24, hour, history=past),
            "readings, no place": lambda at, past: forecast_pv(bare, at, 24, hour, history=past),
        },
        args.every,
    )


if __name__ == "__main__":
    main()
