"""The page put together: seven tabs on one site, kept up to date by the frame."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from slm_core.ui.ask import add_ask
from slm_core.ui.frame import Frame
from slm_energy.page.bill import add_bill
from slm_energy.page.data import add_data
from slm_energy.page.grid import add_grid
from slm_energy.page.orders import add_orders
from slm_energy.page.planview import plan_view
from slm_energy.page.room import Room, Snapshot
from slm_energy.page.saving import add_saving
from slm_energy.page.whatif import add_what_if
from slm_energy.page.why import add_why
from slm_energy.page.words import Words
from slm_energy.why.parts import parts

TABS = ("plan", "why", "bill", "orders", "grid", "data", "ask")


def lay_out(frame: Frame) -> None:
    """Add the tabs to the frame."""
    import gradio as gr

    words, room = Words(frame.lang), Room(frame.live)
    style = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")
    gr.HTML(f"<style>{style}</style>", elem_classes="slm-unseen")
    site_line = frame.watch(room.shown(line_of_site, words))
    with gr.Tabs() as tabs:
        with gr.Tab(words["tab_plan"], id="plan"):
            _plan(frame, room, site_line, words)
        with gr.Tab(words["tab_why"], id="why"):
            add_why(frame, room, words)
        with gr.Tab(words["tab_bill"], id="bill"):
            add_bill(frame, room, site_line, words)
        with gr.Tab(words["tab_orders"], id="orders"):
            add_orders(frame, room, words)
        with gr.Tab(words["tab_grid"], id="grid"):
            add_grid(frame, words)
        with gr.Tab(words["tab_data"], id="data"):
            add_data(frame, room, words)
            add_saving(frame, room, words)
        with gr.Tab(words["tab_ask"], id="ask"):
            add_ask(frame, words["ask_hint"])
    frame.open_at(tabs, TABS, gr.State(""))


def _plan(frame: Frame, room: Room, site_line: Any, words: Words) -> None:
    import gradio as gr

    with gr.Row():
        with gr.Column(scale=7, min_width=320):
            frame.watch(room.shown(plan_view, words))
        with gr.Column(scale=3, min_width=320):
            add_what_if(frame, room, site_line, words)


def line_of_site(snapshot: Snapshot, words: Words) -> str:
    """Return what there is, in a line."""
    site = snapshot.site
    if site is None:
        return f'<p class="slm-site-line slm-quiet">{escape(words["no_site"])}</p>'
    told = [f"{words['tariff']}: {site.tariff}"]
    if site.contract_kw:
        told.append(f"{words['contract']} {site.contract_kw:g} kW")
    if site.peak_kw:
        told.append(words["peak_limit"].format(kw=f"{site.peak_kw:g} kW"))
    if site.panels:
        told.append(f"{words['pv']} {site.panels.kwp:g} kWp")
    if site.battery:
        told.append(f"{site.battery.name} {site.battery.capacity_kwh:g} kWh")
    told += [part.name for part in parts(site)[site.battery is not None :]]
    return f'<p class="slm-site-line"><b>{escape(site.name)}</b> {escape(" · ".join(told))}</p>'
