"""The word lists of the rules, read once, and how they are looked up."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from slm_core.grounding import occurrences
from slm_disaster.schema import Span

_STOP = re.compile(r"[.!?\n;]+(?:\s|$)|(?<=[다요])[.\s]\s?")


@cache
def table(name: str) -> dict[str, Any]:
    """Return the table `name`.toml of this folder."""
    return tomllib.loads((Path(__file__).parent / f"{name}.toml").read_text(encoding="utf-8"))


@lru_cache(maxsize=64)
def masked(text: str) -> str:
    """Return the text with every trap phrase blanked out; all places stay where they are."""
    letters = list(text)
    for start, end in occurrences(text, table("lexicon")["traps"]["phrases"]):
        letters[start:end] = "\0" * (end - start)
    return "".join(letters)


@lru_cache(maxsize=64)
def sayings(text: str) -> str:
    """Return the text with the sentences that give orders to the machine blanked out; places stay."""
    letters = list(text)
    for start, end in occurrences(text, table("lexicon")["orders"]["words"]):
        before = [match.end() for match in _STOP.finditer(text, 0, start)]
        after = _STOP.search(text, end)
        left, right = before[-1] if before else 0, after.start() if after else len(text)
        letters[left:right] = "\0" * (right - left)
    return "".join(letters)


def labelled(text: str, lists: Mapping[str, list[str]]) -> list[tuple[int, int, str]]:
    """Return start, end and label of the listed words, in text order; of overlapping ones the longest."""
    labels = {word.casefold(): label for label, words in lists.items() for word in words}
    hits = occurrences(text, labels)
    return [(start, end, labels[text[start:end].casefold()]) for start, end in hits]


def span(text: str, start: int, end: int) -> Span:
    """Return the span from `start` to `end`."""
    return Span(start=start, end=end, quote=text[start:end])
