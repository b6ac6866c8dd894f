"""The default base with the adapter that ships: what `make demo` shows.

`make test` leaves it out, `make test-all` runs it.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.weights_05b


def slm(qwen_05b: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "SLM_MODELS": str(qwen_05b.parent), "SLM_OFFLINE": "1"}
    command = [sys.executable, "-m", "slm_core.cli.main", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)


@pytest.fixture(scope="module")
def evening(qwen_05b: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    """Every message of the demo with its record."""
    os.environ["SLM_HOME"] = str(tmp_path_factory.mktemp("home"))
    done = slm(qwen_05b, "demo", "--once", "--json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_shipped_adapter_reads_every_demo_message(evening: list[dict]) -> None:
    assert len(evening) == 24
    assert all(answer["adapter_sha256"] for answer in evening)
    assert sum("expert" in answer["by"] for answer in evening) >= 22


def test_every_field_quotes_its_message_where_its_span_says(evening: list[dict]) -> None:
    found = [(answer["text"], value) for answer in evening for value in spans(answer["reply"])]
    assert len(found) > 60
    assert all(text[span["start"] : span["end"]] == span["quote"] for text, span in found)


def test_a_request_after_the_first_finds_the_adapters_prompt_in_its_slot(evening: list[dict]) -> None:
    assert all(answer["usage"]["cached"] > 0 for answer in evening[1:])


def spans(value: object) -> list[dict]:
    if isinstance(value, dict):
        here = [value["span"]] if "span" in value else []
        return here + [span for part in value.values() for span in spans(part)]
    return [span for part in value for span in spans(part)] if isinstance(value, list) else []
