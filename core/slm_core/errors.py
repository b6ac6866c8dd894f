"""What can go wrong, and what the command line makes of it.

    SlmError                 one clear line for the user, never a traceback
    ├── UserError            wrong use: exit 2 (what, where, what was expected, how to mend)
    │   └── MissingExtra     an optional part is not installed: exit 2, with the exact pip command
    └── CouldNot             used rightly, yet it could not be done: exit 1
        └── GateFailed       a measured bar was missed: exit 1, with both figures

Anything else that escapes is a bug and may trace back.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher
from pathlib import Path

_ALIKE = 0.6  # as in difflib


class SlmError(Exception):
    """Base of every error that is shown as a line instead of a traceback."""

    exit_code = 1


class UserError(SlmError):
    """Wrong use.

    Args:
        what: the mistake, in one sentence.
        where: file (with `:line` where there is one), flag or field.
        expected: what would have been right.
        mend: what to do now.
    """

    exit_code = 2

    def __init__(
        self,
        what: str,
        *,
        where: str | Path | None = None,
        expected: str | None = None,
        mend: str | None = None,
    ) -> None:
        """Keep the parts and join those that are given into the message."""
        self.what, self.where, self.expected, self.mend = what, where, expected, mend
        parts = [f"{where}: {what}" if where else what]
        if expected:
            parts.append(f"expected: {expected}")
        if mend:
            parts.append(f"mend: {mend}")
        super().__init__("\n  ".join(parts))


class MissingExtra(UserError):
    """A part of the program needs packages of an extra that is not installed."""

    def __init__(self, part: str, extra: str) -> None:
        """`part` is what the user asked for, `extra` the name in pyproject.toml."""
        super().__init__(
            f"{part} needs packages that are not installed", mend=f"pip install 'ondevice-slm[{extra}]'"
        )


class CouldNot(SlmError):
    """Used rightly, yet it could not be done (no network, engine broke, disk full)."""


class GateFailed(CouldNot):
    """A measured bar was missed; the message names the figure and the bar."""


def nearest(name: str, known: Iterable[str], count: int = 1) -> list[str]:
    """Return up to `count` of the `known` names that resemble `name`, best first; often none."""
    scored = [(_likeness(name.casefold(), each.casefold()), each) for each in known]
    alike = [pair for pair in scored if pair[0] >= _ALIKE]
    return [each for _, each in sorted(alike, reverse=True)][:count]


def _likeness(said: str, known: str) -> float:
    """Of the spelling, 0 to 1; a part or the beginning of a long name counts nearly as much as all of it."""
    whole = SequenceMatcher(None, said, known).ratio()
    part = 0.8 if len(said) > 1 and said in known else 0.0
    head = 0.8 * SequenceMatcher(None, said, known[: len(said)]).ratio() if len(said) > 3 else 0.0
    return max(whole, part, head)


def did_you_mean(name: str, known: Iterable[str], count: int = 1) -> str | None:
    """Return the question that mends a misspelt name, or None where no known name resembles it."""
    near = nearest(name, known, count)
    return f"did you mean {', '.join(near)}?" if near else None
