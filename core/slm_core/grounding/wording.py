"""Words of a text with what they may be compared by: stems, and concepts that words share.

`사망자는` and `were killed` meet in the concept `dead`; `옮기지`, `옮긴다` in a stem. A Hangul word has
possible stems (as a noun without its particle, as a verb without its ending), since only a dictionary could
choose; two words are alike where they share one.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

_WORD = re.compile(r"[가-힣]+|[A-Za-z][A-Za-z'-]*[A-Za-z]|[A-Za-z]")
_HADA = re.compile(
    r"(?<=[가-힣])(?:하|한|할|함|합|했|해|되|된|될|됨|됩|됐|돼|시키|시킨|시켰|시킬|받|당하|당한"
    r"|당했)(?:[가-힣]*)$"
)
_ENDINGS = re.compile(
    "(?:ㅅㅡㅂㄴㅣㄷㅏ|ㅂㄴㅣㄷㅏ|ㅇㅡㅅㅔㅇㅛ|ㅅㅔㅇㅛ|ㅇㅡㅅㅣㅂㅅㅣㅇㅗ|ㅅㅣㅂㅅㅣㅇㅗ|ㄴㅡㄴㄷㅏ"
    "|ㄴㄷㅏ|ㅇㅏㅇㅑ|ㅇㅓㅇㅑ|ㅇㅑ|ㅇㅏㅅㅓ|ㅇㅓㅅㅓ|ㅅㅓ|ㅇㅏㅇㅛ|ㅇㅓㅇㅛ"
    "|ㅇㅡㄹ|ㅇㅡㄴ|ㄴㅡㄴ|ㅇㅡㅁㅕㄴ|ㅇㅡㅁㅕ|ㅇㅡㄴㅣ|ㅇㅡㄹㅕㄱㅗ|ㄹㅕㄱㅗ|ㄹㅕㅁㅕㄴ|ㅁㅕㄴㅅㅓ"
    "|ㅁㅕㄴ|ㅁㅕ|ㄱㅗ|ㄱㅣ|ㄱㅔ|ㅈㅣ|ㅈㅣㅁㅏㄴ|ㄱㅓㄴㅏ|ㄷㅗㄹㅗㄱ|ㄷㅏ|ㅈㅏ|ㄷㅓㄴ"
    "|ㅅㅆㄷㅏ|ㅆㄷㅏ|ㅆㄱㅗ|ㅆㅇㅡㅁㅕ|ㅆㄷㅓㄴ|ㅆㅅㅡㅂㄴㅣㄷㅏ|ㅆㅇㅡㄴㅏ|ㅆㅈㅣㅁㅏㄴ|ㅆㄴㅡㄴㄷㅔ"
    "|ㄴㅡㄴㄷㅔ|ㄴㅡㄴㅈㅣ|ㄹㅈㅣ"
    "|ㅇㅏ|ㅇㅓ|ㅇㅛ|ㄴ|ㄹ|ㅁ|ㅆ)$"
)
_ONE_LETTER = re.compile("[ㄴㄹㅁㅆ]$")


@dataclass(frozen=True)
class Word:
    """A word with its stems and concepts, those of words.toml, written `=dead`.

    `counts` is False for articles, auxiliaries and the like; `bare` is a Hangul word without particles.
    """

    text: str
    start: int
    end: int
    keys: frozenset[str]
    concepts: frozenset[str]

    counts: bool
    bare: str


@cache
def table() -> dict[str, Any]:
    """Return words.toml."""
    return tomllib.loads((Path(__file__).parent / "words.toml").read_text(encoding="utf-8"))


@cache
def grammar(name: str) -> frozenset[str]:
    """Return a list of words.toml's grammar as a set."""
    return frozenset(table()["grammar"][name])


@cache
def _forms() -> dict[str, tuple[re.Pattern[str], dict[str, str]]]:
    """Return by first character a pattern of the written forms, longest first, and the concept of each."""
    by_first: dict[str, dict[str, str]] = {}
    for name, written in table()["alike"].items():
        for form in written:
            by_first.setdefault(form[0].lower(), {})[form.lower()] = f"={name}"
    return {
        first: (
            re.compile("|".join(_form(form) for form in sorted(forms, key=len, reverse=True)), re.I),
            forms,
        )
        for first, forms in by_first.items()
    }


def _form(form: str) -> str:
    if not form[0].isascii() or form[0] == "(":
        return re.escape(form)
    body = re.escape(form.removesuffix("*"))
    return body + (r"\w*" if form.endswith("*") else r"\b")


def _concept(found: str, forms: dict[str, str]) -> str:
    found = found.lower()
    if found in forms:
        return forms[found]
    wild = (form for form in forms if form.endswith("*") and found.startswith(form[:-1]))
    return forms[max(wild, key=len)]


@lru_cache(maxsize=256)
def concept_spans(text: str) -> list[tuple[int, int, str]]:
    """Return where concepts stand: Hangul forms anywhere in a word, English ones where a word begins."""
    table, found, at, previous = _forms(), list[tuple[int, int, str]](), 0, " "
    while at < len(text):
        char = text[at]
        entry = table.get(char.lower()) if not char.isascii() or not previous.isalnum() else None
        match = entry[0].match(text, at) if entry else None
        if match and entry:
            found.append((at, match.end(), _concept(match[0], entry[1])))
            at = match.end() - 1
        previous = text[at]
        at += 1
    return found


@lru_cache(maxsize=256)
def words(text: str) -> tuple[Word, ...]:
    """Return the words of a text, in order."""
    spans, found, first, stop = concept_spans(text), list[Word](), 0, grammar("stop")
    for match in _WORD.finditer(text):
        start, end = match.span()
        while first < len(spans) and spans[first][1] <= start:
            first += 1
        concepts = frozenset(name for a, b, name in spans[first : first + 4] if a < end and start < b)
        keys = stems(match[0])
        counts = bool(concepts) or (match[0].lower() not in stop and bool(keys - stop))
        plain = bare(match[0]) if "가" <= match[0][0] <= "힣" else ""
        found.append(Word(match[0], start, end, keys | concepts, concepts, counts, plain))
    return tuple(found)


@lru_cache(maxsize=8192)
def stems(word: str) -> frozenset[str]:
    """Return what a word may be compared by."""
    if not "가" <= word[0] <= "힣":
        return frozenset((english_stem(word),))
    found = {word, bare(word)}
    noun = _HADA.sub("", word)
    if len(noun) >= 2:
        found.add(noun)
    if len(word) >= 2:
        found.add(verb_stem(word))
    return frozenset(found)


@cache
def _particle() -> re.Pattern[str]:
    return re.compile(f"(?:{'|'.join(table()['grammar']['particles'])})$")


@lru_cache(maxsize=8192)
def bare(word: str) -> str:
    """Return a Hangul word without its particles; two syllables stay, or one before a sure particle."""
    for _ in range(2):
        match = _particle().search(word, 1)
        if match is None:
            break
        if match.start() < 2 and match[0] not in "은는을를":
            shorter = _particle().search(word, 2)
            if shorter is None:
                break
            match = shorter
        word = word[: match.start()]
    return word


def letters(word: str) -> str:
    """Return the single letters of Hangul: 켠다 is ㅋㅕㄴㄷㅏ."""
    return "".join(_LETTER.get(part, part) for part in unicodedata.normalize("NFD", word))


_LETTER = (
    {chr(0x1100 + i): c for i, c in enumerate("ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ")}
    | {chr(0x1161 + i): c for i, c in enumerate("ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ")}
    | {chr(0x11A8 + i): c for i, c in enumerate("ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ")}
)


def verb_stem(word: str) -> str:
    """Return the letters of a verb without its ending, contractions undone: 내려, 내리는 are ㄴㅐㄹㅣ."""
    found = letters(word)
    for pattern in (_ENDINGS, _ONE_LETTER):
        cut = pattern.sub("", found)
        found = cut if len(cut) >= 2 else found
    return "v" + re.sub("ㅕ$", "ㅣ", found).replace("ㅘ", "ㅗ").replace("ㅝ", "ㅜ")


def english_stem(word: str) -> str:
    """Return an English word without plural, -ed and -ing, in small letters."""
    word = re.sub(r"'s?$|n't$", "", word.lower())
    irregular = table()["irregular"]
    if word in irregular:
        return str(irregular[word])
    for suffix in ("ations", "ation", "ings", "ing", "edly", "ied", "ies", "ed", "es", "ly", "s", "e"):
        left = word.removesuffix(suffix)
        if left != word and len(left) >= 3 and not (suffix == "s" and left[-1] in "su"):
            word = left + ("y" if suffix in ("ied", "ies") else "")
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "sl":
        word = word[:-1]
    word = word.removesuffix("e") if len(word) > 3 else word
    return word[:-1] + "i" if len(word) > 3 and word.endswith("y") else word


def alike(one: Word, other: Word) -> bool:
    """Whether two words share a stem or a concept, or one noun begins with the other (대피, 대피소)."""
    if not one.keys.isdisjoint(other.keys):
        return True
    first, second = one.bare, other.bare
    return min(len(first), len(second)) >= 2 and (first.startswith(second) or second.startswith(first))


def kindred(one: Word, other: Word) -> bool:
    """Whether two words are alike, or one names the kind of the other (casualties, dead)."""
    return alike(one, other) or any(
        (f"={wide}" in one.concepts and f"={narrow}" in other.concepts)
        or (f"={wide}" in other.concepts and f"={narrow}" in one.concepts)
        for wide, narrow in table()["kinds"]
    )


def excluded(one: frozenset[str], other: frozenset[str]) -> tuple[str, str] | None:
    """Return two concepts that exclude each other where the sides have no common one of their group."""
    for group in table()["apart"]:
        first = [name for name in group if f"={name}" in one]
        second = [name for name in group if f"={name}" in other]
        if first and second and not set(first) & set(second):
            return first[0], second[0]
    return None
