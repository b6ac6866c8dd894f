"""The word lists of the command rules, read once, and how names are compared."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

_PARTICLE = re.compile(r"(?<=[가-힣])(?:에서|에게|에는|에도|으로|은|는|이|가|을|를|의|에|도|만|로|랑|과|와)$")


@cache
def words() -> dict[str, Any]:
    """Return the tables of words.toml."""
    return tomllib.loads((Path(__file__).parent / "words.toml").read_text(encoding="utf-8"))


def kind_words(kind: str) -> tuple[str, ...]:
    """Return the everyday words for a kind of device; plural forms too."""
    return tuple(words()["kinds"].get(kind, ()))


def language(text: str) -> str:
    """Return `ko` where a text has Hangul, else `en`."""
    return "ko" if re.search("[가-힣]", text) else "en"


def is_collective(name: str) -> bool:
    """Whether a word means all lights of a room, as 불 and `lights` do."""
    return any(squeezed(name).endswith(squeezed(word)) for word in words()["collective"]["words"])


@cache
def squeezed(name: str) -> str:
    """Return a name without case, white space and article: `the Living-room lamp` is `livingroomlamp`."""
    bare = re.sub(r"^(?:the|my|our|a|an|all|모든|전체) ", "", " ".join(name.split()).casefold())
    return re.sub(r"[\s\-_'’.]", "", bare)


def same_name(one: str, other: str) -> bool:
    """Whether two names are the same but for case, white space, article, plural s and a final particle."""
    return bool(_forms(one) & _forms(other))


@cache
def _forms(name: str) -> frozenset[str]:
    whole = squeezed(name)
    forms = {whole, _PARTICLE.sub("", whole)} if len(whole) > 1 else {whole}
    if whole.isascii() and whole.endswith("s") and len(whole) > 3:
        forms.add(whole[:-1])
    return frozenset(form for form in forms if form)


@cache
def loosely(names: tuple[str, ...]) -> str:
    """Return a pattern of names, the longest first, with any white space; English ones as whole words."""
    patterns = []
    for name in sorted(names, key=len, reverse=True):
        body = r"\s?".join(re.escape(part) for part in name.split())
        patterns.append(rf"\b{body}\b" if name.isascii() else body)
    return "|".join(patterns)
