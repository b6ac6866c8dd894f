"""`slm ask energy` about the site at work: its plan, else what is missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from energy_page import planned, small_site

from slm_core.bus import Store
from slm_core.bus.store import remembered
from slm_core.cli.main import main
from slm_core.event import Scratch
from slm_energy.ems.answering import answer
from slm_energy.ems.book import Book
from slm_energy.plan.store import to_json
from slm_energy.why.question import asks_about_a_plan

pytest.importorskip("cvxpy", reason="the extra energy is not installed")


def at_work(book: Book) -> None:
    book.learn(small_site())
    book.keep("plan/current", to_json(planned()).decode())
    book.keep("plan/said", {"ko": "계획을 세웠습니다", "en": "a plan was made", "status": "optimal"})


@pytest.mark.parametrize(
    ("text", "about"),
    [
        ("왜 3시에 충전해?", True), ("why does the car charge at 3 am?", True), ("3시에 충전하면?", True),
        ("왜 계획이 안 돼? 불가능해?", True), ("왜 충전 속도가 느려?", False),
        ("What is a peak demand?", False), ("3시에 에어컨 켜 줘", False),
        ("전기차 충전은 언제 하는 게 좋아?", False),
    ],
)  # fmt: skip
def test_what_can_only_be_about_a_plan_is_told_from_what_documents_may_answer(text: str, about: bool) -> None:
    assert asks_about_a_plan(text) is about


def test_a_reason_is_told_from_the_plan_of_the_last_run_and_says_which_plan() -> None:
    memory = Scratch()
    at_work(Book(memory))
    reply = answer("왜 전기차는 3시에 충전해?", memory)
    assert reply is not None and "전기차는 03:00에" in reply and "(2026-07-15 00:00부터의 계획)" in reply
    assert "the plan from 2026-07-15" in str(answer("Why does the 전기차 charge at 3 am?", memory))
    assert answer("What does an off-peak rate mean?", memory) is None


def test_without_a_plan_it_says_what_is_missing_and_a_text_cancels_nothing() -> None:
    assert "계획이 이 장비에 아직 없습니다" in str(answer("왜 3시에 충전해?", Scratch()))
    assert "has none of this site yet" in str(answer("Why does it charge at 3?", Scratch()))
    assert "되돌리기를 누르십시오" in str(answer("취소해 줘", Scratch()))
    assert "cannot cancel" in str(answer("Cancel that", Scratch()))
    assert answer("거실 불 취소선 켜 줘", Scratch()) is None


def test_slm_ask_reads_the_memory_of_a_run_also_while_it_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SLM_HOME", str(tmp_path))
    monkeypatch.setenv("SLM_SITE", "site")
    folder = tmp_path / "run" / "site"
    folder.mkdir(parents=True)
    with Store(folder / "energy.sqlite") as store:
        with store.transaction() as memory:
            at_work(Book(memory))
        assert main(["ask", "energy", "왜 전기차는 3시에 충전해?"]) == 0
        assert "전기차는 03:00에" in capsys.readouterr().out
        assert main(["ask", "energy", "취소해 줘", "--json"]) == 0
        assert "되돌리기" in json.loads(capsys.readouterr().out)["reply"]
    assert remembered(tmp_path / "no.sqlite").get("plan/said") is None
