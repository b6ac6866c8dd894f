"""The default base with the adapter that ships: what `make demo ARGS=--once` shows.

`make test` leaves it out, `make test-all` runs it.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from slm_core.domain import find_domain
from slm_core.expert import open_expert
from slm_core.settings import load_settings

pytestmark = pytest.mark.weights_05b


@pytest.fixture(scope="module")
def demo(qwen_05b: Path, tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """The demo played to its end; stdout has one event a line, stderr the report."""
    environment = {**os.environ, "SLM_MODELS": str(qwen_05b.parent), "SLM_OFFLINE": "1"}
    environment["SLM_HOME"] = str(tmp_path_factory.mktemp("home"))
    command = [sys.executable, "-m", "slm_core.cli.main", "demo", "--once", "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def reports(demo: subprocess.CompletedProcess[str]) -> list[dict]:
    """Every report of the last state of each incident."""
    events = [json.loads(line) for line in demo.stdout.splitlines()]
    last = {each["stream"]: each for each in events if each["stream"].startswith("situation/")}
    return [report for event in last.values() for report in event["payload"].get("reports", ())]


def test_the_model_answers_every_report_and_the_demo_says_how_fast(
    demo: subprocess.CompletedProcess[str],
) -> None:
    told = re.search(r"expert: (\d+) answered \(median \d+\.\d\d s\), \d+ merged, 0 left", demo.stderr)
    assert told and int(told[1]) >= 10, demo.stderr
    assert "상황보고" in demo.stderr and "알림 초안" in demo.stderr


def test_every_field_quotes_its_report(reports: list[dict]) -> None:
    spans = [
        (report["text"], each["span"])
        for report in reports
        for found in report["spans"].values()
        for each in found
    ]
    assert len(spans) > 20
    assert all(text[span["start"] : span["end"]] == span["quote"] for text, span in spans)


def test_a_request_after_the_first_finds_the_adapters_prompt_in_its_slot(
    qwen_05b: Path, slm_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLM_MODELS", str(qwen_05b.parent))
    expert = open_expert(find_domain("disaster"), load_settings())
    try:
        task = expert.domain.task("needs")
        answers = [
            expert.answer("needs", task.parse_request(text))
            for text in ("We need water", "식량이 필요합니다", "No tents left in Leogane")
        ]
    finally:
        expert.close()
    assert all(answer.adapter_sha256 for answer in answers)
    assert all(answer.usage and answer.usage.cached > 0 for answer in answers[1:])
