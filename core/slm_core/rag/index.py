"""The index of one domain: brought up to date from files, searched by words, by meaning, or by both."""

from __future__ import annotations

import hashlib
import math
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self, get_args

from slm_core.dataset.progress import steps
from slm_core.domain import Domain
from slm_core.errors import UserError
from slm_core.rag import documents
from slm_core.rag.embedder import DEFAULT, Embedder, open_embedder, spec_of
from slm_core.rag.fusion import DEPTH, fuse
from slm_core.rag.keywords import terms
from slm_core.rag.passage import Passage
from slm_core.rag.store import Document, Store
from slm_core.settings import Settings, data_folder, load_settings

Mode = Literal["bm25", "vector", "fused"]
WEIGHTS = {
    "bm25": 1.0,
    "vector": 1.0,
}  # benchmarks/rag_recall.py: 0.25 to 2 for the vectors make no difference
BATCH = 16  # passages between two steps of the progress bar


@dataclass(frozen=True)
class Hit:
    """A passage that was found.

    Args:
        passage: what was found.
        score: of the mode: BM25, cosine, or the fused sum. It compares hits of one search only.
        bm25_rank: its rank by words, from 1; None where it shares no word or was not asked.
        vector_rank: its rank by meaning, from 1; None beyond the depth that counts or where not asked.
        cosine: of its vector and the question's; None where `vector_rank` is.
    """

    passage: Passage
    score: float
    bm25_rank: int | None = None
    vector_rank: int | None = None
    cosine: float | None = None


@dataclass(frozen=True)
class Report:
    """What an update did, in documents and passages."""

    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    embedded: int = 0
    passages: int = 0
    unreadable: tuple[tuple[str, str], ...] = ()
    gone: tuple[str, ...] = ()


@dataclass(frozen=True)
class _File:
    name: str
    root: str
    path: Path


@dataclass
class _Read:
    """A document that is read and waits for the vectors of its new passages."""

    document: Document
    passages: list[Passage]
    vectors: dict[str, bytes]


class Index:
    """Passages of one domain in a folder. Threads may share it; other processes may update it meanwhile."""

    def __init__(self, folder: Path, embedder: Embedder | None = None, *, offline: bool = False) -> None:
        """Open or create it, with this embedder or else the one it was made with.

        Raises:
            UserError, CouldNot: see `Store`; MissingExtra: the packages of its embedder are not installed.
        """
        self.store = Store(folder / "index.sqlite")
        self.embedder = embedder or open_embedder(
            spec_of(self.store.fact("embedder") or f"{DEFAULT}:"), offline=offline
        )
        self._lock = threading.Lock()
        self._searched: tuple[tuple[int, int], list[int], Any] | None = None  # state, numbers, FAISS index

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self.store.close()

    def passage(self, id: str) -> Passage | None:
        """Return the passage of that id, or None where no document has it any more."""
        with self._lock:
            return self.store.passage(id)

    def waiting(self) -> int:
        """Return how many documents another embedder made, which the search by meaning does not see."""
        return sum(known.embedder != self.embedder.passages_name for known in self.store.documents().values())

    def search(self, query: str, k: int = 5, mode: Mode = "fused") -> list[Hit]:
        """Return up to `k` passages, best first; none where the index is empty.

        Raises:
            UserError: an empty query, a mode that does not exist, or a `k` below 1.
        """
        query = documents.clean(query).strip()
        _check(query, k, mode)
        with self._lock:
            words = self.store.by_words(terms(query), max(k, DEPTH)) if mode != "vector" else []
            near = self._near(query, max(k, DEPTH)) if mode != "bm25" else []
            ranks = {
                "bm25": [number for number, _ in words],
                "vector": [number for number, _ in near],
            }
            best = {"bm25": words, "vector": near}.get(mode) or fuse(ranks, WEIGHTS)
            passages = self.store.passages([number for number, _ in best[:k]])
        cosines = dict(near)
        return [
            Hit(
                passages[number],
                score,
                _rank(ranks["bm25"], number),
                _rank(ranks["vector"], number),
                cosines.get(number),
            )
            for number, score in best[:k]
        ]

    def rarity(self, words: Iterable[str]) -> dict[str, float]:
        """Return how well each term tells passages apart (the idf of BM25); 0 where no passage has it."""
        with self._lock:
            count = self.store.count()
            found = {word: self.store.holding(word) for word in words}
        return {word: math.log1p((count - n + 0.5) / (n + 0.5)) if n else 0.0 for word, n in found.items()}

    def update(self, paths: Iterable[Path], *, forget: Iterable[Path] = ()) -> Report:
        """Read what is new or changed under `paths` and every path given before; remove what is gone.

        Every document is committed by itself, and the vectors of a long one are kept as they come: after a
        stop, the next update goes on from there.

        Raises:
            UserError: one of `paths` does not exist.
        """
        self.store.remember("embedder", self.embedder.name)
        for path in forget:
            self._forget(path)
        for path in paths:
            self._add(path)
        files, gone = self._files()
        before = self.store.documents()
        here = {file.name for file in files} | {known.name for known in before.values() if known.root in gone}
        removed = [name for name in before if name not in here]
        self.store.drop(removed)
        read, unreadable = self._read(files, before)
        embedded = self._embed(read)
        added = sum(item.document.name not in before for item in read)
        return Report(
            added=added,
            changed=len(read) - added,
            removed=len(removed),
            unchanged=len(files) - len(read) - len(unreadable),
            embedded=embedded,
            passages=self.store.count(),
            unreadable=tuple(unreadable),
            gone=tuple(gone),
        )

    def _add(self, path: Path) -> None:
        """A path inside a known one is already covered; one around known ones takes their place."""
        if not path.exists():
            raise UserError("no such file or folder", where=path, expected="documents to index")
        path = path.resolve()
        roots = [Path(root) for root in self.store.roots()]
        if any(path.is_relative_to(root) for root in roots):
            return
        for root in roots:
            if root.is_relative_to(path):
                self.store.forget_root(str(root))
        self.store.add_root(str(path))

    def _forget(self, path: Path) -> None:
        roots = self.store.roots()
        if str(path.resolve()) not in roots:
            expected = "one of " + (", ".join(roots) or "no paths: nothing is indexed")
            raise UserError("this path was not indexed", where=path, expected=expected)
        self.store.forget_root(str(path.resolve()))

    def _files(self) -> tuple[list[_File], list[str]]:
        """Every document under the roots, and the roots that are gone (their passages stay)."""
        files: list[_File] = []
        gone = []
        for root, alias in self.store.roots().items():
            place = Path(root)
            if place.is_file():
                files.append(_File(documents.clean(alias), root, place))
            elif place.is_dir():
                inside = sorted(path for path in place.rglob("*") if _is_document(path, place))
                names = (f"{alias}/{path.relative_to(place).as_posix()}" for path in inside)
                files += [
                    _File(documents.clean(name), root, path) for name, path in zip(names, inside, strict=True)
                ]
            else:
                gone.append(root)
        return files, gone

    def _read(
        self, files: Collection[_File], before: Mapping[str, Document]
    ) -> tuple[list[_Read], list[tuple[str, str]]]:
        """Read what differs from `before`; what cannot be read comes with its reason."""
        read, unreadable = [], []
        for file in steps(files, "reading"):
            try:
                data = file.path.read_bytes()
                fingerprint = f"{documents.RULES}:{hashlib.sha256(data).hexdigest()}"
                document = Document(file.name, file.root, fingerprint, self.embedder.passages_name)
                if before.get(file.name) != document:
                    passages = documents.read_passages(file.name, data)
                    read.append(_Read(document, passages, self._known(document, passages)))
            except (documents.Unreadable, OSError) as error:
                reason = (
                    str(error) if isinstance(error, documents.Unreadable) else error.strerror or str(error)
                )
                stays = "; its earlier passages stay" if file.name in before else ""
                unreadable.append((file.name, f"{reason}{stays}"))
        return read, unreadable

    def _known(self, document: Document, passages: Iterable[Passage]) -> dict[str, bytes]:
        """The vectors of the passages that the change left alone."""
        known = self.store.vectors_of(document.name, document.embedder)
        return {passage.id: known[passage.id] for passage in passages if passage.id in known}

    def _embed(self, read: Sequence[_Read]) -> int:
        """Make the missing vectors and commit each document with its last one; return how many were made."""
        todo = [(item, batch) for item in read for batch in _batches(item)]
        for item, batch in steps(todo, "embedding"):
            if batch:
                rows = self.embedder.passages([passage.with_heading() for passage in batch])
                made = {passage.id: row.tobytes() for passage, row in zip(batch, rows, strict=True)}
                self.store.stage(self.embedder.passages_name, made)
                item.vectors |= made
            if len(item.vectors) == len(item.passages):
                vectors = [item.vectors[passage.id] for passage in item.passages]
                self.store.put(item.document, item.passages, vectors)
        self.store.clear_stage()
        return sum(len(batch) for _, batch in todo)

    def _near(self, query: str, limit: int) -> list[tuple[int, float]]:
        """Passages by the cosine of their vectors with the question's, exactly (FAISS, flat)."""
        numbers, vectors = self._vectors()
        if not numbers:
            return []
        cosines, places = vectors.search(self.embedder.queries([query]), min(limit, len(numbers)))
        return [(numbers[place], float(cosine)) for place, cosine in zip(places[0], cosines[0], strict=True)]

    def _vectors(self) -> tuple[list[int], Any]:
        """The vectors in memory, read again once another process or an update has changed them."""
        state = (self.store.version(), self.store.changes())
        if self._searched is None or self._searched[0] != state:
            import faiss

            faiss.omp_set_num_threads(1)  # a manual's few thousand vectors take less than a thread's start
            numbers, rows = self.store.vectors(self.embedder.passages_name)
            flat = faiss.IndexFlatIP(rows.shape[1] or 1)
            if numbers:
                flat.add(rows)
            self._searched = state, numbers, flat
        return self._searched[1], self._searched[2]


def index_folder(domain: str, settings: Settings | None = None) -> Path:
    """Return the folder of a domain's index."""
    return (settings or load_settings()).home / "rag" / domain


def open_index(domain: str, settings: Settings | None = None, *, embedder: str | None = None) -> Index:
    """Open or create the index of a domain, with this embedder or else the one it was made with.

    Raises:
        UserError, CouldNot: see `Index` and `open_embedder`.
    """
    settings = settings or load_settings()
    chosen = open_embedder(embedder, offline=settings.offline) if embedder else None
    return Index(index_folder(domain, settings), chosen, offline=settings.offline)


def knowledge_folder(domain: Domain, settings: Settings | None = None) -> Path | None:
    """Return the folder of a domain's own documents; a relative one lies in the domain's data folder.

    Raises:
        UserError: there is no data folder of this domain.
    """
    if domain.knowledge is None or domain.knowledge.is_absolute():
        return domain.knowledge
    return data_folder(domain.name, settings) / domain.knowledge


def _check(query: str, k: int, mode: str) -> None:
    if not query:
        raise UserError("the question is empty", expected="a question")
    if k < 1:
        raise UserError(f"{k} passages cannot be shown", where="--k", expected="1 or more")
    if mode not in get_args(Mode):
        raise UserError(f"unknown mode {mode!r}", where="--mode", expected=", ".join(get_args(Mode)))


def _rank(ranking: Sequence[int], number: int) -> int | None:
    return ranking.index(number) + 1 if number in ranking else None


def _is_document(path: Path, root: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
    return path.suffix.lower() in documents.kinds() and not hidden and path.is_file()


def _batches(item: _Read) -> Iterator[list[Passage]]:
    """At least one, so that a document without new passages is committed as well."""
    new = [passage for passage in item.passages if passage.id not in item.vectors]
    yield from (new[start : start + BATCH] for start in range(0, max(len(new), 1), BATCH))
