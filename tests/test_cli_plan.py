from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tiny_gguf import write_tiny_model

from slm_core.cli import calibrating
from slm_core.cli.main import main
from slm_core.plan.calibration import load_calibration, measure
from slm_core.plan.drawing import draw_points
from slm_core.plan.fit import judge
from slm_core.settings import load_settings


def plan(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["plan", *arguments, "--json"]) == 0
    value: dict[str, Any] = json.loads(capsys.readouterr().out)
    return value


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same measuring, shorter."""
    monkeypatch.setattr(calibrating, "measure", partial(measure, seconds=0.02))
    monkeypatch.setattr(calibrating, "SECONDS", 2.0)


def test_a_plan_says_what_fits_how_fast_and_at_what_energy_each_with_its_reason(capsys) -> None:
    found = plan(capsys, "--device", "raspberry-pi-5", "--model", "qwen2.5-coder-0.5b-instruct")
    answers = found["answers"]
    assert answers["fits"]["value"] is True
    assert 10 < answers["tokens"]["value"] < 30
    assert answers["syllables"]["value"] > answers["tokens"]["value"]
    assert answers["energy"]["unit"] == "J a reply"
    assert all(answer["reason"] for answer in answers.values())


def test_what_does_not_fit_is_said_with_the_context_that_would(capsys) -> None:
    asked = ("--device", "jetson-orin-nano", "--model", "qwen3-4b")
    found = plan(capsys, *asked)["answers"]["fits"]
    assert found["value"] is False
    context = re.search(r"with --context ([\d,]+)", found["reason"])
    assert context is not None, found["reason"]
    smaller = plan(capsys, *asked, "--context", context[1].replace(",", ""))
    assert smaller["answers"]["fits"]["value"] is True


def test_a_prompt_that_no_slot_holds_is_refused(capsys) -> None:
    assert main(["plan", "--device", "raspberry-pi-5", "--context", "256"]) == 2
    assert "a prompt of 400 tokens and a reply of 100 do not fit into 256" in capsys.readouterr().err


def test_a_quantization_alone_is_of_the_recommended_model(capsys) -> None:
    asked = ("--device", "raspberry-pi-5", "--lang", "ko")
    recommended, other = plan(capsys, *asked), plan(capsys, *asked, "--quantization", "Q4_K_M")
    assert recommended["model"] == other["model"]
    assert recommended["quantization"] != other["quantization"] == "Q4_K_M"


def test_speech_and_vision_take_room(capsys) -> None:
    bare = plan(capsys, "--device", "raspberry-pi-5", "--model", "qwen3-0.6b")["answers"]
    full = plan(capsys, "--device", "raspberry-pi-5", "--model", "qwen3-0.6b", "--speech", "--vision")[
        "answers"
    ]
    assert {"recognition", "voice", "pose", "objects"} <= set(full) - set(bare)


def test_the_text_names_device_model_choice_and_what_was_left_out(capsys) -> None:
    assert main(["plan", "--device", "snapdragon-8-gen-3"]) == 0
    shown = capsys.readouterr().out
    for words in (
        "Qualcomm Snapdragon 8 Gen 3",
        "first token",
        "syllables",
        "recommended",
        "left out",
        "NON-COMMERCIAL",
    ):
        assert words in shown
    chosen = next(line for line in shown.splitlines() if line.startswith("recommended"))
    assert "exaone" not in chosen


def test_a_non_commercial_model_that_was_asked_for_says_so(capsys) -> None:
    assert main(["plan", "--device", "laptop-m3", "--model", "exaone-4.0-1.2b"]) == 0
    model = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("model"))
    assert "NON-COMMERCIAL" in model


def test_what_if_the_memory_were_another(capsys) -> None:
    own = plan(capsys, "--device", "laptop-m3", "--model", "qwen3-4b")["answers"]["tokens"]["value"]
    other = plan(capsys, "--device", "laptop-m3", "--model", "qwen3-4b", "--memory", "HBM3E")
    assert other["answers"]["tokens"]["value"] > 2 * own
    assert other["memory"]["name"] == "HBM3E"
    assert other["answers"]["energy"]["value"] is None


def test_the_claim_for_aimx_is_printed_with_the_assumption_it_needs(capsys) -> None:
    assert main(["plan", "--device", "nvidia-a100", "--memory", "pim", "--model", "mistral-7b-instruct"]) == 0
    shown = capsys.readouterr().out
    assert "OPT-13B" in shown
    assert "the claim stands" in shown.replace("\n", " ").replace("  ", "")
    assert "does not stand" in shown


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--device", "rasberry-pi-5"], "raspberry-pi-5"),
        (["--device", "rk3588", "--memory", "HBM"], "HBM3E"),
        (["--device", "rk3588", "--model", "qwen3-0.7b"], "qwen3-0.6b"),
        (["--device", "rk3588", "--model", "qwen3-0.6b", "--quantization", "q4_k"], "Q4_K_M"),
        (["--device", "rk3588", "--context", "0"], "below 1"),
        (["--device", "rk3588", "--context", "many"], "'many' is no whole number"),
        (["--device", "rk3588", "--watts", "many"], "'many' is no number"),
        (["--device", "rk3588", "--watts", "-3"], "no power"),
        (["--device", "rk3588", "--prompt", "40", "--new", "41"], "at most those of --prompt"),
        (["--devices", "mine.toml"], "--device D"),
        (["--calibrate", "--device", "rk3588"], "this machine"),
    ],
)
def test_a_wrong_word_is_refused_with_what_would_be_right(capsys, arguments: list[str], words: str) -> None:
    try:
        code = main(["plan", *arguments])
    except SystemExit as stopped:
        code = int(stopped.code or 0)
    assert code == 2
    assert words in capsys.readouterr().err


def test_a_bad_file_of_devices_is_refused_with_its_line(capsys, tmp_path: Path) -> None:
    own = tmp_path / "mine.toml"
    own.write_text('[board]\ntitle = "B"\nmemmory_gb = 4\n', encoding="utf-8")
    assert main(["plan", "--devices", str(own), "--device", "board"]) == 2
    error = capsys.readouterr().err
    assert f"{own}:3" in error
    assert "memory_gb" in error


def test_a_file_of_your_own_is_planned_and_its_tokenizer_measured(capsys, tmp_path: Path) -> None:
    path = write_tiny_model(tmp_path / "tiny.gguf")
    found = plan(capsys, "--device", "raspberry-pi-5", "--model", str(path))
    assert found["answers"]["fits"]["value"] is True
    assert "measured with its own tokenizer" in found["answers"]["syllables"]["reason"]
    assert found["answers"]["weights"]["reason"].endswith("size of the file")


def test_calibration_measures_this_machine_with_a_model_that_is_here(
    capsys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick: None
) -> None:
    path = write_tiny_model(tmp_path / "tiny.gguf")
    assert main(["plan", "--calibrate", "--model", str(path)]) == 0
    shown = capsys.readouterr()
    for words in ("copy", "triad", "GB/s", "GFLOPS", "prefill", "decode", "median of"):
        assert words in shown.out
    assert "measured in" in shown.err
    kept = load_calibration(load_settings().home)
    assert kept is not None and len(kept.probes) == 1
    assert kept.probes[0].decode.value > 0
    found = plan(capsys, "--model", str(path), "--watts", "12")
    assert found["device"]["name"] == "this"
    assert "llama.cpp here" in found["answers"]["tokens"]["reason"]
    assert found["answers"]["energy"]["value"] is not None


def test_without_a_device_this_machine_is_measured_first_and_without_a_model_it_says_so(
    capsys, quick: None
) -> None:
    found = plan(capsys, "--model", "qwen3-0.6b")
    assert found["device"]["source"].startswith("measured here on")
    assert found["answers"]["energy"]["value"] is None
    assert main(["plan", "--calibrate"]) == 0
    shown = capsys.readouterr()
    assert "no model is here" in shown.err
    assert "slm models pull" in shown.out


def test_a_calibration_that_cannot_be_read_is_measured_again(capsys, slm_home: Path, quick: None) -> None:
    plan(capsys)
    (kept,) = (slm_home / "plan").iterdir()
    kept.write_text("{}", encoding="utf-8")
    plan(capsys)
    assert load_calibration(load_settings().home) is not None


def test_a_model_that_is_not_here_cannot_be_run(capsys, quick: None) -> None:
    assert main(["plan", "--calibrate", "--model", "qwen3-4b"]) == 2
    assert "slm models pull qwen3-4b" in capsys.readouterr().err


def test_the_list_shows_every_device_and_memory(capsys) -> None:
    assert main(["plan", "--list"]) == 0
    shown = capsys.readouterr().out
    assert "raspberry-pi-5" in shown
    assert "not on the market" in shown
    listed = plan(capsys, "--list")
    assert {"devices", "memories"} == set(listed)


def test_the_roofline_is_drawn(capsys, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "roofline.svg"
    plan(capsys, "--device", "rk3588", "--model", "qwen3-0.6b", "--plot", str(path))
    assert "<svg" in path.read_text(encoding="utf-8")


def test_every_published_point_is_drawn_beside_its_prediction(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    judged, marks = judge(), list[int]()
    for few in (judged[:23], judged):
        draw_points(few, tmp_path / "points.svg")
        marks.append((tmp_path / "points.svg").read_text(encoding="utf-8").count("<use "))
    assert len(judged) == 46
    assert marks[1] - marks[0] >= 3 * 23, "one mark on the left, published and predicted on the right"


def test_a_folder_is_no_place_for_the_roofline(capsys, tmp_path: Path) -> None:
    assert main(["plan", "--device", "rk3588", "--plot", str(tmp_path)]) == 2
    assert "--plot" in capsys.readouterr().err
