"""The data tab: the readings of the last day, faults, anomalies, and a file of readings looked at by row."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from slm_core.errors import SlmError, UserError
from slm_core.ui.frame import Frame
from slm_energy.page.dataview import Looked, file_view, reading_view
from slm_energy.page.room import Room
from slm_energy.page.shown import empty, fault
from slm_energy.page.words import Words
from slm_energy.page.working import at_work, working
from slm_energy.refusals import refused as refusal
from slm_energy.site import Site

KINDS = (".csv", ".tsv", ".txt")
MOST_BYTES = 50_000_000


def add_data(frame: Frame, room: Room, words: Words) -> None:
    """Add the tab."""
    import gradio as gr

    desk = Desk(room, words)
    with gr.Row():
        with gr.Column(scale=5, min_width=320):
            frame.watch(room.shown(reading_view, words))
        with gr.Column(scale=4, min_width=320):
            file = gr.File(label=words["meter_file"], file_types=list(KINDS), height=130)
            look = gr.Button(words["look_at_file"], variant="primary")
            view = gr.HTML(empty(words["file_empty"]))
    look.click(desk.look, file, view, show_progress="hidden", api_visibility="private")


class Desk:
    """What the button does."""

    def __init__(self, room: Room, words: Words) -> None:
        self._room, self._words = room, words

    def look(self, file: str | None) -> Iterator[str]:
        """Yield that it works, then what the file says and what is wrong with it, row by row."""
        words = self._words
        path = Path(file or "")
        yield working(words, 0)
        try:
            given(path if file else None, words)
            site = self._room.now().site
            for step in at_work(lambda _: looked_at(path, site), words):
                yield step if isinstance(step, str) else file_view(path.name, step.result(), words)
        except SlmError as error:
            yield fault(error, words.lang, path)


def given(path: Path | None, words: Words) -> Path:
    """Return the uploaded file.

    Raises:
        UserError: there is none, or it is too large.
    """
    if path is None:
        raise UserError(words["no_file"])
    if path.stat().st_size > MOST_BYTES:
        raise UserError(words["too_large"].format(most=MOST_BYTES // 1_000_000), mend="slm batch energy ...")
    return path


def looked_at(path: Path, site: Site | None) -> dict[str, Looked]:
    """Return what each quantity of a file says, whether a plan may rest on it, and what it foretells.

    Raises:
        UserError: it cannot be read as readings.
    """
    from slm_energy.forecast.load import forecast_load
    from slm_energy.meter.checks import usable
    from slm_energy.meter.reading import read_meters

    found: dict[str, Looked] = {}
    for quantity, metered in read_meters(path, site=site).items():
        series = metered.series
        fine, why = usable(series, series.start, series.end)
        forecast, refused = None, None
        if quantity == "load" and fine:
            try:
                steps = max(1, round(24 / series.hours))
                forecast = forecast_load(series, steps)
            except SlmError as error:
                refused = refusal(error)
        found[quantity] = Looked(metered, fine, why, forecast, refused)
    return found
