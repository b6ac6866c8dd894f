"""Refusals in Korean: no sentence of English is left where the page or a reply speaks Korean."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import slm_energy
from slm_core.errors import CouldNot, UserError
from slm_energy.ems.planning import why_none
from slm_energy.meter.checks import usable
from slm_energy.refusals import in_korean, refused, told
from slm_energy.site import parse_site
from slm_energy.tariff import find_tariff

ROOT = Path(slm_energy.__file__).parent
# Where a person who speaks Korean meets an error; importers, datasets and servers speak to who runs them.
HEARD = ("site.py", "daily", "meter", "tariff", "plan", "saving", "forecast", "grid", "ems", "page", "why")
FILES = [p for name in HEARD for p in (sorted((ROOT / name).glob("*.py")) or [ROOT / name])]
FILES.append(ROOT / "command" / "order.py")
RAISED = ("UserError", "CouldNot", "_refused")
HANGUL = re.compile("[가-힣]")


def sentences(path: Path) -> Iterator[str]:
    """What errors of a file say, a hole filled with 7; what is made elsewhere is left out."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in RAISED:
            given = [*node.args, *(k.value for k in node.keywords if k.arg in ("expected", "mend"))]
            for each in given:
                text = _text(each)
                if text and re.search("[a-z]{2}", text.replace("7", "")):
                    yield text


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "7" for part in node.values)
    if isinstance(node, ast.IfExp):
        return _text(node.body)
    return ""


# Names and values are no sentences; of a sentence in parts the table has each that there is.
FOREIGN = {"7: 7", "2026-05-15", "slm batch energy ...", "_object", "bus", "7 to 7 °C"}
PARTS = {
    "7 is 7": ["contract power is -1", "measured peak is nan", "peak of 2026-05 is -1"],
    "no 7 7 is known for 7": [
        "no tariff 'x' is known for 2020-01-01",
        "no charge 'x' is known for 2020",
    ],
    "a table that is not written by pandapower7": ["a table that is not written by pandapower: x"],
}
ALL = sorted({(p.relative_to(ROOT).as_posix(), s) for p in FILES for s in sentences(p)} - {("", "")})


@pytest.mark.parametrize(("file", "text"), ALL)
def test_every_refusal_that_a_person_may_meet_has_its_korean(file: str, text: str) -> None:
    for said in PARTS.get(text, [text]):
        assert said in FOREIGN or HANGUL.search(in_korean(said)), f"{file}: {said!r} is not in refusals.toml"


def test_what_fills_a_hole_is_translated_too_and_names_stay() -> None:
    error = UserError(
        "battery.charge_kw: Input should be greater than 0",
        where="site.toml",
        expected="see docs/energy.md",
        mend="did you mean charge_kw?",
    )
    assert told(error, "ko").splitlines() == [
        "site.toml: battery.charge_kw: 0보다 커야 합니다",
        "  필요한 것: docs/energy.md 참고",
        "  고치는 법: 혹시 charge_kw입니까?",
    ]
    assert told(error, "en") == str(error)


def test_a_mistake_in_a_site_a_tariff_and_a_plan_are_told_in_korean() -> None:
    for wrong in (
        {"name": "x", "batery": {}},
        {"name": "x", "battery": {"capacity_kwh": "많음", "charge_kw": 1, "discharge_kw": 1}},
        {"name": "x", "zone": "Asia/Seoull"},
        {"name": "x", "step_minutes": 7},
        {"name": "x", "rooms": [{"name": "방", "from": "25:00"}]},
    ):  # fmt: skip
        with pytest.raises(UserError) as found:
            parse_site(wrong, "site.toml")
        lines = told(found.value, "ko").splitlines()
        assert all(HANGUL.search(line) for line in lines), lines
        assert not re.search(r"should|must|expected|mend", "\n".join(lines)), lines
    with pytest.raises(UserError) as found:
        find_tariff("없는 요금제", date(2026, 5, 1))
    assert "없는 요금제" in told(found.value, "ko") and "다음 중 하나" in told(found.value, "ko")
    said = why_none(CouldNot("no load was measured yet; send meter/load/<name> or meter/history"))
    assert said.ko.startswith("계획을 세울 수 없습니다: 부하를 잰 적이 없습니다.")
    assert said.en.startswith("no plan can be made: no load")


def test_a_refused_load_is_told_in_both_languages_in_one_line() -> None:
    from energy_plan_sites import series

    gap = series("load", [1.0, float("nan")] * 12)
    fine, why = usable(gap, gap.start, gap.end)
    assert not fine
    said = refused(UserError(why.en, where="load", expected="at most 10 % missing"))
    assert "빠짐" in said.ko and "10 % 이하" in said.ko and "\n" not in said.ko + said.en


@given(st.text(max_size=300))
def test_any_text_is_answered_and_one_that_is_not_known_stays_as_it_is(text: str) -> None:
    said = in_korean(text)
    assert said == text or HANGUL.search(said)


def test_a_source_told_in_korean_keeps_names_of_documents_and_has_no_english_sentence() -> None:
    from slm_energy.tariff.reading import read_book

    english = re.compile(r"\b(?:from|since|until|in force|unchanged|as in|the|and|to|announced|checked)\b")
    for key, source in read_book().sources.items():
        ko = source.title().ko.split(" <")[0]
        assert HANGUL.search(ko) and not english.search(ko), f"{key}: {ko}"
    assert read_book().source("vat").ko == read_book().source("vat").en


def test_why_a_text_orders_nothing_is_told_in_its_language() -> None:
    from slm_energy.command.rules import read_by_rules

    assert read_by_rules("거실 불 켜지 마").because.startswith("하지 말라거나")
    assert read_by_rules("do not turn on the light").because.startswith("denied: ")
    assert read_by_rules("안녕").because == "시키는 말이 없음"
