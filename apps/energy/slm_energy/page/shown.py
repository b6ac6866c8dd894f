"""Pieces that every tab is made of, as escaped HTML: tables, figures, faults, buttons, empty states."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from slm_core.errors import SlmError
from slm_core.report.document import Document, Table
from slm_core.report.html import fragment
from slm_energy.refusals import told


def empty(text: str) -> str:
    """Return what stands where there is nothing yet."""
    return f'<p class="slm-empty">{escape(text)}</p>'


def quiet(text: str) -> str:
    """Return a note."""
    return f'<p class="slm-quiet">{escape(text)}</p>' if text else ""


def heading(text: str) -> str:
    """Return the title of a section."""
    return f"<h2>{escape(text)}</h2>"


def listed(lines: Iterable[str]) -> str:
    """Return lines as a list; nothing where there are none."""
    rows = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<ul>{rows}</ul>" if rows else ""


def section(*parts: str) -> str:
    """Return parts in the frame that gives tables and headings their look."""
    return f'<section class="slm-energy">{"".join(parts)}</section>'


def table(
    header: Sequence[str], rows: Sequence[Sequence[str]], numbers_from: int = 1, *, total: bool = False
) -> str:
    """Return a table; the columns from `numbers_from` on are figures."""
    return fragment(Document("", "", (Table(header, rows, numbers_from, total),)))


def figure(title: str, after: str, before: str, change: str, kind: str = "") -> str:
    """Return one figure: what it will be, what it was without planning, and the difference."""
    return (
        f'<article class="slm-figure-of {kind}"><h3>{escape(title)}</h3>'
        f'<p class="slm-after">{escape(after)}</p>'
        f'<p class="slm-quiet">{escape(before)}</p><p class="slm-change">{escape(change)}</p></article>'
    )


def fault(error: SlmError, lang: str, *files: Path) -> str:
    """Return an error in a language, with the bare names of uploaded files in place of where they lie."""
    said = told(error, lang)
    for path in files:
        said = said.replace(str(path), path.name)
    return f'<p class="slm-fault slm-text" role="alert">{escape(said)}</p>'


def said(text: str, kind: str = "slm-ready") -> str:
    """Return a line that tells what was just done."""
    return f'<p class="{kind}" role="status">{escape(text)}</p>'


def button(does: str, id: str, title: str) -> str:
    """Return a small button inside HTML; `pressed` tells which one it was."""
    return (
        f'<span class="slm-button slm-{escape(does)}" role="button" tabindex="0" '
        f'data-choose="{escape(f"{does}:{id}")}">{escape(title)}</span>'
    )


def pressed(part: Any, do: Callable[..., Any], inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
    """Call `do(what, *inputs)` when something that carries `data-choose` is pressed in a part of the page."""
    import gradio as gr

    def taken(event: Any, *values: Any) -> Any:
        return do(str(event.id), *values)

    taken.__annotations__["event"] = gr.EventData  # Gradio looks for the type, not for its name
    part.select(taken, list(inputs), list(outputs), show_progress="hidden", api_visibility="private")
