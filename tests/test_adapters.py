"""Which adapter is in force, and what is said of one that is broken, refused or foreign."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest
from tiny_gguf import write_tiny_adapter

from slm_core.adapters import installed_adapter, installed_adapters, read_folder, resolve_adapter
from slm_core.domain import Domain, find_domain
from slm_core.errors import UserError
from slm_core.files import sha256_of
from slm_core.settings import Settings, load_settings

BASE = "tiny"


@pytest.fixture
def domain(tmp_path: Path) -> Domain:
    """The disaster domain, shipped from an empty folder."""
    return dataclasses.replace(find_domain("disaster"), package=tmp_path / "package")


@pytest.fixture
def settings() -> Settings:
    return load_settings()


def home(settings: Settings) -> Path:
    return settings.home / "adapters" / "disaster" / BASE


def shipped(domain: Domain) -> Path:
    return domain.package / "adapter" / BASE


def test_none_is_installed_at_first(domain: Domain, settings: Settings) -> None:
    assert installed_adapter(domain, BASE, settings) is None
    assert resolve_adapter(None, domain, BASE, settings) is None


def test_the_shipped_adapter_serves_until_one_is_trained_here(domain: Domain, settings: Settings) -> None:
    folder = write_tiny_adapter(shipped(domain), seed=1)
    found = installed_adapter(domain, BASE, settings)
    assert found is not None
    assert (found.origin, found.sha256) == ("shipped", sha256_of(folder / "adapter.gguf"))
    mine = write_tiny_adapter(home(settings), seed=2)
    found = installed_adapter(domain, BASE, settings)
    assert found is not None
    assert (found.origin, found.path) == ("home", mine / "adapter.gguf")


def test_the_record_of_the_training_names_the_tasks_of_an_adapter(domain: Domain, settings: Settings) -> None:
    folder = write_tiny_adapter(shipped(domain))
    assert read_folder(folder, "disaster", BASE, "path").tasks is None, "nothing tells"
    (folder / "run.json").write_text('{"training": {"tasks": ["needs"]}}', encoding="utf-8")
    assert read_folder(folder, "disaster", BASE, "path").tasks == {"needs"}
    (folder / "run.json").write_text('{"training": {"tasks": "needs"}}', encoding="utf-8")
    with pytest.raises(UserError, match="'needs' is no list of names"):
        read_folder(folder, "disaster", BASE, "path")


def test_an_adapter_that_failed_its_gate_is_kept_and_not_used(domain: Domain, settings: Settings) -> None:
    write_tiny_adapter(shipped(domain), seed=1)
    (write_tiny_adapter(home(settings), seed=2) / "REFUSED").write_text("KL 1.2", encoding="utf-8")
    found = installed_adapter(domain, BASE, settings)
    assert found is not None and found.origin == "shipped"
    shutil.rmtree(shipped(domain))
    assert installed_adapter(domain, BASE, settings) is None
    with pytest.raises(UserError, match=r"failed its parity gate(.|\n)*finetune lora --domain disaster"):
        resolve_adapter("disaster", domain, BASE, settings)
    assert (home(settings) / "adapter.gguf").is_file()


def test_every_installed_adapter_of_a_base_is_found(settings: Settings) -> None:
    write_tiny_adapter(home(settings), base_sha256="cd" * 32, bias={"needs": -0.5})
    found = installed_adapters(BASE, settings)
    assert set(found) == {"disaster"}
    assert (found["disaster"].base_sha256, found["disaster"].bias) == ("cd" * 32, {"needs": -0.5})
    assert installed_adapters("another-base", settings) == {}


def test_none_asks_for_the_base_though_an_adapter_is_installed(domain: Domain, settings: Settings) -> None:
    write_tiny_adapter(home(settings))
    assert resolve_adapter("none", domain, BASE, settings) is None
    assert resolve_adapter("disaster", domain, BASE, settings) == resolve_adapter(
        None, domain, BASE, settings
    )


def test_a_folder_or_a_file_may_be_named(domain: Domain, settings: Settings, tmp_path: Path) -> None:
    folder = write_tiny_adapter(tmp_path / "mine")
    for path in (folder, folder / "adapter.gguf"):
        found = resolve_adapter(str(path), domain, BASE, settings)
        assert found is not None
        assert (found.domain, found.origin, found.path) == ("disaster", "path", folder / "adapter.gguf")


def test_what_is_no_adapter_is_refused_with_what_would_be(domain: Domain, settings: Settings) -> None:
    with pytest.raises(UserError, match=r"no such adapter 'nosuch'(.|\n)*none, a folder"):
        resolve_adapter("nosuch", domain, BASE, settings)
    with pytest.raises(UserError, match=rf"not installed for {BASE}"):
        resolve_adapter("disaster", domain, BASE, settings)


@pytest.mark.parametrize("missing", ["adapter.gguf", "adapter_config.json"])
def test_a_folder_that_lacks_a_file_names_it(tmp_path: Path, missing: str) -> None:
    folder = write_tiny_adapter(tmp_path / "broken")
    (folder / missing).unlink()
    with pytest.raises(UserError, match=f"{missing}: no such file"):
        read_folder(folder, "disaster", BASE, "path")


def test_a_configuration_that_is_no_json_is_named(tmp_path: Path) -> None:
    folder = write_tiny_adapter(tmp_path / "broken")
    (folder / "adapter_config.json").write_text("{", encoding="utf-8")
    with pytest.raises(UserError, match=r"adapter_config\.json: no JSON"):
        read_folder(folder, "disaster", BASE, "path")


def test_an_adapter_cut_off_is_named(tmp_path: Path) -> None:
    path = write_tiny_adapter(tmp_path / "broken") / "adapter.gguf"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UserError, match=rf"{path}: the file is cut off"):
        read_folder(path.parent, "disaster", BASE, "path")


def test_a_model_is_not_taken_for_an_adapter(tiny_model: Path, domain: Domain, settings: Settings) -> None:
    with pytest.raises(UserError, match="not a LoRA adapter"):
        resolve_adapter(str(tiny_model), domain, BASE, settings)
