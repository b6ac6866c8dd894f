"""The page put together: five tabs on one chosen incident, kept up to date by the frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from slm_core.ui.ask import add_ask
from slm_core.ui.frame import Frame
from slm_disaster.page.alerting import add_alerts
from slm_disaster.page.cards import aside_list, incident_list
from slm_disaster.page.damage import add_damage
from slm_disaster.page.detail import incident_detail
from slm_disaster.page.gauges import sensor_charts
from slm_disaster.page.room import Room
from slm_disaster.page.where import incident_map
from slm_disaster.page.words import Words

TABS = ("situation", "sensors", "damage", "alert", "ask")


def lay_out(frame: Frame) -> None:
    """Add the tabs to the frame."""
    import gradio as gr

    words, room = Words(frame.lang), Room(frame.live)
    frame.live.chores.append(room.now)  # so that the charts have what came while nobody looked
    style = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")
    gr.HTML(f"<style>{style}</style>", elem_classes="slm-unseen")
    chosen = gr.State("")
    with gr.Tabs() as tabs:
        with gr.Tab(words["tab_situation"], id="situation"):
            _situation(frame, room, chosen, words)
        with gr.Tab(words["tab_sensors"], id="sensors"):
            frame.watch(lambda: sensor_charts(room.now(), words))
        with gr.Tab(words["tab_damage"], id="damage"):
            add_damage(frame, room, words)
        with gr.Tab(words["tab_alert"], id="alert"):
            add_alerts(frame, room, chosen, words)
        with gr.Tab(words["tab_ask"], id="ask"):
            add_ask(frame, words["question_hint"])
    frame.open_at(tabs, TABS, chosen)


def _situation(frame: Frame, room: Room, chosen: Any, words: Words) -> None:
    import gradio as gr

    with gr.Row():
        with gr.Column(scale=4, min_width=320):
            listed = frame.watch(lambda picked: incident_list(room.now(), picked, words), [chosen])
            frame.watch(lambda: aside_list(room.now(), words))
        with gr.Column(scale=5, min_width=320):
            mapped = frame.watch(lambda picked: incident_map(room.now(), picked, words), [chosen])
            frame.watch(lambda picked: incident_detail(room.now(), picked, words), [chosen])

    for part in (listed, mapped):
        frame.choose(part, chosen)
