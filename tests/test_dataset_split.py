"""Repeats, sides and leaks: near copies are found and stay together; what slips through is seen otherwise."""

from __future__ import annotations

import itertools
import random
from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slm_core.dataset.dedup import NEAR, find_duplicates, folded, jaccard, shingles, signatures
from slm_core.dataset.leakage import closest, leaks, longest_run
from slm_core.dataset.row import Message, Row
from slm_core.dataset.split import Policy, Side, split
from slm_core.errors import UserError

SENTENCE = "강원 강릉시 옥계면 일대에 호우경보가 내려져 하천 주변 주민은 즉시 대피하시기 바랍니다"


def row(text: str, target: str = "{}", group: str = "", task: str = "t") -> Row:
    messages = (Message(role="user", content=text), Message(role="assistant", content=target))
    return Row(messages=messages, task=task, lang="ko", source="s", licence="MIT", group=group)


def words(seed: int, count: int = 8) -> str:
    draw = random.Random(seed)
    return " ".join(
        "".join(draw.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(6)) for _ in range(count)
    )


def sides_of(rows: list[Row], policy: Policy = Policy()) -> list[Side | None]:
    return split(rows, find_duplicates(rows), policy)


def by_side(rows: list[Row], policy: Policy = Policy()) -> dict[Side | None, list[Row]]:
    found: dict[Side | None, list[Row]] = defaultdict(list)
    for one, side in zip(rows, sides_of(rows, policy), strict=True):
        found[side].append(one)
    return found


# Repeats.


@pytest.mark.parametrize(
    "copy", [SENTENCE, f"  {SENTENCE}\n", SENTENCE.replace(" ", "\u3000"), "CAFÉ", "cafe\u0301"]
)
def test_copies_that_differ_in_space_case_or_composition_are_exact(copy: str) -> None:
    original = SENTENCE if "옥계" in copy else "café"
    assert find_duplicates([row(original), row(copy)]).exact == {1: 0}


@pytest.mark.parametrize(
    "copy",
    [
        SENTENCE.replace(" ", ""),
        f"{SENTENCE}!!!",
        SENTENCE.replace("즉시", "바로"),
        f"[강릉시] {SENTENCE}",
    ],
)
def test_a_copy_with_other_spacing_punctuation_or_one_word_is_near(copy: str) -> None:
    found = find_duplicates([row(SENTENCE), row(copy)])
    assert found.near == {1: 0}
    assert found.clusters[0] == found.clusters[1]


def test_a_near_copy_with_another_target_stays_but_in_the_same_cluster() -> None:
    found = find_duplicates(
        [
            row("충북 증평군 북쪽 7km 규모 2.2 지진 발생", "2.2"),
            row("충북 증평군 북쪽 7km 규모 2.3 지진 발생", "2.3"),
        ]
    )
    assert not found.near
    assert found.clusters[0] == found.clusters[1]


def test_texts_on_the_same_matter_in_other_words_are_no_copies() -> None:
    found = find_duplicates(
        [row(SENTENCE), row("옥계면 하천이 넘칠 수 있으니 주민 여러분은 높은 곳으로 피하세요")]
    )
    assert not found.near
    assert found.clusters[0] != found.clusters[1]


def test_one_text_with_two_targets_is_contradictory_and_never_tested() -> None:
    rows = [row(words(n), str(n % 2)) for n in range(40)] + [row(words(3), "x"), row(words(4), "y")]
    for seed in range(5):
        found = find_duplicates(rows)
        assert set(found.contradictory) == {3, 4, 40, 41}
        sides = split(rows, found, Policy(seed=seed))
        assert {sides[number] for number in found.contradictory} == {"train"}


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(20, 60), st.integers(0, 12))
def test_minhash_estimates_the_jaccard_similarity(seed: int, length: int, changed: int) -> None:
    draw = random.Random(seed)
    text = "".join(draw.choice("가나다라마바사아자차카타파하") for _ in range(length))
    other = "".join("X" if place < changed else sign for place, sign in enumerate(text))
    grams = [shingles(text), shingles(other)]
    first, second = signatures(grams)
    assert (
        abs(float(np.mean(first == second)) - jaccard(*grams)) < 0.25
    )  # five standard deviations of 125 draws


def test_every_pair_above_the_bar_is_in_one_cluster() -> None:
    draw = random.Random(1)
    texts = []
    for number in range(60):
        base = words(number, 12)
        texts += [base, base.replace(draw.choice(base.split()), "other"), " ".join(base.split()[1:])]
    found = find_duplicates([row(text, str(n)) for n, text in enumerate(texts)])
    grams = [shingles(folded(text)) for text in texts]
    pairs = [
        (a, b) for a, b in itertools.combinations(range(len(texts)), 2) if jaccard(grams[a], grams[b]) >= NEAR
    ]
    assert len(pairs) > 60
    assert all(found.clusters[a] == found.clusters[b] for a, b in pairs)


# Sides.


def test_the_shares_asked_for_are_reached() -> None:
    counts = Counter(sides_of([row(words(n)) for n in range(200)], Policy(test=0.2, dev=0.1)))
    assert counts == {"train": 140, "test": 40, "dev": 20}


def test_a_row_stays_on_its_side_when_others_come_or_go() -> None:
    """Else the rows that an adapter has learnt would be its test after a seed was added."""
    rows = [row(words(n), task="t" if n % 3 else "u") for n in range(300)]
    before = dict(zip((one.id for one in rows), sides_of(rows), strict=True))
    changed = [row(words(1000 + n)) for n in range(15)] + rows[7:]
    after = dict(zip((one.id for one in changed), sides_of(changed), strict=True))
    moved = [id_ for id_ in before.keys() & after.keys() if before[id_] != after[id_]]
    assert len(moved) <= 6, "a twentieth more rows moves the borders by no more than that"
    assert sides_of(rows[::-1]) == sides_of(rows)[::-1], "the order of the rows is none of the draw"


def test_no_group_is_torn_apart() -> None:
    found = by_side([row(words(n), group=f"event {n % 30}") for n in range(300)])
    groups = [{one.group for one in found[side]} for side in ("train", "dev", "test")]
    assert not groups[0] & groups[1] and not groups[1] & groups[2] and not groups[0] & groups[2]
    assert len(found["test"]) == 60


def test_by_rows_groups_may_be_torn_apart_but_not_near_copies() -> None:
    texts = [words(n) for n in range(60)]
    rows = [row(text, group="one event") for text in texts]
    rows += [row(f"{text} indeed", str(n), group="one event") for n, text in enumerate(texts)]
    sides = sides_of(rows, Policy(by="rows"))
    assert set(sides) == {"train", "dev", "test"}
    assert sides[:60] == sides[60:]


def test_a_group_bound_to_another_by_a_near_copy_goes_with_it() -> None:
    rows = [row(words(n), group=f"g{n % 20}") for n in range(100)] + [row(f"{words(0)} now", "x", group="g1")]
    for seed in range(5):
        sides = sides_of(rows, Policy(seed=seed))
        assert len({side for one, side in zip(rows, sides, strict=True) if one.group in ("g0", "g1")}) == 1


def test_the_group_held_out_is_the_test_with_its_near_copies_and_nothing_else() -> None:
    rows = [row(words(n), group="flood" if n < 30 else f"g{n % 9}") for n in range(120)]
    rows.append(row(f"{words(5)} again", "x", group="g3"))
    found = by_side(rows, Policy(hold_out="flood"))
    assert {one.user for one in found["test"]} == {words(n) for n in range(30)} | {f"{words(5)} again"}
    assert {one.group for one in found["train"] + found["dev"]} == {f"g{n}" for n in range(9)}
    assert found["dev"]


def test_a_group_that_does_not_exist_cannot_be_held_out() -> None:
    with pytest.raises(UserError, match=r"floods(.|\n)*did you mean flood\?"):
        sides_of([row(words(n), group="flood") for n in range(5)], Policy(hold_out="floods"))


def test_a_contradictory_row_of_the_group_held_out_is_on_no_side() -> None:
    rows = [row(words(n), group="flood" if n < 5 else "") for n in range(30)] + [row(words(2), "other")]
    sides = sides_of(rows, Policy(hold_out="flood"))
    assert sides[2] is None and sides[30] is None
    assert sides.count("test") == 4


def test_every_task_with_enough_rows_is_in_dev_and_test() -> None:
    rows = [row(words(n)) for n in range(300)] + [row(words(1000 + n), task="rare") for n in range(10)]
    for seed in range(10):
        found = by_side(rows, Policy(seed=seed, test=0.05, dev=0.02))
        assert all(any(one.task == "rare" for one in found[side]) for side in ("train", "dev", "test"))


def test_one_large_group_is_for_training_whatever_the_seed() -> None:
    rows = [row(words(n), group="large" if n < 60 else "") for n in range(100)]
    for seed in range(8):
        found = by_side(rows, Policy(seed=seed))
        assert "large" not in {one.group for one in found["dev"] + found["test"]}
        assert len(found["test"]) == 20


@pytest.mark.parametrize(("test", "dev"), [(0.9, 0.1), (-0.1, 0.1), (1.0, 0.0)])
def test_shares_that_leave_nothing_to_train_on_are_refused(test: float, dev: float) -> None:
    with pytest.raises(UserError, match="--test"):
        sides_of([row("a")], Policy(test=test, dev=dev))


rows_strategy = st.lists(
    st.builds(
        lambda number, tail, group, target: row(words(number) + tail, target, group),
        st.integers(0, 25),
        st.sampled_from(["", "!", " indeed", " no"]),
        st.sampled_from(["", "a", "b", "c"]),
        st.sampled_from(["0", "1"]),
    ),
    min_size=1,
    max_size=60,
)


@settings(max_examples=60, deadline=None)
@given(rows_strategy, st.integers(0, 3), st.sampled_from(["rows", "group"]))
def test_whatever_the_rows_clusters_and_groups_stay_whole(rows: list[Row], seed: int, by: str) -> None:
    found = find_duplicates(rows)
    sides = split(rows, found, Policy(seed=seed, by="rows" if by == "rows" else "group"))
    seen: dict[object, set[Side]] = defaultdict(set)
    for number, side in enumerate(sides):
        if side is None:
            assert number in found.exact or number in found.near or number in found.contradictory
        else:
            seen[found.clusters[number]].add(side)
            if by == "group" and rows[number].group:
                seen[rows[number].group].add(side)
    assert all(len(where) == 1 for where in seen.values())


# Leaks.


def test_reordered_words_are_a_leak_that_the_sketch_does_not_see() -> None:
    text = words(1)
    turned = " ".join(reversed(text.split()))
    assert jaccard(shingles(text), shingles(turned)) < NEAR
    (worst,) = leaks({"train": [row(turned)], "test": [row(words(2)), row(text)]})
    assert (worst.similarity, worst.by, worst.other.user) == (1.0, "words", text)


def test_a_long_common_run_is_a_leak_even_where_no_word_is_equal() -> None:
    run = "가나다라마바사아자차카타파하거너더러머버서어저처커터퍼허"
    (match,) = closest([f"{run}은"], ["전혀 다른 말", f"또{run}"])
    assert match is not None
    assert (match.number, match.by) == (1, "common run")
    assert match.similarity == pytest.approx(28 / 29)


def test_sides_without_a_common_word_do_not_leak() -> None:
    assert leaks({"train": [row("aaa bbb")], "dev": [], "test": [row("ccc ddd")]}) == []


@given(st.text("ab가 ", min_size=1, max_size=15), st.text("ab가 ", min_size=1, max_size=15))
def test_the_longest_run_is_that_of_a_search_by_hand(first: str, second: str) -> None:
    runs = [first[a:b] for a, b in itertools.combinations(range(len(first) + 1), 2)]
    assert longest_run(first, second) == max((len(run) for run in runs if run in second), default=0)
