"""The alert tab: form, draft, approval, cancellation and log."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
from html import escape
from typing import Any

from slm_core.bus.store import StoreBroken
from slm_core.errors import SlmError, UserError
from slm_core.ui.frame import Frame
from slm_disaster.alerts.draft import Cancelling
from slm_disaster.alerts.message import Certainty, Severity, Urgency
from slm_disaster.alerts.outgoing import outgoing_of
from slm_disaster.page.alertview import approved_view, draft_view, fault_view, log_view, target_view
from slm_disaster.page.drafting import MOST_HOURS, STATUSES, Drafted, Form, approve, draft_for
from slm_disaster.page.measuring import measured_of
from slm_disaster.page.room import Room
from slm_disaster.page.words import Words

AGENCY = ("재난안전상황실", "Disaster control room")


def add_alerts(frame: Frame, room: Room, chosen: Any, words: Words) -> None:
    """Add the tab."""
    import gradio as gr

    desk = Desk(frame, room, words)
    frame.watch(lambda picked: target_view(room.now(), picked, words), [chosen])
    with gr.Row():
        with gr.Column(scale=4, min_width=320):
            fields = _form(words)
            draft_button = gr.Button(words["make_draft"])
        with gr.Column(scale=5, min_width=320):
            view = gr.HTML(f'<p class="slm-empty">{words["draft_first"]}</p>')
            operator = gr.Textbox(label=words["operator"], placeholder=words["operator_hint"], max_length=64)
            approve_button = gr.Button(words["approve"], variant="primary", interactive=False)
            note = words["approve_note"].format(topic=desk.outgoing.topic)
            gr.HTML(f'<p class="slm-quiet">{escape(note)}</p>')
            drafted, written = gr.State(None), gr.State(0)
            which, update_button = _in_force(desk, operator, view, written)
            logged = frame.watch(lambda _: log_view(desk.outgoing, words), [written])
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    logged.change(desk.choices, which, which, **quiet)  # whoever approved it, on whatever page
    draft_button.click(desk.draft, [chosen, *fields], [view, drafted, approve_button], **quiet)
    approve_button.click(
        desk.approve, [drafted, operator, written], [view, drafted, approve_button, written], **quiet
    )
    update_button.click(
        desk.update,
        [which, drafted, operator, written],
        [view, drafted, approve_button, written],
        **quiet,
    )
    for field in (chosen, *fields):
        field.change(desk.outdate, drafted, [view, drafted, approve_button], queue=False, **quiet)


class Desk:
    """What the buttons do."""

    def __init__(self, frame: Frame, room: Room, words: Words) -> None:
        self._live, self._room, self.words = frame.live, room, words
        self.outgoing = outgoing_of(frame.live)
        self.chain = self.outgoing.chain

    def draft(self, chosen: str, *entered: Any) -> tuple[str, Drafted | None, Any]:
        """Return what is shown, the draft, and whether it may be approved."""
        import gradio as gr

        now = datetime.now(UTC)
        try:
            snapshot = self._room.now()
            incident = snapshot.incident(chosen)
            if incident is None:
                raise UserError(self.words["closed"] if chosen else self.words["alert_none"])
            measured = measured_of(incident, snapshot.sensors)
            drafted = draft_for(incident, Form(*entered), now, self.words, measured)
        except SlmError as error:
            return fault_view(error), None, gr.update(interactive=False)
        return draft_view(drafted, now, self.words), drafted, gr.update(interactive=drafted.draft.ready)

    def update(
        self, identifier: str | None, drafted: Drafted | None, operator: str, written: int
    ) -> tuple[Any, ...]:
        """Approve the draft as the update of an alert in force; the same is returned as by `approve`."""
        import gradio as gr

        if not identifier:
            fault = fault_view(UserError(self.words["choose_update"]))
            shown = fault + draft_view(drafted, datetime.now(UTC), self.words) if drafted else fault
            return shown, drafted, gr.skip(), written
        return self.approve(drafted, operator, written, identifier)

    def approve(
        self, drafted: Drafted | None, operator: str, written: int, updates: str = ""
    ) -> tuple[Any, ...]:
        """Approve the draft; return what is shown, the draft left, its button and the count of writes."""
        import gradio as gr

        expert, words, now = self._live.expert, self.words, datetime.now(UTC)
        try:
            if drafted is None:
                raise UserError(words["draft_first"])
            done = approve(drafted, self._room.now(), self.chain, operator, now, words, expert, updates)
        except SlmError as error:
            fault = fault_view(error)
            shown = fault + draft_view(drafted, now, words) if drafted else fault
            return shown, drafted, gr.skip(), written
        with suppress(StoreBroken):  # the log has it: the chore hands it over again, and tells what is broken
            self.outgoing()
        return approved_view(done, words), None, gr.update(interactive=False), written + 1

    def outdate(self, drafted: Drafted | None) -> tuple[Any, ...]:
        """The form says something else than the draft now: it can no longer be approved."""
        import gradio as gr

        if drafted is None:
            return gr.skip(), gr.skip(), gr.skip()
        return f'<p class="slm-empty">{self.words["stale"]}</p>', None, gr.update(interactive=False)

    def cancel(self, identifier: str | None, why: str, operator: str, written: int) -> tuple[str, int]:
        """Cancel an alert in force; return what is shown and the count of writes."""
        try:
            if not identifier:
                raise UserError(self.words["choose_alert"])
            done = self.chain.cancel(identifier, Cancelling(why), operator.strip(), datetime.now(UTC))
        except SlmError as error:
            return fault_view(error), written
        with suppress(StoreBroken):  # the log has it: the chore hands it over again, and tells what is broken
            self.outgoing()
        return approved_view(done, self.words), written + 1

    def choices(self, chosen: str | None) -> Any:
        """Return the alerts that may be chosen now; what is no longer in force is chosen no longer."""
        import gradio as gr

        found = self.in_force()
        return gr.update(choices=found, value=chosen if chosen in dict(found).values() else None)

    def in_force(self) -> list[tuple[str, str]]:
        """Labels and identifiers of the alerts that may be updated or cancelled."""
        try:
            standing = self.chain.in_force(datetime.now(UTC))
        except SlmError:
            return []  # the log beside it tells what is wrong
        name = "sms_90" if self.words.lang == "ko" else "caption_en"
        return [
            (f"{self.words.of('choice', each.status)} {each.draft.texts[name].text}", each.identifier)
            for each in standing
        ]


def _form(words: Words) -> list[Any]:
    """The fields in the order of `Form`."""
    import gradio as gr

    status = gr.Radio(_choices(STATUSES, words), value=STATUSES[0].value, label=words["status"])
    with gr.Row():
        agencies = [
            gr.Textbox(value, label=words[name], max_length=60, min_width=140)
            for name, value in zip(("agency_ko", "agency_en"), AGENCY, strict=True)
        ]
    with gr.Row():
        levels = [
            gr.Dropdown(
                [(words["from_incident"], ""), *_choices(kind, words)],
                value="",
                label=words[name],
                min_width=120,
            )
            for name, kind in (("urgency", Urgency), ("alert_severity", Severity), ("certainty", Certainty))
        ]
    hours = gr.Slider(1, MOST_HOURS, value=6, step=1, label=words["hours"])
    names = gr.Textbox("", label=words["names_en"], lines=2, max_length=2000)
    return [status, *agencies, *levels, hours, names]


def _in_force(desk: Desk, operator: Any, view: Any, written: Any) -> tuple[Any, Any]:
    """Add what may be done to an alert in force; return which is chosen, and the button of an update."""
    import gradio as gr

    words = desk.words
    with gr.Row():
        which = gr.Dropdown(desk.in_force(), value=None, label=words["cancel_of"], scale=3, min_width=200)
        update = gr.Button(words["update"], min_width=120)
    with gr.Row():
        why = gr.Dropdown(
            _choices(Cancelling, words),
            value=Cancelling.ENDED.value,
            label=words["cancel_why"],
            min_width=120,
        )
        button = gr.Button(words["cancel"], variant="stop", min_width=120)
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    button.click(desk.cancel, [which, why, operator, written], [view, written], **quiet)
    return which, update


def _choices(kind: Any, words: Words) -> list[tuple[str, str]]:
    members: list[StrEnum] = list(kind)
    return [(words.of("choice", each.value), each.value) for each in members]
