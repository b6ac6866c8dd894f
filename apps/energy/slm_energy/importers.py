"""Published formats as dataset rows: Home Assistant's intents, CityLearn, Building Data Genome Project 2."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

from slm_core.dataset.records import Record, read_records
from slm_core.dataset.row import Row
from slm_core.dataset.source import Rejected, Source
from slm_core.errors import MissingExtra, UserError
from slm_energy.command.home_assistant import command_of
from slm_energy.command.rows import command_row
from slm_energy.command.templates import Templates
from slm_energy.daycheck.rows import MeterDay, planted
from slm_energy.daycheck.summary import HOURS

HA_SOURCE = "Home Assistant intents, https://github.com/OHF-Voice/intents"
HA_LICENCE = "CC-BY-4.0"
SAMPLES = 4
CITYLEARN_SOURCE = "CityLearn Challenge 2022 phase 1, faults planted"
BDG2_SOURCE = "Building Data Genome Project 2, faults planted"
LOOSE = ("name_state", "domain_state", "device_class_state")
"""Templates that put any state after any name; what they make in Korean is no sentence."""
_POWER = "Equipment Electric Power [kWh]"
NO_DEVICE = {
    "name_where": "a person",
    "name_zone": "a person",
    "name_scene": "a scene",
    "name_script": "a script",
}


def ha_intents(source: Source) -> Iterator[Row | Rejected]:
    """Rows of the task `command` from Home Assistant's intents: its labelled tests, its Korean templates.

    The path is a folder with `tests/<lang>/<Intent>/*.yaml` and `sentences/ko/<Intent>/*.yaml`. `group` is
    the intent, so that a split keeps an intent on one side. A sentence that orders no device of a home comes
    as Rejected.
    """
    expected = "a folder with tests/en/HassTurnOn/*.yaml or sentences/ko/HassTurnOn/*.yaml"
    if source.path is None or not source.path.is_dir():
        raise UserError(
            f"{source.format} needs a folder",
            where="--source",
            expected=f"{source.format}=FOLDER: {expected}",
        )
    tests = sorted(source.path.glob("tests/*/Hass*/*.yaml"))
    templates = sorted(source.path.glob("sentences/ko/Hass*/*.yaml"))
    if not tests and not templates:
        raise UserError("no intents here", where=source.path, expected=expected)
    for file in tests:
        yield from ha_tests(file)
    for file in templates:
        yield from _sampled(file)


def citylearn(source: Source) -> Iterator[Row | Rejected]:
    """Rows of the task `anomaly` from CityLearn's homes: `Building_*.csv`, hourly; `group` is the home."""
    path = _path(source, "a Building_*.csv of CityLearn, or the folder of them")
    for file in sorted(path.glob("Building_*.csv")) if path.is_dir() else [path]:
        days: list[MeterDay] = []
        hours: list[tuple[str, Mapping[str, Any]]] = []
        for entry in read_records(file):
            if isinstance(entry, Rejected):
                yield entry
                continue
            _need(entry, ("Hour", "Day Type", _POWER), "a Building_*.csv of CityLearn")
            if float(entry.columns["Hour"]) == 1:
                days += _day(hours, f"citylearn/{file.stem}")
                hours = []
            hours.append((entry.where, entry.columns))
        yield from planted([*days, *_day(hours, f"citylearn/{file.stem}")], CITYLEARN_SOURCE, "MIT")


def _day(hours: Sequence[tuple[str, Mapping[str, Any]]], group: str) -> list[MeterDay]:
    """Return the day of these hours, or nothing where it is not whole (the first of a file)."""
    if len(hours) != HOURS:
        return []
    where, first = hours[0]
    return [MeterDay(where, str(first["Day Type"]), group, [_number(each[_POWER]) for _, each in hours])]


def bdg2(source: Source) -> Iterator[Row | Rejected]:
    """Rows of the task `anomaly` from a wide hourly CSV: `timestamp` and a column for each building.

    `group` is the building and the month.
    """
    expected = "an hourly CSV with the column timestamp and one for each building"
    by_building: dict[str, dict[str, list[tuple[str, float | None]]]] = {}
    for entry in read_records(_path(source, expected)):
        if isinstance(entry, Rejected):
            yield entry
            continue
        _need(entry, ("timestamp",), expected)
        day = str(entry.columns["timestamp"])[:10]
        for building, value in entry.columns.items():
            if building != "timestamp":
                days = by_building.setdefault(building, {})
                days.setdefault(day, []).append((entry.where, _number(value)))
    for building, days in by_building.items():
        yield from planted([*_whole_days(building, days)], BDG2_SOURCE, "CC-BY-4.0")


def _whole_days(building: str, days: Mapping[str, Sequence[tuple[str, float | None]]]) -> Iterator[MeterDay]:
    for day, hours in days.items():
        if len(hours) == HOURS:
            kind = "workday" if date.fromisoformat(day).weekday() < 5 else "weekend"
            group = f"bdg2/{building}/{day[:7]}"
            yield MeterDay(hours[0][0], kind, group, [value for _, value in hours])


def _path(source: Source, expected: str) -> Path:
    if source.path is None:
        raise UserError(
            f"{source.format} needs a path", where="--source", expected=f"{source.format}=PATH: {expected}"
        )
    return source.path


def _need(entry: Record, columns: Sequence[str], expected: str) -> None:
    for name in columns:
        if name not in entry.columns:
            raise UserError(f"column {name!r} is missing", where=entry.where, expected=expected)


def _number(value: Any) -> float | None:
    """Return a number, None where the cell is empty or holds none."""
    try:
        return float(str(value))
    except ValueError:
        return None


def ha_tests(file: Path) -> Iterator[Row | Rejected]:
    """Rows of one file of labelled tests."""
    lines = file.read_text(encoding="utf-8").splitlines()
    for test in (test for document in read_yaml(file) for test in document.get("tests", [])):
        for text in test["sentences"]:
            where = f"{file}:{next((n for n, line in enumerate(lines, 1) if text in line), 1)}"
            yield _ha_row(file, text, test.get("slots", {}), where)


def _sampled(file: Path) -> Iterator[Row | Rejected]:
    """Up to `SAMPLES` sentences of each template of a file; the same file gives the same ones."""
    if file.stem.removesuffix("_area") in LOOSE:
        yield Rejected(str(file), "puts any state after any name, which makes no sentence")
        return
    rng, maker = Random(file.stem), Templates(file.parents[1].name)
    for entry in (entry for document in read_yaml(file) for entry in document.get("data", [])):
        domains = [
            *entry.get("name_domains", []),
            *([entry["inferred_domain"]] if "inferred_domain" in entry else []),
        ]
        for template in entry["sentences"]:
            made: dict[str, dict[str, Any]] = {}
            try:
                for _ in range(SAMPLES):
                    sentence = maker.expand(template, domains, rng)
                    inferred = {"domain": entry["inferred_domain"]} if "inferred_domain" in entry else {}
                    made[sentence.text] = {**inferred, **sentence.slots}
            except ValueError as error:
                yield Rejected(str(file), str(error), template)
            yield from (_ha_row(file, text, slots, str(file)) for text, slots in made.items())


def _ha_row(file: Path, text: str, slots: Mapping[str, Any], where: str) -> Row | Rejected:
    intent, lang = file.parent.name, file.parents[1].name
    if file.stem in NO_DEVICE:
        return Rejected(where, f"{NO_DEVICE[file.stem]}, no device of a home", text)
    try:
        command = command_of(intent, slots, text)
    except ValueError as error:
        return Rejected(where, str(error), text)
    return command_row(text, command, lang, HA_SOURCE, HA_LICENCE, f"ha/{intent}")


def read_yaml(file: Path) -> list[dict[str, Any]]:
    """Return the documents of a YAML file.

    Raises:
        MissingExtra: PyYAML is not installed.
        UserError: it is no YAML.
    """
    try:
        import yaml
    except ImportError as error:
        raise MissingExtra("the importer ha-intents", "train") from error
    try:
        return [
            each for each in yaml.safe_load_all(file.read_text(encoding="utf-8")) if isinstance(each, dict)
        ]
    except yaml.YAMLError as error:
        raise UserError(f"no YAML: {str(error).splitlines()[0]}", where=file) from error
