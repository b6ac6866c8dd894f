"""`slm rag` as a user meets it, with the bundled embedder and the disaster domain."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from slm_core.cli.main import main


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "flood.md").write_text(
        "---\ntitle: 홍수\nsource: 우리 말\ndate: 2026-11-22\n---\n"
        "## 물이 빠진 뒤\n침수된 집은 가스와 전기를 점검하고 들어간다.\n"
        "## 지하\n지하주차장에 물이 들어오면 계단으로 나온다.\n",
        "utf-8",
    )
    (folder / "quake.txt").write_text("Drop, cover, and hold on under a table.", "utf-8")
    return folder


def test_index_then_search_shows_the_passage_with_its_citation(
    notes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rag", "index", "disaster", str(notes)]) == 0
    shown = capsys.readouterr()
    assert "2 added" in shown.out and "3 passages" in shown.out
    assert main(["rag", "search", "disaster", "침수된 집에 들어가도 되나요", "--k", "1"]) == 0
    first = capsys.readouterr().out
    assert "1. 홍수 > 물이 빠진 뒤" in first
    assert "notes/flood.md, line 7; 우리 말, 2026-11-22" in first
    assert "침수된 집은" in first

    assert main(["rag", "search", "disaster", "table", "--mode", "bm25", "--json"]) == 0
    (hit,) = json.loads(capsys.readouterr().out)
    assert hit["document"] == "notes/quake.txt" and hit["bm25_rank"] == 1 and hit["vector_rank"] is None

    assert main(["rag", "index", "disaster", str(notes), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["unchanged"], report["embedded"]) == (2, 0)
    assert Path(report["folder"]) == Path(os.environ["SLM_HOME"]) / "rag" / "disaster"


def test_searching_before_indexing_says_what_to_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rag", "search", "disaster", "홍수"]) == 2
    assert "slm rag index disaster" in capsys.readouterr().err


def test_a_question_without_a_known_word_is_an_empty_answer(
    notes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["rag", "index", "disaster", str(notes / "quake.txt")])
    capsys.readouterr()
    assert main(["rag", "search", "disaster", "화산재", "--mode", "bm25"]) == 0
    shown = capsys.readouterr()
    assert shown.out == "" and "no passage" in shown.err


def test_an_unreadable_document_is_named_and_the_exit_code_says_so(
    notes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (notes / "scan.pdf").write_bytes(b"%PDF-1.4")
    assert main(["rag", "index", "disaster", str(notes)]) == 1
    shown = capsys.readouterr()
    assert "cannot read notes/scan.pdf: pypdf" in shown.err and "2 added" in shown.out


@pytest.mark.parametrize(
    "words",
    [
        ["index", "disaster", "nowhere.pdf"],
        ["index", "disaster", "--forget", "nowhere.pdf"],
        ["index", "disaster", "--embedder", "bge"],
        ["index", "weather"],
    ],
)
def test_wrong_use_exits_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rag", *words]) == 2
    assert "expected" in capsys.readouterr().err
