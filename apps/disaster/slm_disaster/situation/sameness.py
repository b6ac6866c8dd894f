"""Whether two texts are the same report: a forward, a second gateway, a retry with another id."""

from __future__ import annotations

import re
from functools import lru_cache

from slm_core.grounding import numbers
from slm_disaster.situation.incident import settings

_FRAME = re.compile(r"^(?:\s*(?:rt|fwd?|전달|퍼옴|속보)\b[\s:]*(?:@\w+:?)?)+|https?://\S+", re.IGNORECASE)
_KEPT = 2000  # texts whose figures are known: to find them is slow, and each text is held against many
_LETTERS = re.compile(r"[^0-9A-Za-z가-힣]+")


def same_text(one: str, other: str) -> bool:
    """Whether two texts say the same in nearly the same letters, and give exactly the same numbers."""
    if _figures(one) != _figures(other):
        return False
    first, second = _runs(one), _runs(other)
    shared = len(first & second) / (len(first | second) or 1)
    return shared >= float(settings()["matching"]["alike"])


def _plain(text: str) -> str:
    return _LETTERS.sub("", _FRAME.sub("", text)).casefold()


def _runs(text: str) -> set[str]:
    plain = _plain(text)
    return {plain[at : at + 3] for at in range(max(1, len(plain) - 2))}


@lru_cache(_KEPT)
def _figures(text: str) -> tuple[float, ...]:
    return tuple(sorted(float(number.value) for number in numbers(_FRAME.sub("", text))))
