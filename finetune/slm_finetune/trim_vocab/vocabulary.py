"""A byte-level BPE vocabulary, and which part of it stays.

Why a trimmed vocabulary reads text as before: BPE joins, again and again, the pair with the lowest merge
rank (Sennrich et al. 2016). Take a text all of whose tokens stayed, with all that they are merged from. Each
merge that was applied is still there, and those that are gone only took competitors away, so the same merge
is chosen at every step and the result is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property

from slm_core.errors import UserError
from slm_finetune.trim_vocab.byte_level import bytes_of

Merge = tuple[str, str]


class TokenKind(IntEnum):
    """`tokenizer.ggml.token_type` of the GGUF specification."""

    NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)


ALWAYS = (TokenKind.UNKNOWN, TokenKind.CONTROL, TokenKind.USER_DEFINED, TokenKind.BYTE)


@dataclass(frozen=True)
class Vocabulary:
    """Tokens by id, their kinds, and the merges, the first applied first."""

    tokens: Sequence[str]
    kinds: Sequence[int]
    merges: Sequence[Merge]

    @cached_property
    def ids(self) -> dict[str, int]:
        """Token to id."""
        return {token: id_ for id_, token in enumerate(self.tokens)}

    @cached_property
    def parts(self) -> dict[int, list[int]]:
        """Of each token the tokens that it is merged from."""
        found: dict[int, list[int]] = {}
        for left, right in self.merges:
            whole = self.ids.get(left + right)
            if whole is not None and left in self.ids and right in self.ids:
                found.setdefault(whole, []).extend((self.ids[left], self.ids[right]))
        return found

    @cached_property
    def by_rank(self) -> list[int]:
        """Merged tokens, those that training found most often first."""
        wholes = (self.ids.get(left + right) for left, right in self.merges)
        return list(dict.fromkeys(whole for whole in wholes if whole is not None))

    def always(self) -> set[int]:
        """Return what steers the model, and what writes a single byte, so that any text can be read."""
        single = {i for i, token in enumerate(self.tokens) if len(token) == 1 and bytes_of(token) is not None}
        return single | {i for i, kind in enumerate(self.kinds) if kind in ALWAYS}

    def that(self, holds: Callable[[bytes], bool]) -> set[int]:
        """Return the normal tokens whose bytes pass a test."""
        pairs = ((i, bytes_of(t)) for i, t in enumerate(self.tokens) if self.kinds[i] == TokenKind.NORMAL)
        return {i for i, data in pairs if data is not None and holds(data)}

    def closed(self, wanted: Iterable[int]) -> set[int]:
        """Return the tokens and all that they are merged from."""
        found: set[int] = set()
        waiting = list(wanted)
        while waiting:
            id_ = waiting.pop()
            if id_ not in found:
                found.add(id_)
                waiting += self.parts.get(id_, ())
        return found

    def kept_merges(self, kept: set[int]) -> list[Merge]:
        """Return the merges whose parts and result are kept, in their order."""
        tokens = {self.tokens[id_] for id_ in kept}
        return [(a, b) for a, b in self.merges if a in tokens and b in tokens and a + b in tokens]


@dataclass(frozen=True)
class Kept:
    """What stays, as old ids in ascending order (the place is the new id), and why that many of each."""

    ids: tuple[int, ...]
    reasons: dict[str, int] = field(default_factory=dict)


ROUND = 32  # llama.cpp packs rows of the output matrix by four or eight; a whole number of packs is fast


def choose(
    vocabulary: Vocabulary, spoken: set[int], first: set[int], used: set[int], size: int | None
) -> Kept:
    """Choose the tokens that stay.

    Args:
        vocabulary: of the file.
        spoken: what can occur in texts of the languages.
        first: those of `spoken` that a bound must not touch.
        used: what the domains' texts were read as.
        size: at most so many tokens, down to a multiple of 32: of `spoken` those of the lowest merge ranks
            stay; None keeps all.

    Raises:
        UserError: the bound is below what must stay.
    """
    always = vocabulary.always()
    must = vocabulary.closed(always | used | (spoken if size is None else first))
    least = _rounded(len(must), vocabulary)
    if size is not None and size < least:
        raise UserError(f"{size} tokens", where="--size", expected=f"at least {least}: what must stay")
    ranked = [id_ for id_ in vocabulary.by_rank if id_ in spoken]
    kept = fill(vocabulary, must, ranked, size - size % ROUND if size else len(must))
    rounded = _rounded(len(kept), vocabulary)
    padded = fill(vocabulary, kept, vocabulary.by_rank, rounded)
    reasons = {
        "bytes and control tokens": len(always),
        "of the languages": len((kept & spoken) - always),
        "used by the domains' texts alone": len(kept - spoken - always),
        f"to a multiple of {ROUND}": len(padded) - len(kept),
    }
    return Kept(tuple(sorted(padded)), reasons)


def _rounded(count: int, vocabulary: Vocabulary) -> int:
    return min(-(-count // ROUND) * ROUND, len(vocabulary.tokens))


def fill(vocabulary: Vocabulary, kept: set[int], candidates: Iterable[int], size: int) -> set[int]:
    """Add candidates in their order, each with its parts, as long as they fit into `size` tokens."""
    found = set(kept)
    for id_ in candidates:
        if len(found) >= size:
            break
        added = vocabulary.closed([id_]) - found
        if len(found) + len(added) <= size:
            found |= added
    return found
