"""The why tab: a question about the plan, the reason with its facts, and a what-if of one click."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from slm_core.errors import CouldNot, SlmError, UserError
from slm_core.ui.frame import Frame
from slm_energy.page.room import Room, Snapshot
from slm_energy.page.shown import button, empty, fault, pressed, quiet, said
from slm_energy.page.telling import LONGEST_NAME, named, tell
from slm_energy.page.whatif import what_if_view
from slm_energy.page.whyview import amounts_of, choices, reason_view
from slm_energy.page.words import Words
from slm_energy.page.working import at_work, working
from slm_energy.plan.problem import Problem
from slm_energy.plan.safe import failed
from slm_energy.plan.schedule import Schedule
from slm_energy.why.conflict import Conflict
from slm_energy.why.explaining import explain
from slm_energy.why.parts import NOTHING_KW, parts, power
from slm_energy.why.wording import with_particles

LONGEST = 300
_WORDED = re.compile("[가-힣A-Za-z]")
MOST_PARTS = 4  # that an example is shown for
Answered = tuple[str, Any, Any, Any]


def add_why(frame: Frame, room: Room, words: Words) -> None:
    """Add the tab."""
    import gradio as gr

    desk = Desk(room, words)
    with gr.Row(equal_height=True):
        question = gr.Textbox(
            label=words["question"], placeholder=words["question_hint"], lines=1, max_length=LONGEST, scale=5
        )
        ask = gr.Button(words["ask"], variant="primary", scale=1, min_width=90)
    examples = frame.watch(room.shown(suggestions, words))
    view = gr.HTML(empty(words["why_empty"]))
    asked = gr.State(None)
    with gr.Column(visible=False) as relaxing:
        which = gr.Radio([], label=words["relax"])
        tried = gr.Button(words["try"], min_width=140)
        beside = gr.HTML("")
        with gr.Row(equal_height=True):
            by = gr.Textbox(label=words["by"], max_length=LONGEST_NAME, placeholder=words["by_hint"], scale=4)
            apply = gr.Button(words["apply"], variant="stop", scale=2, min_width=140)
        applied = gr.HTML(quiet(words["apply_note"]))
    hidden: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    shown = [view, asked, which, relaxing]
    gr.on([question.submit, ask.click], desk.answer, question, shown, **hidden).then(
        lambda: ("", quiet(words["apply_note"])), None, [beside, applied], **hidden
    )
    pressed(examples, lambda id: id.partition(":")[2], [], [question])
    tried.click(desk.try_out, [asked, which], beside, **hidden)
    apply.click(desk.apply, [asked, which, by], applied, **hidden)


def suggestions(snapshot: Snapshot, words: Words) -> str:
    """Return questions that the plan answers; one that is pressed is put in the box."""
    plan = snapshot.question
    if plan is None:
        return ""
    if plan.flows is None:
        asked = [words["why_none"]]
    else:
        asked = [words["why_peak"], words["why_cost"], *_about_parts(plan, words)]
    chips = "".join(button("question", each, each) for each in asked)
    return f'<div class="slm-chips">{chips}</div>'


def _about_parts(plan: Schedule, words: Words) -> Iterator[str]:
    """Ask why a part does what it does, at an hour at which it does most."""
    assert plan.flows is not None
    for part in parts(plan.problem.site)[:MOST_PARTS]:
        values = power(plan.flows, part, part.acts[0])
        most = max(range(len(values)), key=lambda step: values[step])
        if values[most] > NOTHING_KW:
            act, hour = words.of("act", part.acts[0]), plan.problem.load.at(most).hour
            yield with_particles(words["why_part"].format(part=part.name, act=act, hour=hour))


class Asked:
    """A conflict and the plan it is of, as one reader sees it."""

    def __init__(self, problem: Problem, plan: Schedule, conflict: Conflict) -> None:
        self.problem, self.plan, self.conflict = problem, plan, conflict

    def __deepcopy__(self, _: Any) -> Asked:
        return self  # Gradio copies states; nothing here changes


class Desk:
    """What the buttons do."""

    def __init__(self, room: Room, words: Words) -> None:
        self._room, self._words = room, words

    def answer(self, question: str) -> Iterator[Answered]:
        """Yield the reply, the conflict, what could be relaxed and whether that is shown."""
        import gradio as gr

        words = self._words
        nothing: tuple[Any, ...] = (None, gr.update(choices=[]), gr.update(visible=False))
        if not question.strip():
            yield empty(words["why_empty"]), *nothing
            return
        yield working(words, 0), *nothing
        try:
            plan = self._room.now().question
            if plan is None:
                raise CouldNot(words["no_plan"])
            asked = question[:LONGEST]
            lang = None if _WORDED.search(asked) else words.lang  # figures alone are of no language
            for step in at_work(lambda _: explain(asked, plan, lang), words):
                if isinstance(step, str):
                    yield step, gr.skip(), gr.skip(), gr.skip()
                    continue
                reason = step.result()
                found = choices(reason.conflict, words)
                if reason.conflict is None or not found:
                    yield reason_view(reason, words), *nothing
                    continue
                kept = Asked(plan.problem, plan, reason.conflict)
                radio = gr.update(choices=found, value=found[0][1])
                yield reason_view(reason, words), kept, radio, gr.update(visible=True)
        except SlmError as error:
            yield fault(error, words.lang), *nothing

    def try_out(self, asked: Asked | None, choice: str | None) -> Iterator[str]:
        """Yield the plan with a limit relaxed, beside the one that was asked about."""
        words = self._words
        yield working(words, 0)
        try:
            kept, amounts = self._chosen(asked, choice)
            from slm_energy.why.conflict import what_if

            for step in at_work(lambda _: what_if(kept.problem, amounts), words):
                if isinstance(step, str):
                    yield step
                    continue
                plan = step.result()
                why = failed(plan).of(words.lang) if plan.flows is None else ""
                yield what_if_view(self._room.now().plan or kept.plan, plan, why, words)
        except SlmError as error:
            yield fault(error, words.lang)

    def apply(self, asked: Asked | None, choice: str | None, by: str) -> str:
        """Relax the limit of the site for a person; the site then plans anew."""
        words = self._words
        try:
            kept, amounts = self._chosen(asked, choice)
            if self._room.now().question is not kept.plan:
                raise UserError(words["plan_changed"])
            tell(self._room, "plan/relax", {"amounts": amounts, "by": named(by, words)})
        except SlmError as error:
            return fault(error, words.lang)
        return said(words["relaxing"])

    def _chosen(self, asked: Asked | None, choice: str | None) -> tuple[Asked, dict[str, float]]:
        amounts = amounts_of(asked.conflict, choice or "") if asked else {}
        if asked is None or not amounts:
            raise UserError(self._words["choose_relax"])
        return asked, amounts
