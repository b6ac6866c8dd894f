from pathlib import Path

import pytest

from slm_core.errors import UserError
from slm_finetune.card import set_measured
from slm_finetune.report import Absent


def test_a_newer_table_takes_the_place_of_the_older_one(tmp_path: Path) -> None:
    card = tmp_path / "README.md"
    card.write_text("# expert\n\nabout it\n", encoding="utf-8")
    set_measured(card, [], [Absent("record", "tfidf", "first reason")])
    set_measured(card, [], [Absent("record", "tfidf", "second reason")])
    text = card.read_text(encoding="utf-8")
    assert text.startswith("# expert\n\nabout it\n") and text.count("## Measured") == 1
    assert "second reason" in text and "first reason" not in text


def test_an_adapter_without_a_card_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"README\.md"):
        set_measured(tmp_path / "README.md", [], [])
