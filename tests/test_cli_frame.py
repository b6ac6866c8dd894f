from __future__ import annotations

import errno
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from slm_core.cli import edge
from slm_core.cli.main import VERBS, main
from slm_core.errors import CouldNot, GateFailed, UserError

HEAVY = {
    "torch",
    "transformers",
    "gradio",
    "cv2",
    "faiss",
    "xllamacpp",
    "numpy",
    "gguf",
    "pydantic",
    "sklearn",
}


def slm(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "slm_core.cli.main", *arguments]


def test_help_loads_nothing_heavy_and_few_modules_at_all() -> None:
    program = (
        "import sys\nbefore = set(sys.modules)\nfrom slm_core.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit as left:\n    assert left.code == 0\n"
        "print(*sorted(set(sys.modules) - before), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = done.stderr.split()
    assert not HEAVY & {name.split(".")[0] for name in loaded}
    assert len(loaded) < 60, loaded


def test_help_lists_every_verb_with_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--help"])
    assert left.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    for verb, line in VERBS.items():
        assert f"{verb} {line}" in shown


def test_every_verb_module_beside_the_frame_is_listed() -> None:
    folder = Path(import_module("slm_core.cli").__file__ or "").parent
    verbs = {
        path.stem for path in folder.glob("*.py") if "\ndef register(" in path.read_text(encoding="utf-8")
    }
    assert verbs == set(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_an_example_in_its_help(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([verb, "--help"])
    assert left.value.code == 0
    assert f"slm {verb}" in capsys.readouterr().out.split("example")[-1]


@pytest.mark.parametrize("arguments", [[], ["dance"], ["models"], ["models", "list", "--fast"]])
def test_misuse_exits_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    assert "usage: slm" in capsys.readouterr().err


def test_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--version"])
    assert left.value.code == 0
    assert capsys.readouterr().out.startswith("ondevice-slm ")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UserError("wrong", where="a.toml:3", expected="this", mend="that"), 2),
        (CouldNot("no network"), 1),
        (GateFailed("0.3 is above 0.02"), 1),
        (KeyboardInterrupt(), 130),
        (OSError(errno.ENOSPC, "No space left on device", "model.gguf"), 1),
        (OSError(errno.ENAMETOOLONG, "File name too long", "model.gguf"), 1),
    ],
)
def test_an_error_is_one_message_and_an_exit_code(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def command() -> int:
        raise error

    assert edge.run(command, "finetune") == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("finetune: ")
    assert "Traceback" not in shown.err


def test_a_bug_traces_back() -> None:
    def command() -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        edge.run(command)


def test_a_reader_that_leaves_early_ends_the_command_in_silence() -> None:
    with subprocess.Popen(slm("models", "list"), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout and process.stderr
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == edge.PIPE_CLOSED


def test_output_that_the_terminal_cannot_show_is_replaced_not_fatal() -> None:
    program = "from slm_core.cli import edge; raise SystemExit(edge.run(lambda: print('홍수 warning') or 0))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        env={"PYTHONIOENCODING": "ascii", "PYTHONPATH": ":".join(sys.path)},
    )
    assert (done.returncode, done.stdout.strip()) == (0, b"?? warning")
