"""The rules: each takes readings and gives what is unusual in them; causes are ranked afterwards."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from functools import cache
from itertools import combinations
from math import isnan, sqrt
from pathlib import Path
from statistics import median
from typing import Any

from slm_energy.anomaly.anomaly import Anomaly, Fact
from slm_energy.forecast.calendar import SUNDAY, country_of, day_kinds
from slm_energy.meter.values import stuck
from slm_energy.said import Said
from slm_energy.series import Series
from slm_energy.site import Site

_DAY = timedelta(days=1)
_Closed = tuple[datetime, float, int]  # time, kW, number of the step


def after_hours(load: Series, site: Site) -> list[Anomaly]:
    """Find closed hours whose load is above what is usual in closed hours at that time, by kind of day.

    The usual is the median of the same step of the day, over closed days or over nights of open days. It is
    the site's own, so that what always runs is no anomaly; nor is what comes one night in ten, as in a home.
    """
    limits = _limits("after_hours")
    kinds = day_kinds(load.times(), country_of(site.zone))
    closed: dict[date, list[_Closed]] = defaultdict(list)
    usual: dict[tuple[bool, time], list[float]] = defaultdict(list)
    for number, (at, value, kind) in enumerate(zip(load.times(), load.values, kinds, strict=True)):
        is_off = kind >= SUNDAY - 1
        if isnan(value) or (not is_off and site.open_from <= at.time() < site.open_to):
            continue
        # The hours after midnight belong to the night of the day before.
        night = at.date() - _DAY * (at.time() < site.open_from)
        closed[night].append((at, value, number))
        usual[is_off, at.time()].append(value)
    if len(closed) < limits["nights"]:
        return []
    level = {key: median(values) for key, values in usual.items()}
    often = {key: sorted(values)[len(values) * 9 // 10] for key, values in usual.items()}
    if median(often[key] / max(level[key], 1e-9) for key in level) > limits["quiet"]:
        return []  # a home: closed hours are no quieter than others
    found = []
    for steps in closed.values():
        over = []
        for at, value, number in steps:
            key = kinds[number] >= SUNDAY - 1, at.time()
            if _above(value, level[key], limits) and value > often[key] * (1 + limits["beyond"]):
                over.append((at, value, level[key]))
        if len(over) * load.hours >= limits["hours"]:
            found.append(_night(over, load, len(steps)))
    return found


def _above(value: float, usual: float, limits: Mapping[str, float]) -> bool:
    return value > usual * (1 + limits["share"]) and value - usual > limits["least_kw"]


def _night(over: Sequence[tuple[datetime, float, float]], load: Series, steps: int) -> Anomaly:
    mean = sum(value for _, value, _ in over) / len(over)
    usual = sum(each for _, _, each in over) / len(over)
    excess = (mean - usual) * len(over) * load.hours
    facts = (
        Fact("F1", Said("부하", "load"), mean, "kW"),
        Fact("F2", Said("평소", "usual"), usual, "kW"),
        Fact("F3", Said("초과 전력량", "excess energy"), excess, "kWh"),
        Fact("share_of_night", Said("밤 중 비율", "share of the night"), 100 * len(over) / steps, "%"),
    )
    grave = 2 if mean > 2 * usual else 1
    return Anomaly(
        "after_hours", over[0][0], over[-1][0] + load.step, mean, usual, "kW", facts, severity=grave
    )


def stuck_meter(load: Series, *, zeros: bool = True) -> list[Anomaly]:
    """Find runs of one value; `zeros` is False for panels, which give nothing by night."""
    limits = _limits("stuck_meter")
    found = []
    for each in stuck(load, range(len(load)), zeros=zeros):
        value = each.value or 0.0
        start = load.start + load.step * each.first
        end = load.start + load.step * (each.last + 1)
        hours = (end - start) / timedelta(hours=1)
        if hours < (limits["hours"] if value else limits["zero_hours"]):
            continue
        facts = (
            Fact("F1", Said("값", "value"), value, load.unit),
            Fact("F2", Said("지속 시간", "duration"), hours, "h"),
        )
        found.append(Anomaly("stuck_meter", start, end, value, float("nan"), load.unit, facts, severity=2))
    return found


def phase_swap(phases: Mapping[str, Series]) -> list[Anomaly]:
    """Find a phase that reads with the wrong sign, and two that have exchanged their places.

    Args:
        phases: kW of each phase by its name, in the same steps.

    Raises:
        ValueError: the phases have different steps.
    """
    first = next(iter(phases.values()))
    if any((s.start, s.step, len(s)) != (first.start, first.step, len(first)) for s in phases.values()):
        raise ValueError("phases have different steps")
    return [*_reversed(phases), *_exchanged(phases)]


def _reversed(phases: Mapping[str, Series]) -> list[Anomaly]:
    """Each phase against the sum of the others: it is reversed from where its sign stays the other one."""
    limits = _limits("phase_swap")
    found = []
    for name, series in phases.items():
        others = [sum(each) for each in zip(*(s.values for n, s in phases.items() if n != name), strict=True)]
        wrong = [
            v < -limits["least_kw"] and o > limits["least_kw"]
            for v, o in zip(series.values, others, strict=True)
        ]
        start = next(
            (n for n in range(len(wrong)) if wrong[n] and _mostly(wrong[n:], limits["negative"])), None
        )
        if start is None or len(wrong) - start < _DAY / series.step / 4:
            continue
        part = [v for v in series.values[start:] if not isnan(v)]
        rest = [o / (len(phases) - 1) for o in others[start:] if not isnan(o)]
        facts = (
            Fact("F1", Said(f"{name} 상 평균", f"mean of phase {name}"), sum(part) / len(part), "kW"),
            Fact("F2", Said("나머지 상 평균", "mean of the other phases"), sum(rest) / len(rest), "kW"),
        )
        at = series.start + series.step * start
        found.append(
            Anomaly(
                "phase_swap",
                at,
                series.end,
                facts[0].value,
                facts[1].value,
                "kW",
                (*facts, _phase(name)),
                severity=2,
            )
        )
    return found


def _phase(name: str) -> Fact:
    return Fact(f"phase:{name}", Said("상", "phase"), 0.0, "")


def _mostly(flags: Sequence[bool], share: float) -> bool:
    return sum(flags) >= share * len(flags)


def _exchanged(phases: Mapping[str, Series]) -> list[Anomaly]:
    """Two phases whose usual days have changed places between the first part of the readings and the rest."""
    limits = _limits("phase_swap")
    for (one, a), (two, b) in combinations(phases.items(), 2):
        change = _best_swap(a, b, limits["exchanged"])
        if change is None:
            continue
        at = a.start + a.step * change
        before = [v for v in a.values[:change] if not isnan(v)]
        after = [v for v in a.values[change:] if not isnan(v)]
        facts = (
            Fact(
                "F1", Said(f"{one} 상 이후 평균", f"mean of phase {one} since"), sum(after) / len(after), "kW"
            ),
            Fact(
                "F2",
                Said(f"{one} 상 이전 평균", f"mean of phase {one} before"),
                sum(before) / len(before),
                "kW",
            ),
            _phase(f"{one}, {two}"),
            Fact("exchanged", Said("바뀐 상", "exchanged"), 1.0, ""),
        )
        return [Anomaly("phase_swap", at, a.end, facts[0].value, facts[1].value, "kW", facts, severity=2)]
    return []


def _best_swap(a: Series, b: Series, least: float) -> int | None:
    import numpy as np

    per_day = round(_DAY / a.step)
    days = len(a) // per_day
    if days < 6:
        return None
    one, two = (np.nan_to_num(np.array(s.values[: days * per_day])).reshape(days, per_day) for s in (a, b))
    for day in range(3, days - 2):
        pairs = [(one[:day], two[day:]), (two[:day], one[day:])]
        straight = [(one[:day], one[day:]), (two[:day], two[day:])]
        crossed, same = (
            [float(np.abs(x.mean(axis=0) - y.mean(axis=0)).mean()) for x, y in each]
            for each in (pairs, straight)
        )
        level = float(np.abs(one.mean() - two.mean())) + 0.5 * float(one.std() + two.std())
        if max(crossed) < (1 - least) * level + 0.25 * min(same) and min(same) > 0.5 * level:
            return day * per_day
    return None


def step_change(load: Series) -> list[Anomaly]:
    """Find the day from which the days of a week are all higher or lower than those of the week before."""
    limits = _limits("step_change")
    days = _daily(load)
    width = round(limits["days"])
    best: tuple[float, int] | None = None
    for place in range(width, len(days) - width + 1):
        pairs = list(zip(days[place - width : place], days[place : place + width], strict=True))
        if any(b - a != width * _DAY for (a, _), (b, _) in pairs):
            continue  # a day is missing between
        changes = [after - before for (_, before), (_, after) in pairs]
        mean = sum(changes) / width
        level = sum(before for (_, before), _ in pairs) / width
        kept = sum(change * mean > 0 and abs(change) >= abs(mean) / 2 for change in changes) / width
        if level > 0 and abs(mean) >= limits["share"] * level and kept >= limits["hold"]:
            best = max(best or (0.0, 0), (abs(mean), place))
    return [] if best is None else [_step(load, days[best[1] - width : best[1] + width], width)]


def _step(load: Series, days: Sequence[tuple[date, float]], width: int) -> Anomaly:
    low, high = (sum(v for _, v in part) / width for part in (days[:width], days[width:]))
    start = datetime.combine(days[width][0], time(0), load.start.tzinfo)
    facts = (
        Fact("F1", Said("이후 하루 평균", "mean of a day since"), high, "kW"),
        Fact("F2", Said("이전 하루 평균", "mean of a day before"), low, "kW"),
        Fact("F3", Said("변화", "change"), 100 * (high / low - 1), "%"),
    )
    return Anomaly("step_change", start, load.end, high, low, "kW", facts)


def night_creep(load: Series, site: Site) -> list[Anomaly]:
    """Find a base load by night that grows over weeks, steadily."""
    limits = _limits("night_creep")
    nights: dict[date, list[float]] = defaultdict(list)
    for at, value in zip(load.times(), load.values, strict=True):
        if not isnan(value) and (at.time() < site.open_from or at.time() >= site.open_to):
            nights[at.date()].append(value)
    base = [
        (day, sorted(values)[len(values) // 10]) for day, values in sorted(nights.items()) if len(values) >= 4
    ]
    if len(base) < limits["days"]:
        return []
    values = [value for _, value in base]
    third = len(values) // 3
    low, high = median(values[:third]), median(values[-third:])
    if low <= 0 or high / low - 1 < limits["share"] or _rank_correlation(values) < limits["steadiness"]:
        return []
    zone = load.start.tzinfo
    start, end = (datetime.combine(base[n][0], time(0), zone) for n in (0, -1))
    facts = (
        Fact("F1", Said("최근 기저", "base of late"), high, "kW"),
        Fact("F2", Said("처음 기저", "base at first"), low, "kW"),
        Fact("F3", Said("증가", "growth"), 100 * (high / low - 1), "%"),
    )
    return [Anomaly("night_creep", start, end + _DAY, high, low, "kW", facts)]


def reactive(active: Series, reactive_kvar: Series) -> list[Anomaly]:
    """Find a lagging power factor below what the supply terms ask for, from 9 to 23 h."""
    limits = _limits("reactive")
    factors: list[tuple[datetime, float, float]] = []
    for at, kw, kvar in zip(active.times(), active.values, reactive_kvar.values, strict=True):
        if 9 <= at.hour < 23 and kw > 0 and not isnan(kvar):
            factors.append((at, kw / sqrt(kw * kw + max(kvar, 0.0) ** 2), kw))
    low = [(at, factor, kw) for at, factor, kw in factors if factor < limits["factor"]]
    if not factors or len(low) < limits["share"] * len(factors):
        return []
    mean = sum(factor for _, factor, _ in low) / len(low)
    usual = median(kw for _, _, kw in factors)
    facts = (
        Fact("F1", Said("평균 역률", "mean power factor"), 100 * mean, "%"),
        Fact("F2", Said("약관의 역률", "power factor of the terms"), 100 * limits["factor"], "%"),
        Fact("F3", Said("구간 비율", "share of steps"), 100 * len(low) / len(factors), "%"),
        Fact("low_load", Said("저부하", "low load"), float(median(kw for _, _, kw in low) < 0.5 * usual), ""),
    )
    return [Anomaly("reactive", low[0][0], low[-1][0] + active.step, mean, limits["factor"], "", facts)]


def _daily(load: Series) -> list[tuple[date, float]]:
    sums: dict[date, list[float]] = defaultdict(list)
    for at, value in zip(load.times(), load.values, strict=True):
        if not isnan(value):
            sums[at.date()].append(value)
    per_day = _DAY / load.step
    return [(day, sum(v) / len(v)) for day, v in sorted(sums.items()) if len(v) >= 0.8 * per_day]


def _rank_correlation(values: Sequence[float]) -> float:
    """Spearman's correlation of values with their order."""
    import numpy as np

    ranks = np.argsort(np.argsort(values))
    return float(np.corrcoef(ranks, np.arange(len(values)))[0, 1]) if len(set(values)) > 1 else 0.0


def _limits(kind: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = _table()[kind]
    return found


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "rules.toml").read_text(encoding="utf-8"))
