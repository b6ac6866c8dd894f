"""The disaster page: what an operator sees, drafts and approves. The browser has test_ui_browser.py."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from slm_core.bus import Store
from slm_core.errors import UserError
from slm_core.event import Event
from slm_core.settings import load_settings
from slm_core.ui.live import Live
from slm_core.ui.report import report_markdown
from slm_disaster import DOMAIN
from slm_disaster.alerts.chain import AlertChain
from slm_disaster.page.alertview import draft_view, log_view
from slm_disaster.page.ask import answer
from slm_disaster.page.cards import incident_list
from slm_disaster.page.detail import incident_detail
from slm_disaster.page.drafting import Form, approve, author, draft_for
from slm_disaster.page.gauges import sensor_charts
from slm_disaster.page.room import Room
from slm_disaster.page.where import incident_map
from slm_disaster.page.words import Words

KO, EN = Words("ko"), Words("en")
NOW = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)
FORM = Form("Exercise", "강릉시", "Gangneung City", "", "", "", 6, "")
ACTUAL = Form("Actual", "강릉시", "Gangneung City", "", "", "", 6, "")
FLOOD = "강릉시 노암동 침수 발생, 주민 대피명령 발령 [강릉시]"
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def live(slm_home: Path) -> Iterator[Live]:
    with Store(slm_home / "disaster.sqlite") as store:
        runtime = SimpleNamespace(failure=None, backlog=lambda: None)
        yield Live(DOMAIN, runtime, store, load_settings(), slm_home)


def tell(live: Live, *texts: str, official: bool = False, simulated: bool = False, minute: int = 0) -> None:
    for number, text in enumerate(texts):
        payload = {"text": text, "reporter": f"시민-{minute}-{number}", "official": official}
        at = NOW + timedelta(minutes=minute, seconds=number)
        happen(
            live,
            Event(
                stream="report/in", kind="report", source="t", time=at, payload=payload, simulated=simulated
            ),
        )


def happen(live: Live, event: Event) -> None:
    assert DOMAIN.handle is not None
    with live.store.transaction() as memory:
        list(DOMAIN.handle(event, memory))
        memory.count("handled")


def test_a_page_opened_before_anything_happened_says_so(live: Live) -> None:
    now = Room(live).now()
    assert "아직 들어온 보고가 없습니다" in incident_list(now, "", KO)
    assert "No sensor has sent a reading yet" in sensor_charts(now, EN)
    assert "위치가 알려진 사건이 없습니다" in incident_map(now, "", KO)


def test_a_report_is_on_the_page_with_its_spans_as_soon_as_it_is_handled(live: Live) -> None:
    room = Room(live)
    assert not room.now().incidents
    tell(live, FLOOD)
    assert "홍수" in incident_list(room.now(), "", KO)
    detail = incident_detail(room.now(), "", KO)
    assert '<mark class="slm-mark slm-where">강릉시 노암동<i>장소</i></mark>' in detail
    assert '<mark class="slm-mark slm-what">침수<i>위험</i></mark>' in detail


def test_a_script_in_a_report_never_becomes_markup_anywhere(live: Live) -> None:
    tell(live, f"강릉시 노암동 침수 {SCRIPT} 사망 2명", f"{SCRIPT} 강릉시 노암동 침수 사망 5명")
    now = Room(live).now()
    drafted = draft_for(now.incidents[0], FORM, NOW, KO)
    pages = [incident_list(now, "", KO), incident_detail(now, "", KO), incident_map(now, "", KO)]
    pages.append(draft_view(drafted, NOW, KO))
    assert not any("<script" in each for each in pages)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in pages[1]
    assert "<script" not in report_markdown(live, "ko", NOW).replace("\\<script", "")


def test_a_contradiction_stands_on_the_page_with_both_quotes(live: Live) -> None:
    tell(live, "강릉시 노암동 침수로 사망 2명", "강릉시 노암동 침수로 7명 사망")
    shown = incident_list(Room(live).now(), "", KO)
    assert "엇갈림: 사망" in shown and "사망 2명" in shown and "7명 사망" in shown


def test_a_simulated_incident_is_marked_in_the_list_and_in_the_detail(live: Live) -> None:
    tell(live, FLOOD, simulated=True)
    now = Room(live).now()
    assert "모의</span>" in incident_list(now, "", KO)
    assert "simulated</span>" in incident_detail(now, "", EN)


def test_a_sensor_is_drawn_with_its_threshold_and_told_when_it_is_over(live: Live) -> None:
    rule = {
        "id": "caution",
        "kind": "level",
        "measure": "value",
        "at": 3.5,
        "unit": "m",
        "severity": 2,
        "hazard": "flood",
        "ko": "주의 수위",
        "en": "caution level",
        "source": "test",
        "valid_from": "2000-01-01",
    }
    happen(
        live, Event(stream="config/sensors", kind="config", source="t", time=NOW, payload={"rules": [rule]})
    )
    for minute, value in enumerate((2.0, 3.0, 4.0)):
        at = NOW + timedelta(minutes=minute)
        payload = {"value": value, "unit": "m", "place": "강릉시"}
        happen(live, Event(stream="sensor/level/g1", kind="sensor", source="t", time=at, payload=payload))
    shown = sensor_charts(Room(live).now(), KO)
    assert "수위 g1" in shown and "4 m" in shown and "<polyline" in shown
    assert "넘음: 주의 수위" in shown


def test_a_chart_keeps_readings_that_the_rules_no_longer_need(live: Live) -> None:
    room = Room(live)
    for minute in range(30):
        at = NOW + timedelta(minutes=minute)
        payload = {"value": float(minute % 7), "unit": "C"}
        happen(
            live, Event(stream="sensor/temperature/t1", kind="sensor", source="t", time=at, payload=payload)
        )
        room.now()
    assert len(room.now().sensors[0].samples) == 30


def test_an_incident_is_on_the_map_at_its_district_and_drawn_as_not_exact(live: Live) -> None:
    tell(live, FLOOD, "중구 시장에 화재")
    shown = incident_map(Room(live).now(), "", KO)
    assert shown.count("<circle") == 1 and "about" in shown
    assert "위치를 모르는 사건 1건" in shown and "약도" in shown


def test_a_draft_shows_its_texts_with_their_lengths_and_a_cap_preview(live: Live) -> None:
    pytest.importorskip("lxml")
    tell(live, FLOOD, official=True)
    shown = draft_view(draft_for(Room(live).now().incidents[0], FORM, NOW, KO), NOW, KO)
    assert "/90 자" in shown and "/157 자" in shown and "/250 자" in shown
    assert "&lt;status&gt;Draft&lt;/status&gt;" in shown
    assert "승인할 수 있습니다" in shown


def test_a_draft_that_lacks_an_element_tells_which_and_is_not_ready(live: Live) -> None:
    tell(live, "여기 불났어요 연기가 심합니다")
    drafted = draft_for(Room(live).now().incidents[0], FORM, NOW, KO)
    assert not drafted.draft.ready
    assert "빠진 요소: 어디" in draft_view(drafted, NOW, KO)


def test_an_approval_stands_in_the_log_with_its_operator(live: Live) -> None:
    pytest.importorskip("lxml")
    tell(live, FLOOD, official=True)
    room, chain = Room(live), AlertChain(live.folder / "alerts.jsonl")
    drafted = draft_for(room.now().incidents[0], FORM, NOW, KO)
    approve(drafted, room.now(), chain, "kim.j", NOW, KO, None)
    shown = log_view(chain, KO)
    assert "kim.j" in shown and "훈련 (Exercise)" in shown and "강릉시 노암동" in shown
    assert "&lt;status&gt;Exercise&lt;/status&gt;" in shown


def test_an_approval_names_the_model_only_where_it_had_a_part_in_the_record(live: Live) -> None:
    tell(live, FLOOD, official=True)
    record = draft_for(Room(live).now().incidents[0], FORM, NOW, KO).draft.record
    engine = SimpleNamespace(model_sha256="a" * 64, adapters=lambda: {"disaster": "b" * 64})
    expert: Any = SimpleNamespace(engine=engine, adapter="disaster")
    assert author(record, expert).model == "rules"
    assert record.hazard is not None
    read_by_model = record.model_copy(update={"hazard": record.hazard.model_copy(update={"by": "expert"})})
    assert author(read_by_model, expert).model == "a" * 64
    assert author(read_by_model, expert).adapter == "b" * 64
    assert author(read_by_model, None).model == "rules"


def test_a_simulated_incident_cannot_be_drafted_as_actual(live: Live) -> None:
    tell(live, FLOOD, official=True, simulated=True)
    with pytest.raises(UserError, match="Actual"):
        draft_for(Room(live).now().incidents[0], ACTUAL, NOW, KO)


def test_a_draft_is_refused_when_the_situation_changed_after_it(live: Live) -> None:
    pytest.importorskip("lxml")
    tell(live, FLOOD, official=True)
    room = Room(live)
    drafted = draft_for(room.now().incidents[0], FORM, NOW, KO)
    tell(live, "강릉시 노암동 침수로 사망 3명, 주민 대피명령 발령 [강릉시]", official=True, minute=5)
    with pytest.raises(UserError, match="상황이 바뀌었습니다"):
        approve(drafted, room.now(), AlertChain(live.folder / "a.jsonl"), "kim.j", NOW, KO, None)
    assert not (live.folder / "a.jsonl").exists()


def test_a_broken_log_is_told_and_not_hidden(live: Live) -> None:
    path = live.folder / "alerts.jsonl"
    path.write_text('{"n": 7}\n')
    assert "alerts.jsonl:1" in log_view(AlertChain(path), KO)


def test_a_wrong_line_of_place_names_is_named(live: Live) -> None:
    tell(live, FLOOD, official=True)
    form = Form("Exercise", "강릉시", "Gangneung", "", "", "", 6, "강릉시 Gangneung")
    with pytest.raises(UserError, match="강릉시 Gangneung"):
        draft_for(Room(live).now().incidents[0], form, NOW, KO)


def test_passages_come_with_document_source_and_date_and_none_means_not_in_the_documents() -> None:
    from slm_core.rag import Hit, Passage

    passage = Passage(
        "abcde23456",
        "flood.md",
        ("홍수", "집으로"),
        f"물이 빠진 뒤 {SCRIPT}",
        "line 3",
        "행정안전부",
        "2026-01",
    )

    class Found:
        def __init__(self, *hits: Hit) -> None:
            self.hits = list(hits)

        def search(self, question: str) -> list[Hit]:
            return self.hits

    shown = answer(Found(Hit(passage, 1.0)), "침수된 집", KO)  # type: ignore[arg-type]
    assert (
        "행정안전부" in shown
        and "기준 2026-01" in shown
        and "[abcde23456]" in shown
        and "<script" not in shown
    )
    assert "찾은 대목" not in shown and "뜻이 가장 가까운 대목" in shown, (
        "it shares no word with the question"
    )
    assert "찾은 대목" in answer(Found(Hit(passage, 1.0, bm25_rank=1)), "침수된 집", KO)  # type: ignore[arg-type]
    assert "문서에 없습니다" in answer(Found(), "축구 결과", KO)  # type: ignore[arg-type]


def test_every_word_of_the_page_is_there_in_both_languages() -> None:
    import tomllib

    import slm_disaster.page.words as module

    table = tomllib.loads((Path(module.__file__).parent / "words.toml").read_text(encoding="utf-8"))
    assert table["ko"].keys() == table["en"].keys()
    assert table["ko"]["field"].keys() == table["en"]["field"].keys()


def test_the_report_as_markdown_has_a_heading_for_each_incident(live: Live) -> None:
    tell(live, FLOOD, "중구 시장에 화재 # 1. *큰불*")
    text = report_markdown(live, "ko", NOW)
    assert text.startswith("# 상황보고: 사건 2건")
    assert text.count("\n## ") >= 2 and "2026-11-22" in text
