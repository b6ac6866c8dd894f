"""The guard of the 15-minute peak: where the running window is heading, and which loads to shed first.

The demand that a Korean bill goes by is the mean of 15 minutes from 00, 15, 30 and 45 (기본공급약관 제68조).
What is drawn early in a window cannot be taken back, so that the guard looks at the energy used so far and at
what the present power would add until the window ends. It only advises; nothing here switches.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from slm_energy.plan.problem import Problem
from slm_energy.plan.shedding import Sheddable
from slm_energy.said import Said

WINDOW = timedelta(minutes=15)
ACT, RELEASE = 0.97, 0.85  # of the target: sheds above the first, gives back below the second
_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Reading:
    """What a meter said: mean power of the site in kW since its reading before, at its end."""

    time: datetime
    kw: float


@dataclass(frozen=True)
class Window:
    """The running window.

    Args:
        begin: of it. left: until its end.
        used_kwh: so far. now_kw: power that is drawn.
        projected_kw: mean of the whole window if that power stays.
        room_kw: power that may be drawn until its end so that the mean meets the target; never below zero.
        seen: whether a reading covers the window from its beginning; else the first one stands for it.
    """

    begin: datetime
    left: timedelta
    used_kwh: float
    now_kw: float
    projected_kw: float
    room_kw: float
    seen: bool


@dataclass(frozen=True)
class Advice:
    """What to do in a window: loads to shed in this order, names to give back, kW that cannot be avoided."""

    window: Window
    target_kw: float
    shed: tuple[Sheddable, ...]
    restore: tuple[str, ...]
    excess_kw: float

    @property
    def said(self) -> Said:
        """The advice as a sentence."""
        minutes = round(self.window.left / timedelta(minutes=1))
        heading, goal = f"{self.window.projected_kw:.1f} kW", f"{self.target_kw:.1f} kW"
        ko = f"이 15분의 예상 평균 {heading}, 목표 {goal}"
        en = f"this quarter of an hour is heading for {heading}, target {goal}"
        if self.shed:
            named = ", ".join(f"{each.name} {each.kw:.1f} kW" for each in self.shed)
            ko, en = f"{ko}: {minutes}분 동안 차단할 부하 {named}", f"{en}: shed for {minutes} min {named}"
        elif self.restore:
            named = ", ".join(self.restore)
            ko, en = f"{ko}: 다시 켜도 되는 부하 {named}", f"{en}: may run again {named}"
        if self.excess_kw > 0:
            ko += f"; 차단해도 {self.excess_kw:.1f} kW 초과"
            en += f"; still {self.excess_kw:.1f} kW above it after shedding"
        return Said(ko, en)


def running_window(readings: Sequence[Reading], now: datetime, target_kw: float) -> Window:
    """Return where the window that runs at `now` stands.

    Args:
        readings: in order of time; those after `now` are not looked at.
        now: with a zone.
        target_kw: mean that the window should not pass.

    Raises:
        ValueError: there is no reading up to now.
    """
    known = [reading for reading in readings if reading.time <= now]
    if not known:
        raise ValueError("there is no reading up to now")
    begin, used, at = begin_of(now), 0.0, begin_of(now)
    for reading in known:
        if reading.time > at:
            used += reading.kw * ((reading.time - at) / _HOUR)
            at = reading.time
    power = known[-1].kw
    used += power * ((now - at) / _HOUR)
    left = begin + WINDOW - now
    whole = used + power * (left / _HOUR)
    rest = target_kw * (WINDOW / _HOUR) - used
    before = [reading for reading in known if reading.time <= begin]
    return Window(
        begin,
        left,
        used,
        power,
        whole / (WINDOW / _HOUR),
        max(0.0, rest / (left / _HOUR)),
        bool(before) or known[0].time - begin < WINDOW / 3,
    )


def begin_of(moment: datetime) -> datetime:
    """Return the beginning of the quarter of an hour by the clock; zones are whole quarters from UTC."""
    plain = moment.astimezone(UTC)
    past = timedelta(minutes=plain.minute % 15, seconds=plain.second, microseconds=plain.microsecond)
    return (plain - past).astimezone(moment.tzinfo)


def advise(
    window: Window, target_kw: float, on: Sequence[Sheddable], shed: Collection[Sheddable] = ()
) -> Advice:
    """Return what to shed or to give back.

    It sheds as soon as the mean is heading above 97 % of the target, as much as brings it back there, and
    gives back only what leaves it below 85 %: between the two all stays as it is, so that nothing flutters.

    Args:
        window: as it runs.
        target_kw: mean that it should not pass.
        on: loads that draw now and may be shed, from `sheddable`; they must not be safety loads.
        shed: what was shed before and waits.
    """
    hours, left = WINDOW / _HOUR, window.left / _HOUR
    over_kwh = (window.projected_kw - ACT * target_kw) * hours
    chosen: list[Sheddable] = []
    if over_kwh > 0:
        for each in sorted(on, key=lambda load: (load.rank, -load.kw, load.name)):
            if over_kwh > 1e-9:
                chosen.append(each)
                over_kwh -= each.kw * left
    projected, back = window.projected_kw, []
    if not chosen:
        for each in sorted(shed, key=lambda load: (-load.rank, load.kw, load.name)):
            if projected + each.kw * left / hours <= RELEASE * target_kw:
                projected += each.kw * left / hours
                back.append(each.name)
    after = window.projected_kw - sum(each.kw for each in chosen) * left / hours
    return Advice(window, target_kw, tuple(chosen), tuple(back), max(0.0, after - target_kw))


def target(problem: Problem) -> tuple[float | None, Said]:
    """Return the mean power that a window should not pass, and why; None where nothing is at stake."""
    limit, seen = problem.site.peak_kw, problem.peak_so_far_kw
    if limit is not None and seen <= limit:
        return limit, Said(f"목표 피크 {limit:g} kW", f"the peak to keep is {limit:g} kW")
    if seen > 0:
        return seen, Said(
            f"이 기간에 이미 기록된 피크 {seen:g} kW", f"{seen:g} kW is already the peak of this period"
        )
    return None, Said("목표 피크와 기록된 피크가 없음", "there is no peak to keep and none so far")


def window_means(readings: Sequence[Reading]) -> dict[datetime, float]:
    """Return the mean power of each whole quarter that readings cover, by its beginning.

    A reading stands for the time since the one before it; a quarter in which two readings are more than five
    minutes apart is left out.
    """
    used: dict[datetime, float] = {}
    covered: dict[datetime, timedelta] = {}
    for before, reading in pairwise(readings):
        at = before.time
        if reading.time - at > WINDOW / 3:
            continue
        while at < reading.time:
            begin = begin_of(at)
            until = min(reading.time, begin + WINDOW)
            used[begin] = used.get(begin, 0.0) + reading.kw * ((until - at) / _HOUR)
            covered[begin] = covered.get(begin, timedelta(0)) + (until - at)
            at = until
    return {begin: kwh / (WINDOW / _HOUR) for begin, kwh in used.items() if covered[begin] >= WINDOW}


def peak_of_month(means: dict[datetime, float], at: datetime, zone: str) -> tuple[float, datetime | None]:
    """Return the highest mean of the local month of `at` up to then, and when it was; else 0 and None."""
    local = ZoneInfo(zone)
    month = at.astimezone(local).strftime("%Y-%m")
    found = {
        begin: kw
        for begin, kw in means.items()
        if begin + WINDOW <= at and begin.astimezone(local).strftime("%Y-%m") == month
    }
    if not found:
        return 0.0, None
    begin = max(found, key=lambda each: (found[each], -each.timestamp()))
    return found[begin], begin
