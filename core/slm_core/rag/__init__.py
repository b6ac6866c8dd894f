"""Documents in, ranked passages out; answering from them is another floor's work.

    files ── documents ──► passages ── embedder ──► store (SQLite: texts, words, vectors)
                                                        │
    query ── keywords, embedder ──► BM25 and cosine ── fusion ──► hits

`open_index(domain)` gives the index of a domain; everything else serves it.
"""

from slm_core.rag.index import Hit, Index, Mode, Report, index_folder, knowledge_folder, open_index
from slm_core.rag.passage import Passage

__all__ = [
    "Hit",
    "Index",
    "Mode",
    "Passage",
    "Report",
    "index_folder",
    "knowledge_folder",
    "open_index",
]
