"""Figures that a text takes back itself: `사망 5명은 오보`, `5동 아닌 3동`, `false reports of 5 dead`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from slm_core.grounding import numbers

# `5동 아닌`, `5동 침수가 아니라`, `5동은 오보`, `5동을 3동으로 정정`; other figures between have the denial.
_NOT = r"아(?:니(?!냐)|닌|님|닙)"
_DENIED_AFTER = re.compile(
    rf"\s?(?:[가-힣]{{2,4}}(?=[은는이가]\s?아|\s아))?[은는이가도]?\s?{_NOT}"
    rf"|[^.!?;,\n/\d]{{0,25}}?(?:(?:오보|허위|가짜|오인)(?!(?:는|은|가|이)?\s?{_NOT})|사실\s?무근"
    rf"|사실(?:은|이|도)?\s?{_NOT}|사실과\s?다[르른름릅]"
    r"|(?<!not )\b(?:false|untrue|fake|incorrect|a (?:hoax|rumou?r)|retracted|withdrawn)\b)"
    r"|[은는을를이가]\s?\d[\d,]*\s?[가-힣]{1,6}(?:으로|로)\s?(?:정정|수정)",
    re.IGNORECASE,
)
_DENIED_BEFORE = re.compile(
    r"(?:\bnot|\b(?:false|untrue|fake)\s(?:reports?|claims?|rumou?rs?|news)(?:\s(?:of|that))?(?:\s[a-z]+)?)\s$",
    re.IGNORECASE,
)


def without_denied(text: str, units: Sequence[str]) -> str:
    """Return the text with blanks in place of the figures that it denies: the next ones may be meant."""
    unit = re.compile(
        rf"\s?여?\s?(?:{'|'.join(map(re.escape, sorted(units, key=len, reverse=True)))})?", re.IGNORECASE
    )
    for number in numbers(text):
        found = unit.match(text, number.end)
        if is_denied(text, number.start, found.end() if found else number.end):
            text = text[: number.start] + " " * (number.end - number.start) + text[number.end :]
    return text


def is_denied(text: str, start: int, end: int) -> bool:
    """Whether the text says of the figure at `start` to `end` that it is not so: 오보, 아닌, false."""
    before = text[max(0, start - 40) : start]
    return bool(_DENIED_AFTER.match(text, end) or _DENIED_BEFORE.search(before))
