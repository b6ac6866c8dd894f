"""What the engine chooses by itself, and the reason it gives."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from tiny_gguf import CONTEXT, HEADS, KV_HEADS, LAYERS, WIDTH

from slm_core.engine.contract import Cancelled
from slm_core.engine.slots import LEAST, WANTED, Slots, choose_context
from slm_core.engine.threads import choose_threads, free_threads
from slm_core.gguf_head import Header, read_header
from slm_core.kv_cache import KvCache
from slm_core.settings import load_settings

BIG = Header(
    {
        "general.architecture": "qwen2",
        "qwen2.context_length": 32768,
        "qwen2.block_count": 24,
        "qwen2.embedding_length": 896,
        "qwen2.attention.head_count": 14,
        "qwen2.attention.head_count_kv": 2,
    }
)
GIB = 1 << 30


def test_there_is_a_slot_per_adapter_and_two_spares() -> None:
    slots = Slots(["disaster", "energy"])
    assert len(slots) == 4
    assert len({slots.number(owner) for owner in slots.owners}) == 4


def test_the_cache_of_a_token_is_keys_and_values_of_all_layers(tiny_model: Path) -> None:
    of_tiny = 2 * 2 * LAYERS * KV_HEADS * (WIDTH // HEADS)
    assert KvCache.of_header(read_header(tiny_model)).bytes_per_token() == of_tiny
    assert KvCache.of_header(BIG).bytes_per_token() == 12288


@pytest.mark.parametrize(
    ("asked", "free", "value", "reason"),
    [
        (0, 16 * GIB, WANTED, "default"),
        (0, GIB, 2560, "a quarter of 1024 MiB"),
        (0, 1, LEAST, "a quarter of 0 MiB"),
        (0, None, WANTED, "default"),
        (8192, GIB, 8192, "asked for"),
        (99999, GIB, 32768, "asked for 99999, the model was trained to 32768"),
    ],
)
def test_the_context_comes_with_its_reason(asked: int, free: int | None, value: int, reason: str) -> None:
    got, why = choose_context(asked, BIG, 8, free)
    assert got == value
    assert reason in why


def test_layers_with_a_window_leave_room_for_a_longer_context() -> None:
    figures = {
        "block_count": 24,
        "embedding_length": 896,
        "attention.head_count": 14,
        "context_length": 32768,
    }
    whole = {"general.architecture": "gemma3"} | {f"gemma3.{key}": value for key, value in figures.items()}
    narrow = whole | {"gemma3.attention.sliding_window": 512}
    assert choose_context(0, Header(whole), 2, GIB)[0] < choose_context(0, Header(narrow), 2, GIB)[0]


def test_a_model_of_a_short_context_gets_all_of_it(tiny_model: Path) -> None:
    assert choose_context(0, read_header(tiny_model), 3, 16 * GIB) == (
        CONTEXT,
        "all that the model was trained to",
    )


@pytest.mark.parametrize(
    ("cpus", "load", "machine", "threads"),
    [(2, 0.2, 2, 2), (2, 1.1, 2, 1), (2, 7.0, 2, 1), (2, 32.0, 64, 1), (2, 10.0, 64, 2), (16, 4.0, 16, 12)],
)
def test_processors_that_others_keep_busy_are_left_alone(
    cpus: int, load: float, machine: int, threads: int
) -> None:
    assert free_threads(cpus, load, machine)[0] == threads


def test_threads_that_were_asked_for_are_used_and_say_where_from() -> None:
    assert choose_threads(load_settings(threads=3)) == (3, "--threads")


def test_waiting_for_a_slot_ends_with_the_cancel() -> None:
    slots, cancel = Slots([]), threading.Event()
    slots.take(0, None)
    threading.Timer(0.1, cancel.set).start()
    with pytest.raises(Cancelled):
        slots.take(0, cancel)
    slots.give_back(0)
    slots.take(0, cancel)
