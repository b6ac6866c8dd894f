"""The ask box: the passages of the guidance that fit a question, each with its document, source and date."""

from __future__ import annotations

import threading
from html import escape

from slm_core.errors import SlmError
from slm_core.rag import Hit, Index, index_folder, knowledge_folder, open_index
from slm_core.ui.live import Live
from slm_disaster.page.words import Words

PASSAGES = 4


class Library:
    """The domain's documents; indexed when the first question comes, if nobody did before."""

    def __init__(self, live: Live) -> None:
        """`live` names domain and settings."""
        self._live = live
        self._lock = threading.Lock()
        self._index: Index | None = None

    def search(self, question: str) -> list[Hit]:
        """Return the passages that fit best; none where the documents have none.

        Raises:
            SlmError: an empty question, or an index that cannot be read or made.
        """
        with self._lock:
            if self._index is None:
                self._index = self._open()
            return self._index.search(question, PASSAGES)

    def _open(self) -> Index:
        live = self._live
        index_folder(live.domain.name, live.settings).mkdir(parents=True, exist_ok=True)
        index = open_index(live.domain.name, live.settings)
        own = knowledge_folder(live.domain, live.settings)
        if own is not None and not index.store.count():
            index.update([own])
        return index


def answer(library: Library, question: str, words: Words) -> str:
    """Return what was found as HTML; an error is told in its own words."""
    if not question.strip():
        return f'<p class="slm-empty">{escape(words["ask_empty"])}</p>'
    try:
        hits = library.search(question[:1000])
    except SlmError as error:
        return f'<p class="slm-fault slm-text">{escape(str(error))}</p>'
    if not hits:
        return f'<p class="slm-empty">{escape(words["not_found"])}</p>'
    found = "".join(_passage(hit, words) for hit in hits)
    by_words = any(hit.bm25_rank is not None for hit in hits)
    heading = words["passages"] if by_words else words["nearest"]
    return f'<section class="slm-passages"><h3>{escape(heading)}</h3>{found}</section>'


def _passage(hit: Hit, words: Words) -> str:
    passage = hit.passage
    dated = f"{words['as_of']} {passage.date}" if passage.date else ""
    source = " · ".join(each for each in (passage.source, dated, passage.document, passage.position) if each)
    return (
        f'<article class="slm-report"><h4>{escape(" › ".join(passage.heading))}</h4>'
        f'<p class="slm-text">{escape(passage.text)}</p>'
        f'<p class="slm-quiet">[{escape(passage.id)}] {escape(source)}</p></article>'
    )
