"""`slm broker` as a user runs it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from bus_bench import until

from slm_core.bus.broker import HOST, Broker, Choice, choose_broker
from slm_core.cli.main import main
from slm_core.errors import CouldNot


def start(home: Path, *arguments: str) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    """The process and its ready line. The broker's own process answers by then."""
    process = subprocess.Popen(
        [sys.executable, "-m", "slm_core.cli.main", "broker", "--json", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "SLM_HOME": str(home)},
    )
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())


def answers(url: str) -> bool:
    try:
        socket.create_connection((HOST, int(url.rsplit(":", 1)[1])), timeout=1).close()
    except OSError:
        return False
    return True


def test_one_ready_line_says_which_broker_and_why_and_ctrl_c_stops_it(slm_home: Path) -> None:
    process, ready = start(slm_home)
    assert ready["program"] == choose_broker().program and ready["reason"] and ready["keeps"]
    assert ready["url"].startswith("mqtt://127.0.0.1:") and answers(ready["url"])
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 0 and "stopped" in errors and "Traceback" not in errors
    assert not answers(ready["url"])


def test_a_killed_slm_broker_leaves_no_broker_behind(slm_home: Path) -> None:
    process, ready = start(slm_home)
    process.kill()
    process.communicate()
    until(lambda: not answers(ready["url"]))


def test_a_port_in_use_is_told_plainly(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        assert main(["broker", "--port", str(port)]) == 1
    shown = capsys.readouterr().err
    assert f"port {port} of 127.0.0.1" in shown and "--port" in shown


@pytest.mark.parametrize("port", ["70000", "-1", "mqtt"])
def test_what_is_no_port_is_wrong_use(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["broker", f"--port={port}"])
    assert left.value.code == 2 and "--port" in capsys.readouterr().err


def test_iotcore_runs_where_mosquitto_is_not_and_listens_on_this_machine_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("slm_core.bus.broker._SYSTEM_FOLDERS", ())
    choice = choose_broker()
    assert choice.program == "iotcore" and "mosquitto is not" in choice.reason and "nothing" in choice.keeps
    with Broker(tmp_path, 0, choice) as broker:
        for address in _addresses():
            with pytest.raises(OSError):
                socket.create_connection((address, broker.port), timeout=1)


def _addresses() -> list[str]:
    """Those of this machine beyond the loopback."""
    found = {str(info[4][0]) for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    return sorted(address for address in found if not address.startswith("127."))


def test_a_broker_that_cannot_start_shows_the_end_of_its_log(tmp_path: Path) -> None:
    broken = tmp_path / "mosquitto"
    broken.write_text("#!/bin/sh\necho no such option >&2\nexit 3\n")
    broken.chmod(0o755)
    with pytest.raises(CouldNot, match="no such option"):
        Broker(tmp_path / "kept", 0, Choice("mosquitto", broken, "the test says so", ""))
