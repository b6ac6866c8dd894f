"""The frame around a domain's page: title, other language, mark of simulated data, state of the model."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from html import escape
from pathlib import Path
from typing import Any, Literal

from slm_core.errors import UserError
from slm_core.ui.live import Live

Lang = Literal["ko", "en"]
LANGUAGES: tuple[Lang, ...] = ("ko", "en")
REFRESH_S = 2.0
MOST_REASONS = 5
# A click or Enter on anything that carries data-choose is an event of the HTML component, with that id.
CHOOSE = """
const choose = (event) => {
  const found = event.target.closest('[data-choose]');
  if (found) { trigger('select', {id: found.dataset.choose}); }
};
element.addEventListener('click', choose);
element.addEventListener('keydown', (event) => { if (event.key === 'Enter') { choose(event); } });
"""

# For what happens all the time: no sign of work, no queue, and of two at once only the later.
QUIET: dict[str, Any] = {
    "show_progress": "hidden",
    "queue": False,
    "trigger_mode": "always_last",
    "api_visibility": "private",
}


@dataclass(frozen=True)
class _Watched:
    """A part of the page: how it is rendered, from what, what is shown and where."""

    render: Callable[..., str]
    inputs: tuple[Any, ...]
    shown: Any
    part: Any

    def refresh(self, before: str, *given: Any) -> tuple[Any, Any]:
        """Return the state and the HTML, or two times nothing where they are as before."""
        import gradio as gr

        now = self.render(*given)
        return (gr.skip(), gr.skip()) if now == before else (now, now)


@dataclass
class Frame:
    """A page that is being built, in one language.

    Args:
        live: the domain at work.
        lang: of this page.
        timer: ticks every two seconds.
        blocks: the page; `load` is when somebody opens it.
    """

    live: Live
    lang: Lang
    timer: Any
    blocks: Any
    _watched: list[_Watched] = field(default_factory=list)

    def watch(self, render: Callable[..., str], inputs: Sequence[Any] = (), **html: Any) -> Any:
        """Add HTML that `render(*inputs)` keeps up to date, and return it.

        What has not changed is not sent, so that the page does not flicker and keeps its place.
        """
        import gradio as gr

        shown = gr.State("")
        part = gr.HTML("", js_on_load=CHOOSE, **html)
        watched = _Watched(render, tuple(inputs), shown, part)
        self._watched.append(watched)
        for source in inputs:
            source.change(watched.refresh, [shown, *inputs], [shown, part], **QUIET)
        return part

    def begin(self) -> None:
        """Keep every watched part up to date, with one call for all when the page opens and at each tick."""
        import gradio as gr

        given = [each for watched in self._watched for each in (watched.shown, *watched.inputs)]
        shown = [each for watched in self._watched for each in (watched.shown, watched.part)]

        def refresh(*values: Any) -> list[Any]:
            rest = iter(values)
            return [
                each
                for watched in self._watched
                for each in watched.refresh(next(rest), *(next(rest) for _ in watched.inputs))
            ]

        gr.on([self.timer.tick, self.blocks.load], refresh, given, shown, **QUIET)

    def choose(self, part: Any, chosen: Any) -> None:
        """Put the id of what is chosen in a part (its `data-choose`) into the state `chosen`."""
        import gradio as gr

        def picked(event: Any) -> str:
            return str(event.id)

        picked.__annotations__["event"] = gr.EventData  # Gradio looks for the type, not for its name
        part.select(picked, None, chosen, **QUIET)

    def open_at(self, tabs: Any, names: Sequence[str], chosen: Any) -> None:
        """Let an address name what is open: `?tab=alert&chosen=<id>`. An unknown tab is the first."""
        import gradio as gr

        def opened(request: Any) -> tuple[Any, str]:
            tab = request.query_params.get("tab", "")
            return gr.update(selected=tab if tab in names else names[0]), request.query_params.get(
                "chosen", ""
            )

        opened.__annotations__["request"] = gr.Request
        self.blocks.load(opened, None, [tabs, chosen], show_progress="hidden", api_visibility="private")


def build(live: Live, lang: Lang) -> Any:
    """Return the page of a domain as Gradio blocks.

    Raises:
        UserError: the domain has no page.
    """
    import gradio as gr

    if live.domain.page is None:
        raise UserError(f"domain {live.domain.name} has no page")
    title = live.domain.titles[lang]
    with gr.Blocks(title=title, analytics_enabled=False, fill_width=True) as blocks:
        frame = Frame(live, lang, gr.Timer(REFRESH_S), blocks)
        gr.HTML(_head(live, lang))
        live.domain.page(frame)
        frame.watch(lambda: footer(live, lang))
        frame.begin()
    for part in blocks.blocks.values():
        part.example_inputs = _no_example  # Gradio's own examples name another host
    return blocks


def _no_example() -> None:
    """The page has no API whose documentation would show one."""


def _head(live: Live, lang: Lang) -> str:
    words, other = frame_words(lang), next(each for each in LANGUAGES if each != lang)
    mark = (
        f'<p class="slm-simulated" role="status">{escape(words["simulated"])}</p>' if live.simulated else ""
    )
    saved = (
        f'<a href="/report/{lang}.md" download>{escape(words["report"])}</a>' if live.domain.report else ""
    )
    return (
        f'<header class="slm-head"><h1>{escape(live.domain.titles[lang])}</h1>'
        f'<span class="slm-site">{escape(words["site"])}: {escape(live.settings.site)} · KST</span>'
        f'<nav>{saved}<a href="/{other}/" hreflang="{other}" lang="{other}" target="_self">'
        f"{escape(words['other'])}</a></nav></header>{mark}"
    )


def footer(live: Live, lang: Lang) -> str:
    """Return the line at the foot: who answers, how fast, what waits."""
    words, line = frame_words(lang), live.runtime.backlog()
    parts = [f"{words['model']}: {live.model or words['rules_only']}"]
    if line:
        took = f"{line.seconds_each:.2f} s" if line.answered else words["none_yet"]
        parts += [
            f"{words['latency']}: {took}",
            f"{words['backlog']}: {line.waiting + line.answering} ({words['critical']} {line.critical})",
            f"{words['answered']} {line.answered}",
            f"{words['merged']} {line.merged}",
            f"{words['late']} {line.late}",
        ]
    counters = live.store.counters()
    parts.append(f"{words['handled']}: {counters.get('handled', 0):,}")
    if live.dead():
        parts.append(f"{words['dead']}: {live.dead():,} ({_reasons(counters)})")
    cells = "".join(f"<span>{escape(each)}</span>" for each in parts)
    notes = "".join(f"<p>{escape(each)}</p>" for each in live.notes)
    ended = live.runtime.failure
    stop = f'<p class="slm-fault">{escape(words["stopped"])}: {escape(str(ended))}</p>' if ended else ""
    return f'<footer class="slm-foot">{stop}<div>{cells}</div>{notes}</footer>'


def _reasons(counters: Mapping[str, int]) -> str:
    """Why messages lie in the dead letter, the most frequent reason first."""
    dead = [
        (count, name.removeprefix("dead/")) for name, count in counters.items() if name.startswith("dead/")
    ]
    dead.sort(key=lambda each: (-each[0], each[1]))
    shown = [f"{reason} {count:,}" for count, reason in dead[:MOST_REASONS]]
    return ", ".join(shown + ["..."] * (len(dead) > MOST_REASONS))


def frame_words(lang: Lang) -> dict[str, str]:
    """Return the frame's words in a language."""
    return _words()[lang]


@cache
def _words() -> dict[str, dict[str, str]]:
    return tomllib.loads((Path(__file__).parent / "words.toml").read_text(encoding="utf-8"))
