"""What an index keeps: one SQLite file with passages, their words (FTS5) and their vectors.

A document goes in or out in one transaction (WAL), so a kill at any moment leaves each document as it was
before or as it is after, with its words and vectors. Vectors of a document that is still being embedded
are staged, so that a long one need not begin again.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from slm_core.errors import CouldNot, UserError
from slm_core.rag.embedder import Vectors
from slm_core.rag.keywords import terms
from slm_core.rag.passage import Passage

SCHEMA = 1
_TABLES = """
CREATE TABLE roots (path TEXT PRIMARY KEY, alias TEXT UNIQUE NOT NULL);
CREATE TABLE documents (
  number INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL,
  root TEXT NOT NULL REFERENCES roots ON DELETE CASCADE,
  fingerprint TEXT NOT NULL, embedder TEXT NOT NULL);
CREATE TABLE passages (
  number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL,
  document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
  heading TEXT NOT NULL, text TEXT NOT NULL, position TEXT NOT NULL, source TEXT, date TEXT,
  vector BLOB NOT NULL);
CREATE INDEX passages_of_document ON passages (document);
CREATE TABLE staged (id TEXT PRIMARY KEY, embedder TEXT NOT NULL, vector BLOB NOT NULL);
CREATE TABLE facts (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE VIRTUAL TABLE words USING fts5 (terms, tokenize = "unicode61 remove_diacritics 0 tokenchars '_'");
CREATE TRIGGER words_go AFTER DELETE ON passages BEGIN DELETE FROM words WHERE rowid = old.number; END;
"""
_COLUMNS = "p.number, p.id, d.name, p.heading, p.text, p.position, p.source, p.date"
_FROM = "FROM passages p JOIN documents d ON d.number = p.document"


@dataclass(frozen=True)
class Document:
    """A document as the store knows it; `embedder` made its vectors."""

    name: str
    root: str
    fingerprint: str
    embedder: str


class Store:
    """The SQLite file of one index."""

    def __init__(self, path: Path) -> None:
        """Open it, or create it.

        Raises:
            UserError: another version of this program wrote it; CouldNot: it is no SQLite file, or this
                SQLite lacks FTS5.
        """
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        try:
            self._prepare()
        except sqlite3.Error as error:
            self._db.close()
            raise CouldNot(f"{path}: {error}\n  mend: remove {path.parent} and index again") from error
        except UserError:
            self._db.close()
            raise

    def _prepare(self) -> None:
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute("PRAGMA foreign_keys = ON")
        with self._transaction():
            (schema,) = self._db.execute("PRAGMA user_version").fetchone()
            if schema == 0:
                for statement in _statements(_TABLES):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version = {SCHEMA}")
            elif schema != SCHEMA:
                raise UserError(
                    f"the index has format {schema}",
                    where=self.path,
                    expected=f"format {SCHEMA}",
                    mend=f"remove {self.path.parent} and index again",
                )

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def version(self) -> int:
        """Return a number that changes when another process has written."""
        return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    def changes(self) -> int:
        """Return a number that grows with everything that was written here."""
        return self._db.total_changes

    def fact(self, key: str) -> str | None:
        """Return what was remembered under a key."""
        row = self._db.execute("SELECT value FROM facts WHERE key = ?", (key,)).fetchone()
        return row and str(row[0])

    def remember(self, key: str, value: str) -> None:
        """Keep a value under a key."""
        self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (key, value))

    def roots(self) -> dict[str, str]:
        """Return path and alias of every folder and file that was given to index."""
        return dict(self._db.execute("SELECT path, alias FROM roots ORDER BY rowid"))

    def add_root(self, path: str) -> str:
        """Remember a root and return its alias: its name, with a number where another has it already."""
        with self._transaction():
            known = self.roots()
            if path not in known:
                stem, suffix = (Path(path).stem, Path(path).suffix)
                names = (f"{stem}{f'-{n}' if n > 1 else ''}{suffix}" for n in range(1, len(known) + 2))
                known[path] = next(name for name in names if name not in known.values())
                self._db.execute("INSERT INTO roots VALUES (?, ?)", (path, known[path]))
        return known[path]

    def forget_root(self, path: str) -> int:
        """Remove a root with its documents and return how many documents those were."""
        with self._transaction():
            (count,) = self._db.execute("SELECT count(*) FROM documents WHERE root = ?", (path,)).fetchone()
            self._db.execute("DELETE FROM roots WHERE path = ?", (path,))
        return int(count)

    def documents(self) -> dict[str, Document]:
        """Return every document by its name."""
        rows = self._db.execute("SELECT name, root, fingerprint, embedder FROM documents ORDER BY name")
        return {row[0]: Document(*row) for row in rows}

    def count(self) -> int:
        """Return the number of passages."""
        return int(self._db.execute("SELECT count(*) FROM passages").fetchone()[0])

    def put(self, document: Document, passages: Sequence[Passage], vectors: Sequence[bytes]) -> None:
        """Let a document and its passages take the place of what was there under its name."""
        with self._transaction():
            self._db.execute("DELETE FROM documents WHERE name = ?", (document.name,))
            facts = (document.name, document.root, document.fingerprint, document.embedder)
            number = self._db.execute(
                "INSERT INTO documents (name, root, fingerprint, embedder) VALUES (?, ?, ?, ?)", facts
            ).lastrowid
            for passage, vector in zip(passages, vectors, strict=True):
                self._insert(number, passage, vector)
            self._db.executemany("DELETE FROM staged WHERE id = ?", [(passage.id,) for passage in passages])

    def stage(self, embedder: str, vectors: Mapping[str, bytes]) -> None:
        """Keep vectors by passage id until their document is put."""
        rows = [(id, embedder, vector) for id, vector in vectors.items()]
        with self._transaction():
            self._db.executemany("INSERT OR REPLACE INTO staged VALUES (?, ?, ?)", rows)

    def clear_stage(self) -> None:
        """Remove what was staged for documents that have changed since."""
        self._db.execute("DELETE FROM staged")

    def _insert(self, document: int | None, passage: Passage, vector: bytes) -> None:
        heading = json.dumps(passage.heading, ensure_ascii=False)
        row = (
            passage.id,
            document,
            heading,
            passage.text,
            passage.position,
            passage.source,
            passage.date,
            vector,
        )
        number = self._db.execute(
            "INSERT INTO passages (id, document, heading, text, position, source, date, vector)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            row,
        ).lastrowid
        words = " ".join(terms(passage.with_heading()))
        self._db.execute("INSERT INTO words (rowid, terms) VALUES (?, ?)", (number, words))

    def drop(self, names: Iterable[str]) -> None:
        """Remove documents."""
        with self._transaction():
            self._db.executemany("DELETE FROM documents WHERE name = ?", [(name,) for name in names])

    def vectors_of(self, document: str, embedder: str) -> dict[str, bytes]:
        """Return this embedder's vectors of a document by passage id, and all that it has staged."""
        rows = self._db.execute(
            f"SELECT p.id, p.vector {_FROM} WHERE d.name = ? AND d.embedder = ?"
            " UNION ALL SELECT id, vector FROM staged WHERE embedder = ?",
            (document, embedder, embedder),
        )
        return dict(rows)

    def vectors(self, embedder: str) -> tuple[list[int], Vectors]:
        """Return the numbers and vectors of all passages of this embedder."""
        rows = self._db.execute(
            f"SELECT p.number, p.vector {_FROM} WHERE d.embedder = ? ORDER BY p.number", (embedder,)
        ).fetchall()
        flat = np.frombuffer(b"".join(row[1] for row in rows), dtype=np.float32)
        return [row[0] for row in rows], flat.reshape(len(rows), -1) if rows else flat.reshape(0, 0)

    def by_words(self, query: Sequence[str], limit: int) -> list[tuple[int, float]]:
        """Return (number, BM25 score) of the passages with any of the terms, best first (k1 1.2, b 0.75)."""
        if not query:
            return []
        wanted = " OR ".join(f'"{term}"' for term in dict.fromkeys(query))
        rows = self._db.execute(
            "SELECT rowid, -rank FROM words WHERE terms MATCH ? ORDER BY rank LIMIT ?",
            (wanted, limit),
        )
        return [(int(number), float(score)) for number, score in rows]

    def holding(self, term: str) -> int:
        """Return how many passages hold a term."""
        found = self._db.execute("SELECT count(*) FROM words WHERE terms MATCH ?", (f'"{term}"',)).fetchone()
        return int(found[0])

    def passages(self, numbers: Sequence[int]) -> dict[int, Passage]:
        """Return passages by their numbers."""
        marks = ",".join("?" * len(numbers))
        rows = self._db.execute(f"SELECT {_COLUMNS} {_FROM} WHERE p.number IN ({marks})", list(numbers))
        return {row[0]: _passage(row) for row in rows}

    def passage(self, id: str) -> Passage | None:
        """Return the passage of that id."""
        row = self._db.execute(f"SELECT {_COLUMNS} {_FROM} WHERE p.id = ?", (id,)).fetchone()
        return row and _passage(row)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


def _passage(row: tuple[int, str, str, str, str, str, str | None, str | None]) -> Passage:
    _, id, document, heading, text, position, source, date = row
    return Passage(id, document, tuple(json.loads(heading)), text, position, source, date)


def _statements(script: str) -> Iterator[str]:
    """`executescript` would commit the transaction around it."""
    held = ""
    for line in script.splitlines(keepends=True):
        held += line
        if sqlite3.complete_statement(held):
            yield held
            held = ""
