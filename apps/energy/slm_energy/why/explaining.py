"""A question about a plan to a reason: facts, sentences, and what could be done about it."""

from __future__ import annotations

from dataclasses import dataclass

from slm_energy.plan.schedule import Schedule
from slm_energy.why import facts as found_facts
from slm_energy.why.conflict import Conflict, explain_conflict
from slm_energy.why.counterfactual import Counterfactual, forbid, force, lower_peak, until
from slm_energy.why.fact import Fact
from slm_energy.why.parts import NOTHING_KW, allowed, clock, mean, part_of, power
from slm_energy.why.question import Question, read_question
from slm_energy.why.reply import Sentence, conflict_sentences, sentences
from slm_energy.why.wording import Lang, table

_LOWER_KW = 0.5


@dataclass(frozen=True)
class Reason:
    """The answer to a question.

    Args:
        question: as it was read.
        facts: all that were computed for it; the sentences tell those that are required.
        sentences: the reply of code.
        conflict: why there is no plan (or none with the hour that was asked for), to relax with one click.
    """

    question: Question
    facts: tuple[Fact, ...]
    sentences: tuple[Sentence, ...]
    conflict: Conflict | None = None

    @property
    def text(self) -> str:
        """The reply of code as one text."""
        return " ".join(sentence.text for sentence in self.sentences)


def explain(text: str, schedule: Schedule, lang: Lang | None = None) -> Reason:
    """Answer a question about a plan.

    Args:
        text: of the user; data only.
        schedule: of `plan.solve.solve`, feasible or not.
        lang: of the answer; None is that of the question.

    Raises:
        CouldNot: the solver gave up on a changed plan.
    """
    return answer(read_question(text, schedule, lang), schedule)


def answer(question: Question, schedule: Schedule) -> Reason:
    """Answer a question that was read."""
    if question.kind == "infeasible":
        return _no_plan(question, schedule)
    if schedule.flows is None:
        return (
            _no_plan(question, schedule)
            if schedule.status == "infeasible"
            else _asked_back(question, "failed")
        )
    if question.missing or question.kind == "unknown":
        return _asked_back(question, question.missing or "unknown")
    if question.kind == "cost":
        return _told(question, found_facts.cost_facts(schedule))
    if question.kind == "why_peak":
        lower = found_facts.lower_facts(schedule, lower_peak(schedule, _LOWER_KW), _LOWER_KW)
        return _told(question, [*found_facts.peak_facts(schedule), *lower])
    return _about_an_hour(question, schedule)


def _about_an_hour(question: Question, schedule: Schedule) -> Reason:
    assert question.part is not None and question.act is not None and question.time is not None
    assert schedule.flows is not None
    part, span = part_of(schedule.problem.site, question.part), question.time
    hour = clock(schedule.problem, span.first)
    if part.name in schedule.problem.site.safety:
        return _told(question, found_facts.fixed_facts(schedule, part, question.act, span))
    usable = allowed(schedule.problem, part)
    until_then = question.kind == "what_if_until"  # the hour before it is the last that counts
    if not any(usable[step - until_then] for step in span.steps if step >= until_then):
        return _told(question, found_facts.outside_facts(schedule, part, span))
    if question.kind == "what_if_until":
        return _changed(question, schedule, [], until(schedule, part, span), hour)
    if question.kind == "what_if":
        return _changed(question, schedule, [], force(schedule, part, question.act, span), hour)
    held = found_facts.facts_at(schedule, part, question.act, span)
    does = mean(power(schedule.flows, part, question.act), span) > NOTHING_KW
    if not does:
        return _changed(question, schedule, held, force(schedule, part, question.act, span), hour)
    if question.other_time is not None:
        other = question.other_time
        change = force(schedule, part, question.act, other)
        return _changed(question, schedule, held, change, clock(schedule.problem, other.first))
    return _changed(question, schedule, held, forbid(schedule, part, question.act, span), hour)


def _changed(
    question: Question, schedule: Schedule, held: list[Fact], change: Counterfactual, hour: str
) -> Reason:
    assert question.part is not None
    part = part_of(schedule.problem.site, question.part)
    told = _told(question, [*held, *found_facts.change_facts(schedule, change, part, hour)])
    if change.conflict is None or not change.conflict.sets:
        return told
    facts, lines = conflict_sentences(change.conflict, question.lang)
    return Reason(question, (*told.facts, *facts), (*told.sentences, *lines), change.conflict)


def _told(question: Question, facts: list[Fact]) -> Reason:
    said = sentences(facts, question.lang)
    return Reason(question, tuple(facts), tuple(said))


def _no_plan(question: Question, schedule: Schedule) -> Reason:
    conflict = None if schedule.flows is not None else explain_conflict(schedule.problem)
    facts, lines = conflict_sentences(conflict, question.lang)
    return Reason(question, tuple(facts), tuple(lines), conflict)


def _asked_back(question: Question, what: str) -> Reason:
    words = table("sentences")[question.lang]["ask"]
    line = words[what].format(choices=", ".join(question.choices))
    return Reason(question, (), (Sentence(line, ()),))
