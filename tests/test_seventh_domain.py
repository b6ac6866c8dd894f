"""docs/add-a-domain.md, run as it stands: its files written, its commands executed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("trl", reason="needs the extra train")

TUTORIAL = Path(__file__).parents[1] / "docs" / "add-a-domain.md"
FILES = re.compile(r"^```\w+ title=(\S+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMANDS = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory, smollm2: Path) -> dict[str, str]:
    """Every command of the tutorial with what it printed."""
    folder = tmp_path_factory.mktemp("greenhouse")
    text = TUTORIAL.read_text(encoding="utf-8")
    for name, content in FILES.findall(text):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    site = folder / "site"
    environment = {
        **os.environ,
        "PYTHONPATH": str(site),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "SLM_HOME": str(folder / "home"),
        "SLM_MODELS": str(smollm2.parent),
        "SLM_OFFLINE": "1",
        "PIP_TARGET": str(site),
        "PIP_QUIET": "1",
    }
    outputs = {}
    for command in COMMANDS.search(text)[1].splitlines():  # type: ignore[index]
        done = subprocess.run(
            command, shell=True, cwd=folder, env=environment, capture_output=True, text=True, timeout=900
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        outputs[command.split(" --")[0]] = done.stdout
    return outputs


def test_the_tutorials_domain_is_built_trained_past_the_gate_and_asked(ran: dict[str, str]) -> None:
    assert "parity passed" in ran["finetune lora"]
    answer = next(out for command, out in ran.items() if command.startswith("slm ask"))
    assert "cause: frost" in answer and "adapter" in answer


def test_the_tutorials_expert_is_measured_beside_its_peers(ran: dict[str, str]) -> None:
    table = ran["finetune eval"]
    assert "majority" in table and "rules" in table
