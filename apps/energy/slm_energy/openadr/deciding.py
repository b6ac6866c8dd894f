"""Whether a request of the grid operator is accepted, and why: a function of the request and of the site.

A request for power is accepted only where the expected load, what can be left out and the battery above its
reserve bear it in every step; prices, warnings and export limits ask for nothing that could fail.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from math import inf, isnan
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from slm_energy.openadr.signal import GridEvent, Kind, Signal, brief
from slm_energy.series import HOUR, Series

POWER: tuple[Kind, ...] = ("simple_level", "import_limit", "dispatch", "dispatch_change")
_LITTLE_KW = 0.05  # less than what texts show is no difference
OFFERED: frozenset[Kind] = frozenset({*POWER, "price", "export_price", "export_limit", "emissions", "alert"})


@dataclass(frozen=True)
class SiteLimits:
    """What the site has to give. All power is at the meter.

    Args:
        programs, targets: names that are ours; empty takes every one.
        offered: kinds of signals that the site answers to.
        currency: in which it counts, ISO 4217.
        load: expected mean power from the grid in kW without the request; None where nobody knows.
        spare_kw: load that may be left out.
        level_kw: kW that levels 1, 2 and 3 ask to leave out, as agreed with the operator.
        discharge_kw, stored_kwh, reserve_kwh: of the battery now.
        efficiency: of discharging, one way.
        notice: time that must be left before it begins.
        zone: of the clock that answers are given in.
    """

    programs: frozenset[str] = frozenset()
    targets: frozenset[str] = frozenset()
    offered: frozenset[Kind] = OFFERED
    currency: str = "KRW"
    load: Series | None = None
    spare_kw: float = 0.0
    level_kw: tuple[float, float, float] = (0.0, 0.0, 0.0)
    discharge_kw: float = 0.0
    stored_kwh: float = 0.0
    reserve_kwh: float = 0.0
    efficiency: float = 0.95
    notice: timedelta = timedelta(0)
    zone: str = "Asia/Seoul"


@dataclass(frozen=True)
class Decision:
    """The answer: `code` for programs, `ko` and `en` for people."""

    accept: bool
    code: str
    ko: str
    en: str


@dataclass
class _Need:
    """What a signal takes, gathered over its steps."""

    kw: float = 0.0
    kwh: float = 0.0
    battery_kwh: float = 0.0
    refused: Decision | None = None

    def add(self, time: datetime, hours: float, asked: float, site: SiteLimits) -> Decision | None:
        """Take a step in; return the refusal where it is more power than there is."""
        from_battery = max(0.0, asked - site.spare_kw)
        self.kw, self.kwh = max(self.kw, asked), self.kwh + asked * hours
        self.battery_kwh += from_battery * hours / site.efficiency
        if from_battery <= site.discharge_kw + _LITTLE_KW:
            return None
        return reason(
            "power", time=_clock(time, site), kw=_g(asked), have=_g(site.spare_kw + site.discharge_kw)
        )


def decide(event: GridEvent, site: SiteLimits, now: datetime, standing: Sequence[GridEvent] = ()) -> Decision:
    """Return the answer to a request.

    Args:
        event: the request.
        site: what can be given.
        now: with a zone.
        standing: requests that were accepted and still hold.
    """
    if event.status == "cancelled":
        return reason("cancelled")
    refused = _not_ours(event, site, now) or _not_readable(event, site)
    if refused:
        return refused
    if event.test:
        return reason("test")
    what = brief(tuple(signal.sent_as for signal in event.signals))
    asking = [signal for signal in event.signals if signal.kind in POWER and signal.kind in site.offered]
    if not asking:
        return reason("accepted", what=what)
    refused = _too_late(event, site, now) or _overlapped(event, standing)
    if refused:
        return refused
    # A level beside a set-point says the same twice, so each must be borne by itself, not their sum.
    needs = [_need(signal, site, now) for signal in asking]
    refused = next((need.refused for need in needs if need.refused), None)
    need = max(needs, key=lambda each: each.kwh)
    return refused or reason(
        "covered", what=what, kw=_g(need.kw), kwh=_g(need.kwh), reserve=_g(site.reserve_kwh)
    )


@cache
def _reasons() -> dict[str, dict[str, Any]]:
    return tomllib.loads((Path(__file__).parent / "reasons.toml").read_text(encoding="utf-8"))


def reason(code: str, **values: str) -> Decision:
    """Return the decision of a code of reasons.toml with these values in its words."""
    said = _reasons()[code]
    return Decision(said["accept"], code, said["ko"].format(**values), said["en"].format(**values))


def _not_ours(event: GridEvent, site: SiteLimits, now: datetime) -> Decision | None:
    if event.end is not None and event.end <= now:
        return reason("over", end=_clock(event.end, site))
    if site.programs and event.program not in site.programs:
        return reason("program", program=event.program[:80])
    if site.targets and event.targets and not site.targets & set(event.targets):
        return reason("targets", targets=brief(event.targets))
    return None


def _not_readable(event: GridEvent, site: SiteLimits) -> Decision | None:
    if not event.signals:
        return reason("unknown_signal", unread=brief(event.unread) or "-")
    if not any(signal.kind in site.offered for signal in event.signals):
        return reason("not_offered", what=brief(tuple(signal.sent_as for signal in event.signals)))
    priced = [signal for signal in event.signals if signal.kind in ("price", "export_price")]
    foreign = [signal for signal in priced if signal.unit != f"{site.currency}/kWh"]
    return reason("currency", unit=foreign[0].unit, currency=site.currency) if foreign else None


def _too_late(event: GridEvent, site: SiteLimits, now: datetime) -> Decision | None:
    left = (event.start or now) - now
    # One that runs already is taken up where it is: it was late for everybody.
    if not timedelta(0) < left < site.notice:
        return None
    minutes = timedelta(minutes=1)
    return reason("notice", minutes=_g(site.notice / minutes), given=str(left // minutes))


def _overlapped(event: GridEvent, standing: Sequence[GridEvent]) -> Decision | None:
    """Name the standing request that goes first; at the same priority the earlier one stays."""
    for other in standing:
        same = (other.source, other.id) == (event.source, event.id)
        if same or other.test or other.status == "cancelled" or _rank(event) < _rank(other):
            continue
        if any(signal.kind in POWER for signal in other.signals) and _overlap(event, other):
            return reason("priority", other=(other.name or other.id)[:80])
    return None


def _rank(event: GridEvent) -> float:
    return float("inf") if event.priority is None else event.priority


def _overlap(one: GridEvent, other: GridEvent) -> bool:
    if one.start is None or other.start is None:
        return False
    return (one.end is None or one.end > other.start) and (other.end is None or other.end > one.start)


def _need(signal: Signal, site: SiteLimits, now: datetime) -> _Need:
    need = _Need()
    for time, hours, asked in _steps(signal, site, now):
        if asked is None:
            need.refused = reason("no_forecast")
        elif asked < -_LITTLE_KW:
            need.refused = reason("raise", time=_clock(time, site), kw=_g(-asked))
        elif hours == inf and asked > 0:
            need.refused = reason("endless", kw=_g(asked))
        elif asked > 0:
            need.refused = need.add(time, hours, asked, site)
        if need.refused:
            return need
    left = max(0.0, site.stored_kwh - site.reserve_kwh)
    if need.battery_kwh > left + _LITTLE_KW:
        need.refused = reason(
            "reserve", kwh=_g(need.battery_kwh), have=_g(left), reserve=_g(site.reserve_kwh)
        )
    return need


def _steps(signal: Signal, site: SiteLimits, now: datetime) -> Iterator[tuple[datetime, float, float | None]]:
    """Yield begin, hours and the kW to be spared of each stretch to come; None where it cannot be known."""
    for interval in signal.intervals:
        start, end = max(interval.start, now), interval.end
        if end is not None and end <= now:
            continue
        fixed = _fixed(signal.kind, interval.value, site)
        if fixed is not None:
            yield start, inf if end is None else (end - start) / HOUR, fixed
        elif end is None or site.load is None or start < site.load.start or end > site.load.end:
            yield start, 0.0, None
        else:
            yield from _against(signal.kind, interval.value, site.load, start, end)


def _fixed(kind: Kind, value: float, site: SiteLimits) -> float | None:
    """Return the kW to be spared where they do not hang on the load; below 0 where more is to be used."""
    if kind == "simple_level":
        return site.level_kw[int(value) - 1] if value else 0.0
    return -value if kind == "dispatch_change" else None


def _against(
    kind: Kind, value: float, load: Series, start: datetime, end: datetime
) -> Iterator[tuple[datetime, float, float | None]]:
    """Yield the steps of the expected load within an interval, with what lies above the value asked for."""
    for begins, expected in zip(load.times(), load.values, strict=True):
        first, last = max(begins, start), min(begins + load.step, end)
        if first < last:
            short = expected - value
            asked = max(0.0, short) if kind == "import_limit" else short
            yield first, (last - first) / HOUR, None if isnan(expected) else asked


def _g(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _clock(time: datetime, site: SiteLimits) -> str:
    return time.astimezone(ZoneInfo(site.zone)).strftime("%Y-%m-%d %H:%M")
