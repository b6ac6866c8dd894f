"""`finetune eval --suite`: from a folder of original files to a table, on the tiny model."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from suite_files import LETTERS, SUBJECTS, write_csv, write_kmmlu, write_kobest, write_mmlu

from slm_finetune.cli import main
from slm_finetune.suites import choosing
from slm_finetune.suites.scoring import Answer, Reader


def evaluate(suite: str, folder: Path, model: Path, *more: str) -> int:
    return main(["eval", "--suite", suite, "--data-dir", str(folder), "--model", str(model), *more])


def figures(out: str) -> dict[tuple[str, str], dict[str, Any]]:
    return {(one["group"], one["metric"]): one for one in map(json.loads, out.splitlines())}


def key_to(folder: Path, kept: Path, turn: int = 0) -> None:
    """Write the options that the model chose (turned by `turn`) into the files as the answers."""
    said = [record for record in map(json.loads, kept.read_text("utf-8").splitlines()[1:])]
    for subject in SUBJECTS:
        path = folder / "data" / "val" / f"{subject}_val.csv"
        chosen = [record["predicted"] for record in said if record["group"] == subject]
        rows = list(csv.reader(path.read_text("utf-8").splitlines()))
        write_csv(path, [[*row[:5], LETTERS[(n + turn) % 4]] for row, n in zip(rows, chosen, strict=True)])


def test_the_models_own_choices_as_key_score_one_and_a_turned_key_none(
    tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, kept = write_mmlu(tmp_path / "mmlu"), tmp_path / "kept.jsonl"
    flags = ("--json", "--shots", "1", "--out", str(kept))
    assert evaluate("mmlu", folder, tiny_model, *flags) == 0
    first = figures(capsys.readouterr().out)["all", "accuracy"]
    assert (first["n"], first["split"], first["shots"], first["partial"]) == (18, "val", 1, False)
    assert first["model_sha256"] and first["ci95"][0] <= first["value"] <= first["ci95"][1]
    for turn, value in ((0, 1.0), (1, 0.0)):
        key_to(folder, kept, turn)
        assert evaluate("mmlu", folder, tiny_model, *flags) == 0
        assert figures(capsys.readouterr().out)["all", "accuracy"]["value"] == value


def test_the_table_says_what_was_asked_and_of_which_file(
    tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_mmlu(tmp_path / "mmlu")
    assert evaluate("mmlu", folder, tiny_model, "--limit", "6", "--shots", "0") == 0
    out = capsys.readouterr().out
    assert "mmlu val: 6 of 18 questions (a sample within groups, seed 0)" in out
    assert 'asked: original MMLU prompt, plain text without chat template, " A" to " D"' in out
    assert "model: tiny" in out and "(sha256 " in out
    shown = {line.split("  ")[0] for line in out.splitlines()}
    assert {"anatomy", "STEM", "humanities", "mean of 3 subjects", "all"} <= shown
    assert "published" not in out  # nobody published a value of this model


def test_kmmlu_and_kobest_run_whole(
    tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate("kmmlu", write_kmmlu(tmp_path / "kmmlu"), tiny_model, "--json", "--shots", "2") == 0
    assert figures(capsys.readouterr().out)["HUMSS", "accuracy"]["n"] == 6
    assert evaluate("kobest", write_kobest(tmp_path / "kobest"), tiny_model, "--json") == 0
    found = figures(capsys.readouterr().out)
    assert found["mean of 5 tasks", "macro-F1"]["n"] == 10
    assert {metric for task, metric in found if task == "HellaSwag"} == {
        "accuracy",
        "accuracy by length",
        "macro-F1",
    }


def test_ctrl_c_prints_what_is_there_and_the_same_command_goes_on(
    tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, flags = write_mmlu(tmp_path / "mmlu"), ("--json", "--shots", "0")
    whole, asked = choosing.by_letter, []

    def stopped_at_the_sixth(engine: Reader, question: Any) -> Answer:
        asked.append(question.id)
        if len(asked) == 6:
            raise KeyboardInterrupt
        return whole(engine, question)

    monkeypatch.setattr(choosing, "by_letter", stopped_at_the_sixth)
    assert evaluate("mmlu", folder, tiny_model, *flags) == 130
    said = capsys.readouterr()
    assert "the same command goes on" in said.err
    partial = figures(said.out)["all", "accuracy"]
    assert (partial["n"], partial["asked"], partial["partial"]) == (5, 18, True)
    assert evaluate("mmlu", folder, tiny_model, *flags) == 0
    assert len(asked) == 6 + 13  # the five that are kept are not asked again
    said = capsys.readouterr()
    assert "5 answers are kept" in said.err
    assert figures(said.out)["all", "accuracy"]["n"] == 18


def test_half_a_line_of_a_killed_run_is_cut_off(
    tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, kept = write_mmlu(tmp_path / "mmlu"), tmp_path / "kept.jsonl"
    flags = ("--json", "--shots", "0", "--out", str(kept))
    assert evaluate("mmlu", folder, tiny_model, *flags) == 0
    before = capsys.readouterr().out
    kept.write_bytes(kept.read_bytes()[:-20])
    assert evaluate("mmlu", folder, tiny_model, *flags) == 0
    assert figures(capsys.readouterr().out) == figures(before)
    assert len(kept.read_text("utf-8").splitlines()) == 19


def test_kept_answers_of_another_run_are_not_mixed_in(
    tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, kept = write_mmlu(tmp_path / "mmlu"), tmp_path / "kept.jsonl"
    assert evaluate("mmlu", folder, tiny_model, "--shots", "0", "--out", str(kept)) == 0
    assert evaluate("mmlu", folder, tiny_model, "--shots", "1", "--out", str(kept)) == 2
    assert "the file holds answers of another run: shots 0, not 1" in capsys.readouterr().err
    kept.write_text("id,answer\n1,A\n", encoding="utf-8")
    assert evaluate("mmlu", folder, tiny_model, "--shots", "1", "--out", str(kept)) == 2
    assert f"{kept}:1: no kept answer" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "nothing to measure\n  expected: --domain D or --suite S"),
        ("--suite mmlu", "--data-dir: where are the files of mmlu?"),
        ("--suite mmlu --data-dir x --domain disaster", "--domain: it does not go with --suite"),
        (
            "--suite mmlu --data-dir x --adapter a",
            "mend: finetune quantize --domain D --type q8_0 --no-imatrix --no-score --out DIR",
        ),
        ("--suite mmlu --data-dir x --baseline e5", "--baseline: it does not go with --suite"),
        ("--suite mmlu --data-dir x --judge j", "--judge: mmlu takes none"),
        ("--suite mt-bench --data-dir x --shots 5", "--shots: mt-bench takes none"),
        ("--suite mmlu --data-dir x --limit -1", "--limit: -1 questions"),
        ("--domain disaster --shots 5", "--shots: it needs --suite"),
        ("--domain disaster --data-dir x", "--data-dir: it needs --suite"),
        ("--suite mmlu --data-dir x", "x: no such folder"),
    ],
)
def test_flags_that_do_not_go_together_are_refused(
    words: str, said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["eval", *words.split()]) == 2
    assert said in capsys.readouterr().err


def test_a_server_is_refused_for_it_tells_no_likelihood(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLM_ENGINE", "http://127.0.0.1:9/v1")
    folder = write_mmlu(tmp_path / "mmlu")
    assert main(["eval", "--suite", "mmlu", "--data-dir", str(folder)]) == 2
    assert "a server does not tell how likely a given text is" in capsys.readouterr().err
