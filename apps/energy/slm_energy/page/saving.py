"""What a measure saved: meter readings of before and after as a report to keep (M&V)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from weakref import finalize

from slm_core.errors import CouldNot, SlmError
from slm_core.report.html import fragment
from slm_core.ui.frame import Frame
from slm_energy.page.bill import day_of
from slm_energy.page.data import KINDS, given
from slm_energy.page.room import Room
from slm_energy.page.shown import empty, fault, quiet, section
from slm_energy.page.words import Words
from slm_energy.page.working import at_work, working
from slm_energy.saving.measuring import Saving, measure

KEPT = 8  # reports of readers that may still be downloading
Made = tuple[str, list[str] | None]


def add_saving(frame: Frame, room: Room, words: Words) -> None:
    """Add the part of the data tab."""
    import gradio as gr

    desk = Desk(room, words)
    with gr.Accordion(words["saving"], open=False):
        gr.HTML(quiet(words["saving_note"]))
        with gr.Row():
            load = gr.File(label=words["saving_load"], file_types=list(KINDS), height=110)
            outdoor = gr.File(label=words["saving_outdoor"], file_types=list(KINDS), height=110)
        with gr.Row():
            names = ("before_from", "before_to", "after_from", "after_to")
            days = [
                gr.Textbox(label=words[name], placeholder="2025-06-30", max_length=10, min_width=130)
                for name in names
            ]
            price = gr.Number(label=words["saving_price"], minimum=0, min_width=130)
        make = gr.Button(words["saving_make"], variant="primary")
        made = gr.File(label=words["saving_files"], file_count="multiple", interactive=False, height=190)
        view = gr.HTML(empty(words["saving_empty"]))
    make.click(
        desk.make,
        [load, outdoor, *days, price],
        [view, made],
        show_progress="hidden",
        api_visibility="private",
    )


class Desk:
    """Makes the report; its files lie in a folder that goes with the process."""

    def __init__(self, room: Room, words: Words) -> None:
        self._room, self._words = room, words
        self._folder = Path(mkdtemp(prefix="slm-saving-"))
        finalize(self, shutil.rmtree, self._folder, ignore_errors=True)

    def make(self, load: str | None, outdoor: str | None, *entered: Any) -> Iterator[Made]:
        """Yield that it works, then the report as HTML and its files, or what is wrong."""
        words = self._words
        yield working(words, 0), None
        paths = [Path(each) for each in (load, outdoor) if each]
        try:
            for step in at_work(lambda _: self._measured(load, outdoor, *entered), words):
                if isinstance(step, str):
                    yield step, None
                    continue
                yield self._report(step.result())
        except SlmError as error:
            yield fault(error, words.lang, *paths), None
        except OSError as error:  # an upload that is gone, a disk that is full
            yield fault(CouldNot(error.strerror or str(error)), words.lang), None

    def _measured(self, load: str | None, outdoor: str | None, *entered: Any) -> Saving:
        from slm_energy.meter.reading import read_meter, read_meters

        words, site = self._words, self._room.now().site
        *typed, price = entered
        first, second, third, fourth = (day_of(each) for each in typed)
        path = given(Path(load) if load else None, words)
        found = read_meters(path, site=site)
        warm = found.get("outdoor")
        if outdoor:
            warm = read_meter(given(Path(outdoor), words), quantity="outdoor", site=site)
        metered = found.get("load") or found.get("grid") or read_meter(path, site=site)  # which refuses it
        currency = site.currency if site else "원"
        return measure(
            metered, warm, (first, second), (third, fourth), price=price or None, currency=currency
        )

    def _report(self, saving: Saving) -> Made:
        from slm_energy.saving.report import files, report

        shown = section(fragment(report(saving, self._words.lang)))
        return shown, self._written(files(saving))

    def _written(self, made: dict[str, bytes]) -> list[str]:
        """Write the files; two readers at once do not share a folder."""
        folder = self._folder / sha256(b"".join(made.values())).hexdigest()[:16]
        with suppress(FileNotFoundError):  # another reader takes the same ones away
            for old in sorted(self._folder.iterdir(), key=lambda each: each.stat().st_mtime)[:-KEPT]:
                shutil.rmtree(old, ignore_errors=True)
        folder.mkdir(exist_ok=True)
        for name, content in made.items():
            (folder / name).write_bytes(content)
        return [str(folder / name) for name in made]
