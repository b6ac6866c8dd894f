"""Personal data out of a row: typed placeholders in its language, the same in prompt and target."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from slm_core.dataset.personal import find
from slm_core.dataset.row import Message, Row

PLACEHOLDERS: Mapping[str, Mapping[str, str]] = {
    "ko": {
        "url_user": "[계정]",
        "email": "[이메일]",
        "national_id": "[주민번호]",
        "card": "[카드번호]",
        "account": "[계좌번호]",
        "ip": "[IP주소]",
        "phone": "[전화]",
        "plate": "[차량번호]",
    },
    "en": {
        "url_user": "[user]",
        "email": "[email]",
        "national_id": "[national id]",
        "card": "[card]",
        "account": "[account]",
        "ip": "[ip]",
        "phone": "[phone]",
        "plate": "[plate]",
    },
}
_NUMBER = re.compile(r"\d[\d .-]{4,}\d")


@dataclass(frozen=True)
class Scrubbed:
    """A text without personal data, and what was taken out: (kind, original) in order."""

    text: str
    found: tuple[tuple[str, str], ...]


def scrub_text(text: str, lang: str) -> Scrubbed:
    """Replace personal data by placeholders; Korean ones for `ko`, English ones for every other language."""
    names = PLACEHOLDERS.get(lang, PLACEHOLDERS["en"])
    taken: list[tuple[str, str]] = []
    # A replacement can uncover a neighbour (two numbers run together); each pass takes digits or an @ away,
    # so it ends.
    while found := find(text):
        taken += [(finding.kind, text[finding.start : finding.end]) for finding in found]
        for finding in reversed(found):
            text = text[: finding.start] + names[finding.kind] + text[finding.end :]
    return Scrubbed(text, tuple(taken))


def scrub_row(row: Row) -> tuple[Row, Counter[str]]:
    """Return the row without personal data and the count of each kind taken out.

    System messages are the domain's own and stay. What was taken from the prompt is taken from the target
    too, where the word that gave it away (계좌, call) may be missing.
    """
    counts: Counter[str] = Counter()
    taken: dict[str, str] = {}

    def clean(text: str) -> str:
        scrubbed = scrub_text(_known_out(text, taken, row.lang), row.lang)
        counts.update(kind for kind, _ in scrubbed.found)
        taken.update((original, kind) for kind, original in scrubbed.found)
        return scrubbed.text

    messages = tuple(
        message
        if message.role == "system"
        else Message(role=message.role, content=_content(message.content, clean))
        for message in row.messages
    )
    group, id_ = _opaque(row.group), _opaque(row.id)
    if messages == row.messages and (group, id_) == (row.group, row.id):
        return row, counts
    return row.model_copy(update={"messages": messages, "group": group, "id": id_}), counts


def personal_left(row: Row) -> list[tuple[str, str]]:
    """Return the personal data of a row: (kind, text)."""
    found: list[tuple[str, str]] = []

    def look(text: str) -> str:
        found.extend((finding.kind, text[finding.start : finding.end]) for finding in find(text))
        return text

    for message in row.messages:
        if message.role != "system":
            _content(message.content, look)
    return found


def _content(content: str, clean: Callable[[str], str]) -> str:
    """Clean a message: text as it is, of JSON only the strings, for a number there is no phone."""
    if content[:1] not in ("{", "["):
        return clean(content)
    try:
        value = json.loads(content)
    except ValueError:
        return clean(content)
    cleaned = _walk(value, clean)
    return content if cleaned == value else json.dumps(cleaned, ensure_ascii=False, separators=(",", ":"))


def _walk(value: Any, clean: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_walk(item, clean) for item in value]
    if isinstance(value, dict):
        return {key: _walk(item, clean) for key, item in value.items()}
    return value


def _known_out(text: str, taken: Mapping[str, str], lang: str) -> str:
    """Replace what was already taken out elsewhere in the row, and pieces of it that are a number of six or
    more.
    """
    names = PLACEHOLDERS.get(lang, PLACEHOLDERS["en"])
    for original in sorted(taken, key=len, reverse=True):
        text = text.replace(original, names[taken[original]])

    def piece(match: re.Match[str]) -> str:
        whole = next((original for original in taken if match[0] in original), None)
        return names[taken[whole]] if whole else match[0]

    return _NUMBER.sub(piece, text) if taken else text


def _opaque(name: str) -> str:
    """Return a group or id as it is, or its hash where it is somebody's address or number."""
    return hashlib.sha256(name.encode()).hexdigest()[:16] if find(name) else name
