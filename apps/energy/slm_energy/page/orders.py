"""The orders tab: what a text would change, orders that wait for a person, those sent, with undo."""

from __future__ import annotations

from html import escape
from typing import Any

from slm_core.errors import SlmError, UserError
from slm_core.ui.frame import Frame
from slm_energy.command.order import Order, lost, place_order
from slm_energy.command.resolve import Nothing, Question, Reading, resolve
from slm_energy.command.rules import read_by_rules
from slm_energy.command.wording import NOTHING, ask_back, dry_run, reading
from slm_energy.ems.orders import DECISION, ask_expert
from slm_energy.page.room import Room, Snapshot
from slm_energy.page.shown import button, empty, fault, heading, pressed, quiet, said, section, table
from slm_energy.page.telling import LONGEST_NAME, named, tell
from slm_energy.page.words import Words

TYPED = "command/typed"
LONGEST = 300
MOST = 40  # orders that are shown
_MAY = {"waiting": ("confirm", "refuse"), "ready": ("refuse",), "sent": ("undo",)}


def add_orders(frame: Frame, room: Room, words: Words) -> None:
    """Add the tab."""
    import gradio as gr

    desk = Desk(room, words)
    with gr.Row():
        with gr.Column(scale=4, min_width=320):
            text = gr.Textbox(
                label=words["order"], placeholder=words["order_hint"], lines=2, max_length=LONGEST
            )
            with gr.Row():
                look = gr.Button(words["dry_run"], min_width=120)
                give = gr.Button(words["give"], variant="primary", min_width=120)
            view = gr.HTML(empty(words["order_empty"]))
            by = gr.Textbox(label=words["by"], max_length=LONGEST_NAME, placeholder=words["by_hint"])
            told = gr.HTML("")
        with gr.Column(scale=5, min_width=320):
            listed = frame.watch(room.shown(order_list, words))
            frame.watch(room.shown(device_list, words))
    hidden: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    gr.on([text.submit, look.click], desk.look, text, view, **hidden)
    give.click(desk.give, text, [view, text], **hidden)
    pressed(listed, desk.decide, [by], [told])


class Desk:
    """What the buttons do."""

    def __init__(self, room: Room, words: Words) -> None:
        self._room, self._words = room, words

    def look(self, text: str) -> str:
        """Return what a text would change; nothing is sent."""
        return looked_at(self._room.now(), text, self._words)

    def give(self, text: str) -> tuple[str, str]:
        """Hand the text over as an order; return what is shown and what stays in the box."""
        words = self._words
        snapshot = self._room.now()
        if not text.strip() or snapshot.home is None:
            return looked_at(snapshot, text, words), text
        tell(self._room, TYPED, {"text": text[:LONGEST]})
        if self._room.live.model and ask_expert(text):
            return said(words["expert_reads"]), ""
        found = resolve(read_by_rules(text), text, snapshot.home, snapshot.states)
        if isinstance(found, Question | Nothing):  # it became no order, so it stays in the box to be mended
            return looked_at(snapshot, text, words), text
        return said(words["given"]), ""

    def decide(self, what: str, by: str) -> str:
        """Confirm, refuse or undo an order for the person who pressed its button."""
        words = self._words
        do, _, id = what.partition(":")
        snapshot = self._room.now()
        order = next((each for each in snapshot.orders if each.id == id), None)
        try:
            if order is None or do not in may(order, snapshot):
                raise UserError(words["not_any_more"])
            tell(self._room, DECISION, {"order": id, "do": do, "by": named(by, words)})
        except SlmError as error:
            return fault(error, words.lang)
        return said(words["told"].format(what=words.of("do", do), text=order.text))


def may(order: Order, snapshot: Snapshot) -> tuple[str, ...]:
    """Return what a person can do with an order now."""
    if order.phase == "waiting" and snapshot.now > order.expires:
        return ()
    return _MAY.get(order.phase, ())


def looked_at(snapshot: Snapshot, text: str, words: Words) -> str:
    """Return what the rules read in a text: the change, an answer, or a question back."""
    home = snapshot.home
    if home is None:
        return empty(words["no_devices"])
    if not text.strip():
        return empty(words["order_empty"])
    found = resolve(read_by_rules(text), text, home, snapshot.states)
    if isinstance(found, Question):
        return _told(words["asks_back"], ask_back(found, home, words.lang), "slm-warning")
    if isinstance(found, Reading):
        return _told(words["reading"], reading(found, home, snapshot.states, words.lang))
    if isinstance(found, Nothing):
        return _told(words["no_order"], NOTHING.of(words.lang), "slm-warning")
    order = place_order(found, text, home, snapshot.states, id="dry-run", now=snapshot.now)
    return _told(words["would"], dry_run(order, home, words.lang))


def _told(title: str, text: str, kind: str = "slm-ready") -> str:
    return section(
        f'<p class="{kind}" role="status">{escape(title)}</p><p class="slm-lines-of">{escape(text)}</p>'
    )


def order_list(snapshot: Snapshot, words: Words) -> str:
    """Return the orders, those that wait for a person first, then the newest."""
    if not snapshot.orders:
        return section(heading(words["orders"]), empty(words["no_orders"]))
    newest = [*reversed(snapshot.orders)][:MOST]
    ranked = sorted(newest, key=lambda each: each.phase != "waiting")
    cards = "".join(_card(each, snapshot, words) for each in ranked)
    return section(
        heading(f"{words['orders']} {len(snapshot.orders)}"), f'<div class="slm-cards">{cards}</div>'
    )


def _card(order: Order, snapshot: Snapshot, words: Words) -> str:
    home = snapshot.home
    changes = dry_run(order, home, words.lang) if home else ""
    done = f'<b class="slm-badge slm-phase-{order.phase}">{escape(words.of("phase", order.phase))}</b>'
    by = f" · {escape(order.by)}" if order.by else ""
    until = ""
    if order.phase == "waiting":
        until = quiet(words["until"].format(at=words.clock(order.expires.astimezone(snapshot.now.tzinfo))))
    kept = quiet(words["lost"]) if order.phase == "sent" and lost(order) else ""
    buttons = "".join(button(do, order.id, words.of("do", do)) for do in may(order, snapshot))
    return (
        f'<article class="slm-order"><p>{done}<q>{escape(order.text)}</q>{by}</p>'
        f'<p class="slm-lines-of">{escape(changes)}</p>{until}{kept}'
        f'<p class="slm-buttons">{buttons}</p></article>'
    )


def device_list(snapshot: Snapshot, words: Words) -> str:
    """Return what can be ordered, folded, with what is known of each device."""
    home = snapshot.home
    if home is None:
        return ""
    rows = [
        (home.title(device, words.lang), f"{device.rated_kw:g} kW", words["safety"] if device.safety else "")
        for device in home.devices
    ]
    header = (words["device"], words["rated"], words["confirms"])
    note = quiet(words["confirm_above"].format(kw=f"{home.confirm_above_kw:g}"))
    summary = escape(f"{words['devices']} {len(rows)}")
    return section(f"<details><summary>{summary}</summary>{table(header, rows, 3)}{note}</details>")
