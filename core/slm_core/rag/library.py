"""The documents of a domain, to be asked; its own ones are indexed when the first question comes."""

from __future__ import annotations

import sqlite3
import threading
from types import TracebackType
from typing import Self

from slm_core.domain import Domain
from slm_core.errors import CouldNot, UserError
from slm_core.rag.answering import Cited, answer
from slm_core.rag.index import Index, index_folder, knowledge_folder, open_index
from slm_core.settings import Settings


class Library:
    """Opens the index at the first question. Threads may share it."""

    def __init__(self, domain: Domain, settings: Settings) -> None:
        self.domain, self.settings = domain, settings
        self._lock = threading.Lock()
        self._index: Index | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def has_documents(self) -> bool:
        """Return whether there is something to ask: the domain's own documents, or an index."""
        made = index_folder(self.domain.name, self.settings) / "index.sqlite"
        return self.domain.knowledge is not None or made.is_file()

    def answer(self, question: str) -> Cited:
        """Answer from the documents.

        Raises:
            UserError: an empty question, or nothing is indexed; CouldNot: the index cannot be read or made.
        """
        with self._lock:  # the embedder is one
            try:
                if self._index is None:
                    self._index = self._open()
                return answer(question, self._index, self.domain.subjects)
            except sqlite3.DatabaseError as error:
                folder = index_folder(self.domain.name, self.settings)
                raise CouldNot(f"{folder}: {error}\n  mend: remove it and index again") from error

    def close(self) -> None:
        """Close the index."""
        with self._lock:
            if self._index is not None:
                self._index.close()
                self._index = None

    def _open(self) -> Index:
        index = open_index(self.domain.name, self.settings)
        try:
            own = None if index.store.count() else knowledge_folder(self.domain, self.settings)
            if own is not None:
                index.update([own])
            if not index.store.count():
                raise UserError(
                    f"nothing is indexed for domain {self.domain.name}",
                    mend=f"slm rag index {self.domain.name} PATH...",
                )
        except BaseException:
            index.close()
            raise
        return index
