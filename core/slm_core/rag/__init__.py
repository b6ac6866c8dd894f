"""Documents in, ranked passages and cited answers out.

    files ── documents ──► passages ── embedder ──► store (SQLite: texts, words, vectors)
                                                        │
    query ── keywords, embedder ──► BM25 and cosine ── fusion ──► hits ── answering ──► cited sentences

`Library(domain, settings)` answers, `open_index(domain)` gives the index; everything else serves them.
"""

from slm_core.rag.answering import Cited, Sentence, answer
from slm_core.rag.index import Hit, Index, Mode, Report, index_folder, knowledge_folder, open_index
from slm_core.rag.library import Library
from slm_core.rag.passage import Passage
from slm_core.rag.question import is_question

__all__ = [
    "Cited",
    "Hit",
    "Index",
    "Library",
    "Mode",
    "Passage",
    "Report",
    "Sentence",
    "answer",
    "index_folder",
    "is_question",
    "knowledge_folder",
    "open_index",
]
