"""The operator's note: sentences that code composes, each number in them a fact of a calculation.

Code and no model: what the sentences say is wholly in the facts. A model may word them anew, and is then held
against these facts like any reply.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from slm_energy.grid.limits import Violation
from slm_energy.grid.measure import Option
from slm_energy.grid.network import Element, Lang
from slm_energy.grid.outages import Outage
from slm_energy.grid.report import GridReport, named_steps
from slm_energy.grid.wording import Wording, number

MOST_NAMED = 5
MOST_OPTIONS = 3
MOST_STEPS = 4


@dataclass(frozen=True)
class Fact:
    """One number of the note: as it was calculated, as it is shown, and of what.

    `unit` is pu, %, MW, Mvar, tap, times, count or id; `source` says in the note's language which calculation
    it comes from.
    """

    id: str
    value: float
    shown: str
    unit: str
    element: Element | None
    source: str


@dataclass(frozen=True)
class Sentence:
    """A sentence and the ids of the facts in it, in order."""

    text: str
    facts: tuple[str, ...]


@dataclass(frozen=True)
class Note:
    """What an operator reads; `facts` has every number in it."""

    lang: Lang
    sentences: tuple[Sentence, ...]
    facts: tuple[Fact, ...]

    @property
    def text(self) -> str:
        """The sentences, one a line."""
        return "\n".join(sentence.text for sentence in self.sentences)


@dataclass(frozen=True)
class _Said:
    """A piece of a sentence and the facts in it."""

    text: str
    facts: tuple[str, ...] = ()


def note(report: GridReport, lang: Lang | None = None) -> Note:
    """Return the note of a report, in its language or another."""
    writer = _Writer(report, lang or report.lang)
    writer.state()
    if report.flow.converged:
        writer.broken()
        writer.outages()
        writer.options()
    if report.options.stopped or (report.outages is not None and report.outages.stopped):
        writer.say("stopped")
    writer.say("never")
    return Note(writer.words.lang, tuple(writer.sentences), tuple(writer.facts))


class _Writer:
    """Puts sentences together and keeps account of their facts."""

    def __init__(self, report: GridReport, lang: Lang) -> None:
        self.report, self.words = report, Wording(lang)
        self.sentences: list[Sentence] = []
        self.facts: list[Fact] = []
        self.present = self.words.of("source", "present")

    def say(self, key: str, **parts: _Said) -> None:
        said = self.piece(self.words[key], **parts)
        self.sentences.append(Sentence(said.text, said.facts))

    def piece(self, template: str, **parts: _Said) -> _Said:
        """Fill a template; its facts are ordered as they stand in it."""
        order = sorted(parts, key=lambda name: template.find(f"{{{name}}}"))
        text = template.format(**{name: said.text for name, said in parts.items()})
        return _Said(text, tuple(each for name in order for each in parts[name].facts))

    def value(self, value: float, unit: str, source: str, element: Element | None = None) -> _Said:
        fact = Fact(f"F{len(self.facts) + 1}", float(value), number(value, unit), unit, element, source)
        self.facts.append(fact)
        return _Said(fact.shown, (fact.id,))

    def count(self, value: int) -> _Said:
        return self.value(value, "count", self.words.of("source", "count"))

    def element(self, element: Element) -> _Said:
        fact = self.value(element.id, "id", self.words.of("source", "id"), element)
        return _Said(self.words.element(element), fact.facts)

    def elements(self, found: Sequence[Element]) -> _Said:
        return self.joined([self.element(each) for each in found[:MOST_NAMED]], len(found))

    def joined(self, pieces: Sequence[_Said], of: int) -> _Said:
        """Join pieces; what is left out of `of` is counted."""
        pieces = list(pieces)
        if of > len(pieces):
            pieces.append(self.piece(self.words["and_more"], n=self.count(of - len(pieces))))
        return _Said(
            ", ".join(each.text for each in pieces), tuple(each for one in pieces for each in one.facts)
        )

    def state(self) -> None:
        flow, network, now = self.report.flow, self.report.network, self.present
        net = network.net
        self.say(
            "counts",
            buses=self.count(len(flow.buses)),
            lines=self.count(len(net.line)),
            trafos=self.count(len(net.trafo) + len(net.trafo3w)),
            load=self.value(flow.load_mw, "MW", now),
            losses=self.value(flow.losses_mw, "MW", now),
        ) if flow.converged else self.say("no_solution")
        if network.scale != 1:
            self.say("scale", scale=self.value(network.scale, "times", self.words.of("source", "count")))
        if network.readings:
            self.say("readings", n=self.count(network.readings))
        self.hints()
        if flow.converged:
            self.extremes()

    def hints(self) -> None:
        for hint in self.report.hints:
            if hint.kind == "islands":
                self.say("islands", n=self.count(len(hint.elements)), buses=self.elements(hint.elements))
            elif hint.value is not None:
                self.say(hint.kind, share=self.value(hint.value * 100, "%", self.words.of("source", "hint")))
            else:
                self.say(hint.kind)

    def extremes(self) -> None:
        flow, now = self.report.flow, self.present
        fed = [(bus.vm_pu, bus.element) for bus in flow.buses if bus.vm_pu is not None]
        if fed:
            (low, low_bus), (high, high_bus) = min(fed), max(fed)
            parts = {"low_bus": self.element(low_bus), "low": self.value(low, "pu", now, low_bus)}
            parts |= {"high_bus": self.element(high_bus), "high": self.value(high, "pu", now, high_bus)}
            self.say("voltages", **parts)
        loaded = [
            (each.loading_percent, each.element) for each in flow.branches if each.loading_percent is not None
        ]
        if loaded:
            most, element = max(loaded)
            self.say("loaded", element=self.element(element), value=self.value(most, "%", now, element))
        if self.report.unrated:
            self.say("unrated", n=self.count(self.report.unrated))
        if beyond := [source.element for source in flow.sources if source.beyond_q]:
            self.say("beyond_q", n=self.count(len(beyond)), names=self.elements(beyond))
        if flow.isolated:
            self.say("islands", n=self.count(len(flow.isolated)), buses=self.elements(flow.isolated))

    def broken(self) -> None:
        found = self.report.violations
        if not found:
            self.say("nothing")
            return
        self.say("broken", n=self.count(len(found)))
        for each in found[:MOST_NAMED]:
            said = self.violation(each, self.present)
            self.sentences.append(Sentence(said.text, said.facts))
        if len(found) > MOST_NAMED:
            self.say("more", n=self.count(len(found) - MOST_NAMED))

    def violation(self, each: Violation, source: str) -> _Said:
        parts = {
            "element": self.element(each.element),
            "value": self.value(each.value, each.unit, source, each.element),
        }
        if each.quantity != "supply":
            limit = self.words.of("source", "limit")
            parts["limit"] = self.value(each.limit, each.unit, limit, each.element)
        return self.piece(self.words[each.quantity], **parts)

    def outages(self) -> None:
        found = self.report.outages
        if found is None:
            return
        self.say("outages", n=self.count(len(found.tried)), bad=self.count(len(found.insecure)))
        if found.left_out:
            self.say("outages_left", n=self.count(found.left_out))
        for each in found.insecure[:MOST_NAMED]:
            self.outage(each)

    def outage(self, each: Outage) -> None:
        source = self.words.of("source", "outage").format(element=self.words.element(each.element))
        element = self.element(each.element)
        if not each.converged:
            self.say("outage_unsolved", element=element)
        elif each.lost_mw:
            mw = self.value(each.lost_mw, "MW", source, each.element)
            self.say("outage_lost", element=element, n=self.count(len(each.lost)), mw=mw)
        elif each.worst is not None:
            self.say("outage_broken", element=element, worst=self.violation(each.worst, source))

    def options(self) -> None:
        found = self.report.options
        if not self.report.violations:
            return
        for rank, each in enumerate(found.ranked[:MOST_OPTIONS], 1):
            self.option(rank, each)
        if not found.ranked:
            self.say("no_option", tried=self.count(found.tried))
        for each in found.rejected[:1]:
            self.rejected(each)
        parts = {"tried": found.tried, "rejected": found.rejected_count, "left": found.left_out}
        self.say("tried", **{name: self.count(value) for name, value in parts.items()})
        if self.report.untappable and any(each.unit == "pu" for each in self.report.violations):
            self.say("untappable", n=self.count(self.report.untappable))

    def option(self, rank: int, option: Option) -> None:
        source = self.words.of("source", "option").format(rank=rank)
        self.say(
            "option",
            rank=self.count(rank),
            steps=self.steps(option, source),
            before=self.count(len(option.before)),
            after=self.count(len(option.after)),
            losses_before=self.value(option.losses_before_mw, "MW", self.present),
            losses=self.value(option.flow.losses_mw, "MW", source),
        )
        for key, holds in _warnings(option):
            if holds:
                self.say(key, rank=self.count(rank))

    def steps(self, option: Option, source: str) -> _Said:
        steps = named_steps(option)
        pieces = []
        for step in steps[:MOST_STEPS]:
            parts = {
                "element": self.place(step.element, step.at if step.action in ("close", "open") else None)
            }
            if step.unit:
                parts["before"] = self.value(step.before, step.unit, self.present, step.element)
                parts["after"] = self.value(step.after, step.unit, source, step.element)
            pieces.append(self.piece(self.words.of("step", step.action), **parts))
        return self.joined(pieces, len(steps))

    def place(self, element: Element, at: Element | None) -> _Said:
        """Return an element and, for a switch, what it is at."""
        said = self.element(element)
        if at is None:
            return said
        where = self.element(at)
        return _Said(f"{said.text} [{where.text}]", (*said.facts, *where.facts))

    def rejected(self, option: Option) -> None:
        source = self.words.of("source", "rejected")
        parts = {"steps": self.steps(option, source)}
        if faults := option.new or option.worse:
            parts["violation"] = self.violation(faults[0], source)
        self.say(f"rejected_{option.rejected}", **parts)


def _warnings(option: Option) -> Iterable[tuple[str, bool]]:
    yield "meshes", option.meshes
    yield "weakens", option.kind == "opening"
    yield "sheds", option.kind == "load"
