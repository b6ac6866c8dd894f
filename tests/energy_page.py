"""A small site at work for the tests of the energy page: what happened is put into the memory by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

from slm_core.bus import Store
from slm_core.event import Event
from slm_core.settings import load_settings
from slm_core.ui.live import Live
from slm_energy import DOMAIN
from slm_energy.ems.book import Book
from slm_energy.plan.problem import Problem
from slm_energy.plan.schedule import Schedule
from slm_energy.plan.solve import solve
from slm_energy.plan.store import to_json
from slm_energy.series import HOUR, Series
from slm_energy.site import Site, parse_site

LOW_KW = 5.0  # below what the small site draws
KST = ZoneInfo("Asia/Seoul")
MIDNIGHT = datetime(2026, 7, 15, tzinfo=KST)
NOW = MIDNIGHT + timedelta(hours=9)
SCRIPT = "<script>alert(1)</script>"
PARTS: dict[str, Any] = {
    "battery": {"name": "배터리", "capacity_kwh": 20, "charge_kw": 8, "discharge_kw": 8, "reserve": 0.1},
    "panels": {"kwp": 8},
    "cars": [{"name": "전기차", "charge_kw": 7, "needs_kwh": 20, "arrives": "01:00", "leaves": "07:00"}],
    "deferrables": [{"name": "건조기", "kw": 4, "hours": 2, "earliest": "08:00", "latest": "22:00"}],
}
DEVICES = {
    "confirm_above_kw": 2.0,
    "areas": [{"id": "office", "ko": ["사무실"], "en": ["office"]}],
    "devices": [
        {"id": "lights", "kind": "light", "area": "office", "ko": ["조명"], "en": ["lights"], "rated_kw": 1},
        {"id": "ac", "kind": "hvac", "area": "office", "ko": ["에어컨"], "en": ["AC"], "rated_kw": 14},
    ],
}  # fmt: skip


def small_site(**more: Any) -> Site:
    usual = {"step_minutes": 60, "tariff": "general-b-hv-a-2", "contract_kw": 100, "peak_kw": 15.0}
    return parse_site({"name": "작은 공장", **usual, **PARTS, **more}, "test")


def hours(name: str, unit: str, values: list[float]) -> Series:
    return Series(name, unit, MIDNIGHT, HOUR, tuple(values))


def problem_of(place: Site) -> Problem:
    load = [4.0] * 8 + [9.0] * 10 + [5.0] * 6
    pv = [0.0] * 8 + [4.0] * 8 + [0.0] * 8
    price = [100.0] * 8 + [150.0] * 7 + [230.0] * 6 + [150.0] + [100.0] * 2
    return Problem(
        place, hours("load", "kW", load), hours("pv", "kW", pv), hours("price", "원/kWh", price), soc_kwh=4.0
    )


@cache
def planned(peak_kw: float = 15.0) -> Schedule:
    """A plan of the small site; `LOW_KW` is a limit that nothing keeps."""
    return solve(problem_of(small_site(peak_kw=peak_kw)))


def live_of(store: Store, home: Path, told: list[Event], *, recorded: bool = False) -> Live:
    runtime = SimpleNamespace(failure=None, backlog=lambda: None, topic=str, tell_inside=told.append)
    return Live(DOMAIN, runtime, store, load_settings(home=str(home)), home, recorded=recorded)


def put(live: Live, work: Callable[[Book], object]) -> None:
    """Change the memory as an event would."""
    with live.store.transaction() as memory:
        work(Book(memory))
        memory.count("handled")


def handled(live: Live, event: Event) -> list[Event]:
    assert DOMAIN.handle is not None
    with live.store.transaction() as memory:
        made = list(DOMAIN.handle(event, memory))
        memory.count("handled")
    return made


def at_work(book: Book) -> None:
    """The site with a plan, fourteen days and nine hours of readings, two faults and one order each."""
    book.learn(small_site())
    book.keep("told_at", NOW.isoformat())
    book.keep("ran_to", NOW.isoformat())
    book.keep("plan/current", to_json(planned()).decode())
    said = {"ko": "계획을 세웠습니다", "en": "a plan was made", "status": "optimal", "at": NOW.isoformat()}
    book.keep("plan/said", said)
    book.keep("plan/made", NOW.isoformat())
    book.keep("plan/notes", [{"ko": "부하: 지난주와 같게", "en": "load: as last week"}])
    first = MIDNIGHT - timedelta(days=14)
    book.put_all(
        "load", "main", first, [4.0 + (hour % 24 in range(8, 18)) * 5.0 for hour in range(14 * 24 + 9)]
    )
    book.put_all("buy", "main", MIDNIGHT - timedelta(days=1), [5.0] * 33)
    book.keep("peak/2026-07-01", 9.0)
