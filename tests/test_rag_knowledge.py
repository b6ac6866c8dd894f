"""The knowledge that the disaster domain brings."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from slm_core.domain import find_domain
from slm_core.rag import Passage, knowledge_folder
from slm_core.rag.documents import read_passages


@pytest.fixture(scope="module")
def knowledge() -> list[Passage]:
    folder = knowledge_folder(find_domain("disaster"))
    assert folder is not None
    files = sorted(folder.rglob("*.md"))
    return [
        passage
        for file in files
        for passage in read_passages(file.relative_to(folder).as_posix(), file.read_bytes())
    ]


def test_there_are_twenty_passages_and_more_in_each_language(knowledge: list[Passage]) -> None:
    languages = Counter(Path(passage.document).parts[0] for passage in knowledge)
    assert languages["ko"] >= 20 and languages["en"] >= 20


def test_every_passage_has_a_source_and_a_date_and_fits_whole(knowledge: list[Passage]) -> None:
    for passage in knowledge:
        assert passage.source, passage
        assert date.fromisoformat(passage.date or "") <= date.today(), passage
    assert len({(passage.document, passage.heading) for passage in knowledge}) == len(knowledge)


@pytest.mark.parametrize(
    "word", ["90자", "157자", "위급재난", "references", "15리터", "START", "AllClear", "완파"]
)
def test_what_the_operators_look_up_is_there(knowledge: list[Passage], word: str) -> None:
    assert any(word in passage.with_heading() for passage in knowledge)


def test_the_folder_moves_with_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "disaster" / "knowledge").mkdir(parents=True)
    monkeypatch.setenv("SLM_DATA", str(tmp_path))
    assert knowledge_folder(find_domain("disaster")) == tmp_path / "disaster" / "knowledge"
