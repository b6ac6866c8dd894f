"""Training rows of the task `record`, with ground truth: patterns, composed and disturbed.

A row is a head (a sentence pattern that may give hazard, place, time, level, stage), none to three tails
(clauses on casualties, needs, damage, or traps that give nothing) and surface noise. Every label lies on the
piece of text that gives it, so each quote is exact. Lists and patterns are TOML files beside this module.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from slm_core.dataset.row import Message, Row
from slm_disaster.generator.compose import compose
from slm_disaster.record import PROMPT

SOURCE = "ondevice-slm own generator"
LICENCE = "Apache-2.0"


def generate_rows(seed: int, count: int) -> Iterator[Row]:
    """Yield `count` different rows, Korean and English in turn; the same seed gives the same rows."""
    rng = Random(seed)
    seen: set[str] = set()
    while len(seen) < count:
        lang = ("ko", "en")[len(seen) % 2]
        report = compose(lang, rng)
        if report.text not in seen:
            seen.add(report.text)
            yield row_of(report.text, report.wire, lang, SOURCE, f"{lang}/{report.pattern}")


def row_of(text: str, wire: str, lang: str, source: str, group: str) -> Row:
    """Return one training row of the task `record`."""
    messages = (
        Message(role="system", content=PROMPT),
        Message(role="user", content=text),
        Message(role="assistant", content=wire),
    )
    return Row(messages=messages, task="record", lang=lang, source=source, licence=LICENCE, group=group)
