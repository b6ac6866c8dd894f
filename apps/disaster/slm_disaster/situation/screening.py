"""Reports that give orders to the machine: the words are flagged and read over, never followed."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path

from slm_disaster.rules.tables import sayings

FLAG = "instruction-like text"
_BREAK = re.compile(r"[.!?\n;]+|(?<=[다요라오])\s")


def screen(text: str) -> tuple[str, list[str]]:
    """Return the text with such words blanked out, all places kept, and the flags of the report."""
    clean = sayings(text)
    for match in _patterns("hostile").finditer(text):
        clean = _blanked(clean, *_sentence(text, *match.span()))
    for match in _patterns("asking").finditer(text):
        clean = _blanked(clean, *match.span())
    return clean, [FLAG] if clean != text else []


def _sentence(text: str, start: int, end: int) -> tuple[int, int]:
    before = [match.end() for match in _BREAK.finditer(text, 0, start)]
    after = _BREAK.search(text, end)
    return (before[-1] if before else 0), (after.start() if after else len(text))


def _blanked(text: str, start: int, end: int) -> str:
    return text[:start] + "\0" * (end - start) + text[end:]


@cache
def _patterns(name: str) -> re.Pattern[str]:
    table = tomllib.loads((Path(__file__).parent / "screening.toml").read_text(encoding="utf-8"))
    return re.compile("|".join(f"(?:{pattern})" for pattern in table[name]), re.IGNORECASE)
