"""Published formats as dataset rows: Home Assistant's intents, CityLearn, Building Data Genome Project 2."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any

from slm_core.dataset.row import Message, Row
from slm_core.dataset.source import Rejected, Source
from slm_core.domain import TextRequest
from slm_core.errors import MissingExtra, UserError
from slm_energy.command import action
from slm_energy.command.home_assistant import command_of
from slm_energy.command.templates import Templates

HA_SOURCE = "Home Assistant intents, https://github.com/OHF-Voice/intents"
HA_LICENCE = "CC-BY-4.0"
SAMPLES = 4
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


def ha_tests(file: Path) -> Iterator[Row | Rejected]:
    """Rows of one file of labelled tests."""
    lines = file.read_text(encoding="utf-8").splitlines()
    for test in (test for document in read_yaml(file) for test in document.get("tests", [])):
        for text in test["sentences"]:
            where = f"{file}:{next((n for n, line in enumerate(lines, 1) if text in line), 1)}"
            yield _ha_row(file, text, test.get("slots", {}), where)


def _sampled(file: Path) -> Iterator[Row | Rejected]:
    """Up to `SAMPLES` sentences of each template of a file; the same file gives the same ones."""
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


def command_row(
    text: str, command: action.Command, lang: str, source: str, licence: str, group: str, id: str = ""
) -> Row:
    """Return one row of the task `command`."""
    messages = (
        Message(role="system", content=action.PROMPT),
        Message(role="user", content=text),
        Message(role="assistant", content=action.encode_command(command, TextRequest(text=text))),
    )
    return Row(
        messages=messages, task="command", lang=lang, source=source, licence=licence, group=group, id=id
    )
