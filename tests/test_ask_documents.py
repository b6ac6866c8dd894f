"""`slm ask D "question"`: out of the documents, and how it is decided who answers. The real e5, no model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from slm_core.cli.main import main
from slm_core.domain import Domain, Task, TextRequest
from slm_core.rag import Library
from slm_core.settings import load_settings

KNOWLEDGE = """\
# Floods

## Generators
Run a generator outdoors only, at least six metres from any window. Keep its fuel \x1b[2Jin the shed.
Let it cool.

# 홍수

## 물이 빠진 뒤
전기는 전문가가 점검한 다음에 켠다.
"""
QUESTION = "How far from the window must a generator run?"
UNKNOWN = "Which team won the football cup in 1998?"


@pytest.fixture
def domain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Domain:
    """A domain whose one task has rules, no model, and documents of its own."""
    folder = tmp_path / "knowledge"
    folder.mkdir()
    (folder / "flood.md").write_text(KNOWLEDGE, encoding="utf-8")
    task = Task(
        "echo",
        titles={"en": "Echo"},
        request=TextRequest,
        reply=TextRequest,
        prompt="echo",
        instructions="Echo.",
        items=lambda reply: frozenset(),
        rules=lambda request: request,
    )
    made = Domain(
        name="made",
        titles={"en": "Made", "ko": "시험"},
        chat_prompt={"en": "Talk.", "ko": "말하세요."},
        tasks=(task,),
        bases=(),
        min_model="qwen2.5-coder-1.5b-instruct",
        build_dataset=lambda sources, seed: (),
        package=tmp_path / "package",
        knowledge=folder,
    )
    monkeypatch.setattr("slm_core.domain.find_domain", lambda name: made)
    return made


@pytest.fixture
def ask(domain: Domain, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run `slm ask made ...`; returns exit code, stdout, stderr."""

    def run(*words: str) -> tuple[int, str, str]:
        code = main(["ask", "made", *words])
        out = capsys.readouterr()
        return code, out.out, out.err

    return run


def test_a_question_is_answered_out_of_the_documents_and_stderr_says_how_to_get_the_task(ask: Any) -> None:
    code, out, err = ask(QUESTION)
    assert code == 0
    assert "Run a generator outdoors only, at least six metres from any window. [1]" in out
    assert "[1] Floods > Generators (knowledge/flood.md, line 4)" in out
    assert "no model wrote here" in out
    assert "a question: answered out of the documents (--task echo for the echo)" in err


def test_the_domains_own_documents_are_indexed_at_the_first_question_alone(ask: Any, slm_home: Path) -> None:
    assert not (slm_home / "rag").exists()
    ask(QUESTION)
    made = slm_home / "rag" / "made" / "index.sqlite"
    before = made.stat().st_mtime_ns
    ask(QUESTION)
    assert made.stat().st_mtime_ns == before


def test_what_is_not_in_the_documents_is_said_with_the_nearest_passages_and_exit_code_0(ask: Any) -> None:
    code, out, _ = ask(UNKNOWN)
    assert code == 0
    assert out.splitlines()[:2] == ["Not in the documents.", "The nearest passages:"]
    assert "Floods > Generators" in out and "six metres" not in out


def test_a_korean_question_is_answered_in_korean(ask: Any) -> None:
    code, out, _ = ask("물에 잠긴 집의 전기는 언제 켜나요?")
    assert code == 0
    assert "전기는 전문가가 점검한 다음에 켠다. [1]" in out and "모델이 쓰지 않았습니다" in out
    assert "문서에 없습니다." in ask("1998년 축구 대회에서 어느 나라가 이겼나요?")[1]


def test_a_report_goes_to_the_first_task_and_stderr_says_how_to_ask_the_documents(ask: Any) -> None:
    code, out, err = ask("Two houses are flooded.")
    assert code == 0
    assert "text: Two houses are flooded." in out
    assert "no question: task echo (--task documents for the documents)" in err


def test_a_named_task_takes_a_question_and_documents_take_what_is_none(ask: Any) -> None:
    code, out, err = ask(QUESTION, "--task", "echo")
    assert (code, f"text: {QUESTION}" in out, "documents" in err) == (0, True, False)
    code, out, err = ask("generator six metres from the window outdoors", "--task", "documents")
    assert (code, "[1]" in out, "question" in err) == (0, True, False)


def test_a_program_reads_sentences_with_their_places_and_all_passages(ask: Any) -> None:
    cited = json.loads(ask(QUESTION, "--json")[1])
    passages = {passage["id"]: passage for passage in cited["passages"]}
    assert (cited["found"], cited["by"], cited["lang"]) == (True, "quotes", "en")
    for sentence in cited["sentences"]:
        text = passages[sentence["passage"]]["text"]
        assert text[sentence["start"] : sentence["end"]] == sentence["text"]
    none = json.loads(ask(UNKNOWN, "--json")[1])
    assert (none["found"], none["sentences"]) == (False, []) and none["nearness"] < none["bar"]


def test_a_document_cannot_steer_the_terminal(ask: Any) -> None:
    assert "\x1b" not in ask("Where is the fuel of a generator kept?")[1]


def test_without_documents_every_text_goes_to_the_task(ask: Any, domain: Domain) -> None:
    object.__setattr__(domain, "knowledge", None)
    code, out, err = ask(QUESTION)
    assert code == 0
    assert f"text: {QUESTION}" in out and "documents" not in err


def test_documents_that_were_never_indexed_are_refused_with_the_command(ask: Any, domain: Domain) -> None:
    object.__setattr__(domain, "knowledge", None)
    code, out, err = ask(QUESTION, "--task", "documents")
    assert (code, out) == (2, "")
    assert "nothing is indexed for domain made" in err and "slm rag index made PATH" in err


def test_documents_of_the_user_are_asked_where_the_domain_brings_none(
    ask: Any, domain: Domain, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = domain.knowledge
    object.__setattr__(domain, "knowledge", None)
    assert main(["rag", "index", "made", str(own)]) == 0
    capsys.readouterr()
    assert "six metres" in ask(QUESTION)[1]


def test_a_library_may_be_closed_and_asked_again(domain: Domain) -> None:
    with Library(domain, load_settings()) as library:
        assert library.answer(QUESTION).found
        library.close()
        assert library.answer(QUESTION).found


def test_a_wrong_task_is_refused_before_anything_is_read(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    code, _, err = ask("-", "--task", "nosuch")
    assert code == 2 and "has no task 'nosuch'" in err and "documents" in err


def test_documents_are_no_task_where_there_are_none(ask: Any, domain: Domain) -> None:
    object.__setattr__(domain, "knowledge", None)
    code, _, err = ask(QUESTION, "--task", "nosuch")
    assert code == 2 and "has no task 'nosuch'" in err and "documents" not in err


def test_a_damaged_index_is_one_line_that_says_how_to_mend_it(
    domain: Domain, slm_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ask", "made", QUESTION]) == 0
    index = next(slm_home.rglob("index.sqlite"))
    damaged = bytearray(index.read_bytes())
    for page in range(8192, len(damaged), 4096):
        damaged[page : page + 512] = b"\xff" * 512
    index.write_bytes(damaged)
    capsys.readouterr()
    assert main(["ask", "made", QUESTION]) == 1
    assert "remove it and index again" in capsys.readouterr().err
