"""How many processor threads the engine uses."""

from __future__ import annotations

import os
import time
from pathlib import Path

from slm_core.settings import Settings, available_cpus

_STAT, _WINDOW_S = Path("/proc/stat"), 0.2
_LITTLE = 0.5  # of a processor: no thread is left out for less


def choose_threads(settings: Settings) -> tuple[int, str]:
    """Return the threads and why that many.

    llama.cpp's threads wait for each other in a spin: one that shares its processor holds up all (measured on
    two busy cores: 85 tokens a second with one thread, 1 with two). So by default those that others keep busy
    are left alone.
    """
    origin = settings.origin("threads")
    if not origin.startswith("default"):
        return settings.threads, origin
    return free_threads(available_cpus()[0], _busy(), os.cpu_count() or 1)


def free_threads(cpus: int, busy: float, machine: int) -> tuple[int, str]:
    """Return how many of `cpus` are idle when `busy` of the machine's processors work; at least one."""
    taken = round(busy * cpus / machine)  # a container sees the load of the whole machine
    if taken <= 0:
        return cpus, f"{cpus} cpus are open to this process"
    return max(1, cpus - taken), f"{cpus} cpus are open to this process, others keep {min(taken, cpus)} busy"


def _busy() -> float:
    """Return how many processors others, children of this process among them, keep busy.

    Over the last minute and at this moment: the load average alone counts what this process has just done (a
    measurement after minutes of quantizing would take one thread of two), a moment alone what is soon over.
    """
    lately = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return min(lately, _busy_now(lately)) if lately >= _LITTLE else lately


def _busy_now(otherwise: float) -> float:
    before = _worked_s()
    if before is None:
        return otherwise
    own, begun = time.process_time(), time.monotonic()
    time.sleep(_WINDOW_S)
    others = (_worked_s() or before) - before - (time.process_time() - own)
    return max(0.0, others / (time.monotonic() - begun))


def _worked_s() -> float | None:
    """Return the processor seconds of all that ran since boot (proc_stat(5)), None where nothing tells."""
    try:
        user, nice, system, _idle, _wait, irq, softirq = map(int, _STAT.read_text().split()[1:8])
    except (OSError, ValueError):
        return None
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")
