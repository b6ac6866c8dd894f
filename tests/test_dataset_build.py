"""`slm dataset build`: what goes in, what comes out, and that nothing is lost between."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from slm_core.dataset.build import build, dataset_folder
from slm_core.dataset.report import BuildReport
from slm_core.dataset.row import Message, Row, read_rows
from slm_core.dataset.source import Rejected, Source
from slm_core.domain import Domain, Task, TextRequest
from slm_core.errors import UserError
from slm_core.settings import load_settings


class Mood(StrEnum):
    GLAD = "glad"
    SAD = "sad"


class MoodReply(BaseModel):
    mood: Mood


class Wants(BaseModel):
    wants: list[str]


class Visit(BaseModel):
    guest: str
    nights: int
    note: str | None = None


class Stay(BaseModel):
    place: str
    text: str


def task(name: str, reply: type[BaseModel], request: type[BaseModel] = TextRequest) -> Task:
    return Task(
        name=name,
        titles={"ko": name, "en": name},
        request=request,
        reply=reply,
        prompt=name,
        instructions=name,
        items=lambda value: frozenset(str(item) for item in value.model_dump().values()),
    )


def own_rows(sources: Sequence[Source], seed: int) -> Iterable[Row | Rejected]:
    draw = random.Random(seed)
    for source in sources:
        if source.format == "own":
            for number in range(60):
                words = " ".join(draw.choice("가나다라마바사아자차카타파하") * 3 for _ in range(6))
                yield row(f"{number} {words}", group=f"template {number % 12}")
        elif source.path:
            for line, text in enumerate(source.path.read_text(encoding="utf-8").splitlines(), 1):
                bad = text.startswith("!")
                yield Rejected(f"{source.path}:{line}", "begins with !", text) if bad else row(text)


def row(text: str, mood: str = "glad", name: str = "mood", group: str = "") -> Row:
    messages = [
        Message(role="system", content=name),
        Message(role="user", content=text),
        Message(role="assistant", content=json.dumps({"mood": mood})),
    ]
    return Row(
        messages=tuple(messages), task=name, lang="ko", source="own", licence="Apache-2.0", group=group
    )


INN = Domain(
    name="inn",
    titles={"ko": "여관", "en": "Inn"},
    chat_prompt={"ko": "", "en": ""},
    tasks=(
        task("mood", MoodReply),
        task("wants", Wants),
        task("visit", Visit),
        task("stay", MoodReply, Stay),
    ),
    bases=(),
    min_model="smollm2-135m-instruct",
    build_dataset=own_rows,
    package=Path(__file__).parent,
    importers={"plain": lambda source: ()},
)


def words(seed: int, count: int = 8) -> str:
    draw = random.Random(seed)
    return " ".join(
        "".join(draw.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(6)) for _ in range(count)
    )


def table(folder: Path, data: str | bytes, map_text: str, name: str = "data.csv") -> Source:
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    map_path = folder / "map.toml"
    map_path.write_text(f'lang = "en"\nlicence = "MIT"\n{map_text}', encoding="utf-8")
    return Source("table", path, map_path)


def all_rows(report: BuildReport) -> list[Row]:
    return [row for rows in report.sides.values() for row in rows]


def targets(report: BuildReport) -> dict[str, Any]:
    return {row.user: json.loads(row.target) for row in all_rows(report)}


def rejected(folder: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in (folder / "rejected.jsonl").read_text(encoding="utf-8").splitlines()]


MOOD = 'task = "mood"\ntext = "text"\ntarget = "mood"\n'


def test_without_sources_the_domain_gives_its_own(tmp_path: Path) -> None:
    report = build(INN, [], out=tmp_path / "out")
    assert sum(report.rows.values()) == 60
    assert report.rows["test"] == 10 or report.rows["test"] == 15  # two or three of twelve groups of five


def test_the_folder_has_the_sides_the_rejects_a_card_and_the_configuration(tmp_path: Path) -> None:
    report = build(INN, [], out=tmp_path / "out", seed=7)
    names = {path.name for path in report.folder.iterdir()}
    assert names == {"train.jsonl", "dev.jsonl", "test.jsonl", "rejected.jsonl", "README.md", "build.json"}
    facts = json.loads((report.folder / "build.json").read_text(encoding="utf-8"))
    assert facts["split"]["seed"] == 7
    assert facts["rows"] == report.rows
    assert set(facts["sha256"]) == names - {"build.json"}
    assert list(read_rows(report.folder / "dev.jsonl")) == list(report.sides["dev"])


def test_rows_in_another_encoding_are_named_by_line(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes('{"task": "물"}\n'.encode("cp949"))
    with pytest.raises(UserError, match=r"rows\.jsonl:1: "):
        list(read_rows(path))


def test_the_dataset_lies_in_the_home_folder(slm_home: Path) -> None:
    assert dataset_folder(load_settings(), "inn") == slm_home / "datasets" / "inn"


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_split(tmp_path: Path) -> None:
    def contents(folder: Path) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in folder.iterdir()}

    source = table(tmp_path, "text,mood\n" + "".join(f"{words(n)},glad\n" for n in range(50)), MOOD)
    once, again, other = (
        build(INN, [source], out=tmp_path / name, seed=seed).folder
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert contents(once) == contents(again)
    assert (once / "test.jsonl").read_bytes() != (other / "test.jsonl").read_bytes()


def test_a_second_build_replaces_the_first_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    build(INN, [], out=tmp_path / "inn", seed=1)
    build(INN, [], out=tmp_path / "inn", seed=2)
    assert json.loads((tmp_path / "inn" / "build.json").read_text())["split"]["seed"] == 2
    assert [path.name for path in tmp_path.iterdir()] == ["inn"]


def test_a_folder_with_other_files_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(UserError, match=r"thesis\.txt"):
        build(INN, [], out=tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_a_build_that_fails_leaves_the_old_dataset(tmp_path: Path) -> None:
    before = build(INN, [], out=tmp_path / "inn").sha256
    with pytest.raises(UserError, match="no usable row"):
        build(INN, [table(tmp_path, "text,mood\nhello,angry\n", MOOD)], out=tmp_path / "inn")
    assert json.loads((tmp_path / "inn" / "build.json").read_text())["sha256"] == before


def test_an_unknown_format_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="plain, table, own"):
        build(INN, [Source("plane", tmp_path)], out=tmp_path / "out")


def test_bad_records_of_the_domain_and_of_a_table_keep_their_place_and_reason(tmp_path: Path) -> None:
    lines = tmp_path / "lines.txt"
    lines.write_text("!nonsense 010-1234-5678\na perfectly good line\n", encoding="utf-8")
    data = "text,mood\nfine weather,glad\n,sad\nrain again,wet\n"
    sources = [Source("plain", lines), table(tmp_path, data, MOOD)]
    report = build(INN, sources, out=tmp_path / "out")
    found = {(entry["where"].rpartition("/")[2], entry["kind"]) for entry in rejected(report.folder)}
    assert found == {("lines.txt:1", "invalid"), ("data.csv:3", "invalid"), ("data.csv:4", "invalid")}
    assert "glad" in next(e["reason"] for e in rejected(report.folder) if e["where"].endswith("csv:4"))
    assert "010" not in (report.folder / "rejected.jsonl").read_text(encoding="utf-8")


def test_every_record_ends_in_exactly_one_file(tmp_path: Path) -> None:
    texts = [words(n) for n in range(80)] + [words(3), words(4), f"{words(5)}!", ""]
    data = "text,mood\n" + "".join(f"{text},{'sad' if n % 3 else 'glad'}\n" for n, text in enumerate(texts))
    report = build(INN, [table(tmp_path, data, MOOD)], out=tmp_path / "out")
    assert sum(report.rows.values()) + len(report.rejects) == len(texts) == 84


def test_a_row_that_its_task_cannot_read_once_scrubbed_is_rejected_with_that_reason(tmp_path: Path) -> None:
    data = 'text,guest,nights\ncome,kim,2\n"write to a@b.com",kim,"two"\n'
    source = table(
        tmp_path, data, 'task = "visit"\ntext = "text"\n[template]\nguest = "{guest}"\nnights = "{nights}"\n'
    )
    report = build(INN, [source], out=tmp_path / "out")
    assert targets(report) == {"come": {"guest": "kim", "nights": 2, "note": None}}
    assert "nights" in rejected(report.folder)[0]["reason"]


def test_personal_data_is_scrubbed_counted_and_named_in_the_card(tmp_path: Path) -> None:
    data = f"text,mood\n{words(1)} call 403-678-1551,glad\n{words(2)} 403-678-1552,sad\n"
    report = build(INN, [table(tmp_path, data, MOOD)], out=tmp_path / "out")
    assert report.scrubbed == {"phone": 2}
    assert all("[phone]" in row.user for row in all_rows(report))
    assert "phone 2" in (report.folder / "README.md").read_text(encoding="utf-8")


def test_licence_and_source_stay_with_each_row_and_stand_in_the_card(tmp_path: Path) -> None:
    other = table(tmp_path, f"text,mood\n{words(1)},glad\n", f'{MOOD}source = "diary"\n')
    report = build(INN, [Source("own"), other], out=tmp_path / "out")
    assert {(row.source, row.licence) for row in all_rows(report)} == {
        ("own", "Apache-2.0"),
        ("diary", "MIT"),
    }
    card = (report.folder / "README.md").read_text(encoding="utf-8")
    assert "| diary | MIT | en | 1 |" in card
    assert '"apache-2.0"' in card
    assert "여관" in card


def test_hugging_face_datasets_loads_the_files_and_the_card_is_yaml(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    yaml = pytest.importorskip("yaml")
    folder = build(INN, [], out=tmp_path / "out").folder
    files = {side: str(folder / f"{side}.jsonl") for side in ("train", "dev", "test")}
    loaded = datasets.load_dataset("json", data_files=files, cache_dir=str(tmp_path / "cache"))
    assert sum(len(side) for side in loaded.values()) == 60
    assert loaded["train"][0]["messages"][-1]["role"] == "assistant"
    front = yaml.safe_load((folder / "README.md").read_text(encoding="utf-8").split("---")[1])
    assert front["license"] == ["apache-2.0"]
    assert front["language"] == ["ko"]
    assert [part["split"] for part in front["configs"][0]["data_files"]] == ["train", "validation", "test"]


# The generic table.


def test_a_csv_with_a_byte_order_mark_and_blanks_in_its_header(tmp_path: Path) -> None:
    data = '\ufeff text , "mood" ,n\r\n"fine, weather",glad,1\r\n"two\nlines",sad,2\r\n\r\nlast,sad,3\r\n'
    report = build(INN, [table(tmp_path, data, MOOD)], out=tmp_path / "out")
    assert targets(report) == {
        "fine, weather": {"mood": "glad"},
        "two\nlines": {"mood": "sad"},
        "last": {"mood": "sad"},
    }


@pytest.mark.parametrize("encoding", ["utf-8", "cp949", "utf-16"])
def test_korean_tables_in_the_encodings_that_excel_writes(tmp_path: Path, encoding: str) -> None:
    data = "내용,기분\n날씨가 좋다,glad\n".encode(encoding)
    source = table(tmp_path, data, 'task = "mood"\ntext = "내용"\ntarget = "기분"\n')
    assert targets(build(INN, [source], out=tmp_path / "out")) == {"날씨가 좋다": {"mood": "glad"}}


@pytest.mark.parametrize(
    ("name", "data", "map_text"),
    [
        ("a.tsv", 'text\tmood\n"so" he said\tglad\n', MOOD),
        ("a.csv", 'text;mood\n"""so"" he said";glad\n', MOOD),
        ("a.jsonl", '{"text": "\\"so\\" he said", "mood": "glad"}\n', MOOD),
        (
            "a.json",
            '[\n{"m": {"text": "\\"so\\" he said"}, "mood": "glad"}]',
            MOOD.replace('"text"', '"m.text"'),
        ),
        ("a.json", '{"v": 1, "data": [{"text": "\\"so\\" he said", "mood": "glad"}]}', MOOD),
        ("a.txt", 'glad\t"so" he said\n', f'{MOOD}header = ["mood", "text"]\n'),
        ("a.jsonl", '["\\"so\\" he said", ["glad", "sad"]]\n', 'task="mood"\ntext = "0"\ntarget = "1.0"\n'),
    ],
)
def test_each_kind_of_table_gives_the_same_row(tmp_path: Path, name: str, data: str, map_text: str) -> None:
    report = build(INN, [table(tmp_path, data, map_text, name)], out=tmp_path / "out")
    assert targets(report) == {'"so" he said': {"mood": "glad"}}


def test_a_label_is_renamed_and_an_unknown_one_is_rejected(tmp_path: Path) -> None:
    source = table(tmp_path, "text,mood\ngood,0\nbad,1\nodd,2\n", f'{MOOD}[values]\n0 = "glad"\n1 = "sad"\n')
    report = build(INN, [source], out=tmp_path / "out")
    assert targets(report) == {"good": {"mood": "glad"}, "bad": {"mood": "sad"}}
    assert rejected(report.folder)[0]["where"].endswith("data.csv:4")


def test_columns_of_zero_and_one_become_the_list_of_their_names(tmp_path: Path) -> None:
    data = "text,water,food,bed\nthirsty,1,0,0\nall of it,1,1,true\nnothing,0,0,\nwhat,2,0,0\n"
    map_text = 'task = "wants"\ntext = "text"\ntarget = ["water", "food", "bed"]\n[values]\nbed = "room"\n'
    report = build(INN, [table(tmp_path, data, map_text)], out=tmp_path / "out")
    assert targets(report) == {
        "thirsty": {"wants": ["water"]},
        "all of it": {"wants": ["water", "food", "room"]},
        "nothing": {"wants": []},
    }
    assert "'2'" in rejected(report.folder)[0]["reason"]


def test_a_template_fills_a_reply_of_several_fields_and_leaves_out_what_is_empty(tmp_path: Path) -> None:
    data = "text,first,last,n,note\ncome,Jo,Doe,2,\nstay,Ann,Lee,3,late\n"
    template = """'{"guest": "{first} {last}", "nights": "{n}", "note": "{note}"}'"""
    source = table(tmp_path, data, f'task = "visit"\ntext = "text"\ntemplate = {template}\n')
    assert targets(build(INN, [source], out=tmp_path / "out")) == {
        "come": {"guest": "Jo Doe", "nights": 2, "note": None},
        "stay": {"guest": "Ann Lee", "nights": 3, "note": "late"},
    }


def test_a_request_of_several_fields_is_filled_by_columns(tmp_path: Path) -> None:
    map_text = 'task = "stay"\ntarget = "mood"\n[request]\nplace = "where"\ntext = "said"\n'
    source = table(tmp_path, "where,said,mood\nattic,cold here,sad\n", map_text)
    (only,) = all_rows(build(INN, [source], out=tmp_path / "out"))
    assert json.loads(only.user) == {"place": "attic", "text": "cold here"}


def test_task_language_and_licence_may_come_from_columns(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("text,mood,l,c\n좋다,glad,ko,CC0-1.0\nbad,sad,en,MIT\n", encoding="utf-8")
    (tmp_path / "m.toml").write_text(f'{MOOD}lang = {{column = "l"}}\nlicence = {{column = "c"}}\n')
    report = build(INN, [Source("table", path, tmp_path / "m.toml")], out=tmp_path / "out")
    assert {(row.lang, row.licence) for row in all_rows(report)} == {("ko", "CC0-1.0"), ("en", "MIT")}


def test_the_word_null_is_no_group(tmp_path: Path) -> None:
    data = "text,mood,event\n" + "".join(
        f"{words(n)},glad,{'NULL' if n % 2 else 'flood'}\n" for n in range(40)
    )
    report = build(INN, [table(tmp_path, data, f'{MOOD}group = "event"\n')], out=tmp_path / "out")
    assert {row.group for row in all_rows(report)} == {"", "flood"}
    assert report.rows["test"] == 8


@pytest.mark.parametrize(
    ("map_text", "message"),
    [
        (f'{MOOD}licence_ = "MIT"\n', "did you mean licence"),
        ('task = "mood"\ntext = "txt"\ntarget = "mood"\n', "did you mean text"),
        ('task = "moods"\ntext = "text"\ntarget = "mood"\n', "mood, wants, visit, stay"),
        ('task = "mood"\ntext = "text"\n', "target"),
        ('task = "visit"\ntext = "text"\ntarget = "mood"\n', "guest, nights, note"),
        ('text = "text\n', r"map\.toml:3"),
    ],
)
def test_a_mistake_in_the_map_is_named_with_the_way_out(tmp_path: Path, map_text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        build(INN, [table(tmp_path, "text,mood\nfine,glad\n", map_text)], out=tmp_path / "out")


def test_a_broken_json_array_keeps_what_stands_before_the_break(tmp_path: Path) -> None:
    data = '[\n{"text": "fine", "mood": "glad"},\n{"text": "bad", mood}\n]'
    report = build(INN, [table(tmp_path, data, MOOD, "a.json")], out=tmp_path / "out")
    assert list(targets(report)) == ["fine"]
    assert rejected(report.folder)[0]["where"].endswith("a.json:3")


def test_a_line_that_is_no_json_and_a_row_with_a_cell_too_many_are_named_by_line(tmp_path: Path) -> None:
    (tmp_path / "j").mkdir()
    lines = table(tmp_path / "j", '{"text": "fine", "mood": "glad"}\n{oops\n7\n', MOOD, "a.jsonl")
    cells = table(tmp_path, "text,mood\nwell, well,glad\nbad,sad\n", MOOD)
    report = build(INN, [lines, cells], out=tmp_path / "out")
    places = [entry["where"].rpartition("/")[2] for entry in rejected(report.folder)]
    assert places == ["a.jsonl:2", "a.jsonl:3", "data.csv:2"]
