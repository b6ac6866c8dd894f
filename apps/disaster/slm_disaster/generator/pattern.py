"""Patterns: sentences with alternatives and slots, expanded into labelled pieces.

| written | becomes |
|---|---|
| `<a|b|>` | one of the alternatives, perhaps nothing; they nest |
| `{word}` | one word of the list `word`, or what the language makes of it (`{place}`, `{time}`) |
| `{hazard.flood}` | one of the list's words, labelled hazard flood |
| `{침수=hazard.flood}` | the words as they stand, labelled; `%n`, `%p` ... inside are numbers of people |
| `{@river=place}` | one word of the list, labelled |
| `{정전=hazard.utility+infra.power}` | words with two labels |
| `{n:2-30}` | a number between the two, without label |
| `{은/는}` | the particle that fits what stands before it |
"""

from __future__ import annotations

import re
import tomllib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from random import Random
from typing import Any

from slm_disaster.generator.pieces import Label, Piece, labelled

_ALTERNATIVES = re.compile(r"<([^<>]*)>")
_SLOT = re.compile(r"\{([^{}]*)\}")
_NUMBER = re.compile(r"n:(\d+)-(\d+)")
_PARTICLE = re.compile(r"([가-힣]*)/([가-힣]*)")

Words = Mapping[str, Mapping[str, Any]]


@cache
def load_table(name: str) -> dict[str, Any]:
    """Return a TOML file that lies beside this module."""
    return tomllib.loads(files(__package__).joinpath(f"{name}.toml").read_text(encoding="utf-8"))


class Filler(ABC):
    """Fills the slots of patterns in one language, with one source of chance."""

    def __init__(self, rng: Random, words: Words) -> None:
        self.rng = rng
        self.words = words
        self.special: dict[str, Callable[[], list[Piece]]] = {}
        self._needs = [need for need in sorted(words["need"]) if need != "refugees"]
        rng.shuffle(self._needs)

    @abstractmethod
    def people(self, template: str) -> str:
        """Put a number of people where the template has its `%` mark."""

    @abstractmethod
    def fitting(self, choices: Sequence[str], before: str) -> Sequence[str]:
        """Return those choices that grammar allows after the text `before`."""

    def expand(self, pattern: str) -> list[Piece]:
        """Return the pieces of one expansion of a pattern."""
        while found := _ALTERNATIVES.search(pattern):
            pattern = pattern[: found.start()] + self.rng.choice(found[1].split("|")) + pattern[found.end() :]
        pieces: list[Piece] = []
        position = 0
        for slot in _SLOT.finditer(pattern):
            pieces.append(Piece(pattern[position : slot.start()]))
            position = slot.end()
            pieces.extend(self._slot(slot[1], "".join(piece.text for piece in pieces)))
        pieces.append(Piece(pattern[position:]))
        return [piece for piece in pieces if piece.text]

    def choose(self, kind: str, name: str, before: str = "") -> str:
        """Return one word of a list."""
        return self.rng.choice(list(self.fitting(self.words[kind][name], before)))

    def _slot(self, slot: str, before: str) -> list[Piece]:
        if particle := _PARTICLE.fullmatch(slot):
            return [Piece(fit_particle(before, particle[1], particle[2]))]
        if number := _NUMBER.fullmatch(slot):
            return [Piece(str(self.rng.randint(int(number[1]), int(number[2]))))]
        if slot in self.special:
            return self.special[slot]()
        if "=" in slot:
            words, _, name = slot.rpartition("=")
            text = self.choose("word", words[1:], before) if words.startswith("@") else self.people(words)
            return [labelled(text, name)]
        kind, _, name = slot.partition(".")
        if not name:
            return [Piece(self.choose("word", kind, before))]
        return [labelled(self.choose(kind, name, before), slot)]

    def any_of(self, kind: str) -> Callable[[], list[Piece]]:
        """Return a slot that takes any word of a labelled kind."""

        def pick() -> list[Piece]:
            name = self.rng.choice(sorted(self.words[kind]))
            return [labelled(self.choose(kind, name), f"{kind}.{name}")]

        return pick

    def fresh_need(self) -> str:
        """Return a kind of need, each once before any comes again."""
        self._needs.append(self._needs.pop(0))
        return self._needs[-1]

    def count(self, field: str, template: str | None = None) -> Piece:
        """Return a count of people with its casualty word."""
        return Piece(self.people(template or self.choose("count", field)), (Label(field),))

    def joined(self, parts: Sequence[Piece], separators: Sequence[str]) -> list[Piece]:
        """Return the parts with one of the separators between them."""
        separator = Piece(self.rng.choice(separators))
        return [piece for part in parts for piece in (separator, part)][1:]


def fit_particle(before: str, after_consonant: str, after_vowel: str) -> str:
    """Return the particle that fits the last sound; 으로 and 로 also know the final ㄹ."""
    word = before.rstrip("'\")]} ")
    last = _final_sound(word[-1:])
    if after_vowel == "로":
        return after_vowel if last in (0, 8) else after_consonant
    return after_consonant if last else after_vowel


def _final_sound(char: str) -> int:
    """Return the index of the final consonant (0 none, 8 ㄹ) of a syllable, or of a digit as it is read."""
    if "가" <= char <= "힣":
        return (ord(char) - ord("가")) % 28
    # 영 일 이 삼 사 오 육 칠 팔 구, as final consonants
    return {"0": 21, "1": 8, "3": 16, "6": 1, "7": 8, "8": 8}.get(char, 0)
