"""Which tokens can occur in a text of some languages: those whose bytes are a piece of such a text.

A token may begin or end within a character, so its bytes are held against the beginnings and ends of the
UTF-8 forms of all characters that the languages' scripts have. Each part of such a token is such a token too:
a rule that never tears a chain of merges.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from slm_core.errors import UserError, did_you_mean

ALWAYS = ("Common", "Inherited")
_SURROGATES = range(0xD800, 0xE000)  # no characters


@dataclass(frozen=True)
class Writing:
    """What texts of some languages are written with, as UTF-8.

    Args:
        characters: of the scripts.
        heads: what characters begin with, without their last bytes.
        tails: what they end with, without their first bytes.
        middles: bytes within them, of characters of three bytes and more.
    """

    characters: frozenset[str]
    heads: frozenset[bytes]
    tails: frozenset[bytes]
    middles: frozenset[bytes]

    def holds(self, piece: bytes) -> bool:
        """Return whether these bytes can stand in a text."""
        begin = next((i for i, byte in enumerate(piece) if not _continues(byte)), len(piece))
        if begin == len(piece):
            return piece in self.tails or piece in self.middles
        end = _whole_until(piece, begin)
        try:
            text = piece[begin:end].decode()
        except UnicodeDecodeError:
            return False  # no text holds it
        return (
            self.characters.issuperset(text)
            and (begin == 0 or piece[:begin] in self.tails)
            and (end == len(piece) or piece[end:] in self.heads)
        )


def writing_of(languages: Sequence[str]) -> Writing:
    """Return what texts of these languages are written with.

    Raises:
        UserError: an unknown language.
    """
    import regex

    scripts = "".join(rf"\p{{Script={script}}}" for script in (*scripts_of(languages), *ALWAYS))
    belongs = regex.compile(f"[{scripts}]").match
    characters = [chr(code) for code in range(0x110000) if code not in _SURROGATES and belongs(chr(code))]
    forms = [form for form in (c.encode() for c in characters) if len(form) > 1]
    heads = frozenset(form[:cut] for form in forms for cut in range(1, len(form)))
    tails = frozenset(form[cut:] for form in forms for cut in range(1, len(form)))
    middles = frozenset(tail[:cut] for tail in tails for cut in range(1, len(tail)))
    return Writing(frozenset(characters), heads, tails, middles)


def known_languages() -> dict[str, list[str]]:
    """Return the scripts of each language that `--lang` takes."""
    return tomllib.loads(files(__package__).joinpath("languages.toml").read_text(encoding="utf-8"))


def scripts_of(languages: Sequence[str]) -> list[str]:
    """Return the scripts of these languages, without repeats.

    Raises:
        UserError: an unknown language, or none.
    """
    known = known_languages()
    if not languages:
        raise UserError("no language", where="--lang", expected="languages, e.g. --lang ko,en")
    for language in languages:
        if language not in known:
            mend = did_you_mean(language, known)
            raise UserError(f"{language!r}", where="--lang", expected=", ".join(known), mend=mend)
    return list(dict.fromkeys(script for language in languages for script in known[language]))


def _continues(byte: int) -> bool:
    return 0x80 <= byte < 0xC0


def _whole_until(piece: bytes, begin: int) -> int:
    """Return where the last character begins if it is cut off, else the end."""
    last = max(i for i in range(begin, len(piece)) if not _continues(piece[i]))
    lead = piece[last]
    length = 1 if lead < 0x80 else 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
    return last if len(piece) - last < length else len(piece)
