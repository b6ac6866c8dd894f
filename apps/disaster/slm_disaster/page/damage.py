"""The damage tab: what reports tell of damage so far, uploaded surveys, and the report to keep."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields, is_dataclass, replace
from hashlib import sha256
from html import escape
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from weakref import finalize

from slm_core.errors import CouldNot, SlmError, UserError
from slm_core.report.html import fragment
from slm_core.ui.frame import LANGUAGES, Frame
from slm_disaster.damage import photo
from slm_disaster.damage.assessment import Assessment
from slm_disaster.damage.batch import TABLES, assess, looked_at, reports
from slm_disaster.damage.report import report, told_in_reports
from slm_disaster.damage.said import accounts
from slm_disaster.page.alertview import fault_view
from slm_disaster.page.room import Room, Snapshot
from slm_disaster.page.words import Words
from slm_disaster.situation.incident import Incident

KINDS = (*TABLES, ".geojson", *photo.KINDS)
MOST_BYTES = 50_000_000
MOST_FILES = 100  # what is beyond these belongs to `slm batch`, which can be stopped


def add_damage(frame: Frame, room: Room, words: Words) -> None:
    """Add the tab."""
    import gradio as gr

    office = Office(frame, room, words)
    with gr.Row():
        with gr.Column(scale=4, min_width=320):
            given = gr.File(
                label=words["damage_upload"], file_count="multiple", file_types=list(KINDS), height=150
            )
            make = gr.Button(words["damage_make"], variant="primary")
            gr.HTML(f'<p class="slm-quiet">{escape(words["damage_note"])}</p>')
            made = gr.File(label=words["damage_files"], file_count="multiple", interactive=False, height=230)
        with gr.Column(scale=5, min_width=320):
            frame.watch(lambda: office.so_far(room.now()))
    view = gr.HTML("")
    make.click(office.make, given, [view, made], show_progress="minimal", api_visibility="private")


class Office:
    """Makes the report; its files lie in a folder that goes with the process."""

    def __init__(self, frame: Frame, room: Room, words: Words) -> None:
        self._live, self._room, self._words = frame.live, room, words
        self._seen: tuple[Snapshot | None, str] = (None, "")
        self._folder = Path(mkdtemp(prefix="slm-damage-"))
        finalize(self, shutil.rmtree, self._folder, ignore_errors=True)

    def so_far(self, snapshot: Snapshot) -> str:
        """Return what the reports of the standing incidents tell of damage.

        The page asks every two seconds; a snapshot stays the same until something happens.
        """
        if self._seen[0] is not snapshot:
            shown = fragment(told_in_reports(accounts(snapshot.incidents), self._words.lang))
            empty = f'<p class="slm-empty">{escape(self._words["damage_none"])}</p>'
            self._seen = (snapshot, f'<div class="slm-damage">{shown}</div>' if shown else empty)
        return self._seen[1]

    def make(self, given: Sequence[str] | None) -> tuple[str, list[str] | None]:
        """Return the report as HTML and its files, or what is wrong."""
        paths = [Path(each) for each in given or ()]
        try:
            self._check(paths)
            found = assess(paths, standing=self._standing())
            found = bare(looked_at(found, self._live.settings), paths)
            files = self._written(found)
        except SlmError as error:
            return fault_view(error), None
        except OSError as error:  # an upload that is gone, a disk that is full
            return fault_view(CouldNot(error.strerror or str(error))), None
        return f'<div class="slm-damage">{fragment(report(found, self._words.lang))}</div>', files

    def _standing(self) -> list[Incident]:
        return [each for each in self._room.now().incidents if accounts([each])]

    def _check(self, paths: Sequence[Path]) -> None:
        if not paths and not self._standing():
            raise UserError(self._words["damage_empty"])
        if len(paths) > MOST_FILES or sum(path.stat().st_size for path in paths) > MOST_BYTES:
            most = f"{MOST_FILES}, {MOST_BYTES // 1_000_000} MB"
            raise UserError(self._words["damage_large"].format(most=most), mend="slm batch disaster ...")

    def _written(self, found: Assessment) -> list[str]:
        """Write the report in all formats and languages; two readers at once do not share a folder."""
        name = sha256(repr(found).encode()).hexdigest()[:16]
        folder = self._folder / name
        with suppress(FileNotFoundError):  # another reader takes the same ones away
            for old in sorted(self._folder.iterdir(), key=lambda each: each.stat().st_mtime)[:-8]:
                shutil.rmtree(old, ignore_errors=True)
        folder.mkdir(exist_ok=True)
        written = []
        for lang in LANGUAGES:
            files, _ = reports(report(found, lang), f"damage.{lang}", pictured=False)
            for file, content in files.items():
                (folder / file).write_bytes(content)
                written.append(str(folder / file))
        return written


def bare(found: Assessment, paths: Sequence[Path]) -> Assessment:
    """Return the assessment with the names of the files in place of where the upload put them."""
    names = {str(path): path.name for path in paths}

    def named(value: Any) -> Any:
        if isinstance(value, str):
            file, colon, line = value.rpartition(":")
            return names.get(value) or (f"{names[file]}{colon}{line}" if file in names else value)
        if isinstance(value, tuple):
            return tuple(named(each) for each in value)
        if is_dataclass(value) and not isinstance(value, type):
            own = {each.name: getattr(value, each.name) for each in fields(value)}
            return replace(value, **{name: named(each) for name, each in own.items()})
        return value

    renamed: Assessment = named(replace(found, accounts=()))
    return replace(renamed, accounts=found.accounts)
