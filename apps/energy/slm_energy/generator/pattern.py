"""Patterns of commands: sentences with alternatives and slots, filled piece by piece.

| written | becomes |
|---|---|
| `<a|b|>` | one of the alternatives, perhaps nothing |
| `{area}`, `{light}`, `{any}` ... | a word of the list, labelled area or device |
| `{t}`, `{pct}`, `{after}` ... | a value or a time with what it must be read as |
| `{!light}` | the same without a label |
| `{을/를}` | the particle that fits what stands before it |
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from slm_energy.generator.amounts import Amounts

_ALTERNATIVES = re.compile(r"<([^<>]*)>")
_SLOT = re.compile(r"\{([^{}]*)\}")
_PARTICLE = re.compile(r"([가-힣]*)/([가-힣]*)")
DEVICES = ("light", "hvac", "heater", "fan", "cover", "door", "ev", "battery", "plug", "odd", "meter")
ANY = ("light", "hvac", "heater", "fan", "plug")


@dataclass(frozen=True)
class Piece:
    """A stretch of the sentence; `label` is the key it is the quote of, `truth` what it must be read as."""

    text: str
    label: str = ""
    truth: str = ""


@cache
def load_table(name: str) -> dict[str, Any]:
    """Return a TOML file that lies beside this module."""
    return tomllib.loads((Path(__file__).parent / f"{name}.toml").read_text(encoding="utf-8"))


class Filler:
    """Fills patterns of one language, with one source of chance."""

    def __init__(self, lang: str, rng: Random) -> None:
        self._words: Mapping[str, list[str]] = load_table(f"words_{lang}")["word"]
        self._ends: Mapping[str, list[str]] = load_table(f"words_{lang}").get("end", {})
        self._amounts = Amounts(lang, rng)
        self._rng = rng

    def fill(self, pattern: str) -> list[Piece]:
        """Return the pieces of one expansion of a pattern."""
        while found := _ALTERNATIVES.search(pattern):
            chosen = self._rng.choice(found[1].split("|"))
            pattern = pattern[: found.start()] + chosen + pattern[found.end() :]
        pieces: list[Piece] = []
        position = 0
        for slot in _SLOT.finditer(pattern):
            pieces.append(Piece(pattern[position : slot.start()]))
            pieces.append(self._slot(slot[1], "".join(piece.text for piece in pieces)))
            position = slot.end()
        pieces.append(Piece(pattern[position:]))
        return [piece for piece in pieces if piece.text]

    def _slot(self, slot: str, before: str) -> Piece:
        if particle := _PARTICLE.fullmatch(slot):
            return Piece(fit_particle(before, particle[1], particle[2]))
        if slot.startswith("!"):
            return Piece(self._slot(slot[1:], before).text)
        if slot in self._ends:
            return Piece(self._rng.choice(self._ends[slot]))
        if slot in ("area", *DEVICES, "any"):
            words = self._words[self._rng.choice(ANY) if slot == "any" else slot]
            return Piece(self._rng.choice(words), "area" if slot == "area" else "device")
        if slot in self._words and slot not in self._amounts.named:
            return Piece(self._rng.choice(self._words[slot]))
        text, label, truth = self._amounts.amount(slot, self._words.get(slot, []))
        return Piece(text, label, truth)


def fit_particle(before: str, after_consonant: str, after_vowel: str) -> str:
    """Return the particle that fits the last sound; 으로 and 로 also know the final ㄹ."""
    last = _final_sound(before.rstrip("'\")]} ")[-1:])
    if after_vowel == "로":
        return after_vowel if last in (0, 8) else after_consonant
    return after_consonant if last else after_vowel


def _final_sound(char: str) -> int:
    """Return the index of the final consonant (0 none, 8 ㄹ) of a syllable, or of a letter as it is read."""
    if "가" <= char <= "힣":
        return (ord(char) - ord("가")) % 28
    return {"0": 21, "1": 8, "3": 16, "6": 1, "7": 8, "8": 8, "L": 8, "M": 16, "N": 4, "R": 8}.get(char, 0)
