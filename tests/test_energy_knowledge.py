"""The knowledge that the energy domain brings."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from slm_core.rag import Passage
from slm_core.rag.documents import read_passages
from slm_core.rag.markdown import front_matter

FOLDER = Path(__file__).parent.parent / "datasets" / "energy" / "knowledge"
FILES = sorted(FOLDER.rglob("*.md"))


@pytest.fixture(scope="module")
def knowledge() -> list[Passage]:
    return [
        passage
        for file in FILES
        for passage in read_passages(file.relative_to(FOLDER).as_posix(), file.read_bytes())
    ]


def test_there_are_twenty_passages_and_more_in_each_language(knowledge: list[Passage]) -> None:
    languages = Counter(Path(passage.document).parts[0] for passage in knowledge)
    assert languages["ko"] >= 20 and languages["en"] >= 20 and sum(languages.values()) >= 40


def test_every_passage_has_a_source_and_a_date_and_fits_whole(knowledge: list[Passage]) -> None:
    for passage in knowledge:
        assert passage.source, passage
        assert date.fromisoformat(passage.date or "") <= date.today(), passage
    assert len({(passage.document, passage.heading) for passage in knowledge}) == len(knowledge)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(FOLDER).as_posix())
def test_what_was_not_checked_says_so_in_the_source_that_an_answer_shows(file: Path) -> None:
    facts, _, _ = front_matter(file.read_text(encoding="utf-8"))
    unchecked = "대조하지 않음" in facts["source"] or "not checked against" in facts["source"]
    assert facts["checked"] in ("true", "false") and unchecked == (facts["checked"] == "false")
    assert facts["lang"] == file.parent.name
    words = file.read_text(encoding="utf-8")
    assert bool(re.search("[가-힣]", words)) == (facts["lang"] == "ko"), "one language a file"


@pytest.mark.parametrize(
    "word",
    ["요금적용전력", "billing demand", "15~21시", "누진", "progressive", "예비량", "IPMVP", "CV(RMSE)", "N-1",
     "P9999Y", "207~233 V", "경부하", "kWh of 15 minutes", "After-hours", "28도"],
)  # fmt: skip
def test_what_operators_look_up_is_there(knowledge: list[Passage], word: str) -> None:
    assert any(word in passage.with_heading() for passage in knowledge)
