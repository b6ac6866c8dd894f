"""How many threads the engine takes: those that nobody else keeps busy at this moment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from slm_core.engine import threads
from slm_core.engine.threads import choose_threads, free_threads
from slm_core.settings import load_settings

TICKS = 100  # of a second, as sysconf says


def _stat(seconds: float) -> str:
    """`/proc/stat` after so many seconds of work since boot."""
    return f"cpu  {round(seconds * TICKS)} 0 0 500000 0 0 0 0 0 0\ncpu0 0 0 0 0 0 0 0 0 0 0\n"


@pytest.mark.parametrize(
    ("lately", "worked", "expected"),
    [(2.0, 0.0, 4), (2.0, 0.2, 3), (3.0, 0.5, 1), (9.0, 9.0, 1), (0.2, 9.0, 4), (1.0, 9.0, 3)],
)
def test_a_processor_that_others_work_on_is_left_to_them(
    lately: float, worked: float, expected: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Load of the last minute, and processor seconds of the machine in a fifth of a second now."""
    stat = tmp_path / "stat"
    stat.write_text(_stat(100.0))
    clock: Iterator[float] = iter([10.0, 10.2])
    monkeypatch.setattr(threads, "_STAT", stat)
    monkeypatch.setattr(threads, "available_cpus", lambda: (4, ""))
    monkeypatch.setattr(threads.os, "cpu_count", lambda: 4)
    monkeypatch.setattr(threads.os, "getloadavg", lambda: (lately, lately, lately))
    monkeypatch.setattr(threads.os, "sysconf", lambda name: TICKS)
    monkeypatch.setattr(threads.time, "process_time", lambda: 0.0)
    monkeypatch.setattr(threads.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(threads.time, "sleep", lambda seconds: stat.write_text(_stat(100.0 + worked)))
    assert choose_threads(load_settings())[0] == expected


def test_what_the_user_says_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLM_THREADS", "3")
    assert choose_threads(load_settings()) == (3, "SLM_THREADS")


def test_a_container_takes_its_share_of_the_machines_load() -> None:
    assert free_threads(2, busy=8.0, machine=16) == (1, "2 cpus are open to this process, others keep 1 busy")
