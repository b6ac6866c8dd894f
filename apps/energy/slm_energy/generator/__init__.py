"""Training rows with computed truth: commands, days of a meter with a planted fault.

A command is a sentence pattern with area, device, value and time filled in; each label lies on the piece of
text that gives it, so a quote is exact, and every number is held against what code reads out of its words.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from slm_core.dataset.row import Row
from slm_energy.command.rows import command_row
from slm_energy.generator.compose import compose

SOURCE = "ondevice-slm own generator"
LICENCE = "Apache-2.0"


def command_rows(seed: int, count: int) -> Iterator[Row]:
    """Yield `count` different commands, Korean and English in turn; the same seed gives the same rows."""
    rng = Random(seed)
    seen: set[str] = set()
    while len(seen) < count:
        lang = ("ko", "en")[len(seen) % 2]
        made = compose(lang, rng)
        if made.text.casefold() not in seen:
            seen.add(made.text.casefold())
            yield command_row(made.text, made.command, lang, SOURCE, LICENCE, made.pattern)
