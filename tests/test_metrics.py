"""Metrics: what counts as right, and how certain a figure is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slm_finetune.metrics import confidence, count, difference, per_item, score

sets = st.frozensets(st.sampled_from(["water", "food", "shelter", "money"]))
rows = st.lists(st.tuples(sets, st.none() | sets), min_size=1, max_size=40)


def s(*items: str) -> frozenset[str]:
    return frozenset(items)


def test_micro_f1_counts_items_over_all_rows() -> None:
    counts = count([s("water", "food"), s("shelter"), s()], [s("water"), s("money"), s()])
    assert counts.tolist() == [[1, 0, 1, 0], [0, 1, 1, 0], [0, 0, 0, 1]]
    assert score(counts, "micro_f1") == pytest.approx(2 * 1 / (2 * 1 + 1 + 2))


def test_accuracy_asks_for_the_whole_set() -> None:
    counts = count([s("water", "food"), s("shelter"), s()], [s("water"), s("shelter"), s()])
    assert score(counts, "accuracy") == pytest.approx(2 / 3)


def test_an_unreadable_reply_misses_every_gold_item_and_is_never_right() -> None:
    counts = count([s("water", "food"), s()], [None, None])
    assert counts.tolist() == [[0, 0, 2, 0], [0, 0, 0, 0]]


def test_nothing_to_find_and_nothing_found_is_perfect() -> None:
    assert score(count([s(), s()], [s(), s()]), "micro_f1") == 1.0
    assert score(count([s()], [s("water")]), "micro_f1") == 0.0


@settings(deadline=None)  # the first example imports scikit-learn
@given(rows)
def test_the_figures_agree_with_scikit_learn(
    pairs: list[tuple[frozenset[str], frozenset[str] | None]],
) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    gold, predicted = [g for g, _ in pairs], [p for _, p in pairs]
    names = ["food", "money", "shelter", "water"]
    truth = np.array([[n in g for n in names] for g in gold])
    guess = np.array([[n in (p or ()) for n in names] for p in predicted])
    expected = metrics.f1_score(truth, guess, average="micro", zero_division=1.0)
    assert score(count(gold, predicted), "micro_f1") == pytest.approx(expected)
    for item in per_item(gold, predicted):
        column = names.index(item.item)
        expected = metrics.f1_score(truth[:, column], guess[:, column], zero_division=0.0)
        assert item.f1 == pytest.approx(expected)


def test_the_interval_of_accuracy_is_the_binomial_one() -> None:
    right = [s("a")] * 300 + [s("b")] * 100
    interval = confidence(count([s("a")] * 400, right), "accuracy")
    assert interval.value == 0.75
    assert interval.low == pytest.approx(0.75 - 1.96 * np.sqrt(0.75 * 0.25 / 400), abs=0.006)
    assert interval.high == pytest.approx(0.75 + 1.96 * np.sqrt(0.75 * 0.25 / 400), abs=0.006)


def test_the_interval_agrees_with_drawing_the_rows_one_by_one() -> None:
    draw = np.random.default_rng(7)
    gold = [s(*np.array(["a", "b", "c"])[draw.random(3) < 0.3]) for _ in range(150)]
    guess = [s(*np.array(["a", "b", "c"])[draw.random(3) < 0.3]) for _ in range(150)]
    counts = count(gold, guess)
    plain = [score(counts[draw.integers(150, size=150)], "micro_f1") for _ in range(2_000)]
    low, high = np.percentile(plain, [2.5, 97.5])
    interval = confidence(counts, "micro_f1")
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=0.01)


def test_the_same_seed_gives_the_same_interval() -> None:
    counts = count([s("a"), s("b"), s("a", "b")] * 20, [s("a"), s("a"), s("a")] * 20)
    assert confidence(counts, "micro_f1") == confidence(counts, "micro_f1")
    assert confidence(counts, "micro_f1", seed=1) != confidence(counts, "micro_f1", seed=2)


def test_the_difference_of_paired_systems_is_more_certain_than_their_figures() -> None:
    gold = [s("a")] * 400
    one = count(gold, [s("a")] * 300 + [s("b")] * 100)
    two = count(gold, [s("a")] * 280 + [s("b")] * 120)  # wrong where `one` is wrong, and in 20 rows more
    gap = difference(one, two, "accuracy")
    assert gap.value == pytest.approx(0.05)
    assert 0 < gap.low < 0.05 < gap.high
    assert gap.high - gap.low < 0.6 * (confidence(one, "accuracy").high - confidence(one, "accuracy").low)


def test_a_system_does_not_differ_from_itself() -> None:
    counts = count([s("a"), s("b")] * 30, [s("a"), s("c")] * 30)
    gap = difference(counts, counts, "micro_f1")
    assert (gap.value, gap.low, gap.high) == (0.0, 0.0, 0.0)


def test_systems_measured_on_other_rows_are_not_compared() -> None:
    with pytest.raises(ValueError, match="2 rows against 1"):
        difference(count([s(), s()], [s(), s()]), count([s()], [s()]), "accuracy")


def test_items_are_listed_with_the_most_frequent_first_and_invented_ones_too() -> None:
    table = per_item([s("water"), s("water", "food"), s()], [s("water"), None, s("gold")])
    assert [(i.item, i.support) for i in table] == [("water", 2), ("food", 1), ("gold", 0)]
    assert (table[0].precision, table[0].recall, table[0].f1) == (1.0, 0.5, pytest.approx(2 / 3))
    assert (table[2].precision, table[2].recall, table[2].f1) == (0.0, 0.0, 0.0)
