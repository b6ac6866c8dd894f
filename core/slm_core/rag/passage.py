"""The passage: the piece of a document that is found, shown and cited."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Passage:
    """A piece of a document, in the document's own words.

    Args:
        id: 10 characters a-z and 2-7, made from document, heading and text: the same after every indexing,
            another as soon as one of them changes.
        document: name of the document.
        heading: headings above it, outermost first.
        text: at most `splitting.LIMIT` characters.
        position: where it stands: `line 12`, `page 3`, `row 37`.
        source: who says so, where the document tells.
        date: as of when, where the document tells.
    """

    id: str
    document: str
    heading: tuple[str, ...]
    text: str
    position: str
    source: str | None = None
    date: str | None = None

    def with_heading(self) -> str:
        """Return heading and text, which are searched: a step alone often lacks its subject."""
        return f"{' > '.join(self.heading)}\n{self.text}" if self.heading else self.text


def with_ids(passages: Iterable[Passage]) -> list[Passage]:
    """Give the passages of one document their ids; equal passages are told apart by their order."""
    seen: Counter[tuple[str, ...]] = Counter()
    result = []
    for passage in passages:
        content = (passage.document, *passage.heading, passage.text)
        seen[content] += 1
        result.append(replace(passage, id=_short_hash("\0".join((*content, str(seen[content]))))))
    return result


def _short_hash(text: str) -> str:
    """50 bits: among 100,000 passages two share an id with a chance of 1 in 200,000."""
    return base64.b32encode(hashlib.sha256(text.encode()).digest())[:10].decode().lower()
