"""How many processor threads the engine uses."""

from __future__ import annotations

import os

from slm_core.settings import Settings, available_cpus


def choose_threads(settings: Settings) -> tuple[int, str]:
    """Return the threads and why that many.

    llama.cpp's threads wait for each other in a spin: one that shares its processor holds up all (measured on
    two busy
    cores: 85 tokens a second with one thread, 1 with two). So by default those that others keep busy are left
        alone.
    """
    origin = settings.origin("threads")
    if not origin.startswith("default"):
        return settings.threads, origin
    return free_threads(available_cpus()[0], _load(), os.cpu_count() or 1)


def free_threads(cpus: int, load: float, machine: int) -> tuple[int, str]:
    """Return how many of `cpus` are idle when the whole machine's processors carry `load`; at least one."""
    busy = round(load * cpus / machine)  # a container sees the load of the whole machine
    if busy <= 0:
        return cpus, f"{cpus} cpus are open to this process"
    return max(1, cpus - busy), f"{cpus} cpus are open to this process, others keep {min(busy, cpus)} busy"


def _load() -> float:
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
