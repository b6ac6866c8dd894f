"""The grid tab: a network, its load, and what a power flow finds; nothing is ever switched or set."""

from __future__ import annotations

import time
from collections.abc import Iterator
from html import escape
from pathlib import Path

from slm_core.errors import SlmError, UserError
from slm_core.ui.frame import Frame
from slm_energy.grid.markdown import MOST_ROWS, option_rows, outage_rows, violation_rows
from slm_energy.grid.network import networks
from slm_energy.grid.note import note
from slm_energy.grid.report import GridReport, grid_report
from slm_energy.grid.wording import Wording
from slm_energy.page.shown import empty, fault, heading, listed, quiet, section, table
from slm_energy.page.words import Words
from slm_energy.page.working import Task, at_work, working

FIRST = "case33bw"
MOST_S = 60.0  # after which the rest of the outages and measures is left out, and the note says so
MOST_BYTES = 20_000_000


def add_grid(frame: Frame, words: Words) -> None:
    """Add the tab."""
    import gradio as gr

    gr.HTML(f'<p class="slm-never">{escape(words["never_actuates"])}</p>')
    with gr.Row(equal_height=False):
        named = [(f"{each.ko if words.lang == 'ko' else each.en}", name) for name, each in networks().items()]
        name = gr.Dropdown(named, value=FIRST, label=words["network"], scale=4, min_width=220)
        scale = gr.Slider(0.2, 3, value=1.0, step=0.05, label=words["load_scale"], scale=3, min_width=220)
        outages = gr.Checkbox(value=True, label=words["try_outages"], scale=3, min_width=240)
        look = gr.Button(words["look_at_grid"], variant="primary", scale=2, min_width=120)
    with gr.Accordion(words["own_network"], open=False):
        own = gr.File(label=words["own_network_file"], file_types=[".json"], height=120)
    view = gr.HTML(empty(words["grid_empty"]))
    desk = Desk(words)
    look.click(desk.look, [name, scale, outages, own], view, show_progress="hidden", api_visibility="private")


class Desk:
    """What the button does."""

    def __init__(self, words: Words) -> None:
        self._words = words

    def look(self, name: str | None, scale: float, outages: bool, own: str | None) -> Iterator[str]:
        """Yield that it works, then the report; a file of the user's own goes before the name."""
        words = self._words
        yield working(words, 0)
        file = Path(own) if own else None
        try:
            if file is not None and file.stat().st_size > MOST_BYTES:
                raise UserError(words["too_large"].format(most=MOST_BYTES // 1_000_000))
            if file is None and not name:
                raise UserError(words["choose_network"])
            for step in at_work(
                lambda task: looked_at(file or str(name), scale, outages, words, task), words
            ):
                yield step if isinstance(step, str) else grid_view(step.result(), words)
        except SlmError as error:
            yield fault(error, words.lang, *([file] if file else []))


def looked_at(name: str | Path, scale: float, outages: bool, words: Words, task: Task) -> GridReport:
    """Return the report of a network; it ends early where nobody waits any more."""
    until = time.monotonic() + MOST_S

    def told(phase: str, done: int, total: int) -> None:
        task.doing = f"{words.of('phase_of', phase)} {done}/{total}"

    def stop() -> bool:
        return task.given_up() or time.monotonic() > until

    return grid_report(name, scale, words.lang, outages, progress=told, stop=stop)


def grid_view(report: GridReport, words: Words) -> str:
    """Return picture, note, and the tables of what is broken, of outages and of measures."""
    from slm_energy.grid.drawing import svg

    wording = Wording(words.lang)
    told = note(report, words.lang)
    picture = f'<figure class="slm-network">{svg(report, words.lang)}</figure>'
    said = heading(wording.of("page", "note")) + listed(each.text for each in told.sentences)
    parts = [f'<div class="slm-two">{picture}<div>{said}</div></div>']
    parts += _part(wording.of("page", "violations"), *violation_rows(report.violations, wording), wording)
    parts += _part(wording.of("page", "options"), *option_rows(report.options.ranked, wording), wording, 2)
    if report.outages is not None:
        parts += _part(wording.of("page", "outages"), *_last_to(1, *outage_rows(report, wording)), wording, 2)
    if report.options.rejected:
        rows = _last_to(2, *option_rows(report.options.rejected, wording))
        rejected = _part("", *rows, wording, 3)
        summary = escape(wording.of("page", "rejected"))
        parts.append(f"<details><summary>{summary}</summary>{''.join(rejected)}</details>")
    return section(*parts)


def _last_to(place: int, header: list[str], rows: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    """Move the last column, which is text, before the figures."""
    moved = [[*row[:place], row[-1], *row[place:-1]] for row in (header, *rows)]
    return moved[0], moved[1:]


def _part(
    title: str, header: list[str], rows: list[list[str]], wording: Wording, numbers_from: int = 1
) -> Iterator[str]:
    yield heading(title) if title else ""
    if not rows:
        yield quiet(wording.of("page", "none"))
        return
    yield table(header, rows[:MOST_ROWS], numbers_from)
    if len(rows) > MOST_ROWS:
        yield quiet(wording.of("page", "all").format(n=len(rows), shown=MOST_ROWS))
