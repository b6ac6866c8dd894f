"""`slm specs` as a user sees it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from slm_core.catalog import load_catalog
from slm_core.cli.main import main
from slm_core.plan.architecture import Architecture


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["specs", *arguments]) == 0
    return capsys.readouterr().out


def read(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(shown(capsys, *arguments, "--json"))
    return found


def cells(text: str, label: str) -> list[str]:
    line = next(line for line in text.splitlines() if line.startswith(label))
    return [cell.strip() for cell in line[len(label) :].split("  ") if cell.strip()]


def test_the_papers_five_stand_first_with_all_eight_rows(capsys) -> None:
    text = shown(capsys)
    assert cells(text, "    ") == ["Llama 3 8B", "Mistral 7B", "Gemma 2B", "Gemma 7B", "Phi-3-mini"]
    assert cells(text, "KV heads") == ["8", "8", "1", "16", "32"]
    for row in ("transformer", "max. positions", "vocabulary", "hidden size", "attention heads", "blocks"):
        assert len(cells(text, row)) == 5


def test_nothing_is_wider_than_a_hundred_columns(capsys) -> None:
    for arguments in ((), ("--context", "4096"), tuple(load_catalog())[:9]):
        assert max(map(len, shown(capsys, *arguments).splitlines())) <= 100


def test_a_figure_that_differs_is_shown_beside_the_papers_with_the_reason(capsys) -> None:
    text = shown(capsys)
    flat = " ".join(text.split())
    assert "128,000 (b)" in text
    assert "(b) Llama 3 8B, vocabulary: the tokenizer has 128,000 words" in flat
    assert "MMLU, base (the paper: 42.3): the paper's text gives 42.3 twice" in flat
    assert (
        "(e) Llama 3 8B, hidden size, attention heads, KV heads, MLP hidden size, blocks: not public" in flat
    )


def test_every_catalog_model_is_listed_or_named_as_unknown(capsys) -> None:
    text = shown(capsys)
    for name in load_catalog():
        assert name in text, name
    assert "figures not known here: samsung-gauss" in text


def test_a_mixture_shows_all_and_active_parameters(capsys) -> None:
    text = shown(capsys, "mixtral-8x7b-instruct")
    assert cells(text, "parameters")[-1] == "46,702,792,704"
    assert cells(text, "  of one token")[-1] == "12,879,925,248"
    assert "8, 2 used" in text


def test_the_cache_is_counted_for_the_context_that_was_asked_for(capsys) -> None:
    (gemma,) = read(capsys, "gemma-3-1b-it", "--context", "4096")
    assert gemma["kv_context"] == 4096
    assert gemma["kv_bytes"] < gemma["kv_bytes_llama_cpp"] < 4096 * gemma["kv_bytes_per_token"]
    assert (
        cells(shown(capsys, "phi-3-mini-4k-instruct", "--context", "8192"), "KV at 8,192")[-1] == "too long"
    )


def test_json_holds_every_model_with_published_counts_and_the_papers_cells(capsys) -> None:
    models = {model["name"]: model for model in read(capsys)}
    assert len(models) > 20
    llama = models["llama-3-8b-instruct"]
    assert llama["parameters"] == llama["parameters_published"] == 8_030_261_248
    assert llama["paper"]["table"]["vocabulary"] == 128_000
    assert llama["vocabulary"] == 128_256
    assert models["qwen2.5-coder-0.5b-instruct"]["paper"] is None


def test_a_file_is_read_and_its_count_compared(tiny_model: Path, capsys) -> None:
    (model,) = read(capsys, str(tiny_model))
    assert model["parameters"] == model["parameters_in_file"]
    assert model["source"].endswith("the head of the file")
    assert "equal in file" in shown(capsys, str(tiny_model))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["qwen3-0.6"], "qwen3-0.6b"),
        (["nowhere.gguf"], "no such file"),
        (["samsung-gauss"], "the catalog has no architecture"),
        (["qwen3-4b", "--context", "0"], "1 token or more"),
    ],
)
def test_wrong_use_is_one_clear_line(arguments: list[str], words: str, capsys) -> None:
    assert main(["specs", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_verify_counts_on_the_meta_device_too(capsys) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    assert main(["specs", "gemma-2b-it", "--verify"]) == 0
    assert "ok       gemma-2b-it: 2,506,172,416 on the meta device" in capsys.readouterr().err


def test_verify_without_the_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    assert main(["specs", "gemma-2b-it", "--verify"]) == 2
    captured = capsys.readouterr()
    assert "the meta device needs packages that are not installed" in captured.err
    assert "ondevice-slm[train]" in captured.err
    assert "2,506,172,416" in captured.out


def test_verify_fails_where_the_formula_is_wrong(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    monkeypatch.setattr(Architecture, "parameters", 1)
    assert main(["specs", "gemma-2b-it", "--verify"]) == 1
    assert "2,506,172,416 on the meta device" in capsys.readouterr().err


def test_the_page_shows_what_is_really_printed(capsys) -> None:
    page = (Path(__file__).parents[1] / "docs" / "specs.md").read_text(encoding="utf-8")
    commands, table, mixture, *_ = page.split("```")[1::2]
    _, second, *_ = commands.strip().splitlines()
    for block, arguments in ((table, ()), (mixture, second.split()[2:])):
        printed = shown(capsys, *arguments).splitlines()
        assert [line for line in block.strip("\n").splitlines() if line not in (*printed, "", "...")] == []
