"""The lines that benchmarks/help_examples.py times are those of the helps, word for word."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from slm_core.cli.main import main as slm
from slm_finetune.cli import main as finetune

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from help_examples import EXAMPLES

PROGRAMS = {"slm": slm, "finetune": finetune}


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_that_is_timed_stands_in_its_help(
    example: str, capsys: pytest.CaptureFixture[str]
) -> None:
    program, *words = example.split()
    verbs = words[:2] if words[0] == "dataset" else words[:1]
    with pytest.raises(SystemExit):
        PROGRAMS[program]([*verbs, "--help"])
    joined = re.sub(r" *\\\n *", " ", capsys.readouterr().out)
    printed = [line.strip() for line in joined.splitlines()]
    assert any(line == example or line.startswith(f"{example}  ") for line in printed)
