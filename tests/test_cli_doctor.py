from __future__ import annotations

import json
from pathlib import Path

import pytest

from slm_core.cli.main import main
from slm_core.domain import Domain


@pytest.fixture(autouse=True)
def own_domain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Domain:
    """The only installed domain is one of the test's own."""
    domain = Domain("garden", {}, {}, (), ("tiny-base",), "tiny-base", lambda sources, seed: [], tmp_path)
    monkeypatch.setattr("slm_core.cli.doctor.domain_names", lambda: ["garden"])
    monkeypatch.setattr("slm_core.cli.doctor.find_domain", lambda name: domain)
    return domain


def doctor(capsys: pytest.CaptureFixture[str]) -> dict[tuple[str, str], dict[str, str]]:
    assert main(["doctor", "--json"]) == 0
    return {(check["part"], check["name"]): check for check in json.loads(capsys.readouterr().out)}


def test_every_setting_in_force_is_shown_with_its_origin(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, slm_home
) -> None:
    (slm_home / "slm.toml").write_text("context = 640\n")
    monkeypatch.setenv("SLM_THREADS", "3")
    checks = doctor(capsys)
    assert checks["settings", "threads"]["found"] == "3  [SLM_THREADS]"
    assert checks["settings", "context"]["found"] == f"640  [{slm_home / 'slm.toml'}:1]"
    assert checks["settings", "engine"]["found"] == "llama  [default]"


def test_the_missing_default_model_is_a_warning_with_the_command(package_index, capsys, monkeypatch) -> None:
    monkeypatch.setenv("SLM_MODEL", "tiny-model")
    check = doctor(capsys)["models", "tiny-model"]
    assert (check["state"], check["mend"]) == ("warn", "slm models pull tiny-model")
    assert main(["models", "pull", "tiny-model"]) == 0
    capsys.readouterr()
    check = doctor(capsys)["models", "tiny-model"]
    assert check["state"] == "ok"
    assert check["found"].endswith("tiny.gguf")


def test_an_unknown_model_in_the_settings_is_a_warning_not_a_crash(capsys, monkeypatch) -> None:
    monkeypatch.setenv("SLM_MODEL", "qwen9")
    assert doctor(capsys)["models", "qwen9"]["state"] == "warn"


def test_domains_and_extras_are_told(capsys) -> None:
    checks = doctor(capsys)
    assert checks["domains", "garden"]["state"] == "ok"
    assert "tasks" in checks["domains", "garden"]["found"]
    train = checks["extras", "train"]
    assert train["state"] == "ok" or train["mend"] == "pip install 'ondevice-slm[train]'"


def test_a_base_without_adapter_is_a_warning_with_the_command(capsys) -> None:
    check = doctor(capsys)["adapters", "garden"]
    assert check["mend"] == "finetune lora --domain garden --model tiny-base"


def test_an_adapter_that_failed_its_gate_is_a_warning(capsys, slm_home) -> None:
    folder = slm_home / "adapters" / "garden" / "some-base"
    folder.mkdir(parents=True)
    (folder / "REFUSED").touch()
    check = doctor(capsys)["adapters", "garden"]
    assert check["state"] == "warn"
    assert f"{folder} failed its parity gate" in check["found"]


def test_a_broken_adapter_is_a_warning_that_names_the_file(capsys, slm_home) -> None:
    folder = slm_home / "adapters" / "garden" / "some-base"
    folder.mkdir(parents=True)
    check = doctor(capsys)["adapters", "garden"]
    assert check["state"] == "warn"
    assert "adapter_config.json" in check["found"]


def test_a_full_disk_is_a_warning(capsys, monkeypatch) -> None:
    monkeypatch.setattr("slm_core.cli.doctor.free_bytes", lambda folder: 1_000_000)
    assert doctor(capsys)["machine", "disk"]["state"] == "warn"


def test_a_wrong_settings_file_is_exit_2_with_its_line(capsys, slm_home) -> None:
    (slm_home / "slm.toml").write_text("contxt = 640\n")
    assert main(["doctor"]) == 2
    assert "slm.toml:1" in capsys.readouterr().err


def test_the_report_ends_with_the_number_of_warnings(capsys) -> None:
    assert main(["doctor"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].split()[1].startswith("warning")


def test_what_the_broker_keeps_over_a_restart_is_told(capsys, monkeypatch) -> None:
    from slm_core.bus import broker

    monkeypatch.setattr(broker, "_SYSTEM_FOLDERS", ())
    monkeypatch.setenv("PATH", "/nowhere")
    check = doctor(capsys)["bus", "slm broker"]
    assert check["state"] == "warn" and "install mosquitto" in check["mend"]
    assert "iotcore" in check["found"] and "over a restart it keeps nothing" in check["found"]
