"""The energy manual, tried as it stands."""

from __future__ import annotations

import json
import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path

from slm_core.event import Event, Scratch
from slm_energy.pipeline import STREAMS, handle
from slm_energy.site import parse_site

MANUAL = (Path(__file__).parents[1] / "docs" / "energy.md").read_text(encoding="utf-8")


def test_the_site_of_the_manual_is_one() -> None:
    text = re.search(r"```toml\n(.*?)```", MANUAL, re.DOTALL)
    assert text is not None
    site = parse_site(tomllib.loads(text[1]), "docs/energy.md")
    assert site.battery is not None and site.cars and site.deferrables and site.rooms and site.panels


def test_every_message_of_the_manual_is_taken() -> None:
    messages = re.findall(r"^([a-z_]+/\S+) (\{.*\})$", MANUAL, re.MULTILINE)
    assert len(messages) >= 10
    memory, at = Scratch(), datetime(2026, 7, 1, 3, tzinfo=UTC)
    for stream, said in messages:
        if stream == "price/in":  # for a site without a tariff of its own
            continue
        fields = json.loads(said)
        list(handle(Event(stream=stream, source="manual", time=at, **fields), memory))


def test_every_stream_that_is_listened_to_stands_in_the_manual() -> None:
    for stream in STREAMS:
        shown = stream.replace("meter/+/+", "meter/<quantity>/<name>").replace("device/+", "device/<id>")
        assert f"`{shown}`" in MANUAL, stream


def test_what_is_read_of_an_order_is_shown_with_its_words() -> None:
    from slm_core.cli.reply_text import as_lines
    from slm_core.expert import Answer
    from slm_energy.command.rules import read_by_rules

    lines = as_lines(Answer(read_by_rules("거실 에어컨 10분 뒤에 24도로 맞춰 줘"), "rules"))
    shown = {'device: "에어컨"', 'area: "거실"', 'value: 24 °C  "24도"', 'when: after 600 s  "10분 뒤"'}
    assert shown <= set(lines)
