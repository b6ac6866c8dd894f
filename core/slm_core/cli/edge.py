"""The edge of every command: errors become one clear message and an exit code, never a traceback."""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
from collections.abc import Callable

from slm_core.errors import SlmError

STOPPED = 130  # what shells give for SIGINT
PIPE_CLOSED = 141  # and for SIGPIPE
_MACHINE = {
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.ENOTDIR,  # SLM_HOME or --out goes through a file
    errno.EEXIST,
    errno.EISDIR,
    errno.ENAMETOOLONG,
}


def run(command: Callable[[], int], prog: str = "slm") -> int:
    """Run a command and return its exit code.

    Wrong use and what could not be done print their message on stderr (`SlmError.exit_code`); Ctrl-C and a
    TERM signal give 130; a reader that closed the pipe (`slm ... | head`) gives 141 in silence; a full
    disk, a forbidden folder, a file in its place (or the reverse) or a name too long gives 1. Anything
    else is a bug and traces back. A misuse that argparse finds leaves as its SystemExit(2).
    """
    _print_any_script()
    _stop_on_term()
    try:
        return _flushed(command)
    except SlmError as error:
        return _say(f"{prog}: {error}", error.exit_code)
    except KeyboardInterrupt:
        return _say(f"{prog}: stopped", STOPPED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except OSError as error:
        if error.errno not in _MACHINE:
            raise
        place = f"{error.filename}: " if error.filename else ""
        return _say(f"{prog}: {place}{error.strerror}", 1)


def _stop_on_term() -> None:
    """Let the TERM signal of a service manager end a command in order, as Ctrl-C does."""
    try:
        signal.signal(signal.SIGTERM, _interrupt)
    except ValueError:  # a command in a thread of a program that has its own handlers
        return


def _interrupt(_: int, __: object) -> None:
    raise KeyboardInterrupt


def _flushed(command: Callable[[], int]) -> int:
    """A closed pipe shows here, not while the interpreter shuts down."""
    try:
        code = command()
    except SystemExit:  # argparse leaves so, after --help as well
        sys.stdout.flush()
        raise
    sys.stdout.flush()
    return code


def _print_any_script() -> None:
    """A terminal that lacks a character shows a replacement; Korean output must not end in a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _say(message: str, code: int) -> int:
    print(message, file=sys.stderr)
    return code
