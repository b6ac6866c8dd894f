from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slm_core import settings as settings_module
from slm_core.errors import UserError
from slm_core.runtime import check_domains_named
from slm_core.settings import Settings, data_folder, load_settings


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_flag_beats_a_variable_beats_the_file_beats_the_default(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "slm.toml").write_text('model = "from-file"\ncontext = 512\nengine = "http://file:1/v1"\n')
    monkeypatch.setenv("SLM_MODEL", "from-variable")
    monkeypatch.setenv("SLM_CONTEXT", "1024")
    settings = load_settings(model="from-flag", context=None)
    assert (settings.model, settings.context, settings.engine) == ("from-flag", 1024, "http://file:1/v1")
    assert settings.origin("model") == "--model"
    assert settings.origin("context") == "SLM_CONTEXT"
    assert settings.origin("engine") == f"{folder / 'slm.toml'}:3"
    assert settings.origin("offline") == "default"


def test_the_default_number_of_threads_comes_with_its_reason() -> None:
    settings = load_settings()
    assert settings.threads >= 1
    assert "cpu" in settings.origin("threads")


def test_the_file_in_the_home_counts_only_where_the_folder_has_none(folder: Path, slm_home: Path) -> None:
    (slm_home / "slm.toml").write_text("context = 256\n")
    assert load_settings().context == 256
    (folder / "slm.toml").write_text("context = 128\n")
    assert load_settings().context == 128


def test_the_file_that_the_manual_shows_is_read_as_it_says(folder: Path) -> None:
    manual = (Path(__file__).parents[1] / "docs" / "settings.md").read_text(encoding="utf-8")
    shown = manual.partition("```toml\n")[2].partition("```")[0]
    (folder / "slm.toml").write_text(shown, encoding="utf-8")
    settings = load_settings()
    assert settings.offline and settings.site == "gangneung" and len(settings.sources) == 1
    assert settings.broker_password_file == folder / "broker.password"
    assert settings.accept == ("Gemma", "Llama-3")


@pytest.mark.parametrize("said", ['["Gemma", "Llama-3"]', '"Gemma, Llama-3"'])
def test_a_list_in_the_file_may_be_an_array_or_a_text_with_commas(folder: Path, said: str) -> None:
    (folder / "slm.toml").write_text(f"accept = {said}\n")
    assert load_settings().accept == ("Gemma", "Llama-3")


@pytest.mark.parametrize("said", ["3", "[3]"])
def test_a_list_in_the_file_of_anything_else_is_refused(folder: Path, said: str) -> None:
    (folder / "slm.toml").write_text(f"accept = {said}\n")
    with pytest.raises(UserError, match="accept"):
        load_settings()


def test_an_unknown_key_in_the_file_is_refused_with_file_line_and_the_nearest(folder: Path) -> None:
    (folder / "slm.toml").write_text('# mine\n\nmodle = "x"\n')
    with pytest.raises(UserError) as refused:
        load_settings()
    assert "slm.toml:3" in str(refused.value)
    assert "did you mean model?" in str(refused.value)


def test_an_unknown_variable_is_refused_with_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLM_OFLINE", "1")
    with pytest.raises(UserError, match="did you mean SLM_OFFLINE"):
        load_settings()


@pytest.mark.parametrize(
    "line",
    ["threads = true", 'threads = "4"', "threads = 0", "model = 5", 'offline = "yes"', 'engine = "vllm"'],
)
def test_a_wrong_type_or_value_in_the_file_is_refused_with_its_line(folder: Path, line: str) -> None:
    (folder / "slm.toml").write_text(f"context = 0\n{line}\n")
    with pytest.raises(UserError) as refused:
        load_settings()
    assert "slm.toml:2" in str(refused.value)
    assert line.split(" = ")[0] in str(refused.value)


@pytest.mark.parametrize(("name", "value"), [("SLM_THREADS", "many"), ("SLM_OFFLINE", "perhaps")])
def test_a_wrong_variable_is_refused_by_its_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(UserError) as refused:
        load_settings()
    assert name in str(refused.value)
    assert value in str(refused.value)


def test_a_broken_file_names_its_line(folder: Path) -> None:
    (folder / "slm.toml").write_text("context = 0\nmodel = \n")
    with pytest.raises(UserError, match=r"slm\.toml:2"):
        load_settings()


def test_a_file_that_is_no_text_is_refused(folder: Path) -> None:
    (folder / "slm.toml").write_bytes("model = '한글'".encode("cp949"))
    with pytest.raises(UserError, match="UTF-8"):
        load_settings()


@given(st.text(max_size=60))
def test_any_file_either_loads_or_is_a_users_error(text: str) -> None:
    file = Path.cwd() / "slm.toml"
    file.write_text(text, encoding="utf-8", errors="replace", newline="")
    try:
        assert isinstance(load_settings(), Settings)
    except UserError as refused:
        assert "slm.toml" in str(refused)


def test_a_path_in_the_file_is_relative_to_the_file(folder: Path, slm_home: Path) -> None:
    (slm_home / "slm.toml").write_text('models = "my-models"\n')
    assert load_settings().models == slm_home / "my-models"


def test_a_variable_set_to_nothing_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLM_THREADS", "")
    assert load_settings().origin("threads").startswith("default")


def test_accept_takes_a_comma_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLM_ACCEPT", "Gemma, exaone-4.0-1.2b")
    assert load_settings().accept == ("Gemma", "exaone-4.0-1.2b")


def test_a_tilde_is_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLM_MODELS", "~/gguf")
    assert load_settings().models == Path.home() / "gguf"


def test_without_slm_home_the_xdg_data_folder_is_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLM_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(folder / "xdg"))
    assert load_settings().home == folder / "xdg" / "ondevice-slm"


def test_data_comes_from_slm_data_before_what_is_shipped(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped, own = folder / "shipped", folder / "own"
    for place in (shipped / "disaster", shipped / "energy", own / "disaster"):
        place.mkdir(parents=True)
    monkeypatch.setattr(settings_module, "_shipped_data", lambda: [shipped])
    monkeypatch.setenv("SLM_DATA", str(own))
    assert data_folder("disaster") == own / "disaster"
    assert data_folder("energy") == shipped / "energy"
    with pytest.raises(UserError, match="no data of domain 'culture'"):
        data_folder("culture")


def test_slm_data_that_does_not_exist_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLM_DATA", "/nowhere/at/all")
    with pytest.raises(UserError, match="SLM_DATA=/nowhere/at/all"):
        data_folder("disaster")


def test_a_table_of_a_domain_is_handed_to_it_and_one_of_nobody_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "slm.toml").write_text(
        'site = "here"\n[disaster.gateway]\nurl = "http://127.0.0.1"\n[disastr]\na = 1\n'
    )
    settings = load_settings()
    assert settings.tables["disaster"] == {"gateway": {"url": "http://127.0.0.1"}}
    with pytest.raises(UserError, match=r"slm.toml:4: unknown table \[disastr\]") as raised:
        check_domains_named(settings)
    assert "did you mean disaster?" in str(raised.value)
