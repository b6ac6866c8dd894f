"""Refusals in Korean: an error is raised in English once, and its Korean is looked up where it is shown.

`refusals.toml` has a Korean sentence for each English one, with the same holes. What fills a hole may itself
be such a sentence. A text that the table does not know stays as it is; a test holds the table complete.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from slm_core.errors import SlmError, UserError
from slm_energy.said import Said

_HOLE = re.compile(r"\{(\w+)\}")
_PLACED = re.compile(r"(?P<place>[^\s:]{1,80}): (?P<text>.+)", re.DOTALL)
_DEEP = 3  # a refusal within a refusal within a refusal


def told(error: SlmError, lang: str) -> str:
    """Return what an error says, in a language: what, where, what was expected, how to mend it."""
    if lang != "ko":
        return str(error)
    if not isinstance(error, UserError):
        return in_korean(str(error))
    what = in_korean(error.what)
    parts = [f"{error.where}: {what}" if error.where else what]
    if error.expected:
        parts.append(f"필요한 것: {in_korean(error.expected)}")
    if error.mend:
        parts.append(f"고치는 법: {in_korean(error.mend)}")
    return "\n  ".join(parts)


def refused(error: SlmError) -> Said:
    """Return what an error says in both languages, each in one line."""
    ko, en = (" ".join(told(error, lang).split()) for lang in ("ko", "en"))
    return Said(ko, en)


def in_korean(text: str, deep: int = _DEEP) -> str:
    """Return the Korean of a refusal; what the table does not know stays as it is."""
    for pattern, ko in _table():
        found = pattern.fullmatch(text)
        if found:
            return _filled(ko, found.groupdict(), deep)
    placed = _PLACED.fullmatch(text) if deep else None
    return f"{placed['place']}: {in_korean(placed['text'], deep - 1)}" if placed else text


def _filled(ko: str, holes: Mapping[str, str], deep: int) -> str:
    return _HOLE.sub(lambda hole: in_korean(holes[hole[1]], deep - 1) if deep else holes[hole[1]], ko)


@cache
def _table() -> tuple[tuple[re.Pattern[str], str], ...]:
    """The sentences as patterns, those with most words of their own first."""
    read = tomllib.loads((Path(__file__).parent / "refusals.toml").read_text(encoding="utf-8"))
    pairs: Mapping[str, str] = {en: ko for part in read.values() for en, ko in part.items()}
    firm = sorted(pairs, key=lambda en: (-len(_HOLE.sub("", en)), en))
    return tuple((re.compile(_pattern(en), re.DOTALL), pairs[en]) for en in firm)


def _pattern(en: str) -> str:
    parts = _HOLE.split(en)
    return "".join(f"(?P<{part}>.+?)" if odd % 2 else re.escape(part) for odd, part in enumerate(parts))
