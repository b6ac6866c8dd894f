"""Sentences out of Home Assistant's templates, with the slots that each one fills: truth by construction.

`[x]` may be left out, `(a|b)` is one of them, `<rule>` another template, `{list:slot}` a word of a list. The
lists and rules are those of the wheel home-assistant-intents; names and areas are our own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from slm_core.errors import MissingExtra

_OPTIONAL = re.compile(r"\[([^\[\]()<>{}]*)\]")
_EITHER = re.compile(r"\(([^\[\]()<>{}]*)\)")
_RULE = re.compile(r"<(\w+)>")
_LIST = re.compile(r"\{(\w+)(?::(\w+))?\}")
_MARK = re.compile("\x02(\\d+)\x03")

NAMES = {
    "light": ("무드등", "식탁 조명", "독서등", "책상 스탠드", "벽등"),
    "cover": ("왼쪽 커튼", "암막 블라인드", "베란다 셔터"),
    "fan": ("천장 선풍기", "탁상 팬"),
    "climate": ("벽걸이 에어컨", "시스템 에어컨"),
    "lock": ("현관문", "뒷문"),
    "switch": ("멀티탭", "어항 콘센트"),
}
AREAS = ("거실", "주방", "침실", "서재", "차고", "회의실", "다락방")
_WORDS = {
    "shopping_list_item": ("우유", "달걀"),
    "todo_list_item": ("세차", "청소"),
    "message": ("밥 먹자",),
    "zone": ("집",),
}


@dataclass
class Expansion:
    """One sentence and its slots."""

    text: str = ""
    slots: dict[str, Any] = field(default_factory=dict)


class Templates:
    """The lists and rules of one language.

    Raises:
        MissingExtra: home-assistant-intents is not installed.
    """

    def __init__(self, lang: str) -> None:
        try:
            from home_assistant_intents import get_intents
        except ImportError as error:
            raise MissingExtra("the importer ha-intents", "energy") from error
        found: Mapping[str, Any] = get_intents(lang) or {}
        self._rules: Mapping[str, str] = found.get("expansion_rules", {})
        self._lists: Mapping[str, Any] = found.get("lists", {})

    def expand(self, template: str, domains: list[str], rng: Random) -> Expansion:
        """Return one sentence of a template; `domains` are those of the entities that `{name}` may be.

        Raises:
            ValueError: a rule or list is unknown, or a name of such a domain.
        """
        slots: list[tuple[str, Any, str]] = []
        while True:
            if found := _LIST.search(template):
                word, value = self._word(found[1], domains, rng)
                slots.append((found[2] or found[1], value, word))
                template = _put(template, found, f"\x02{len(slots) - 1}\x03")
            elif found := _RULE.search(template):
                if found[1] not in self._rules:
                    raise ValueError(f"no rule <{found[1]}>")
                template = _put(template, found, f"({self._rules[found[1]]})")
            elif found := _OPTIONAL.search(template):
                choices = ["", *found[1].split("|")] if rng.random() < 0.5 else found[1].split("|")
                template = _put(template, found, rng.choice(choices))
            elif found := _EITHER.search(template):
                template = _put(template, found, rng.choice(found[1].split("|")))
            else:
                break
        used = [int(mark) for mark in _MARK.findall(template)]
        text = _MARK.sub(lambda mark: slots[int(mark[1])][2], template)
        return Expansion(" ".join(text.split()), {slots[index][0]: slots[index][1] for index in used})

    def _word(self, name: str, domains: list[str], rng: Random) -> tuple[str, Any]:
        """Return a word of a list and its value."""
        if name == "name":
            own = [word for domain in domains for word in NAMES.get(domain, ())]
            if not own:
                raise ValueError(f"no names of {', '.join(domains) or 'any domain'}")
            word = rng.choice(own)
            return word, word
        if name in ("area", "floor"):
            word = rng.choice(AREAS)
            return word, word
        if name in _WORDS:
            word = rng.choice(_WORDS[name])
            return word, word
        if name not in self._lists:
            raise ValueError(f"no list {{{name}}}")
        return self._listed(self._lists[name], rng)

    def _listed(self, entries: Mapping[str, Any], rng: Random) -> tuple[str, Any]:
        if "range" in entries:
            low, high = entries["range"]["from"], entries["range"]["to"]
            step = entries["range"].get("step", 1)
            number = rng.randrange(low, high + 1, step)
            return str(number), number
        if "values" not in entries:
            raise ValueError("a list of anything")
        entry = rng.choice(entries["values"])
        if isinstance(entry, str):
            return entry, entry
        word = self.expand(str(entry["in"]), [], rng).text
        return word, entry["out"]


def _put(template: str, found: re.Match[str], instead: str) -> str:
    return template[: found.start()] + instead + template[found.end() :]
