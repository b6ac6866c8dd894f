"""The damage tab of the disaster page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from slm_core.bus import Store
from slm_core.event import Event
from slm_core.settings import load_settings
from slm_core.ui.live import Live
from slm_disaster import DOMAIN
from slm_disaster.page.damage import Office
from slm_disaster.page.room import Room
from slm_disaster.page.words import Words

NOW = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)
HEAVY = "강릉시 옥계면 집중호우로 주택 {flooded}동 침수, 사망 2명"


@pytest.fixture
def live(slm_home: Path) -> Iterator[Live]:
    with Store(slm_home / "disaster.sqlite") as store:
        runtime: Any = SimpleNamespace(failure=None, backlog=lambda: None)
        yield Live(DOMAIN, runtime, store, load_settings(), slm_home)


def tell(live: Live, text: str, by: str, minute: int = 0, simulated: bool = False) -> None:
    assert DOMAIN.handle is not None
    event = Event(
        stream="report/in",
        kind="report",
        source="t",
        time=NOW + timedelta(minutes=minute),
        payload={"text": text, "reporter": by},
        simulated=simulated,
    )
    with live.store.transaction() as memory:
        list(DOMAIN.handle(event, memory))
        memory.count("handled")


def office(live: Live, lang: Any = "ko") -> Office:
    frame: Any = SimpleNamespace(live=live, lang=lang)
    return Office(frame, Room(live), Words(lang))


def test_before_anything_is_told_the_tab_says_so_and_makes_no_report(live: Live) -> None:
    desk = office(live)
    assert "아직 피해를 말한 보고가 없습니다" in desk.so_far(Room(live).now())
    shown, files = desk.make(None)
    assert 'role="alert"' in shown and files is None


def test_the_damage_told_so_far_stands_with_both_quotes(live: Live) -> None:
    tell(live, HEAVY.format(flooded=12), "시민 1")
    tell(live, HEAVY.format(flooded=15), "시민 2", 5)
    shown = office(live).so_far(Room(live).now())
    assert "“12동 침수” = 12" in shown and "“15동 침수” = 15" in shown and "엇갈림" in shown


def test_an_upload_and_the_incidents_make_one_report_in_six_files(live: Live, tmp_path: Path) -> None:
    tell(live, HEAVY.format(flooded=12), "시민 1", simulated=True)
    survey = tmp_path / "조사표.csv"
    survey.write_text("관리번호,주소,피해정도\nA1,강릉시,전파\nA2,강릉시,모름\n", encoding="utf-8")
    desk = office(live)
    shown, files = desk.make([str(survey)])
    assert files is not None
    names = [Path(each).name for each in files]
    assert names == [f"damage.{lang}.{kind}" for lang in ("ko", "en") for kind in ("md", "html", "pdf")]
    assert "모의 사건" in shown and "“12동 침수” = 12" in shown
    english = Path(files[3]).read_text(encoding="utf-8")
    assert "simulated incidents" in english and "조사표.csv:3" in english
    assert str(tmp_path) not in english + shown  # where an upload lay is nobody's business


def test_a_file_that_tells_of_no_damage_is_refused_on_the_page(live: Live, tmp_path: Path) -> None:
    wrong = tmp_path / "names.csv"
    wrong.write_text("name\n<b>Kim</b>\n", encoding="utf-8")
    shown, files = office(live, "en").make([str(wrong)])
    assert files is None and "no column of damage" in shown and "<b>" not in shown


def test_a_report_is_made_while_another_reader_takes_old_ones_away(live: Live, tmp_path: Path) -> None:
    survey = tmp_path / "survey.csv"
    survey.write_text("id,damage\nA1,destroyed\n", encoding="utf-8")
    desk = office(live)
    _, files = desk.make([str(survey)])
    assert files is not None
    # Listed, and gone when asked for its time: as a folder is that another reader removes in between.
    (Path(files[0]).parents[1] / "gone").symlink_to(tmp_path / "nowhere")
    _, again = desk.make([str(survey)])
    assert again == files


def test_an_upload_that_is_gone_is_said_on_the_page(live: Live, tmp_path: Path) -> None:
    shown, files = office(live).make([str(tmp_path / "gone.csv")])
    assert files is None and 'role="alert"' in shown and str(tmp_path) not in shown
