"""Run a program until it ends or whoever started us is gone, even by kill -9: then our stdin closes.

python leash.py PROGRAM ARGUMENT...
"""

import os
import subprocess
import sys
import threading


def main(command: list[str]) -> int:
    """Run the command and return its exit code."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:
        threading.Thread(target=_end_with_stdin, args=(process,), daemon=True).start()
        return process.wait()


def _end_with_stdin(process: "subprocess.Popen[bytes]") -> None:
    os.read(0, 1)  # sys.stdin's own lock would stop the interpreter from ending
    process.terminate()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
