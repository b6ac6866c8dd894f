"""`slm dataset` as a user types it, for a domain of somebody else's package."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from slm_core.cli.main import main

PACKAGE = """
import random
from pathlib import Path
from pydantic import BaseModel
from slm_core.dataset.row import Message, Row
from slm_core.domain import Domain, Task, TextRequest
from typing import Literal

class Colour(BaseModel):
    colour: Literal["red", "blue"]

TASK = Task("colour", {"ko": "색", "en": "colour"}, TextRequest, Colour, "colour", "colour?",
            items=lambda reply: frozenset([reply.colour]))

def rows(sources, seed):
    draw = random.Random(seed)
    for number in range(40):
        text = " ".join("".join(draw.choices("abcdefghij", k=7)) for _ in range(6))
        reply = '{"colour":"red"}' if number % 2 else '{"colour":"blue"}'
        yield Row(messages=(Message(role="user", content=text), Message(role="assistant", content=reply)),
                  task="colour", lang="en", source="own", licence="Apache-2.0")

DOMAIN = Domain("paint", {"ko": "물감", "en": "Paint"}, {}, (TASK,), (), "smollm2", rows, Path("."))
"""


@pytest.fixture(autouse=True)
def paint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "site"
    info = site / "paint_expert-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "paint_expert.py").write_text(PACKAGE, encoding="utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: paint-expert\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[ondevice_slm.domains]\npaint = paint_expert:DOMAIN\n")
    monkeypatch.syspath_prepend(str(site))


def write(path: Path, *texts: str, colour: str = "red") -> str:
    lines = [
        json.dumps({
            "messages": [
                {"role": "user", "content": text},
                {"role": "assistant", "content": json.dumps({"colour": colour})},
            ],
            "task": "colour", "lang": "en", "source": "s", "licence": "MIT",
        })
        for text in texts
    ]  # fmt: skip
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


def test_build_check_and_stats_of_a_domain(slm_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dataset", "build", "paint"]) == 0
    built = capsys.readouterr().out
    assert str(slm_home / "datasets" / "paint") in built
    assert main(["dataset", "check", "paint"]) == 0
    assert "train 28, dev 4, test 8" in capsys.readouterr().out
    assert main(["dataset", "stats", "paint", "--json"]) == 0
    stats = json.loads(capsys.readouterr().out)
    assert stats["by_task"] == {"colour": 40}
    assert stats["labels"] == {"colour": {"blue": 20, "red": 20}}
    assert stats["characters_asked"]["max"] == 6 * 7 + 5
    assert stats["duplicates"] == {"exact": 0, "near": 0, "contradictory": 0}


def test_build_prints_one_json_object_that_a_program_can_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["dataset", "build", "paint", "--out", str(tmp_path / "here"), "--seed", "3", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["folder"] == str(tmp_path / "here")
    assert facts["split"]["seed"] == 3


def test_check_reads_the_folder_that_a_build_was_sent_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["dataset", "build", "paint", "--out", "here"]) == 0
    assert main(["dataset", "check", "here"]) == 0
    assert "train 28, dev 4, test 8" in capsys.readouterr().out


def test_a_table_with_its_map(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "t.csv").write_text(
        "said,c\nroses here,red\nthe open sea,blue\nwhat,green\n", encoding="utf-8"
    )
    (tmp_path / "m.toml").write_text('text = "said"\ntarget = "c"\nlang = "en"\nlicence = "MIT"\n')
    arguments = ["dataset", "build", "paint", "--source", f"table={tmp_path / 't.csv'}"]
    assert main([*arguments, "--map", str(tmp_path / "m.toml")]) == 0
    output = capsys.readouterr()
    assert "rejected: invalid 1" in output.out
    assert "t.csv:4" in output.err
    assert main(arguments) == 2
    assert "--map" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["build", "paint", "--source", "tables=."], "table"),
        (["build", "paint", "--source", "own=nowhere"], "nowhere"),
        (["build", "piant"], "did you mean paint"),
        (["build", "paint", "--hold-out", "x"], "--hold-out"),
        (["check", "paint"], "slm dataset build paint"),
        (["stats", "missing.jsonl"], "missing.jsonl"),
        (["build", "paint", "--test", "1.5"], "--test"),
    ],
)
def test_wrong_use_is_one_message_with_the_way_out(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["dataset", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_check_fails_with_the_pair_that_leaks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train = write(tmp_path / "train.jsonl", "the river rose above the old bridge", "quite another thing")
    test = write(tmp_path / "test.jsonl", "the river rose above the old bridge again")
    assert main(["dataset", "check", train, test]) == 1
    error = capsys.readouterr().err
    assert "the river rose above the old bridge again" in error
    assert "0.8" in error


def test_check_fails_on_personal_data_and_names_the_row(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path / "rows.jsonl", "all is well", "write to kim@naver.com")
    assert main(["dataset", "check", file]) == 1
    error = capsys.readouterr().err
    assert "row 2" in error and "kim@naver.com" in error


def test_check_fails_on_a_target_that_the_task_does_not_know(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path / "rows.jsonl", "a field of grass", colour="green")
    assert main(["dataset", "check", file, "--json"]) == 1
    verdict = json.loads(capsys.readouterr().out)
    assert verdict["passed"] is False
    assert "green" in verdict["invalid"][0]


def test_a_line_that_is_no_row_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "rows.jsonl"
    write(path, "fine")
    path.write_text(f'{path.read_text()}\n{{"messages": []}}\n')
    assert main(["dataset", "check", str(path)]) == 2
    assert "rows.jsonl:2" in capsys.readouterr().err


def test_stats_print_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path / "rows.jsonl", "빨간 벽돌", "빨간 벽돌", "blue sky")
    assert main(["dataset", "stats", file]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "red 3" in lines
    assert "exact 1" in lines


@pytest.mark.parametrize("action", ["build", "check", "stats"])
def test_help_has_an_example(action: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["dataset", action, "--help"])
    assert left.value.code == 0
    assert f"slm dataset {action} disaster" in capsys.readouterr().out
