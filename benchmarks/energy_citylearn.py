"""Battery plans on the CityLearn 2022 homes: planned, by rule, and at best, for each home and month.

    python benchmarks/energy_citylearn.py FOLDER [--forecast perfect|own] [--home N] [--month M] [--json]

FOLDER is `citylearn_challenge_2022_phase_1`. Hours, prices and sizes are the data's: capacity, power and
efficiency of each battery and the peak of its panels from schema.json. CityLearn's `efficiency` is that
of a round trip: each way it takes the root (`StorageDevice.round_trip_efficiency`); its curves of
efficiency over power and power over charge, and its ageing, are left out here. Energy fed in is not paid.

A month starts with the charge with which the rule of self-consumption ends it, and every plan ends with
at least that. The optimum is one linear program over the whole month; the plan sees two days and is made
anew every day (perfect forecast) or every few hours (own). What a plan under our own forecast is short of
at the end is bought at the month's lowest price. Bars, for a perfect forecast: never dearer than the
rule; above the optimum by at most 2% of the cost without a battery.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from math import sqrt
from pathlib import Path
from zoneinfo import ZoneInfo

from slm_core.errors import GateFailed, SlmError, UserError
from slm_energy.forecast.load import MOST_DAYS, forecast_load
from slm_energy.forecast.methods import METHODS
from slm_energy.forecast.past import past_of
from slm_energy.forecast.pv import forecast_pv
from slm_energy.plan.baseline import baseline
from slm_energy.plan.cost import cost_of
from slm_energy.plan.problem import Problem
from slm_energy.plan.rolling import roll
from slm_energy.plan.solve import solve
from slm_energy.series import Series
from slm_energy.site import Site, parse_site

HOUR = timedelta(hours=1)
START = datetime(2016, 8, 1, tzinfo=ZoneInfo("Etc/GMT"))  # its 1 August is a Monday; it has no summer time
BAR = 0.02
HORIZON, EVERY = 48, {"perfect": 24, "own": 6}
SHORTEST, WEEK = 49, 168
LOADS = ("Equipment Electric Power [kWh]", "DHW Heating [kWh]", "Cooling Load [kWh]", "Heating Load [kWh]")


@dataclass(frozen=True)
class Row:
    """One home and month; costs in dollars, `above` the optimum as a share of the cost without a battery."""

    home: int
    month: int
    without: float
    rule: float
    plan: float
    optimum: float
    above: float
    seconds: float


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--forecast", choices=("perfect", "own"), default="perfect")
    parser.add_argument("--home", type=int, choices=range(1, 6), help="only this one")
    parser.add_argument("--month", type=int, choices=range(1, 13), help="only this one")
    parser.add_argument("--horizon", type=int, default=HORIZON, help="hours that a plan sees (default: 48)")
    parser.add_argument("--every", type=int, help="hours between plans (default: 24 perfect, 6 own)")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    args = parser.parse_args()
    rows = []
    try:
        for home in [args.home] if args.home else range(1, 6):
            rows += measure(args, home)
        summary(rows, bars=args.forecast == "perfect")
    except SlmError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def measure(args: argparse.Namespace, home: int) -> list[Row]:
    """Return the rows of a home, printed as they come."""
    year, months = read(args.folder, home)
    rows = []
    for month, (first, count) in months.items():
        if args.month in (None, month):
            begun = time.monotonic()
            without, rule, plan, optimum = one_month(year, first, count, args)
            above = (plan - optimum) / without
            rows.append(Row(home, month, without, rule, plan, optimum, above, time.monotonic() - begun))
            print(json.dumps(asdict(rows[-1])) if args.json else line(rows[-1]), flush=True)
    return rows


def one_month(
    year: Problem, first: int, count: int, args: argparse.Namespace
) -> tuple[float, float, float, float]:
    """Return what a month costs without a battery, by rule, by plans and at best."""
    actual = settled(year.part(first, count))
    bare = actual.with_site(actual.site.model_copy(update={"battery": None}))
    best = solve(actual, seconds=60)
    if best.cost is None:
        raise GateFailed(f"{actual.site.name}, {actual.start:%B}: no optimum: {best.said}")
    expect = expecting(year, first, args.forecast)
    rolled = roll(actual, expect, horizon=args.horizon, every=args.every or EVERY[args.forecast])
    if rolled.by_rule:
        raise GateFailed(f"{actual.site.name}, {actual.start:%B}: {rolled.by_rule} hours without a plan")
    plan = rolled.cost.total + refill(actual, rolled.flows.soc.values[-1])
    return cost_of(bare, baseline(bare)).total, best.cost_before.total, plan, best.cost.total


def settled(month: Problem) -> Problem:
    """Return the month with the start charge at which the rule ends as it began."""
    charge = 0.0
    for _ in range(10):
        month = replace(month, soc_kwh=charge)
        end = baseline(month).soc.values[-1]
        if abs(end - charge) < 1e-9:
            break
        charge = end
    return month


def refill(month: Problem, end_kwh: float) -> float:
    """Return what it costs to buy what is missing at the end."""
    battery = month.site.battery
    assert battery is not None
    return max(0.0, month.soc_start_kwh - end_kwh) / battery.charge_efficiency * min(month.price.values)


def expecting(year: Problem, first: int, forecast: str) -> Callable[[int, int], Problem]:
    """Return what is expected from hour `at` of the month on: the truth, or what our own forecasts say."""
    methods: dict[int, str] = {}

    def perfect(at: int, count: int) -> Problem:
        return year.part(first + at, count)

    def own(at: int, count: int) -> Problem:
        true, now = perfect(at, count), first + at
        if now < SHORTEST:  # the first days of the data: nothing to learn from
            return replace(true, load=as_before(year.load, now, count), pv=as_before(year.pv, now, count))
        past = year.load.from_step(0, now)
        if at // WEEK not in methods:  # it tries its methods once a week; they forecast anew each time
            methods[at // WEEK] = forecast_load(past, HORIZON).method
        recent = past.from_step(max(0, now - 24 * MOST_DAYS))
        load = METHODS[methods[at // WEEK]](past_of(recent, count, None, None), count)
        pv = forecast_pv(year.site, true.start, count, HOUR, history=year.pv.from_step(0, now)).mean
        return replace(
            true,
            load=true.load.with_values([max(0.0, float(kw)) for kw in load]),
            pv=true.pv.with_values(pv.values),
        )

    return perfect if forecast == "perfect" else own


def as_before(series: Series, now: int, count: int) -> Series:
    """Return the last day again and again, or the last hour where there is no whole day."""
    last = series.values[max(0, now - 24) : now] if now >= 24 else series.values[now - 1 : now]
    return series.from_step(now, now + count).with_values([last[step % len(last)] for step in range(count)])


def read(folder: Path, home: int) -> tuple[Problem, dict[int, tuple[int, int]]]:
    """Return a home's year and where each month lies in it: its first hour and how many it has."""
    schema = json.loads((folder / "schema.json").read_text(encoding="utf-8"))["buildings"][f"Building_{home}"]
    rows = table(folder / f"Building_{home}.csv")
    prices = [float(row["Electricity Pricing [$/kWh]"]) for row in table(folder / "pricing.csv")]
    peak = float(schema["pv"]["attributes"]["nominal_power"])
    load = [sum(float(row[name] or 0) for name in LOADS) for row in rows]
    pv = [float(row["Solar Generation [W/kW]"]) / 1000 * peak for row in rows]

    def series(name: str, unit: str, values: list[float]) -> Series:
        # The first row is the hour up to midnight before August.
        return Series(name, unit, START - HOUR, HOUR, tuple(values))

    year = Problem(
        site(schema, home),
        series("load", "kW", load),
        series("pv", "kW", pv),
        series("price", "$/kWh", prices),
    )
    months: dict[int, tuple[int, int]] = {}
    for hour, row in enumerate(rows[1:], start=1):
        month = int(float(row["Month"]))
        months[month] = (months.get(month, (hour, 0))[0], months.get(month, (hour, 0))[1] + 1)
    return year, months


def site(schema: dict, home: int) -> Site:
    """Return the home as schema.json describes it."""
    battery = schema["electrical_storage"]["attributes"]
    one_way = sqrt(battery["efficiency"])
    given = {
        "name": f"home-{home}",
        "zone": "Etc/GMT",
        "currency": "$",
        "battery": {
            "capacity_kwh": battery["capacity"],
            "charge_kw": battery["nominal_power"],
            "discharge_kw": battery["nominal_power"],
            "charge_efficiency": one_way,
            "discharge_efficiency": one_way,
        },
    }
    return parse_site(given, "schema.json")


def table(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file.

    Raises:
        UserError: it cannot be read.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    except OSError as error:
        raise UserError(f"cannot be read: {error}", where=path, expected="the CityLearn 2022 data") from error


def line(row: Row) -> str:
    """Return a row as text."""
    return (
        f"home {row.home}  month {row.month:2d}  without {row.without:8.2f}  rule {row.rule:8.2f}  "
        f"plan {row.plan:8.2f}  optimum {row.optimum:8.2f}  above {row.above:7.3%}  {row.seconds:5.1f} s"
    )


def summary(rows: list[Row], *, bars: bool) -> None:
    """Print the totals.

    Raises:
        GateFailed: a bar was missed.
    """
    names = ("without", "rule", "plan", "optimum")
    sums = ", ".join(f"{name} {sum(getattr(row, name) for row in rows):.2f}" for name in names)
    worst = max(rows, key=lambda row: row.above)
    most = f"{worst.above:.3%} (home {worst.home}, month {worst.month})"
    print(f"{len(rows)} months, $: {sums}; most above the optimum: {most}", file=sys.stderr)
    dearer = [row for row in rows if row.plan > row.rule + 1e-6 * row.without]
    if dearer:
        print(
            f"dearer than the rule: {', '.join(f'{row.home}/{row.month}' for row in dearer)}", file=sys.stderr
        )
    if bars and dearer:
        raise GateFailed(f"{len(dearer)} months are dearer than by rule; the bar is none")
    if bars and worst.above > BAR:
        raise GateFailed(f"{worst.above:.3%} above the optimum; the bar is {BAR:.0%}")


if __name__ == "__main__":
    sys.exit(main())
