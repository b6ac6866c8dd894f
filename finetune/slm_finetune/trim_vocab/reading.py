"""How texts are read as tokens before and after: by llama.cpp's own tokenizer, which is the device's."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from slm_core.engine.server import LlamaServer

HANGUL = re.compile("[가-힣]+")
LATIN = re.compile("[A-Za-z]+")
_CONTEXT = 256  # nothing is computed


class Tokenizer:
    """Texts to the tokens of one file, as they are written in its vocabulary."""

    def __init__(self, server: LlamaServer, tokens: Sequence[str]) -> None:
        self._server, self._tokens = server, tokens

    def ids(self, text: str) -> list[int]:
        """Return token ids; control tokens in the text are recognised."""
        return self._server.tokenize(text)

    def tokens(self, text: str) -> list[str]:
        """Return the tokens themselves, which do not change when they are numbered anew."""
        return [self._tokens[id_] for id_ in self.ids(text)]


@contextmanager
def tokenizer(path: Path, tokens: Sequence[str]) -> Iterator[Tokenizer]:
    """Open a file for reading texts."""
    server = LlamaServer(path, adapters=(), slots=1, context=_CONTEXT, threads=1)
    try:
        yield Tokenizer(server, tokens)
    finally:
        server.close()


def used_ids(reader: Tokenizer, texts: Iterable[str], title: str) -> set[int]:
    """Return every token that some texts are read as."""
    different = sorted(set(texts))
    found: set[int] = set()
    for number, text in enumerate(different, 1):
        found.update(reader.ids(text))
        if number % 2000 == 0:
            print(f"{title}: {number} of {len(different)} texts read", file=sys.stderr)
    return found


@dataclass(frozen=True)
class Reading:
    """How two files read the same texts.

    Args:
        texts: read by both.
        same: as the very same tokens.
        syllables, words: Hangul syllables and words of Latin letters in them.
        hangul, latin: tokens for these, before and after.
    """

    texts: int
    same: int
    syllables: int
    words: int
    hangul: tuple[int, int]
    latin: tuple[int, int]

    def lines(self) -> list[str]:
        """Return it in words, with what there is of each script."""
        said = [f"{self.same} of {self.texts} held-out texts are read as the very same tokens"]
        said += [_ratio("tokens per Hangul syllable", self.hangul, self.syllables)] if self.syllables else []
        return said + ([_ratio("tokens per English word", self.latin, self.words)] if self.words else [])

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def compare(before: Tokenizer, after: Tokenizer, texts: Iterable[str]) -> Reading:
    """Read texts with both files."""
    different = sorted(set(texts))
    same = sum(before.tokens(text) == after.tokens(text) for text in different)
    syllables = [" ".join(HANGUL.findall(text)) for text in different]
    words = [" ".join(LATIN.findall(text)) for text in different]
    return Reading(
        len(different),
        same,
        sum(len(text.replace(" ", "")) for text in syllables),
        sum(len(text.split()) for text in words),
        (_count(before, syllables), _count(after, syllables)),
        (_count(before, words), _count(after, words)),
    )


def _count(reader: Tokenizer, texts: Sequence[str]) -> int:
    return sum(len(reader.ids(text)) for text in texts if text)


def _ratio(what: str, counts: tuple[int, int], units: int) -> str:
    before, after = (count / units for count in counts)
    return f"{what}: {before:.3f} before, {after:.3f} after ({units:,} counted)"
