"""Which verb of an order a text has, and what makes it none: denials, questions, reports."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from slm_energy.command.action import Verb
from slm_energy.command.form import is_order
from slm_energy.command.spans import value_spans
from slm_energy.command.words import language, loosely, words
from slm_energy.said import Said as Words

_TAIL = re.compile(
    r"(?:[ ,]+(?:please|now|for me|thanks|thank you|부탁(?:해|해요|드려요|드립니다|할게)?))*[.! ]*$",
    re.IGNORECASE,
)
_BARE = re.compile(
    r"(?<!% )(?<!percent )\b(on|off|out|up|down)(?=$| (?:in|at|until|till|by|for|from|upstairs|downstairs)\b)"
    r"|\b(?:lights?|fans?) (on|off|out)\b",
    re.IGNORECASE,
)
_BARE_VERBS = {
    "on": Verb.TURN_ON,
    "off": Verb.TURN_OFF,
    "out": Verb.TURN_OFF,
    "up": Verb.INCREASE,
    "down": Verb.DECREASE,
}
_ENDING = re.compile(r"(?:모드|으로|로|까지|만|요|\s|[.!~])*(?: brightness)?(?: in [\w' ]+)?")


# Why a text orders nothing, in its language.
NO_VERB = Words("시키는 말이 없음", "no verb of an order")
NO_FORM = Words("시키는 꼴이 아님", "not in the form of an order")
MANY = Words("명령이나 기기가 둘 이상: {said!r}", "more than one order or device: {said!r}")
_IDLE = {
    "denied": Words("하지 말라거나 그만두라는 말: {said!r}", "denied: {said!r}"),
    "asked": Words("묻는 말: {said!r}", "asked: {said!r}"),
    "elsewhere": Words("기기의 일이 아님: {said!r}", "about something else: {said!r}"),
    "told": Words("이미 있었던 일을 알리는 말: {said!r}", "told, not ordered: {said!r}"),
}


_CANCELS = re.compile(
    r"(?:(?:방금|아까|그|이|지난|마지막)\s?)*(?:(?:명령|거|것|건)\s?(?:은|을|를)?\s?)?"
    r"(?:취소|되돌려|되돌리기|무르기|물러)(?:해|해라|할게|할래|하자)?\s?(?:줘|주세요|주십시오|줄래)?"
    r"(?:요)?[.!? ]*"
    r"|(?:please )?(?:cancel|undo)(?: (?:that|it|this|the (?:last )?(?:order|command)))?(?: please)?[.! ]*",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Said:
    """The verb, where its words stand, and whether it stands in the form of an order."""

    verb: Verb
    spans: list[tuple[int, int]]
    ordered: bool = True


@cache
def phrases() -> dict[str, Any]:
    """Return the tables of phrases.toml."""
    return tomllib.loads((Path(__file__).parent / "phrases.toml").read_text(encoding="utf-8"))


@cache
def listed(lang: str, *keys: str) -> re.Pattern[str]:
    """Return a pattern of a list of phrases.toml, e.g. `listed("ko", "idle", "denied")`."""
    lists = phrases()[lang]
    for key in keys:
        lists = lists[key]
    return re.compile("|".join(f"(?:{each})" for each in lists), re.IGNORECASE)


def idle(text: str, lang: str) -> str:
    """Return why words of an order order nothing (denied, asked, told), or an empty string."""
    for reason in phrases()[lang]["idle"]:
        if found := listed(lang, "idle", reason).search(text):
            return _IDLE[reason].of(lang).format(said=found[0].strip())
    return ""


def excepted(text: str) -> str:
    """Return the word that takes something out of an order (말고, except), or an empty string."""
    found = listed(language(text), "except").search(text)
    return found[0] if found else ""


def every(text: str) -> bool:
    """Whether the order is said of all that is so called."""
    return bool(listed(language(text), "every").search(text))


def find_verb(text: str, lang: str) -> Said | None:
    """Return the verb and where its words stand."""
    said = protected().sub(lambda match: "\1" * len(match[0]), _TAIL.sub("", text))
    hits = [
        (match.start(), match.end(), Verb(name))
        for name, forms in phrases()[lang]["verb"].items()
        for match in re.finditer("|".join(forms), said, re.IGNORECASE)
    ]
    if not hits:
        return _bare(said, lang)
    asked = [hit for hit in hits if hit[2] == Verb.GET]
    if lang == "en":
        start, end, verb = min(hits, key=lambda hit: (hit[0], -hit[1]))
        if asked and asked[0][0] <= start + 1:
            verb = Verb.GET
    else:
        start, end, verb = max(hits, key=lambda hit: (hit[1], hit[2] == Verb.GET, hit[0] * -1))
        if asked and verb not in (Verb.TURN_ON, Verb.TURN_OFF, Verb.SET):
            verb = Verb.GET
    spans = [hit[:2] for hit in hits if hit[2] == verb or hit[:2] == (start, end) or lang == "ko"]
    ordered = verb == Verb.GET or is_order(said, start, lang)
    if not ordered and verb in (Verb.INCREASE, Verb.DECREASE) and (bare := _bare(said, lang)):
        return bare  # 밝기 제일 밝게로: the verb's word is the value
    return Said(verb, spans, ordered)


def _bare(text: str, lang: str) -> Said | None:
    """`lights on`, `kitchen fans 50%`, `거실 에어컨 24도`: an order without a verb."""
    if lang == "en" and (match := _BARE.search(text)):
        return Said(_BARE_VERBS[(match[1] or match[2]).lower()], [match.span(1 if match[1] else 2)])
    values = [end for _, end in value_spans(text, lang)]
    return Said(Verb.SET, []) if values and _ENDING.fullmatch(text, max(values)) else None


@cache
def protected() -> re.Pattern[str]:
    """Return a pattern of the names that hold a word of a quantity or a verb."""
    return re.compile(loosely(tuple(words()["protected"]["words"])), re.IGNORECASE)


def is_cancelling(text: str) -> bool:
    """Whether a text asks to take an earlier order back, and names nothing else."""
    return _CANCELS.fullmatch(text.strip()) is not None
