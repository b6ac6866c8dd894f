"""How far a file's replies are from a reference's: perplexity, and KL over the whole next-token distribution.

Over the reply tokens of the rows (the turn's end included), given prompt and reply so far, both in nat:

    perplexity = exp(- mean log q(token))            KL = mean over tokens of sum_v p(v) (log p(v) - log q(v))

p is the reference, q the file, both as llama.cpp computes them: hidden states of one prefill times the
output matrix (`slm_core.engine.score`). A file with a smaller vocabulary (trimmed) gives 0 where the
reference does not, so that KL is infinite; of such a file it is KL(q || p), which for the same network is
-log of the mass that p gives to the tokens that stayed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slm_core.dataset.row import Row
from slm_core.engine.prompt import PromptFormat
from slm_core.engine.score import Scorer
from slm_core.errors import CouldNot
from slm_core.gguf_head import read_header

CONTEXT = 1024
_AT_ONCE = 128  # states whose distributions are held at a time
FLOOR = -60.0  # nat; a probability that underflowed is no reason for an infinite KL


@dataclass(frozen=True)
class Closeness:
    """Perplexity and KL (None without a reference) over `tokens` reply tokens of `rows` rows.

    The KL is KL(reference || file); of a file with a smaller vocabulary KL(file || reference), see above.
    `outside` is the mass that the reference gives to tokens which the file has not; `skipped` rows are read
    as other tokens by the two, have a token across the end of the prompt, or are longer than the context.
    """

    perplexity: float
    kl: float | None
    tokens: int
    rows: int
    skipped: int = 0
    outside: float = 0.0


@dataclass(frozen=True)
class _Reply:
    """Token ids of a row's prompt and reply."""

    prompt: list[int]
    reply: list[int]


class Reader:
    """One file that gives distributions for rows."""

    def __init__(
        self, path: Path, threads: int, states: Path | None = None, adapter: Path | None = None
    ) -> None:
        """Open it; `states` is where its hidden states are kept (a reference is asked again and again)."""
        header = read_header(path)
        self._format, self._end = PromptFormat.of(header), header.special_tokens().get("eos_token", "")
        adapters = [adapter] if adapter else []
        self._scorer = Scorer(path, header, context=CONTEXT, threads=threads, adapters=adapters)
        self._file = states
        self._kept: dict[str, Any] = dict(np.load(states)) if states and states.is_file() else {}

    def read(self, row: Row) -> _Reply:
        """Tokenize a row as the engine would; no reply where it merges with the prompt's end."""
        prompt = self._format.render(row.prompt())
        tokens = self._scorer.tokenize(prompt)
        whole = self._scorer.tokenize(prompt + self._format.defuse(row.target) + self._end)
        apart = whole[: len(tokens)] == tokens
        return _Reply(tokens, whole[len(tokens) :] if apart else [])

    def states(self, row: Row, reply: _Reply) -> NDArray[np.float32]:
        """Return the states before each reply token."""
        if row.id not in self._kept:
            tokens = [*reply.prompt, *reply.reply]
            self._kept[row.id] = self._scorer.states(tokens)[len(reply.prompt) - 1 : -1]
        found: NDArray[np.float32] = self._kept[row.id]
        return found

    def distributions(self, states: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return log-probabilities [states, vocabulary]."""
        return self._scorer.distributions(states)

    def close(self) -> None:
        """Free the model; keep the states."""
        self._scorer.close()
        if self._file:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            np.savez(self._file.with_suffix(".new.npz"), **self._kept)
            self._file.with_suffix(".new.npz").replace(self._file)


def closeness(
    path: Path,
    rows: Sequence[Row],
    threads: int,
    *,
    reference: Path | None = None,
    states: Path | None = None,
    vocabulary: NDArray[np.int64] | None = None,
    adapter: Path | None = None,
    reference_adapter: Path | None = None,
) -> Closeness:
    """Measure a file, and how far it is from a reference.

    Args:
        path: the file.
        rows: whose replies are looked at.
        threads: of llama.cpp.
        reference: a file of the same vocabulary, or None.
        states: where the reference's hidden states are kept, `.npz`.
        vocabulary: id in the reference of each token of the file, where it is not the same.
        adapter, reference_adapter: LoRA file that is in force on the file, and on the reference.

    Raises:
        CouldNot: no row is read as the same tokens by both.
    """
    file = Reader(path, threads, adapter=adapter)
    other = Reader(reference, threads, states, reference_adapter) if reference else None
    try:
        return _measure(file, other, rows, vocabulary, path.name)
    finally:
        file.close()
        if other:
            other.close()


def _measure(
    file: Reader, other: Reader | None, rows: Sequence[Row], vocabulary: NDArray[np.int64] | None, name: str
) -> Closeness:
    surprises, kls, outside, skipped = [], [], [], 0
    for number, row in enumerate(rows, 1):
        reply = file.read(row)
        theirs = other.read(row) if other else reply
        if not _same(reply, theirs, vocabulary) or len(reply.prompt) + len(reply.reply) > CONTEXT:
            skipped += 1
            continue
        q_states = file.states(row, reply)
        p_states = other.states(row, theirs) if other else None
        for part in _parts(len(q_states)):
            q = np.maximum(file.distributions(q_states[part]), FLOOR)
            surprises += list(-q[np.arange(len(q)), reply.reply[part]])
            if other is not None and p_states is not None:
                kl, left_out = _kl(other.distributions(p_states[part]), q, vocabulary)
                kls += kl
                outside += left_out
        if number % 8 == 0:
            print(f"{name}: {number} of {len(rows)} rows read", file=sys.stderr)
    if not surprises:
        raise CouldNot(f"{name}: no row is read as the same tokens by the file and its reference")
    mean = float(np.mean(surprises))
    return Closeness(
        float(np.exp(mean)),
        float(np.mean(kls)) if kls else None,
        len(surprises),
        len(rows) - skipped,
        skipped,
        float(np.mean(outside)) if outside else 0.0,
    )


def _same(reply: _Reply, theirs: _Reply, vocabulary: NDArray[np.int64] | None) -> bool:
    ours = [*reply.prompt, *reply.reply]
    mapped = ours if vocabulary is None else [int(vocabulary[token]) for token in ours]
    return mapped == [*theirs.prompt, *theirs.reply] and bool(reply.reply)


def _kl(
    p: NDArray[np.float32], q: NDArray[np.float32], vocabulary: NDArray[np.int64] | None
) -> tuple[list[float], list[float]]:
    """Return KL(p || q) (of a trimmed file KL(q || p)) and the mass of p outside its vocabulary, by state."""
    kept = p[:, : q.shape[1]] if vocabulary is None else p[:, vocabulary]  # an output matrix may be padded
    q = q[:, : kept.shape[1]]
    inside = np.exp(kept.astype(np.float64)).sum(axis=1)
    one, other = (kept - np.log(inside)[:, None], q) if vocabulary is None else (q, np.maximum(kept, FLOOR))
    kl = np.maximum(0.0, (np.exp(one) * (one - other)).sum(axis=1))  # equal files round to -1e-9
    return [float(v) for v in kl], [float(v) for v in np.maximum(0.0, 1.0 - inside)]


def _parts(count: int) -> Iterator[slice]:
    return (slice(start, min(start + _AT_ONCE, count)) for start in range(0, count, _AT_ONCE))
