"""Published formats, generator and seeds of the energy domain as rows; what gives no row is named."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from slm_core.dataset.row import Row
from slm_core.dataset.source import Rejected, Source
from slm_core.errors import UserError
from slm_energy.command.action import command_items
from slm_energy.command.home_assistant import command_of
from slm_energy.dataset import build_dataset
from slm_energy.daycheck.faults import plant
from slm_energy.daycheck.label import Label, label_by_rules
from slm_energy.daycheck.summary import summarize, usual_day
from slm_energy.generator import command_rows
from slm_energy.generator.days import anomaly_rows
from slm_energy.tasks import ANOMALY, COMMAND

DATA = Path(__file__).parents[2] / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the shared data is not here")
OFFICE = [
    *(5.0 + hour / 10 for hour in range(7)), 20.0, 40.0, 45.0, 46.0, 44.0, 43.0, 45.5, 44.5, 42.0, 41.0, 25.0,
    *(6.0 + hour / 10 for hour in range(6)),
]  # fmt: skip


def built(*sources: Source) -> tuple[list[Row], list[Rejected]]:
    every = list(build_dataset(sources, 0))
    return [row for row in every if isinstance(row, Row)], [row for row in every if isinstance(row, Rejected)]


def gold(row: Row) -> frozenset[str]:
    task = {"command": COMMAND, "anomaly": ANOMALY}[row.task]
    return task.items(task.read(json.loads(row.target), task.parse_request(row.user)))


def test_home_assistants_tests_become_commands_grouped_by_intent(tmp_path: Path) -> None:
    folder = tmp_path / "tests" / "en" / "HassTurnOff"
    folder.mkdir(parents=True)
    (folder / "area_domain.yaml").write_text(
        'language: "en"\ntests:\n  - sentences:\n      - "turn off the kitchen lights"\n      - "darkness"\n'
        '    slots: {domain: "light", area: "Kitchen"}\n  - sentences: ["close the garage door"]\n'
        '    slots: {domain: "cover", device_class: "garage"}\n',
        encoding="utf-8",
    )
    other = tmp_path / "tests" / "en" / "HassStartTimer"
    other.mkdir()
    (other / "default.yaml").write_text('tests:\n  - sentences: ["start a timer"]\n', encoding="utf-8")
    good, bad = built(Source("ha-intents", tmp_path))
    assert [(row.user, sorted(gold(row)), row.group) for row in good if row.user != "darkness"] == [
        ("turn off the kitchen lights", ["target=kitchenlights", "verb=turn_off"], "ha/HassTurnOff"),
        ("close the garage door", ["target=garagedoor", "verb=close"], "ha/HassTurnOff"),
    ]
    assert [entry.reason for entry in bad] == ["HassStartTimer orders no device of a home"]
    assert bad[0].where.endswith("default.yaml:2")


def test_a_slot_whose_words_are_not_in_the_text_gives_no_row() -> None:
    with pytest.raises(ValueError, match="no words of the text give 40"):
        command_of("HassLightSet", {"area": "Bedroom", "brightness": 40}, "set the bedroom to 50%")


def test_an_empty_folder_is_no_intents(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no intents here"):
        built(Source("ha-intents", tmp_path))


def test_an_unknown_format_names_the_nearest() -> None:
    with pytest.raises(UserError, match="did you mean citylearn"):
        built(Source("citylern"))


@pytest.mark.parametrize("label", list(Label))
def test_a_planted_fault_is_what_its_label_says(label: Label) -> None:
    from random import Random

    for seed in range(20):
        day = plant(OFFICE, OFFICE, label, Random(seed))
        assert label_by_rules(summarize(day, OFFICE)).label == label


def test_a_day_is_summed_up_against_the_usual_one() -> None:
    day = summarize([None, -1.0, *[2.0] * 22], [1.0] * 24)
    assert (day.missing, day.negative, day.equal, day.highest) == (1, 1, 22, 2.0)
    assert usual_day([[1.0] * 24, [3.0] * 24, [None] * 24]) == [2.0] * 24
    with pytest.raises(ValueError, match="24 values"):
        summarize([1.0], [1.0] * 24)


def test_a_citylearn_home_gives_days_with_known_faults(tmp_path: Path) -> None:
    lines = ["Month,Hour,Day Type,Equipment Electric Power [kWh]"]
    for day in range(30):
        for hour in range(1, 25):
            lines.append(f"1,{hour},{day % 7 + 1},{OFFICE[hour - 1] * (1 + (day * 7 + hour) % 5 / 100):.3f}")
    (tmp_path / "Building_9.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    good, _ = built(Source("citylearn", tmp_path))
    assert len(good) == 30
    assert {row.group for row in good} == {"citylearn/Building_9"}
    assert [row.target for row in good] == [row.target for row in built(Source("citylearn", tmp_path))[0]]


def test_a_wide_csv_without_timestamp_is_refused_with_the_missing_column(tmp_path: Path) -> None:
    table = tmp_path / "meters.csv"
    table.write_text("time,a\n2016-01-01 00:00,1\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"meters.csv:2: column 'timestamp' is missing"):
        built(Source("bdg2", table))


def test_generated_commands_have_exact_quotes_and_every_kind_of_answer() -> None:
    rows = list(command_rows(3, 600))
    assert rows == list(command_rows(3, 600))
    for row in rows:
        wire = json.loads(row.target)
        quotes = [wire[key] for key in ("area", "device", "value") if key in wire] + wire.get("when", [])
        assert all(quote in row.user for quote in quotes), row.user
        command = COMMAND.read(wire, COMMAND.parse_request(row.user))
        assert not command.dropped and COMMAND.write(command, COMMAND.parse_request(row.user)) == row.target
    verbs = Counter(json.loads(row.target)["verb"] for row in rows)
    assert {lang: sum(row.lang == lang for row in rows) for lang in ("ko", "en")} == {"ko": 300, "en": 300}
    assert set(verbs) == {
        *["turn_on", "turn_off", "open", "close", "set", "increase", "decrease", "get", "none", "several"]
    }
    assert 0.15 < verbs["none"] / len(rows) < 0.3


def test_generated_days_have_every_label() -> None:
    rows = list(anomaly_rows(1, 64))
    assert {item for row in rows for item in gold(row)} == {*Label}


def test_the_seeds_are_read_and_no_reading_was_dropped() -> None:
    rows = [row for row in built(Source("own"))[0] if row.source == "ondevice-slm own seeds"]
    assert len(rows) >= 60
    assert {row.lang for row in rows} == {"ko", "en"}
    for row in rows:
        command = COMMAND.read(json.loads(row.target), COMMAND.parse_request(row.user))
        assert command.dropped == [] and command_items(command) == gold(row)


@needs_data
def test_hassil_reads_home_assistants_own_tests() -> None:
    pytest.importorskip("hassil")
    from slm_energy.command.hassil_peer import Recognizer

    good, bad = built(Source("ha-intents", DATA / "ha_intents_ko"))
    english = [row for row in good if row.lang == "en"]
    assert len(english) > 500 and len(bad) > 400
    room = Recognizer([], ["Kitchen", "Living Room", "Bedroom"])
    rows = [row for row in english if row.user in ("turn on Kitchen lights", "set bedroom to 50%")]
    assert rows and all(command_items(room.read(row.user)) == gold(row) for row in rows)


@needs_data
def test_real_meters_give_days_and_those_that_are_not_sound_are_named() -> None:
    good, bad = built(Source("bdg2", DATA / "energy_bdg2" / "bdg2_hourly_sample.csv"))
    assert len(good) > 200
    assert {entry.reason for entry in bad} == {"not a sound day to plant a fault in"}
