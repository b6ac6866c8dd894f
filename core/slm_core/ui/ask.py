"""The ask box: sentences of the documents that answer a question, each with the passage it stands in."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from slm_core.errors import SlmError
from slm_core.rag import Cited, Library, Passage
from slm_core.ui.frame import Frame, Lang, frame_words
from slm_core.ui.highlight import Mark, highlighted

LONGEST = 1000  # characters of a question
Words = Mapping[str, str]


def add_ask(frame: Frame, hint: str) -> None:
    """Add the box to a page; `hint` is a question that the domain's documents answer."""
    import gradio as gr

    words, library = frame_words(frame.lang), Library(frame.live.domain, frame.live.settings)
    with gr.Row(equal_height=True):
        question = gr.Textbox(label=words["question"], placeholder=hint, lines=1, max_length=LONGEST, scale=5)
        search = gr.Button(words["search"], variant="primary", scale=1, min_width=90)
    found = gr.HTML(answer(library, "", frame.lang))
    gr.on(
        [question.submit, search.click],
        lambda text: answer(library, text, frame.lang),
        question,
        found,
        api_visibility="private",
    )


def answer(library: Library, question: str, lang: Lang) -> str:
    """Return the answer of the documents as HTML; an error is told in its own words.

    No model is asked, so the page never waits for one that is busy with reports.
    """
    words = frame_words(lang)
    if not question.strip():
        return f'<p class="slm-empty">{escape(words["ask_empty"])}</p>'
    try:
        cited = library.answer(question[:LONGEST])
    except SlmError as error:
        return f'<p class="slm-fault slm-text">{escape(str(error))}</p>'
    return f'<section class="slm-passages">{_answered(cited, words)}{_near(cited, words)}</section>'


def _answered(cited: Cited, words: Words) -> str:
    if not cited.found:
        return f'<p class="slm-empty">{escape(words["not_found"])}</p>'
    numbers = {passage.id: str(number) for number, passage in enumerate(cited.cited(), 1)}
    said = "".join(
        f'<p class="slm-text">{escape(sentence.text)} <b>[{numbers[sentence.passage]}]</b></p>'
        for sentence in cited.sentences
    )
    shown = "".join(_passage(passage, cited, words, numbers[passage.id]) for passage in cited.cited())
    quiet = f'<p class="slm-quiet">{escape(words["quoted"])}</p>'
    return f"<article>{said}{quiet}</article><h3>{escape(words['passages'])}</h3>{shown}"


def _near(cited: Cited, words: Words) -> str:
    near = "".join(_passage(passage, cited, words) for passage in cited.near())
    return f"<h3>{escape(words['nearest'])}</h3>{near}" if near else ""


def _passage(passage: Passage, cited: Cited, words: Words, number: str = "") -> str:
    marks = [
        Mark(sentence.start, sentence.end, number, "quote")
        for sentence in cited.sentences
        if sentence.passage == passage.id
    ]
    dated = f"{words['as_of']} {passage.date}" if passage.date else ""
    source = " · ".join(each for each in (passage.source, dated, passage.document, passage.position) if each)
    heading = f"{f'[{number}] ' if number else ''}{' › '.join(passage.heading)}"
    return (
        f'<article class="slm-report"><h4>{escape(heading)}</h4>'
        f"<p>{highlighted(passage.text, marks)}</p>"
        f'<p class="slm-quiet">[{escape(passage.id)}] {escape(source)}</p></article>'
    )
