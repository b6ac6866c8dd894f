"""CAP messages become rows of the task `record`, or are rejected with the reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("lxml")

from slm_core.dataset.row import Row
from slm_core.dataset.source import Rejected, Source
from slm_core.domain import TextRequest, find_domain
from slm_core.errors import UserError


def info(language: str, event: str, headline: str, description: str, area: str) -> str:
    return (
        f"<info><language>{language}</language><category>Met</category><event>{event}</event>"
        "<urgency>Immediate</urgency><severity>Severe</severity><certainty>Observed</certainty>"
        f"<headline>{headline}</headline><description>{description}</description>"
        f"<area><areaDesc>{area}</areaDesc></area></info>"
    )


def write(path: Path, *infos: str, status: str = "Actual") -> None:
    path.write_text(
        '<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>id-1</identifier>'
        "<sender>room@example.org</sender><sent>2026-11-22T14:00:00+09:00</sent>"
        f"<status>{status}</status><msgType>Alert</msgType><scope>Public</scope>{''.join(infos)}</alert>"
    )


def build(path: Path) -> tuple[list[Row], list[Rejected]]:
    every = list(find_domain("disaster").build_dataset([Source("cap", path)], 0))
    return [row for row in every if isinstance(row, Row)], [row for row in every if isinstance(row, Rejected)]


def test_a_message_gives_a_row_for_each_language_with_its_words_quoted(tmp_path: Path) -> None:
    write(
        tmp_path / "a.cap",
        info(
            "ko-KR",
            "호우경보",
            "강릉시 호우경보 발령",
            "옥계면 도로 침수로 부상 3명",
            "강릉시; 옥계면; 속초시",
        ),
        info(
            "en-US",
            "Flash Flood Watch",
            "Flash flood watch for Lewis County",
            "Rain&lt;br /&gt;fell.",
            "Lewis County",
        ),
    )
    good, bad = build(tmp_path)
    assert bad == []
    korean, english = good
    assert korean.user == "강릉시 호우경보 발령. 옥계면 도로 침수로 부상 3명."
    assert english.user == "Flash flood watch for Lewis County. Rain fell."
    wire = json.loads(korean.target)
    assert (wire["hazard"], wire["place"], wire["injured"]) == (
        ["heavy_rain", "호우"],
        ["강릉시", "옥계면"],
        "부상 3명",
    )
    assert (korean.lang, english.lang, korean.id, korean.group) == ("ko", "en", "cap-id-1-0", "id-1")
    task = find_domain("disaster").task("record")
    reply = task.read(json.loads(english.target), TextRequest(text=english.user))
    assert (reply.hazard.value, [place.value for place in reply.place]) == ("flood", ["Lewis County"])


def test_what_the_text_does_not_bear_out_is_rejected_with_the_reason(tmp_path: Path) -> None:
    write(
        tmp_path / "a.cap",
        info("ko-KR", "홍수", "강릉시 상황 안내", "안내를 확인하세요", "강릉시"),
        info("en-US", "Concert", "Concert in Lewis County", "Music", "Lewis County"),
        info("fr-FR", "Flood", "Flood", "Inondation", "Paris"),
    )
    write(tmp_path / "b.xml", info("ko-KR", "홍수", "강릉시 홍수", "홍수", "강릉시"), status="Exercise")
    (tmp_path / "c.cap").write_text("<alert")
    good, bad = build(tmp_path)
    assert good == []
    assert [entry.reason.split(":")[0] for entry in bad] == [
        "the text has no word for the event '홍수'",
        "event 'Concert' is none of the hazards",
        "language fr-FR",
        "status Exercise",
        "not well-formed XML",
    ]
    assert bad[1].where.endswith("a.cap:info[1]")


def test_the_same_text_twice_in_a_message_is_one_row(tmp_path: Path) -> None:
    block = info("ko-KR", "홍수", "강릉시 홍수", "홍수", "강릉시")
    write(tmp_path / "a.cap", block, block)
    good, bad = build(tmp_path / "a.cap")
    assert (len(good), len(bad)) == (1, 1)


def test_a_folder_without_cap_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no CAP file in this folder"):
        build(tmp_path)
