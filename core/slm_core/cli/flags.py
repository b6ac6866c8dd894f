"""What several verbs read from the command line in the same way."""

from __future__ import annotations

import argparse

from slm_core.errors import UserError


def port(text: str) -> int:
    """Return a TCP port; 0 means a free one. What is none is refused before anything is opened."""
    number = int(text)
    if not 0 <= number <= 65_535:
        raise argparse.ArgumentTypeError(f"{number} is no port, expected 0 to 65535")
    return number


def speed(given: float) -> float:
    """Return the speed of a recording.

    Raises:
        UserError: it is below 0, or not a number.
    """
    if not given >= 0:
        raise UserError(f"{given:g}", where="--speed", expected="0 or more")
    return given
