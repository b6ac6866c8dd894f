"""Published formats become rows; a bad record is named with its line and does not stop the others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from slm_core.dataset.row import Row
from slm_core.dataset.source import Rejected, Source
from slm_core.domain import find_domain
from slm_core.errors import UserError

NEEDS = (
    "medical_help,medical_products,search_and_rescue,water,food,shelter,clothing,money,"
    "missing_people,refugees"
)


def rows(source: Source) -> tuple[list[Row], list[Rejected]]:
    every = list(find_domain("disaster").build_dataset([source], 0))
    return [row for row in every if isinstance(row, Row)], [row for row in every if isinstance(row, Rejected)]


def test_disaster_response_messages_become_needs(tmp_path: Path) -> None:
    table = tmp_path / "messages.csv"
    table.write_text(
        f"id,split,message,{NEEDS},event\n"
        '7,validation,"We  need\nwater and food",0,0,0,1,1,0,0,0,0,0,haiti_earthquake\n'
        "8,validation,Hello,0,0,0,0,0,0,0,0,0,0,NULL\n"
        "9,validation,Odd,0,0,0,2,0,0,0,0,0,0,NULL\n"
        "10,validation,   ,0,0,0,0,0,0,0,0,0,0,NULL\n"
    )
    good, bad = rows(Source("disaster-response", table))
    assert [(row.id, row.user, row.target, row.group) for row in good] == [
        ("drm-7", "We need water and food", '["water","food"]', "haiti_earthquake"),
        ("drm-8", "Hello", "[]", ""),
    ]
    assert {(row.task, row.lang, row.licence) for row in good} == {("needs", "en", "CC-BY-4.0")}
    assert [entry.reason for entry in bad] == ["water: '2' is neither 0 nor 1", "the message is empty"]
    assert bad[0].where.startswith(str(table))


def test_long_messages_are_cut_at_800_characters(tmp_path: Path) -> None:
    table = tmp_path / "messages.csv"
    table.write_text(f"id,message,{NEEDS},event\n1,{'물' * 900},0,0,0,1,0,0,0,0,0,0,NULL\n")
    assert len(rows(Source("disaster-response", table))[0][0].user) == 800


def test_a_table_of_another_kind_is_refused_with_the_missing_column(tmp_path: Path) -> None:
    table = tmp_path / "other.csv"
    table.write_text("id,text\n1,hello\n")
    with pytest.raises(UserError, match="column 'message' is missing"):
        rows(Source("disaster-response", table))


def test_crisislex_headers_with_leading_spaces_are_read(tmp_path: Path) -> None:
    table = tmp_path / "2013_Some_floods.csv"
    table.write_text(
        "Tweet ID, Tweet Text, Information Source, Information Type, Informativeness\n"
        '"1","river up",Media,Caution and advice,Related and informative\n'
        '"2","omg",Media,Sympathy and support,Related - but not informative\n'
        '"3","cats",Media,Not labeled,Not related\n'
        '"4","?",Media,Not applicable,Not applicable\n'
        '"5","bridge out",Media,Bridges,Related and informative\n'
    )
    good, bad = rows(Source("crisislext26", tmp_path))
    assert [(row.task, row.target) for row in good] == [
        ("informative", '"informative"'),
        ("information", '"caution_and_advice"'),
        ("informative", '"not_informative"'),
        ("information", '"sympathy_and_support"'),
        ("informative", '"not_related"'),
        ("information", '"not_applicable"'),
        ("informative", '"informative"'),
    ]
    assert {(row.group, row.licence) for row in good} == {("2013_Some_floods", "research use")}
    assert len({row.id for row in good}) == len(good)
    assert [entry.reason for entry in bad] == [
        "Informativeness: 'Not applicable' is none of the three classes",
        "Information Type: 'Bridges' is none of the seven classes",
    ]


TEXT = "[옥천군] 오늘 05:10 이원면 산사태 발생, 도로 통제"


@pytest.mark.parametrize(
    "fields",
    [
        {
            "SN": 1,
            "CRT_DT": "2025/06/25 13:09:14",
            "MSG_CN": TEXT,
            "RCPTN_RGN_NM": "충북 옥천군 ",
            "DST_SE_NM": "산사태",
        },
        {"md101_sn": "1", "create_date": "2025/06/25 13:09", "msg": TEXT, "location_name": "충북 옥천군"},
        {
            "sn": "1",
            "created": "2025-06-25T13:09:14Z",
            "text": TEXT,
            "region": "충북 옥천군,충북 보은군",
            "kind": None,
        },
    ],
)
def test_every_generation_of_the_emergency_messages_is_read(
    tmp_path: Path, fields: dict[str, object]
) -> None:
    table = tmp_path / "messages.jsonl"
    table.write_text(json.dumps(fields, ensure_ascii=False) + "\n" + json.dumps({"SN": 2}) + "\n")
    good, bad = rows(Source("safetydata", table))
    (row,) = good
    assert (row.id, row.group, row.lang, row.task) == ("safetydata-1", "충북 옥천군 20250625", "ko", "record")
    assert json.loads(row.target)["hazard"] == ["landslide", "산사태"]
    assert "silver" in row.source
    assert "msg_cn" in bad[0].reason


def test_the_kind_of_an_emergency_message_decides_its_hazard(tmp_path: Path) -> None:
    table = tmp_path / "messages.json"
    text = "호우로 인한 침수 발생"
    table.write_text(json.dumps([{"SN": 1, "MSG_CN": text, "DST_SE_NM": "홍수"}], ensure_ascii=False))
    assert json.loads(rows(Source("safetydata", table))[0][0].target)["hazard"] == ["flood", "침수"]


def test_an_unknown_format_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="disaster-response") as error:
        rows(Source("safety-data", tmp_path))
    assert "safetydata?" in str(error.value)


def test_without_sources_the_own_rows_come_and_all_read_back() -> None:
    domain = find_domain("disaster")
    own = list(domain.build_dataset([], 0))
    assert {row.source for row in own} == {"ondevice-slm own seeds", "ondevice-slm own generator"}
    for row in own[:300]:
        task = domain.task(row.task)
        task.read(json.loads(row.target), task.parse_request(row.user))
