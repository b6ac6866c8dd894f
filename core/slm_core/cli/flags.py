"""What several verbs read from the command line in the same way."""

from __future__ import annotations

import argparse


def port(text: str) -> int:
    """Return a TCP port; 0 means a free one. What is none is refused before anything is opened."""
    number = int(text)
    if not 0 <= number <= 65_535:
        raise argparse.ArgumentTypeError(f"{number} is no port, expected 0 to 65535")
    return number
