"""The generator of the disaster domain: what a row promises to a trainer."""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import cache
from itertools import islice

from hypothesis import given, settings
from hypothesis import strategies as st

from slm_core.dataset.row import Row
from slm_disaster.generator import generate_rows
from slm_disaster.generator.compose import quotes
from slm_disaster.generator.pattern import fit_particle
from slm_disaster.record import LIMITS, ORDER, PAIR_LISTS, PAIRS, QUOTE_LIMIT
from slm_disaster.seeds import seed_rows


def fields(row: Row) -> dict[str, object]:
    return json.loads(row.target)


@settings(max_examples=15, deadline=None)
@given(st.integers(min_value=0, max_value=2**32))
def test_every_quote_stands_in_the_report_and_every_kind_is_known(seed: int) -> None:
    for row in generate_rows(seed, 20):
        wire = fields(row)
        assert list(wire) == [key for key in ORDER if key in wire]
        assert all(quote and quote in row.user and len(quote) <= QUOTE_LIMIT for quote in quotes(row.target))
        for key, limit in LIMITS.items():
            assert 1 <= len(wire.get(key, [""])) <= limit
        for key, kinds in PAIRS.items():
            assert key not in wire or wire[key][0] in set(kinds)
        for key, kinds in PAIR_LISTS.items():
            assert all(kind in set(kinds) for kind, _ in wire.get(key, []))


def test_the_same_seed_gives_the_same_rows_and_another_seed_others() -> None:
    first, again, other = (list(generate_rows(seed, 30)) for seed in (5, 5, 6))
    assert first == again
    assert not {row.id for row in first} & {row.id for row in other}


def test_half_is_korean_half_english_and_no_report_comes_twice() -> None:
    rows = many()
    assert Counter(row.lang for row in rows) == {"ko": 3000, "en": 3000}
    assert len({row.user for row in rows}) == 6000
    assert {row.task for row in rows} == {"record"}
    assert all(row.group.startswith(f"{row.lang}/") for row in rows)


def test_each_field_is_often_given_and_often_absent() -> None:
    for lang in ("ko", "en"):
        rows = [row for row in many() if row.lang == lang]
        shares = Counter(key for row in rows for key in fields(row))
        assert set(shares) == set(ORDER)
        for key in ORDER:
            most = 0.8 if key in {"hazard", "place"} else 0.6
            assert 0.07 <= shares[key] / len(rows) <= most, (lang, key)
        assert 0.06 <= sum(row.target == "{}" for row in rows) / len(rows) <= 0.2


def test_rows_are_yielded_one_by_one() -> None:
    assert len(list(islice(generate_rows(1, 10**9), 3))) == 3


def test_particles_fit_the_last_sound() -> None:
    assert fit_particle("산불", "이", "가") == "이"
    assert fit_particle("산사태", "이", "가") == "가"
    assert fit_particle("산불", "으로", "로") == "로"
    assert fit_particle("붕괴 3", "은", "는") == "은"
    assert fit_particle("호우경보", "으로", "로") == "로"


def test_the_seeds_are_rows_whose_quotes_stand_in_their_texts() -> None:
    rows = list(seed_rows())
    langs = Counter(row.lang for row in rows)
    assert langs["ko"] >= 30 and langs["en"] >= 30
    for row in rows:
        assert all(quote in row.user and len(quote) <= QUOTE_LIMIT for quote in quotes(row.target)), row.user
        assert list(fields(row)) == [key for key in ORDER if key in fields(row)]
    assert not {row.user for row in rows} & {row.user for row in many()}


@cache
def many() -> list[Row]:
    return list(generate_rows(11, 6000))


def made(lang: str, pattern: str) -> list[Row]:
    rows = [row for row in many() if row.group == f"{lang}/{pattern}"]
    assert rows, f"no row of {pattern}"
    return rows


def test_a_drill_a_season_notice_and_a_fraud_warning_report_nothing() -> None:
    for lang, pattern in (
        ("ko", "drill_3"),
        ("ko", "season"),
        ("ko", "fraud"),
        ("en", "z_drill_2"),
        ("en", "z_scam"),
    ):
        assert {row.target for row in made(lang, pattern)} == {"{}"}


def test_a_lifted_order_is_a_release_and_its_sender_is_no_place() -> None:
    for row in made("ko", "evac_lift"):
        assert fields(row)["stage"][0] == "release"
        sender = row.user[row.user.find("[") + 1 : row.user.find("]")] if "[" in row.user else ""
        outside = row.user.replace(f"[{sender}]", "")
        assert all(place in outside for place in fields(row).get("place", []))


def test_a_power_cut_is_a_hazard_and_damage_until_it_is_repaired() -> None:
    assert all(["power", "정전"] in fields(row)["infrastructure"] for row in made("ko", "utility_power"))
    for row in made("ko", "utility_back"):
        assert fields(row)["stage"][0] == "release"
        assert fields(row)["hazard"][0] == "utility"


def test_an_order_hidden_in_a_report_changes_no_label() -> None:
    for row in made("en", "s_inject"):
        planted = re.search(r"the toll is (\d+)", row.user, re.IGNORECASE)
        assert planted and planted[1] not in str(fields(row).get("dead", "")).split()
        assert fields(row)["hazard"]
