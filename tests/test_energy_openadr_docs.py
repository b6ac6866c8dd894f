"""The examples of docs/energy-protocols.md, run as they stand."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from openadr_vtn import event_3, until, vtn_3

pytest.importorskip("openadr3")
ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "energy-protocols.md").read_text(encoding="utf-8")
CLIENT, SENSORS = re.findall(r"```python\n(.*?)```", PAGE, re.S)


def test_the_client_of_the_page_receives_and_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with vtn_3() as server:
        server.events.append(event_3("e1", eventName="저녁 피크"))
        start, _ = CLIENT.replace("https://vtn.example/openadr3/3.1.0", server.url).split("print(")
        names: dict[str, Any] = {}
        exec(start, names)
        until(lambda: server.reports)
        names["ven"].stop()
        names["intake"].ledger.close()
    (said,) = names["said"]
    assert said[:2] == ("저녁 피크", True) and "5 kW" in said[2]


def test_the_sensors_of_the_page_are_made(capsys: pytest.CaptureFixture[str]) -> None:
    exec(SENSORS, {})
    assert "'p_batt_forecast': '500.00'" in capsys.readouterr().out


def test_every_reason_is_on_the_page() -> None:
    reasons = ROOT / "apps" / "energy" / "slm_energy" / "openadr" / "reasons.toml"
    for code in tomllib.loads(reasons.read_text(encoding="utf-8")):
        assert f"`{code}`" in PAGE
