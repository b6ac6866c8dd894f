"""A short trial of benchmarks/energy_kill.py: kill -9 amid the messages of meters on a real broker."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest


def test_a_run_that_is_killed_twice_loses_no_reading_and_counts_none_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
    kept = {name: module for name, module in sys.modules.items() if name in ("kill_replay", "energy_kill")}
    try:
        from energy_kill import measure

        figures, steps = measure(messages=400, kills=2, seed=1)
    finally:
        for name in ("kill_replay", "energy_kill"):  # it speaks for energy as it was imported here
            sys.modules.pop(name, None)
        sys.modules.update(kept)
    assert (figures.lost, figures.doubled, figures.dead, figures.state) == (0, 0, 0, 0), figures.differ
    assert figures.known_again >= 1, "a message sent twice has one effect"
    assert steps >= 20
