"""A question about a plan, read by rule: what is asked, of which part and of which hour.

The words lie in question.toml, names come from the site, hours from the plan. The text chooses one of a few
kinds of question and nothing else. Where an hour could be two (3시 is 03:00 or 15:00) the plan decides: the
one at which it does the thing asked about; where it cannot, the question is handed back with what to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from slm_core.grounding import moments, occurrences
from slm_energy.plan.schedule import Schedule
from slm_energy.why.parts import (
    NOTHING_KW,
    Act,
    Part,
    Span,
    allowed,
    clock,
    hours_of,
    mean,
    parts,
    power,
    spans_at,
)
from slm_energy.why.wording import Lang, table

QuestionKind = Literal[
    "why_at", "why_not", "what_if", "what_if_until", "why_peak", "cost", "infeasible", "unknown"
]
Missing = Literal["", "part", "time", "half"]

MOST_CHARACTERS = 300
_BARE_HOUR = re.compile(
    r"\b(?:at|around|by|until|before|after|than|of|not|from)\s(?P<h>1[0-2]|[1-9])(?::(?P<min>[0-5]\d))?"
    r"(?:\s?o'?clock)?(?!\d|:|\.\d|\s?(?:[ap]\.?m\b|%|시|kw|won|원|hours?|cars?))",
    re.IGNORECASE,
)
_SURE = re.compile(
    r"오전|오후|새벽|아침|낮|저녁|밤|정오|자정|noon|midnight|[ap]\.?m\b|^0\d:|^1[3-9]|^2[0-4]|^0시", re.I
)


@dataclass(frozen=True)
class Clock:
    """A time of the day as it was written; `sure` where it cannot mean the other half of the day."""

    hour: int
    minute: int | None
    sure: bool
    start: int
    end: int


@dataclass(frozen=True)
class Question:
    """What is asked.

    Args:
        kind: what sort of question; `unknown` is answered with what can be asked.
        lang: in which to answer.
        part: name of the part of the site, `act` what it does.
        time, other_time: steps of the plan; the other is what it is held against ("rather than at five").
        missing: what the text leaves open and must be asked back.
        choices: between which, as they are shown.
    """

    kind: QuestionKind
    lang: Lang
    part: str | None = None
    act: Act | None = None
    time: Span | None = None
    other_time: Span | None = None
    missing: Missing = ""
    choices: tuple[str, ...] = ()


def read_question(text: str, schedule: Schedule, lang: Lang | None = None) -> Question:
    """Read a question about a plan.

    Args:
        text: in Korean or English; what is beyond 300 characters is not read.
        schedule: the plan, or the failed plan, that is asked about.
        lang: of the answer; None is that of the text.
    """
    text = " ".join(text[:MOST_CHARACTERS].split())
    tongue = lang or _tongue(text, schedule)
    kind = _kind(text, schedule)
    question = Question(kind, tongue)
    if kind in ("why_at", "why_not", "what_if", "what_if_until"):
        return _placed(question, text, schedule)
    return question


def _tongue(text: str, schedule: Schedule) -> Lang:
    """Korean where any Hangul is left beside the names of the parts."""
    for part in parts(schedule.problem.site):
        text = re.sub(re.escape(part.name), " ", text, flags=re.I)
    return "ko" if re.search("[가-힣]", text) else "en"


def clocks(text: str) -> list[Clock]:
    """Return the times of the day in a text, in its order; "at 3" and "3 in the morning" are such too."""
    text = _with_halves(text)
    found = []
    for moment in moments(text):
        if moment.value.startswith("T"):
            hour, minute = (int(figure) for figure in moment.value[1:].split(":"))
            quote = text[moment.start : moment.end]
            exact = ":" in quote or "분" in quote or "반" in quote
            given = minute if exact and not (minute == 0 and "시" not in quote) else (minute or None)
            found.append(Clock(hour % 24, given, bool(_SURE.search(quote)), moment.start, moment.end))
    for match in _BARE_HOUR.finditer(text):
        if not any(each.start < match.end() and match.start() < each.end for each in found):
            minute_text = match["min"]
            found.append(
                Clock(
                    int(match["h"]),
                    int(minute_text) if minute_text else None,
                    False,
                    match.start("h"),
                    match.end(),
                )
            )
    return sorted(found, key=lambda clock: clock.start)


def _with_halves(text: str) -> str:
    for half, words in table("question")["half"].items():
        text = re.sub(
            rf"(\b\d{{1,2}}(?::\d\d)?)(?:\s?o'?clock)?\s(?:{'|'.join(words)})",
            rf"\1 {half}",
            text,
            flags=re.I,
        )
    return text


def _has(text: str, words: Iterable[str]) -> bool:
    return bool(occurrences(text.casefold(), words))


def _kind(text: str, schedule: Schedule) -> QuestionKind:
    words: dict[str, Any] = table("question")["kind"]
    says = {name: _has(text, given) for name, given in words.items()}
    timed = bool(clocks(text))
    acts = any(_has(text, given) for given in table("question")["act"].values())
    named = _named(text, schedule) is not None
    if says["infeasible"] or (schedule.flows is None and (says["why"] or says["not"])):
        return "infeasible"
    if timed and (acts or named):
        if says["if"] and not says["why"]:
            return "what_if_until" if _until(text) else "what_if"
        if says["why"]:
            return "why_not" if _refused(text) else "why_at"
    if says["peak"] and not timed:
        return "why_peak"
    if says["cost"] and not timed:
        return "cost"
    if says["why"] and acts:
        return "why_not" if _refused(text) else "why_at"
    return "unknown"


def _refused(text: str) -> bool:
    """Whether it asks why something is not done; "not at five but at three" asks why it is."""
    bare = _without_instead(text)
    return _has(bare, table("question")["kind"]["not"])


def _without_instead(text: str) -> str:
    words = table("question")["kind"]
    for written in reversed(clocks(text)):
        after = text[written.end :]
        skipped = re.match(rf"[가-힣\s]{{0,12}}?(?:{'|'.join(map(re.escape, words['skipped']))})", after)
        instead = re.match(
            rf"\s?(?:에)?(?:{'|'.join(re.escape(w) for w in words['instead'] if not w.isascii())})", after
        )
        match = skipped or instead
        if match:
            text = text[: written.start] + text[written.end + match.end() :]
    english = "|".join(re.escape(word) for word in words["instead"] if word.isascii())
    return re.sub(
        rf"\b(?:{english})\s+(?:at\s+|around\s+)?(?=\d)[\d:]+(?:\s?[ap]\.?m)?", "", text, flags=re.I
    )


def _until(text: str) -> bool:
    words = table("question")["kind"]["until"]
    for written in clocks(text):
        after = text[written.end : written.end + 4]
        before = text[max(0, written.start - 8) : written.start].casefold()
        korean = any(after.lstrip().startswith(word) for word in words if not word.isascii())
        english = any(before.rstrip().endswith(word) for word in words if word.isascii())
        if korean or english:
            return True
    return False


def _named(text: str, schedule: Schedule) -> Part | None:
    """Return the part that the text names, by its own name before the word for its kind."""
    every = parts(schedule.problem.site)
    spans = occurrences(text.casefold(), [part.name.casefold() for part in every])
    for start, end in sorted(spans, key=lambda span: span[0] - span[1]):
        return next(part for part in every if part.name.casefold() == text.casefold()[start:end])
    for kind, words in table("question")["part"].items():
        alike = [part for part in every if part.kind == kind]
        if len(alike) == 1 and _has(text, words):
            return alike[0]
    return None


def _act(text: str) -> Act | None:
    order: tuple[Act, ...] = ("discharge", "charge", "heat", "run")
    for act in order:
        if _has(text, table("question")["act"][act]):
            return act
    return None


def _placed(question: Question, text: str, schedule: Schedule) -> Question:
    """Find the part and the hours; what is open is asked back."""
    written = clocks(text)
    kept, other = _split(text, written)
    candidates = _candidates(text, schedule)
    if not candidates:
        names = tuple(part.name for part in parts(schedule.problem.site))
        return replace(question, missing="part", choices=names)
    if not kept:
        return _without_time(question, candidates, schedule)
    found = [
        (part, act, span)
        for part, act in candidates
        for span in _spans(schedule, kept)
        if any(allowed(schedule.problem, part)[step] for step in span.steps)
    ]
    found = found or [(part, act, span) for part, act in candidates for span in _spans(schedule, kept)]
    if not found:
        return replace(question, missing="time")
    chosen = _choose(question, found, schedule)
    if isinstance(chosen, Question):
        return chosen
    part, act, span = chosen
    against = _spans(schedule, other)[:1] if other else []
    return replace(question, part=part.name, act=act, time=span, other_time=against[0] if against else None)


def _split(text: str, written: Sequence[Clock]) -> tuple[Clock | None, Clock | None]:
    """Return the hour that is asked about and the one it is held against."""
    left = [(clock.hour, clock.minute) for clock in clocks(_without_instead(text))]
    kept = [clock for clock in written if (clock.hour, clock.minute) in left]
    other = [clock for clock in written if (clock.hour, clock.minute) not in left]
    if len(written) == 1 or not kept:
        return (written[0] if written else None), None
    return kept[0], (other[0] if other else kept[1] if len(kept) > 1 else None)


def _candidates(text: str, schedule: Schedule) -> list[tuple[Part, Act]]:
    named, act = _named(text, schedule), _act(text)
    if named is not None:
        return [(named, act if act in named.acts and act else named.acts[0])]
    found = []
    for part in parts(schedule.problem.site):
        fits = [each for each in part.acts if act in (None, each) or (act == "heat" and each == "cool")]
        found += [(part, each) for each in fits[:1]]
    return found


def _spans(schedule: Schedule, clock: Clock) -> list[Span]:
    hours = [clock.hour] if clock.sure else sorted({clock.hour % 12, clock.hour % 12 + 12})
    return sorted(
        (span for hour in hours for span in spans_at(schedule.problem, hour, clock.minute)),
        key=lambda span: span.first,
    )


def _does(schedule: Schedule, part: Part, act: Act, span: Span) -> bool:
    return schedule.flows is not None and mean(power(schedule.flows, part, act), span) > NOTHING_KW


def _choose(
    question: Question, found: list[tuple[Part, Act, Span]], schedule: Schedule
) -> tuple[Part, Act, Span] | Question:
    """Take what fits the plan: done where it is asked why, not done where why not; the first day."""
    wanted = question.kind != "why_not"
    fitting = [each for each in found if _does(schedule, *each) == wanted] or found
    if question.kind in ("what_if", "what_if_until"):
        fitting = found
    names = list(dict.fromkeys(part.name for part, _, _ in fitting))
    if len(names) > 1:
        return replace(question, missing="part", choices=tuple(names))
    clocks_found = {
        clock(schedule.problem, span.first): (part, act, span) for part, act, span in reversed(fitting)
    }
    if len(clocks_found) > 1:
        return replace(question, part=names[0], missing="half", choices=tuple(sorted(clocks_found)))
    return next(iter(clocks_found.values()))


def _without_time(question: Question, candidates: list[tuple[Part, Act]], schedule: Schedule) -> Question:
    """Without an hour: of one part, the hour in which it does most."""
    busy = [
        (part, act)
        for part, act in candidates
        if schedule.flows and max(power(schedule.flows, part, act)) > NOTHING_KW
    ]
    if question.kind != "why_at" or not busy:
        return replace(question, missing="time")
    if len(busy) > 1:
        return replace(question, missing="part", choices=tuple(dict.fromkeys(part.name for part, _ in busy)))
    part, act = busy[0]
    assert schedule.flows is not None
    values = power(schedule.flows, part, act)
    spans = hours_of(schedule.problem, [True] * len(values))
    return replace(question, part=part.name, act=act, time=max(spans, key=lambda span: mean(values, span)))


def language(text: str, schedule: Schedule | None = None) -> Lang:
    """Return Korean for a text with any Hangul beside the names of the parts, else English."""
    if schedule is not None:
        return _tongue(text, schedule)
    return "ko" if re.search("[가-힣]", text) else "en"


def asks_about_a_plan(text: str) -> bool:
    """Whether a text can only be about the plan at work: an hour and an act with why or if, or no plan."""
    text = " ".join(text[:MOST_CHARACTERS].split())
    words: dict[str, Any] = table("question")["kind"]
    says = {name: _has(text, words[name]) for name in ("why", "if", "infeasible")}
    acts = any(_has(text, given) for given in table("question")["act"].values())
    timed = bool(clocks(text)) and acts and (says["why"] or says["if"])
    return timed or bool(says["infeasible"] and re.search(r"계획|\bplan\b", text, re.I))
