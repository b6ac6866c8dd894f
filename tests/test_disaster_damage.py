"""`slm batch disaster`: tables, GeoJSON and reports to a damage report whose every figure can be traced."""

from __future__ import annotations

import io
import json
import re
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from slm_core.cli.main import main
from slm_core.grounding import numbers
from slm_disaster.damage.batch import assess
from slm_disaster.damage.columns import read_column_map
from slm_disaster.damage.record import as_json
from slm_disaster.damage.sentences import sentences
from slm_disaster.damage.wording import Wording

TABLE = """관리번호,주소,시설구분,피해정도,조사일시,피해액(천원),이재민
A1,강릉시 옥계면 산계리 12,주택,전파,2026-07-20 09:10,"85,000",3명
A2,강릉시 옥계면,주택,침수,2026. 7. 20. 10:30,3억,2
A3,강릉시,비닐하우스,심함,2026년 7월 20일 14시,많음,
A4,동해시,주택,반파,2026-07-20 15:00,12000,4
A1,강릉시 옥계면 산계리 12,주택,전파,2026-07-20 09:10,"85,000",3명
A6,중구,상가,전파
"""
ENGLISH = (
    "id\tdamage\ttype\tplace\ttime\tloss_usd\n"
    "U1\tdestroyed\thouse\tGangneung\t2026-07-20T03:00:00Z\t1.2 million\n"
    "U2\tno-damage\tbridge\tSamcheok\t2026-07-20T05:00:00Z\t\n"
)
REPORTS = [
    {
        "text": "강릉시 옥계면 집중호우로 주택 12동 침수, 3동 전파. 사망 2명, 재산피해 3억 5천만원",
        "time": "2026-07-20 11:00",
        "source": "강릉시청",
        "official": True,
    },
    {
        "text": "강릉시 옥계면 집중호우로 사망 5명, 주택 12동 침수",
        "time": "2026-07-20 12:00",
        "source": "소방",
    },
    {"text": "", "time": "2026-07-20 12:30"},
]


def square(lon: float, lat: float, side: float = 0.0002) -> dict[str, Any]:
    ring = [[lon, lat], [lon + side, lat], [lon + side, lat + side], [lon, lat + side], [lon, lat]]
    return {"type": "Polygon", "coordinates": [ring]}


def features(*subtypes: str) -> dict[str, Any]:
    made = [
        {
            "type": "Feature",
            "properties": {"uid": f"b{number}", "feature_type": "building", "subtype": subtype},
            "geometry": square(129.03 + 0.0006 * number, 37.62),
        }
        for number, subtype in enumerate(subtypes)
    ]
    return {"type": "FeatureCollection", "features": made}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "surveys").mkdir()
    (tmp_path / "surveys/day1.csv").write_text(TABLE, encoding="cp949")  # as Excel on Korean Windows writes
    (tmp_path / "surveys/us.tsv").write_text(ENGLISH, encoding="utf-8")
    lines = [json.dumps(each, ensure_ascii=False) for each in REPORTS]
    (tmp_path / "reports.jsonl").write_text("\n".join(lines), encoding="utf-8")
    made = features("destroyed", "major-damage", "minor-damage", "no-damage", "un-classified")
    (tmp_path / "buildings.geojson").write_text(json.dumps(made), encoding="utf-8")
    return tmp_path


def batch(*given: str | Path, out: str = "out", code: int = 0, lang: str = "ko") -> Path:
    assert main(["batch", "disaster", *map(str, given), out, "--rules-only", "--lang", lang]) == code
    return Path(out)


def table(path: Path, text: str) -> dict[str, Any]:
    """The figures of one table."""
    path.write_text(text, encoding="utf-8")
    found: dict[str, Any] = json.loads(json.dumps(as_json(assess([path]))))
    return found


def test_disaster_function_08_a_damage_report_with_counts_by_class_each_figure_traced(folder: Path) -> None:
    out = batch("surveys", "reports.jsonl", "buildings.geojson", lang="both")
    found = json.loads((out / "damage.json").read_text(encoding="utf-8"))
    # day1: 전파, 침수, unclear, 반파; us: destroyed, no-damage; buildings: one of each and one unknown.
    assert found["classes"] == {"0": 2, "1": 2, "2": 2, "3": 3, "unknown": 2}
    assert found["things"] == 11
    assert found["losses"] == [
        {"currency": "KRW", "amount": "397000000", "amounts": 3},
        {"currency": "USD", "amount": "1200000", "amounts": 1},
    ]
    traced = [row["where"] for row in found["rows"] if row.get("classes", {}).get("3")]
    assert traced == ["surveys/day1.csv:2", "surveys/us.tsv:2", "buildings.geojson:features[0]"]
    for name in ("report.ko.md", "report.ko.html", "report.ko.pdf", "report.en.md", "report.en.pdf"):
        assert (out / name).stat().st_size > 1000
    rejected = [json.loads(line) for line in (out / "rejected.jsonl").read_text().splitlines()]
    assert [each["where"] for each in rejected] == ["surveys/day1.csv:7", "reports.jsonl:3"]


def test_every_table_adds_up_to_the_same_total(folder: Path) -> None:
    found = json.loads(json.dumps(as_json(assess([Path("surveys"), Path("buildings.geojson")]))))
    for part in ("by_place", "by_facility"):
        total = {key: sum(each["classes"][key] for each in found[part]) for key in found["classes"]}
        assert total == found["classes"], part
    dated = sum(sum(bar["classes"].values()) for bar in found["series"]["bars"])
    assert dated + found["series"]["rows_without_time"] == found["things"]
    for source in found["sources"]:
        assert source["rows"] == source["counted"] + source["repeated"] + source["rejected"]


def test_a_contradiction_of_two_reports_stands_with_both_quotes_and_is_in_no_sum(folder: Path) -> None:
    out = batch("surveys", "reports.jsonl")
    found = json.loads((out / "damage.json").read_text())
    fields = {each["field"]: each for each in found["reported"][0]["fields"]}
    assert fields["dead"]["value"] is None and fields["dead"]["disputed"]
    assert [said["quote"] for said in fields["dead"]["said"]] == ["사망 2명", "사망 5명"]
    assert fields["flooded"]["value"] == 12  # both say twelve, and it stays twelve
    assert fields["loss_krw"]["value"] == 350_000_000
    assert "dead" not in found["people"] and found["classes"]["3"] == 2  # reports are added to nothing
    page = (out / "report.ko.html").read_text(encoding="utf-8")
    assert "“사망 2명” = 2" in page and "“사망 5명” = 5" in page and "엇갈림" in page


def test_every_number_of_the_summary_is_a_figure_of_the_json(folder: Path) -> None:
    out = batch("surveys", "reports.jsonl", "buildings.geojson", lang="both")
    found = json.loads((out / "damage.json").read_text())
    kept = ("sources", "rows", "rejected", "unclear", "repeated", "reported", "photos")
    figures = {name: value for name, value in found.items() if name not in kept}
    known = {float(each) for each in re.findall(r"\d+(?:\.\d+)?", json.dumps(figures))}
    known |= {sum(found["areas_m2"].values()), 0.5, float(len(found["reported"]))}
    known |= {float(sum("classes" in row for row in found["rows"]))}
    known |= {float(sum(bar["classes"].values())) for bar in found["series"]["bars"]}
    known |= {float(sum("area_m2" in row for row in found["rows"]))}
    known |= {float(len(found[part])) for part in ("unclear", "rejected", "repeated")}
    for lang in ("ko", "en"):
        summary = (out / f"report.{lang}.md").read_text(encoding="utf-8").split("\n## ")[1]
        said = [number.value for line in summary.splitlines()[1:] for number in numbers(line)]
        assert len(said) > 15
        assert set(said) <= known, (lang, set(said) - known)


def test_hangul_stands_in_the_pdf_as_text_with_its_font_embedded(folder: Path) -> None:
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO((batch("surveys", "buildings.geojson") / "report.ko.pdf").read_bytes()))
    text = "".join("".join(page.extract_text().split()) for page in reader.pages)
    for words in ("피해분석보고서", "강원특별자치도강릉시", "완파(3)", "읽지못한행1건", "397,000,000원"):
        assert words in text
    fonts = [font.get_object() for page in reader.pages for font in page["/Resources"]["/Font"].values()]
    inner = [font["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object() for font in fonts]
    assert inner and all({"/FontFile2", "/FontFile3"} & set(each) for each in inner)
    assert all("Noto" in str(font["/BaseFont"]) for font in fonts)


def test_the_html_report_loads_nothing_and_shows_its_pictures(folder: Path) -> None:
    page = (batch("surveys", "buildings.geojson", lang="en") / "report.en.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 3 and "default-src 'none'" in page
    assert not re.search(r"<(?:script|link|img|iframe)|(?:src|href)=|url\(", page)


def test_words_of_a_file_stay_words_in_every_format(folder: Path) -> None:
    evil = "<script>alert(1)</script>"
    Path("evil.csv").write_text(f"place,damage,type\n{evil},destroyed,[x](http://e)\n", encoding="utf-8")
    out = batch("evil.csv", lang="both")
    assert "<script>" not in (out / "report.ko.html").read_text(encoding="utf-8")
    md = (out / "report.en.md").read_text(encoding="utf-8")
    assert "<script>" not in md and "[x](" not in md


def test_a_thing_surveyed_twice_counts_once_and_the_later_word_counts(folder: Path) -> None:
    found = table(
        Path("twice.csv"),
        "id,damage,time\nB1,minor,2026-07-20 09:00\nB1,destroyed,2026-07-21 09:00\n"
        "B2,major,\nB2,destroyed,\nB3,minor,\nB3,minor,\n",
    )
    assert found["classes"] == {"0": 0, "1": 1, "2": 0, "3": 1, "unknown": 1}
    assert [(each["id"], each["differs"]) for each in found["repeated"]] == [
        ("B1", True),
        ("B2", True),
        ("B3", False),
    ]
    text = " ".join(sentences(assess([Path("twice.csv")]), Wording("en")))
    assert "left out: 3" in text and "2 differed in class" in text


def test_losses_and_people_of_one_thing_that_differ_are_flagged_and_not_added(folder: Path) -> None:
    rows = ["B1,전파,100,2,", "B1,전파,900,2,", "B1,전파,900,2,", "B2,반파,50,1,", "B2,반파,50,3,"]
    rows += ["B3,소파,7,1,2026-07-20", "B3,소파,9,1,2026-07-21"]
    found = table(Path("twice.csv"), "\n".join(["관리번호,피해정도,피해액(천원),이재민,조사일", *rows]))
    assert [each["differs"] for each in found["repeated"]] == [True, True, True, True]
    assert found["losses"] == [{"currency": "KRW", "amount": "59000", "amounts": 2}]  # B2's and B3's later
    assert found["people"] == {"people": 3}
    assert [row.get("disputed") for row in found["rows"]] == [["loss"], ["people"], None]
    assert found["classes"] == {"0": 0, "1": 1, "2": 1, "3": 1, "unknown": 0}
    text = (batch("twice.csv") / "report.ko.md").read_text("utf-8")
    assert "값이 다름: twice.csv:2" in text and "더하지 않았습니다" in text


def test_a_later_survey_settles_losses_that_differed(folder: Path) -> None:
    rows = ["B1,전파,100,", "B1,전파,900,", "B1,전파,300,2026-07-21", "B1,전파,400,2026-07-22"]
    found = table(Path("later.csv"), "\n".join(["관리번호,피해정도,피해액(천원),조사일", *rows]))
    assert found["losses"] == []  # the undated rows may be younger
    found = table(
        Path("dated.csv"),
        "\n".join(
            [
                "관리번호,피해정도,피해액(천원),조사일",
                *(f"{row.rstrip(',')},2026-07-20" if row.endswith(",") else row for row in rows),
            ]
        ),
    )
    assert found["losses"] == [{"currency": "KRW", "amount": "400000", "amounts": 1}]


def test_a_table_of_losses_completes_one_of_classes_by_the_ids(folder: Path) -> None:
    Path("class.csv").write_text("건물번호,피해등급\nA1,전파\nA2,반파\n", encoding="utf-8")
    Path("loss.csv").write_text("건물번호,피해액(천원)\nA1,1200\nA2,300\n", encoding="utf-8")
    found = as_json(assess([Path("class.csv"), Path("loss.csv")]))
    assert found["classes"] == {"0": 0, "1": 0, "2": 1, "3": 1, "unknown": 0}
    assert found["losses"] == [{"currency": "KRW", "amount": "1500000", "amounts": 2}]


def test_a_row_that_adds_up_the_others_is_listed_and_not_counted(folder: Path) -> None:
    found = table(Path("sums.csv"), "시도,시군구,전파\n강원,강릉시,3\n,소 계,3\n경북,포항시,1\n합계,,4\n")
    assert found["things"] == 4
    assert [(each["where"], each["said"]) for each in found["unclear"]] == [
        ("sums.csv:3", "소 계"),
        ("sums.csv:5", "합계"),
    ]
    assert found["sources"][0]["rows"] == 4
    assert table(Path("one.csv"), "시군구,전파\n합계,4\n")["things"] == 4
    assert table(Path("class.csv"), "id,damage\n1,total\n2,minor\n")["things"] == 2


def test_a_copy_of_a_file_is_read_once(folder: Path) -> None:
    text = "시군구,전파\n강릉시,3\n"
    for name in ("a.csv", "b.csv"):
        Path(name).write_text(text, encoding="utf-8")
    found = as_json(assess([Path("a.csv"), Path("b.csv")]))
    assert found["things"] == 3
    assert [(each["where"], each["reason"]) for each in found["rejected"]] == [
        ("b.csv", "the same bytes as a.csv: read once")
    ]


def test_of_several_columns_of_losses_the_first_counts_unless_a_map_names_them(folder: Path) -> None:
    text = "피해정도,피해액(천원),추정피해액(천원)\n전파,100,120\n"
    found = table(Path("losses.csv"), text)
    assert found["losses"] == [{"currency": "KRW", "amount": "100000", "amounts": 1}]
    assert found["sources"][0]["notes"] == ["of several columns of losses only the first counts"]


def test_outlines_that_are_counted_are_those_that_were_measured(folder: Path) -> None:
    made = features("destroyed", "destroyed")
    made["features"][1]["properties"]["count"] = 5
    Path("five.geojson").write_text(json.dumps(made), encoding="utf-8")
    text = " ".join(sentences(assess([Path("five.geojson")]), Wording("en")))
    assert "1 row" in text and "2 rows cover" not in text


def test_what_was_simulated_stays_marked_in_the_report(folder: Path) -> None:
    line = {**REPORTS[0], "simulated": True}
    Path("drill.jsonl").write_text(json.dumps(line), encoding="utf-8")
    assert assess([Path("drill.jsonl")]).simulated
    assert not assess([Path("reports.jsonl")]).simulated
    text = (batch("drill.jsonl", lang="en") / "report.en.md").read_text("utf-8")
    assert Wording("en")["simulated"].split(".")[0] in text.replace("\\", "")


def test_half_characters_and_cells_as_long_as_pages_are_printed(folder: Path) -> None:
    rows = [
        {"id": "x" * 30_000, "damage": "destroyed", "facility": "\ud800" + "y" * 20_000, "\udfff": "z"},
        {"id": "x" * 30_000, "damage": "destroyed", "place": "강릉시 " * 3000},
    ]
    Path("long.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    Path("half.jsonl").write_text(json.dumps({**REPORTS[0], "source": "\ud800"}), encoding="utf-8")
    out = batch("long.jsonl", "half.jsonl", lang="ko")
    assert (out / "report.ko.pdf").read_bytes().startswith(b"%PDF")


def test_the_same_id_at_another_place_is_another_thing(folder: Path) -> None:
    found = table(Path("two.csv"), "id,damage,place\n1,destroyed,강릉시\n1,destroyed,삼척시\n")
    assert found["things"] == 2 and not found["repeated"]


def test_columns_of_numbers_by_class_are_counted(folder: Path) -> None:
    found = table(
        Path("wide.csv"),
        "시군구,전파(동),반파(동),침수(동),피해액(억원)\n강릉시,3,12,40,15.5\n동해시,,2,x,\n",
    )
    assert found["classes"] == {"0": 0, "1": 40, "2": 14, "3": 3, "unknown": 0}
    assert found["flooded_in_class_1"] == 40
    assert found["losses"] == [{"currency": "KRW", "amount": "1550000000", "amounts": 1}]
    assert [(each["where"], each["said"]) for each in found["unclear"]] == [("wide.csv:3", "x")]


def test_of_columns_that_say_the_same_of_a_class_one_counts_and_the_others_are_listed(folder: Path) -> None:
    found = table(Path("same.csv"), "시군구,전파(동),완파,유실,전파(세대),반파\n강릉시,3,3,1,4,2\n")
    assert found["classes"] == {"0": 0, "1": 0, "2": 2, "3": 4, "unknown": 0}
    assert [note.rpartition(": ")[2] for note in found["sources"][0]["notes"]] == ["완파", "전파(세대)"]
    assert found["sources"][0]["ignored"] == ["완파", "전파(세대)"]
    text = (batch("same.csv") / "report.ko.md").read_text("utf-8")
    assert "셈하지 않은 열: 완파" in text
    found = table(Path("two.csv"), "시군구,전파(주택),전파(상가),전소,침수,소파\n강릉시,3,2,1,5,6\n")
    assert found["classes"] == {"0": 0, "1": 11, "2": 0, "3": 6, "unknown": 0}
    assert not found["sources"][0]["notes"]


@pytest.mark.parametrize(
    ("header", "cells", "flagged"),
    [
        ("damage", "0110", True),
        ("Damage", "1-", True),
        ("damage", "0120", False),
        ("damage_grade", "0110", False),
        ("피해등급", "01", False),
    ],
)
def test_a_column_that_may_only_say_yes_and_no_is_noted(
    folder: Path, header: str, cells: str, flagged: bool
) -> None:
    rows = [f"{number},{cell}" for number, cell in enumerate(cells)]
    found = table(Path("flag.csv"), "\n".join([f"id,{header}", *rows]))
    assert [("if they mean no and yes" in note) for note in found["sources"][0]["notes"]] == [True] * flagged
    if flagged:
        assert f"등급 열을 밝힐 것: {header}" in (batch("flag.csv") / "report.ko.md").read_text("utf-8")
        Path("map.toml").write_text(f'class = "{header}"\n', encoding="utf-8")
        assert not assess([Path("flag.csv")], read_column_map(Path("map.toml"))).sources[0].notes


def test_a_scale_of_five_grades_is_not_taken_for_the_scale_of_four(folder: Path) -> None:
    found = table(Path("ems.csv"), "id,damage_grade\n1,1\n2,3\n3,5\n4,destroyed\n")
    assert found["classes"] == {"0": 0, "1": 0, "2": 0, "3": 1, "unknown": 3}
    assert "another scale" in found["unclear"][0]["reason"]


def test_an_amount_without_unit_or_currency_is_listed_and_not_added(folder: Path) -> None:
    found = table(Path("money.csv"), 'id,피해액\n1,1200\n2,"1,200원"\n3,3억\n4,-5원\n')
    assert found["losses"] == [{"currency": "KRW", "amount": "300001200", "amounts": 2}]
    assert [each["said"] for each in found["unclear"]] == ["1200", "-5원"]


def test_a_map_names_columns_and_classes_that_nobody_could_know(folder: Path) -> None:
    Path("odd.csv").write_text("ref,how bad,cost,cur\n7,slight,2.5,USD\n8,gone,1,EUR\n", encoding="utf-8")
    Path("map.toml").write_text(
        'id = "ref"\nclass = "how bad"\nloss = "cost"\nunit = "million"\ncurrency = {column = "cur"}\n'
        "[values]\nslight = 1\ngone = 3\n",
        encoding="utf-8",
    )
    assert main(["batch", "disaster", "odd.csv", "out", "--rules-only", "--map", "map.toml"]) == 0
    found = json.loads(Path("out/damage.json").read_text())
    assert found["classes"]["1"] == found["classes"]["3"] == 1
    assert found["losses"] == [
        {"currency": "EUR", "amount": "1000000", "amounts": 1},
        {"currency": "USD", "amount": "2500000", "amounts": 1},
    ]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('klass = "x"\n', "did you mean class?"),
        ('class = "how baad"\n', "did you mean how bad?"),
        ("class = \n", "a TOML file"),
        ('class = "how bad"\n[values]\nslight = 7\n', "values.slight"),
    ],
)
def test_a_wrong_map_is_refused_with_what_is_wrong(
    folder: Path, capsys: pytest.CaptureFixture[str], content: str, says: str
) -> None:
    Path("odd.csv").write_text("ref,how bad\n7,slight\n", encoding="utf-8")
    Path("map.toml").write_text(content, encoding="utf-8")
    assert main(["batch", "disaster", "odd.csv", "out", "--rules-only", "--map", "map.toml"]) == 2
    assert says in capsys.readouterr().err
    assert not Path("out").exists()


def test_an_outline_has_its_area_and_one_that_is_not_wgs84_has_none(folder: Path) -> None:
    made = features("destroyed")
    side = made["features"][0]["geometry"] = square(128.0, 37.0, 0.001)
    side["coordinates"].append(square(128.0002, 37.0002, 0.0002)["coordinates"][0])  # a courtyard
    found = table(Path("a.geojson"), json.dumps(made))
    # 0.001 degrees at 37 N are 111.0 m by 89.0 m; the hole is a twenty-fifth.
    assert found["areas_m2"]["3"] == pytest.approx(110.98 * 89.01 * 24 / 25, rel=0.005)
    made["crs"] = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::5186"}}
    found = table(Path("b.geojson"), json.dumps(made))
    assert found["classes"]["3"] == 1 and found["areas_m2"] == {}
    assert "not WGS 84" in found["sources"][0]["notes"][0]


def test_a_label_file_of_xbd_is_read_and_one_of_before_the_disaster_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wkt = "POLYGON ((129.03 37.62, 129.0302 37.62, 129.0302 37.6202, 129.03 37.62))"
    building = {
        "properties": {"feature_type": "building", "subtype": "major-damage", "uid": "u1"},
        "wkt": wkt,
    }
    label = {
        "features": {"lng_lat": [building], "xy": []},
        "metadata": {"capture_date": "2018-09-20T16:04:41.000Z"},
    }
    found = table(Path("post.json"), json.dumps(label))
    assert found["classes"]["2"] == 1 and found["areas_m2"]["2"] > 100
    assert found["rows"][0]["time"].startswith("2018-09-20T16:04:41")
    del building["properties"]["subtype"]
    Path("pre.json").write_text(json.dumps(label), encoding="utf-8")
    batch("pre.json", out="o2", code=2)
    assert "before the disaster" in capsys.readouterr().err


def test_a_folder_that_no_batch_made_is_not_touched(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine").mkdir()
    Path("mine/thesis.txt").write_text("years of work", encoding="utf-8")
    batch("buildings.geojson", out="mine", code=2)
    assert "--force" in capsys.readouterr().err and len(list(Path("mine").iterdir())) == 1
    assert main(["batch", "disaster", "buildings.geojson", "mine", "--rules-only", "--force"]) == 0
    assert Path("mine/thesis.txt").read_text(encoding="utf-8") == "years of work"


def test_a_second_batch_writes_the_same_bytes_and_takes_away_what_is_no_longer_made(folder: Path) -> None:
    first = {path.name: path.read_bytes() for path in batch("buildings.geojson", lang="both").iterdir()}
    again = {path.name: path.read_bytes() for path in batch("buildings.geojson", lang="both").iterdir()}
    assert again == first
    assert main(["batch", "disaster", "buildings.geojson", "out", "--rules-only", "--lang", "ko"]) == 0
    assert not Path("out/report.en.pdf").exists() and Path("out/report.ko.pdf").exists()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["nowhere.csv"], "no such file"),
        (["empty"], "nothing to read"),
        (["notes.docx"], "unknown kind of file"),
        (["names.csv"], "no column of damage"),
        (["broken.geojson"], "not GeoJSON"),
        (["."], "OUT lies in a folder that is read"),
    ],
)
def test_wrong_input_is_told_in_a_line_and_nothing_is_written(
    folder: Path, capsys: pytest.CaptureFixture[str], given: list[str], says: str
) -> None:
    Path("empty").mkdir()
    Path("notes.docx").write_bytes(b"PK")
    Path("names.csv").write_text("name,age\nKim,3\n", encoding="utf-8")
    Path("broken.geojson").write_text('{"features": [', encoding="utf-8")
    batch(*given, code=2)
    assert says in capsys.readouterr().err
    assert not Path("out").exists()


def test_one_unreadable_file_among_others_is_rejected_and_the_rest_is_read(folder: Path) -> None:
    Path("surveys/notes.docx").write_bytes(b"PK")
    out = batch("surveys")
    rejected = [json.loads(line) for line in (out / "rejected.jsonl").read_text().splitlines()]
    assert {"surveys/notes.docx", "surveys/day1.csv:7"} == {each["where"] for each in rejected}


def test_json_on_stdout_is_one_object_with_the_totals(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["batch", "disaster", "buildings.geojson", "out", "--rules-only", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["classes"]["3"] == 1 and "damage.json" in told["files"] and told["not_written"] == []


def test_without_the_pdf_writer_the_other_formats_are_written_and_the_extra_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fpdf", None)
    out = batch("buildings.geojson")
    assert "pip install 'ondevice-slm[disaster]'" in capsys.readouterr().out
    assert (out / "report.ko.html").exists() and not (out / "report.ko.pdf").exists()


Handler = Callable[[dict[str, Any]], bytes]
PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)


@pytest.fixture
def seeing() -> Iterator[tuple[str, list[Any]]]:
    """A server whose model says of every picture that the house is destroyed, and what it was sent."""
    asked: list[Any] = []

    class Requests(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(json.dumps({"data": [{"id": "eyes"}]}).encode())

        def do_POST(self) -> None:
            asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            text = json.dumps({"class": "3", "seen": "A house without its roof, 2 walls stand."})
            event = {"choices": [{"delta": {"content": text}}]}
            self._answer(b"data: " + json.dumps(event).encode() + b"\n\ndata: [DONE]\n\n")

        def _answer(self, data: bytes) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Requests)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1", asked
    server.shutdown()
    server.server_close()


def test_a_photo_is_seen_by_a_configured_model_and_counted_in_no_figure(
    folder: Path, seeing: tuple[str, list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, asked = seeing
    monkeypatch.setenv("SLM_ENGINE", address)
    Path("house.png").write_bytes(PNG)
    Path("fake.png").write_text("not a picture", encoding="utf-8")
    out = batch("house.png", "fake.png", "buildings.geojson")
    found = json.loads((out / "damage.json").read_text())
    fake, house = sorted(found["photos"], key=lambda each: str(each["where"]))
    assert (house["grade"], house["model"], house["counted"]) == (3, "eyes", False)
    assert fake["reason"] == "no png image"
    assert found["classes"]["3"] == 1  # the building's alone
    sent = asked[0]["messages"][0]["content"][1]["image_url"]["url"]
    assert sent.startswith("data:image/png;base64,") and len(asked) == 1


def test_a_photo_without_a_model_that_sees_is_said_plainly(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("house.png").write_bytes(PNG)
    batch("house.png", "buildings.geojson")
    assert "house.png: no model that sees is configured" in capsys.readouterr().out


def test_the_expert_is_asked_about_reports_and_adds_what_the_rules_did_not_find(folder: Path) -> None:
    from slm_core.domain import BatchOptions
    from slm_core.errors import CouldNot
    from slm_core.expert import Answer
    from slm_core.settings import load_settings
    from slm_disaster import DOMAIN
    from slm_disaster.schema import Found, Record, Span

    asked: list[str] = []

    def expert(task: str, request: Any) -> Answer:
        asked.append(request.text)
        if len(asked) == 3:
            raise CouldNot("the engine broke")
        start = request.text.find("5명")
        if start < 0:
            return Answer(Record(), "rules+expert", model="tiny", model_sha256="ab" * 32)
        found = Found[int](value=5, span=Span(start=start, end=start + 2, quote="5명"), by="expert")
        return Answer(Record(injured=found), "rules+expert", model="tiny", model_sha256="ab" * 32)

    with Path("reports.jsonl").open("a", encoding="utf-8") as file:
        file.write('\n{"text": "삼척시 산불로 주택 3동 전소", "time": "2026-07-20 14:00"}\n')
    assert DOMAIN.batch is not None
    done = DOMAIN.batch([Path("reports.jsonl")], BatchOptions(("ko",), load_settings(), ask=expert))
    assert len(asked) == 3
    assert done.summary["notes"] == [
        "reports read by the rules and tiny abababababab: 2",
        "reports the expert could not read, the rules stand (the engine broke): 1",
    ]
    fields = {each["field"] for each in json.loads(done.files["damage.json"])["reported"][0]["fields"]}
    assert {"dead", "injured"} <= fields


def test_a_batch_that_was_cut_off_is_known_and_written_anew(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import slm_core.files

    real = slm_core.files.write_atomically

    def full_disk(path: Path, data: bytes) -> None:
        if path.suffix == ".html":
            raise OSError(28, "No space left on device", str(path))
        real(path, data)

    monkeypatch.setattr(slm_core.files, "write_atomically", full_disk)
    batch("buildings.geojson", code=1)
    assert json.loads(Path("out/batch.json").read_text())["complete"] is False
    monkeypatch.setattr(slm_core.files, "write_atomically", real)
    batch("buildings.geojson")
    assert json.loads(Path("out/batch.json").read_text())["complete"] is True


def test_a_mark_that_names_files_elsewhere_removes_nothing_there(folder: Path) -> None:
    Path("keep.txt").write_text("mine", encoding="utf-8")
    Path("out").mkdir()
    mark = {"made_by": "slm batch", "files": ["../keep.txt", "sub/../../keep.txt", "gone.txt"]}
    Path("out/batch.json").write_text(json.dumps(mark), encoding="utf-8")
    batch("buildings.geojson")
    assert Path("keep.txt").exists()


def test_the_coast_is_cut_where_it_leaves_the_map_and_not_bent() -> None:
    from slm_disaster.damage.pictures import WIDTH, _land, _View

    view = _View(lat=37.6, lon=129.0, span=0.5, squeeze=0.79)
    line = ((38.6, 128.0), (38.6, 129.0), (36.6, 129.0), (36.6, 128.0))  # the coast runs along 129 E
    land = _land(line, view)
    assert land is not None
    assert {round(x) for x, _ in land.points} == {0, round(WIDTH / 2)}
    assert {round(y) for _, y in land.points} == {0, round(view.height)}
