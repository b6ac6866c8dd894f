"""The wheel in an empty environment: it finds its domain, its data and its adapters, far from any
checkout."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new virtual environment with nothing but the wheel and what it requires."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        folder,
        CHECKOUT,
    ]
    subprocess.run(build, check=True, capture_output=True)
    venv.create(folder / "env", with_pip=True)
    python = folder / "env" / "bin" / "python"
    wheel = next(folder.glob("*.whl"))
    pins = ["-c", str(CHECKOUT / "constraints.txt")]
    done = subprocess.run(
        [python, "-m", "pip", "install", "-q", *pins, wheel], capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(
            f"the package index does not give the requirements: {done.stderr.strip().splitlines()[-1]}"
        )
    return folder / "env"


def slm(installed: Path, tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {
        name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}
    }
    environment["SLM_HOME"] = str(tmp_path / "home")
    return subprocess.run(
        [installed / "bin" / "slm", *words],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_the_installed_wheel_plays_its_demo_below_the_smallest_model_by_rules(
    installed: Path, tmp_path: Path
) -> None:
    done = slm(installed, tmp_path, "demo", "--once", "--lang", "en", "--model", "smollm2-135m-instruct")
    assert done.returncode == 0, done.stderr
    assert "the rules answered alone" in done.stderr
    assert "Situation report, incidents: 4" in done.stdout and "Draft alert" in done.stdout


def test_the_installed_wheel_builds_rows_from_its_own_seeds(installed: Path, tmp_path: Path) -> None:
    done = slm(installed, tmp_path, "dataset", "build", "disaster", "--out", "rows")
    assert done.returncode == 0, done.stderr
    text = "".join(
        (tmp_path / "rows" / f"{side}.jsonl").read_text(encoding="utf-8") for side in ("train", "dev", "test")
    )
    assert "own seeds" in text


def test_the_installed_wheel_carries_its_adapter(installed: Path, tmp_path: Path) -> None:
    done = slm(installed, tmp_path, "doctor", "--json")
    assert done.returncode == 0, done.stderr
    assert "qwen2.5-coder-0.5b-instruct" in done.stdout
    site = next((installed / "lib").glob("python3.*/site-packages"))
    assert (site / "slm_disaster" / "adapter" / "qwen2.5-coder-0.5b-instruct" / "adapter.gguf").is_file()
