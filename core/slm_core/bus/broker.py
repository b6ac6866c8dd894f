"""A broker on this machine: `mosquitto` where it is installed, else the one in the package `iotcore`.

That nothing is lost covers our process; the broker must keep the sessions of clients that are away. Both do.
Only mosquitto keeps them over its own restart.
"""

from __future__ import annotations

import getpass
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal

from slm_core.bus import leash
from slm_core.errors import CouldNot
from slm_core.files import write_atomically

HOST = "127.0.0.1"
PORT = 1883
START_S = 10.0
STOP_S = 10.0
SAVE_S = 15  # a mosquitto that is killed, not stopped, forgets at most so much
MAX_PAYLOAD = 4 * 1024 * 1024  # iotcore's own default, 20 KB, ends the connection of whoever sends more
_SYSTEM_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")  # not on every user's PATH
_IOTCORE = """
import json, sys
from iotcore import IotCoreBroker
IotCoreBroker(**json.loads(sys.argv[1])).run_forever()
"""


@dataclass(frozen=True)
class Choice:
    """Which broker runs, why, and what it keeps.

    Args:
        program: its name.
        path: of its executable; None for the package.
        reason: why this one.
        keeps: what survives a restart of the broker.
    """

    program: Literal["mosquitto", "iotcore"]
    path: Path | None
    reason: str
    keeps: str


def choose_broker() -> Choice:
    """Return the broker that `slm broker` runs here."""
    folders = os.pathsep.join([os.environ.get("PATH", os.defpath), *_SYSTEM_FOLDERS])
    found = shutil.which("mosquitto", path=folders)
    if found is not None:
        keeps = f"sessions, retained and queued messages on disk (saved when it stops and every {SAVE_S} s)"
        return Choice("mosquitto", Path(found), f"{found} is installed", keeps)
    keeps = "nothing: its sessions and messages are in memory"
    return Choice("iotcore", None, "mosquitto is not on PATH; this one comes with the installation", keeps)


class Broker:
    """A broker that runs as a process of its own until `stop`, or until this process is gone.

    Args:
        folder: where its configuration, its log and what it keeps lie.
        port: on the loopback address; 0 takes a free one.
        choice: which program.
    """

    def __init__(self, folder: Path, port: int = PORT, choice: Choice | None = None) -> None:
        """Start it and wait until it accepts connections.

        Raises:
            CouldNot: the port is in use, or the broker ended; with the end of its log.
        """
        self.choice = choice or choose_broker()
        self.host = HOST
        self.port = _free_port(port)
        self.log = folder / f"{self.choice.program}.log"
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-I", "-S", str(Path(leash.__file__)), *self._command(folder)]
        with self.log.open("wb") as log:
            # A session of its own: Ctrl-C reaches us alone, and we end it in order.
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True
            )
        self._await_start()

    @property
    def url(self) -> str:
        """The address for clients."""
        return f"mqtt://{self.host}:{self.port}"

    def __enter__(self) -> Broker:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self.stop()

    def wait(self) -> None:
        """Return when the broker has ended by itself.

        Raises:
            CouldNot: always, for it should not; with the end of its log.
        """
        code = self._process.wait()
        raise CouldNot(f"{self.choice.program} ended with code {code}\n{self._last_lines()}")

    def stop(self) -> None:
        """End it in order: mosquitto writes down what it keeps."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _command(self, folder: Path) -> list[str]:
        if self.choice.path is None:
            options = {"listen": HOST, "port": self.port, "max_payload_size": MAX_PAYLOAD}
            return [sys.executable, "-c", _IOTCORE, json.dumps(options)]
        configuration = folder / "mosquitto.conf"
        write_atomically(configuration, mosquitto_configuration(folder, self.port).encode())
        return [str(self.choice.path), "-c", str(configuration)]

    def _await_start(self) -> None:
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            if self._process.poll() is not None:
                break
            try:
                socket.create_connection((HOST, self.port), timeout=1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        self.stop()
        raise CouldNot(f"{self.choice.program} did not start\n{self._last_lines()}")

    def _last_lines(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-5:]
        return "\n".join(f"  {line}" for line in (*lines, f"log: {self.log}"))


def mosquitto_configuration(folder: Path, port: int) -> str:
    """Return ours: this machine only, sessions on disk, no message dropped for a client that is away."""
    lines = [
        f"listener {port} {HOST}",
        "allow_anonymous true",
        "persistence true",
        f"persistence_location {folder.absolute()}/",
        f"autosave_interval {SAVE_S}",
        "max_queued_messages 0",
        "max_inflight_messages 200",
        "log_dest stderr",
        "log_type error",
        "log_type warning",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        lines.append(f"user {getpass.getuser()}")  # else it becomes a user who may not write to that folder
    return "\n".join(lines) + "\n"


def _free_port(port: int) -> int:
    with socket.socket() as probe:
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # one that was just left is free
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError) as error:
            raise CouldNot(
                f"port {port} of {HOST} cannot be used: {error}\n"
                f"  a broker that runs there already is used as it is; --port takes another"
            ) from error
        return int(probe.getsockname()[1])
