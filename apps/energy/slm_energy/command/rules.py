"""The deterministic reading of an order: everything known by its words, the device is the rest.

A sentence that denies, deliberates or reports orders nothing, whatever words of an order it has. Without a
home any name can be a device, for it is what is left when verb, times, value, quantity and area are taken
away; with one, its names are known words too.
"""

from __future__ import annotations

import re
from functools import cache

from slm_energy.command.action import Command, Quote, Value, Verb, What, When
from slm_energy.command.devices import Home
from slm_energy.command.reading import alternatives, read_share, read_value, read_when
from slm_energy.command.spans import time_spans, value_spans
from slm_energy.command.verbs import (
    MANY,
    NO_FORM,
    NO_VERB,
    Said,
    find_verb,
    idle,
    listed,
    protected,
)
from slm_energy.command.words import kind_words, language, loosely, same_name, words

_STEP = re.compile(r"\s?(?:으로|로|까지)(?=\s|[가-힣]|$)")
_FLOOR = "|".join((
    r"(?:지하\s?)?(?:\d+|[일이삼사오])\s?층",
    r"(?<![가-힣])[가-힣]{0,6}(?:회의실|사무실|작업실|강의실|전기실|기계실|세미나실)",
    r"(?:제?\s?\d+\s?(?:번\s?)?)(?:회의실|사무실|강의실|동)",
    r"\b(?:ground|first|second|third|fourth|fifth|top|\d+(?:st|nd|rd|th)) floor\b",
    r"\b(?:meeting|conference|server|guest|laundry|storage|machine|break|living|dining|kids'?|plant|control|boiler)"
    r" room(?: \d+)?\b",
))  # fmt: skip
_PARTICLE = re.compile(r"(?<=[가-힣a-zA-Z0-9])(?:에서|에는|으로|은|는|이|가|을|를|의|에|도|만|로)$")


def read_by_rules(text: str, home: Home | None = None) -> Command:
    """Return the order of a text; with a home its names of areas and devices are known words."""
    lang = language(text)
    if reason := idle(text, lang):
        return Command(because=reason)
    said = find_verb(text, lang)
    if said is None:
        return Command(because=NO_VERB.of(lang))
    if not said.ordered:
        return Command(because=NO_FORM.of(lang))
    if said.verb != Verb.GET and (found := listed(lang, "several").search(text)):
        return Command(verb=Verb.SEVERAL, because=MANY.of(lang).format(said=found[0].strip()))
    return _Reader(text, lang, said, home).command()


def phrase_about(text: str, at: int, home: Home) -> str:
    """Return the whole phrase about a character that may name a device, unknown words included."""
    lang = language(text)
    return _Reader(text, lang, find_verb(text, lang) or Said(Verb.NONE, []), home).phrase(at)


class _Reader:
    """Takes the known words out of a text, one kind after the other; what is left is the device.

    A taken letter becomes `\\0`, one of a name that the home knows `\\1`, so that no other list takes it.
    """

    def __init__(self, text: str, lang: str, said: Said, home: Home | None) -> None:
        self.text, self.lang, self.verb, self.home = text, lang, said.verb, home
        self.left = list(text)
        self._verb_spans = said.spans
        self.sure = True

    def command(self) -> Command:
        """Return the order."""
        self._keep_names()
        self._drop_excepted()
        whens = [
            when for start, end in time_spans(self._rest(), self.lang) if (when := self._when(start, end))
        ]
        area = self._area()
        value = self._value()
        for start, end in self._verb_spans:
            self._take(start, end)
        what = self._what()
        device = self._device()
        if what in (None, What.TEMPERATURE):
            what = _implied(value, device, area, self.text) or what
        verb = self._verb_of(value)
        return Command(
            verb=verb, device=device, area=area, what=what, value=value, when=whens[:2], sure=self.sure
        )

    def phrase(self, at: int) -> str:
        """Return the words left of the text about the character `at`: all that is said of a device."""
        self.command()
        chunks = self._chunks()
        return next((self.text[start:end] for start, end in chunks if start <= at < end), "")

    def _verb_of(self, value: Value | None) -> Verb:
        """An order to a named value sets it, whatever the verb: 20도로 낮춰, open the blind to 50%."""
        if value is None or self.verb in (Verb.GET, Verb.SET):
            return self.verb
        part = value.unit == "%" and self.verb in (Verb.INCREASE, Verb.DECREASE) and read_share(value)
        goal = part or (
            bool(_STEP.match(self.text, value.span.end))
            if self.lang == "ko"
            else bool(re.search(r"\b(?:to|at)\s(?:the\s|a\s)?$", self.text[: value.span.start], re.I))
        )
        if (
            goal
            or value.word in ("max", "min")
            or self.verb in (Verb.OPEN, Verb.CLOSE, Verb.TURN_ON, Verb.TURN_OFF)
        ):
            return Verb.SET
        return self.verb

    def _when(self, start: int, end: int) -> When | None:
        when = read_when(_quote(self.text, start, end), self.text)
        if when:
            self._take(start, end)
        return when

    def _keep_names(self) -> None:
        """Mark the names of devices that a home knows, and those that hold a word of a quantity."""
        names = {match[0] for match in protected().finditer(self.text)}
        if self.home is not None:
            names |= {name for device in self.home.devices for name in device.names}
        for match in re.finditer(loosely(tuple(sorted(names))), self.text, re.IGNORECASE) if names else ():
            if len(match[0]) > 1:
                self.left[match.start() : match.end()] = "\1" * len(match[0])

    def _drop_excepted(self) -> None:
        """거실 말고 주방 불: what stands before the word is not meant."""
        if self.lang == "ko" and (found := listed("ko", "except").search(self.text)):
            self._take(0, found.end())

    def _area(self) -> Quote | None:
        known = tuple(words()["areas"]["names"])
        if self.home is not None:
            known += tuple(name for area in self.home.areas for name in area.names)
        pattern = rf"(?:{_FLOOR})|(?<![가-힣])(?:{loosely(known)})(?!문|등(?![은을]))"
        hits = [
            self._no_article(*match.span()) for match in re.finditer(pattern, self._rest(), re.IGNORECASE)
        ]
        hits = [span for span in hits if not _garage_door(self.text, *span)]
        if not hits:
            return None
        start, end = hits[0]
        for later in hits[1:]:
            if re.fullmatch(r"(?:의|에)?\s?", self.text[end : later[0]]):
                end = later[1]
        return self._quote(start, end)

    def _no_article(self, start: int, end: int) -> tuple[int, int]:
        article = re.match(r"(?:the|my|our|a|in|of) ", self.text[start:end], re.IGNORECASE)
        return (start + article.end() if article else start), end

    def _value(self) -> Value | None:
        for start, end in value_spans(self._rest(), self.lang):
            quote = _quote(self.text, start, end)
            if value := read_value(quote):
                self._take(start, end)
                return value
        return None

    def _what(self) -> What | None:
        """Return the quantity that the longest word names."""
        hits = [
            (match.end() - match.start(), match.span(), name)
            for name, forms in words()["what"].items()
            for match in re.finditer(_quantity(tuple(forms)), self.text, re.IGNORECASE)
            if "\1" not in self.left[match.start() : match.end()]
        ]
        if not hits:
            return None
        chosen = max(hits)[2]
        for _, span, name in hits:
            if name == chosen:
                self._take(*span)
        return What(chosen)

    def _device(self) -> Quote | None:
        for pattern in (listed(self.lang, "every"), listed(self.lang, "filler")):
            for match in pattern.finditer(self._rest()):
                self._take(*match.span())
        chunks = self._chunks()
        if not chunks:
            return None
        best = max(chunks, key=lambda span: self._likely(*span))
        self.sure = len(chunks) == 1
        return _quote(self.text, *best)

    def _chunks(self) -> list[tuple[int, int]]:
        """Return where the words stand that nothing has taken."""
        chunks = [match.span() for match in re.finditer(r"[^\0\s](?:[^\0]*[^\0\s])?", self._rest())]
        if self.lang == "ko":
            chunks = [(start, start + len(self._bare(start, end))) for start, end in chunks]
        return [(start, end) for start, end in chunks if re.search(r"\w", self.text[start:end])]

    def _bare(self, start: int, end: int) -> str:
        """Return a chunk without its particle, unless the letters are of a known name."""
        cut = _PARTICLE.sub("", self.text[start:end])
        return self.text[start:end] if "\1" in self.left[start + len(cut) : end] else cut

    def _likely(self, start: int, end: int) -> tuple[bool, bool, int]:
        return "\1" in self.left[start:end], _is_kind(self.text[start:end]), end - start

    def _rest(self) -> str:
        return "".join(self.left)

    def _take(self, start: int, end: int) -> None:
        self.left[start:end] = "\0" * (end - start)

    def _quote(self, start: int, end: int) -> Quote:
        self._take(start, end)
        return _quote(self.text, start, end)


def _quote(text: str, start: int, end: int) -> Quote:
    return Quote(start=start, end=end, quote=text[start:end])


@cache
def _quantity(forms: tuple[str, ...]) -> str:
    return rf"(?<![가-힣])(?:{alternatives(forms)})".replace(r"\ ", r"\s?")


def _garage_door(text: str, start: int, end: int) -> bool:
    """Whether a place is the first half of a device's name: garage door, front door."""
    return bool(
        re.match(r"\s?(?:doors?\b|문(?![가-힣])|gates?\b)", text[end:], re.I)
        and "garage" in text[start:end].lower()
    )


def _is_kind(name: str) -> bool:
    return any(
        same_name(word, part)
        for kind in words()["kinds"]
        for word in kind_words(kind)
        for part in (name, name.split()[-1])
    )


def _implied(value: Value | None, device: Quote | None, area: Quote | None, text: str) -> What | None:
    """Return what a value is about where no word says so: its unit, its name, or the kind of device.

    A share that is said of a room alone is the brightness of its lights, a bare number its temperature.
    """
    if value is None:
        return None
    if re.search(r"충전|\bcharge\b", text, re.IGNORECASE) and (value.unit == "%" or value.word == "max"):
        return What.SOC
    if device is None and area is not None and value.unit in ("%", "") and value.number is not None:
        return What.BRIGHTNESS if value.unit else What.TEMPERATURE
    tables = words()["implied"]
    name = tables["unit"].get(value.unit) or tables["value"].get(value.word)
    if name is None and device is not None and (value.unit in ("%", "") or value.word in ("max", "min")):
        kinds = tables["bare" if value.number is not None and not value.unit else "kind"]
        name = next((what for kind, what in kinds.items() if _is_called(kind, device.quote)), None)
    return What(name) if name else None


def _is_called(kind: str, name: str) -> bool:
    parts = [name, *name.split()]
    return any(same_name(word, part) or name.endswith(word) for word in kind_words(kind) for part in parts)
