from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slm_core.errors import UserError
from slm_core.plan.devices import Device, find_device, load_devices
from slm_core.plan.memories import find_memory, load_memories
from slm_core.plan.points import load_points
from slm_core.plan.tables import read_text

BOARD = """\
[my-board]
title = "A board of ours"
memory_gb = 4
usable = 0.7
bandwidth_gb_s = 12.8
runtime = "cpu"
compute_tops = 0.2
compute_precision = "int8"
source = "its datasheet"
date = 2026-11-01
"""


def test_every_device_of_the_paper_and_of_the_field_is_known() -> None:
    wanted = {
        "apple-a11",
        "apple-a16",
        "apple-a17-pro",
        "snapdragon-8-gen-3",
        "exynos-2400",
        "raspberry-pi-5",
        "rk3588",
        "hailo-10h",
        "jetson-orin-nano",
        "jetson-agx-orin",
        "nvidia-h100",
        "sk-hynix-aimx",
    }
    assert wanted <= set(load_devices())
    assert any(name.startswith("laptop") for name in load_devices())


def test_every_figure_has_a_source_and_a_date_and_a_recalled_one_says_so() -> None:
    for each in [*load_devices().values(), *load_memories().values()]:
        assert each.source, each.name
        assert each.date.year >= 2026
    assert "recalled" in load_devices()["nvidia-h100"].note
    assert "estimated" in load_devices()["apple-a11"].note


def test_the_papers_figures_of_the_apple_chips_stand() -> None:
    assert load_devices()["apple-a11"].npu_tops == 0.6
    assert load_devices()["apple-a17-pro"].npu_tops == 35


def test_a_device_of_your_own_is_found_beside_the_known_ones(tmp_path: Path) -> None:
    own = tmp_path / "mine.toml"
    own.write_text(BOARD, encoding="utf-8")
    board = find_device("my-board", own)
    assert board.room == pytest.approx(2.8e9)
    assert find_device("raspberry-pi-5", own).title.startswith("Raspberry Pi 5")


def test_an_unknown_device_is_refused_with_the_nearest_names() -> None:
    with pytest.raises(UserError, match=r"raspberry-pi-5.*--devices") as caught:
        find_device("rasberry-pi5")
    assert caught.value.where == "--device"


@pytest.mark.parametrize(
    ("change", "line", "words"),
    [
        (("usable = 0.7", "usablee = 0.7"), 4, "unknown key 'usablee'.*usable"),
        (("memory_gb = 4", 'memory_gb = "4"'), 3, "memory_gb = '4'"),
        (("usable = 0.7", "usable = 1.7"), 4, "less than or equal to 1"),
        (("bandwidth_gb_s = 12.8", "bandwidth_gb_s = nan"), 5, "bandwidth_gb_s"),
        (('runtime = "cpu"', 'runtime = "fpga"'), 6, "cpu"),
        (('source = "its datasheet"\n', ""), 1, "without source"),
        (("memory_gb = 4", "memory_gb = = 4"), 3, "Invalid value"),
        (("[my-board]\n", ""), 1, "outside a table"),
        (("memory_gb = 4", 'name = "other"\nmemory_gb = 4'), 3, "the header is its name"),
    ],
)
def test_a_wrong_device_is_refused_with_its_line(
    tmp_path: Path, change: tuple[str, str], line: int, words: str
) -> None:
    own = tmp_path / "mine.toml"
    own.write_text(BOARD.replace(*change), encoding="utf-8")
    with pytest.raises(UserError) as caught:
        find_device("my-board", own)
    assert str(caught.value.where).endswith(f"mine.toml:{line}")
    assert re.search(words, str(caught.value), re.S)


def test_the_line_is_that_of_the_right_table() -> None:
    second = BOARD.replace("my-board", "other").replace("usable = 0.7", "usable = 7")
    with pytest.raises(UserError) as caught:
        read_text(BOARD + second, "two.toml", Device)
    assert caught.value.where == "two.toml:14"


@given(st.text(max_size=200))
def test_no_text_is_a_traceback(text: str) -> None:
    try:
        read_text(text, "any.toml", Device)
    except UserError as error:
        assert "any.toml" in str(error.where)


def test_a_missing_file_and_one_that_is_no_text_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        find_device("x", tmp_path / "none.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="UTF-8"):
        find_device("x", tmp_path / "bytes.toml")


def test_the_memories_of_chapter_three_are_there_and_what_cannot_be_bought_says_so() -> None:
    memories = load_memories()
    assert list(memories) == ["LPDDR5X", "HBM3E", "CXL", "PNM", "PIM", "CIM"]
    assert not memories["CIM"].on_market
    assert memories["HBM3E"].on_market
    assert find_memory("hbm3e") is memories["HBM3E"]
    with pytest.raises(UserError, match="HBM3E"):
        find_memory("HBM4")


def test_the_published_points_name_device_and_source_and_the_papers_own_is_among_them() -> None:
    points = load_points()
    assert len(points) >= 16
    assert all(point.device in load_devices() and point.source for point in points)
    phi = next(point for point in points if point.device == "apple-a16")
    assert (phi.model, phi.tokens_s) == ("Phi-3-mini", 12)
    assert sum(point.recalled for point in points) == 2


def test_no_published_point_needs_more_than_the_peak_of_its_memory() -> None:
    for point in load_points():
        assert point.read_gb * point.tokens_s < load_devices()[point.device].bandwidth_gb_s, point
