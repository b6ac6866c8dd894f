"""What our code notes against a draft, in the reader's language; record and log keep it in English."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path

from slm_disaster.alerts.wording import Language

NAMED = ("field", "order", "text")  # gaps that hold a name of ours and not a source's words


def noted(said: str, language: Language, name: Callable[[str, str], str]) -> str:
    """Return a note in a language; what has no Korean stays as it is.

    Args:
        said: the note as it was made.
        language: `ko` or `en`.
        name: group (of NAMED) and key to the word that the reader knows it by.
    """
    if language == "en":
        return said
    for pattern, korean in _patterns():
        found = pattern.fullmatch(said)
        if found:
            gaps = {key: name(key, at) if key in NAMED else at for key, at in found.groupdict().items()}
            return korean.format(**gaps)
    return said


@cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    table = tomllib.loads((Path(__file__).parent / "notes.toml").read_text(encoding="utf-8"))
    return [(re.compile(_gaps(note["en"]), re.DOTALL), note["ko"]) for note in table["note"]]


def _gaps(template: str) -> str:
    return re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+?)", re.escape(template))
