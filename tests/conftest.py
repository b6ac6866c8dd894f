"""What every test shares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def slm_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test has its own empty SLM_HOME and none of the user's SLM_* variables."""
    for name in [name for name in os.environ if name.startswith("SLM_")]:
        monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("slm_home")
    monkeypatch.setenv("SLM_HOME", str(home))
    return home
