"""Slots of the engine: who owns which, and how many tokens each holds.

One slot per adapter, pinned, because a change of adapter in a slot throws its cached prompt away (measured by
benchmarks/adapter_slots.py). Two more for the base: one for single answers, one for a conversation, so that a
question in between does not push a long chat out of its cache.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path

from slm_core.engine.contract import Cancelled
from slm_core.gguf_head import Header
from slm_core.kv_cache import KvCache

ANSWERS, CHAT = "", " chat"  # spare slots; the blank keeps them apart from any domain's name
WANTED, LEAST = 4096, 512
_STEP = 256  # contexts are tried in these steps


class Slots:
    """Slot numbers by owner, and one waiting line per slot."""

    def __init__(self, adapters: Iterable[str]) -> None:
        self.owners = [*adapters, ANSWERS, CHAT]
        self._busy = [threading.Lock() for _ in self.owners]

    def __len__(self) -> int:
        return len(self.owners)

    def number(self, owner: str) -> int:
        """Return the slot of an adapter or spare."""
        return self.owners.index(owner)

    def take(self, slot: int, cancel: threading.Event | None) -> None:
        """Wait for the slot.

        Raises:
            Cancelled: `cancel` was set while waiting.
        """
        while not self._busy[slot].acquire(timeout=0.05):
            if cancel is not None and cancel.is_set():
                raise Cancelled("cancelled while another request held the slot")

    def give_back(self, slot: int) -> None:
        """Let the next request in; any thread may call it."""
        self._busy[slot].release()


def choose_context(asked: int, header: Header, slots: int, free: int | None) -> tuple[int, str]:
    """Return tokens per slot, and why that many.

    Args:
        asked: what the user wants; 0 leaves the choice here.
        header: head of the model's file.
        slots: how many slots share the memory.
        free: bytes of memory that are available, None where the system does not say.
    """
    trained = int(header.of_architecture("context_length", WANTED))
    if asked:
        return (
            (asked, "asked for")
            if asked <= trained
            else (trained, f"asked for {asked}, the model was trained to {trained}")
        )
    fits = WANTED if free is None else _fitting(KvCache.of_header(header), slots, free // 4)
    value = min(trained, WANTED, max(LEAST, fits))
    if value == trained:
        return value, "all that the model was trained to"
    if value < WANTED:
        return value, f"a quarter of {(free or 0) >> 20} MiB of free memory, shared by {slots} slots"
    return value, f"the default; the model was trained to {trained}, --context asks for more"


def _fitting(cache: KvCache, slots: int, room: int) -> int:
    """The most tokens per slot whose cache is within `room` bytes."""
    steps = range(_STEP, WANTED + 1, _STEP)
    return max((step for step in steps if cache.allocated(step, slots=slots) <= room), default=0)


def free_memory() -> int | None:
    """Return the bytes of memory that may still be used, or None where that is unknown."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found = next((line for line in lines if line.startswith("MemAvailable:")), None)
    return int(found.split()[1]) * 1024 if found else None
