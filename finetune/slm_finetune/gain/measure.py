"""One file measured: what it weighs, how fast it is, how far from its reference, how good at the task."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slm_core.files import write_atomically
from slm_core.gguf_head import read_header
from slm_finetune.gain.probe import Probe
from slm_finetune.metrics import Interval


@dataclass(frozen=True)
class Gain:
    """What was measured of one file.

    Args:
        name: the row of the table.
        bytes: on disk.
        kinds: bytes by kind of tensor, e.g. `{"Q8_0": ...}`, the largest first.
        resident: bytes of a process that runs it.
        prefill, decode: tokens/s, medians of three.
        perplexity, kl: over the reply tokens (see closeness.py); kl is None without a reference.
        score: of the domain's task with its interval, None where it was left out.
        metric, scored: of the score: its name, and over how many rows.
        unreadable: replies that were no reply.
        note: what a reader must know of this row.
        date: of the measurement.
    """

    name: str
    bytes: int
    kinds: dict[str, int]
    resident: int
    prefill: float
    decode: float
    perplexity: float
    kl: float | None
    score: Interval | None
    metric: str
    scored: int
    unreadable: int
    note: str
    date: str

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)

    @classmethod
    def read(cls, values: dict[str, Any]) -> Gain:
        """Undo `as_dict`."""
        interval = values["score"]
        return cls(**{**values, "score": Interval(**interval) if interval else None})


def measure_file(
    path: Path,
    probe: Probe,
    *,
    name: str | None = None,
    reference: Path | None = None,
    vocabulary: NDArray[np.int64] | None = None,
    note: str = "",
) -> Gain:
    """Measure a GGUF file; what was measured of the same bytes before is taken from SLM_HOME/cache/gain.

    Args:
        path: the file. It is asked as the expert is, without an adapter: the expert is in it.
        probe: the rows.
        name: of the row in the table, default the file's.
        reference: the file that KL compares with.
        vocabulary: id in the reference of each token of the file, for a trimmed one.
        note: stands in the table.

    Raises:
        CouldNot: llama.cpp cannot run the file.
    """
    from slm_core.catalog.verify import known_sha256

    home = probe.settings.home / "cache" / "gain"
    against = known_sha256(reference, probe.settings)[:16] if reference else "alone"
    key = f"{known_sha256(path, probe.settings)[:16]}-{against}-{probe.key}"
    kept = home / f"{key}.json"
    if kept.is_file():
        found = Gain.read(json.loads(kept.read_text(encoding="utf-8")))
    else:
        found = _measure(path, probe, reference, home / f"{against}-{probe.key}.npz", vocabulary)
        write_atomically(kept, json.dumps(found.as_dict(), ensure_ascii=False).encode())
    return replace(found, name=name or path.stem, note="; ".join(part for part in (note, found.note) if part))


def _measure(
    path: Path, probe: Probe, reference: Path | None, states: Path, vocabulary: NDArray[np.int64] | None
) -> Gain:
    from slm_core.engine.threads import choose_threads
    from slm_finetune.gain.closeness import closeness
    from slm_finetune.gain.speed import measure_speed

    threads = choose_threads(probe.settings)[0]
    print(f"{path.name}: speed and memory", file=sys.stderr)
    speed = measure_speed(path, "\n".join(row.user for row in probe.rows), threads)
    print(f"{path.name}: perplexity and KL over {len(probe.rows)} rows", file=sys.stderr)
    other = None if reference == path else reference
    near = closeness(
        path, probe.rows, threads, reference=other, states=states if other else None, vocabulary=vocabulary
    )
    interval, unreadable = _score(path, probe)
    said = [f"{near.skipped} rows read as other tokens or too long, left out"] if near.skipped else []
    said += (
        [f"the reference gives {near.outside:.4f} to tokens this file has not"]
        if vocabulary is not None
        else []
    )
    return Gain(
        name=path.stem,
        bytes=path.stat().st_size,
        kinds=kinds_of(path),
        resident=speed.resident,
        prefill=speed.prefill,
        decode=speed.decode,
        perplexity=near.perplexity,
        kl=0.0 if reference == path else near.kl,
        score=interval,
        metric=probe.task.metric,
        scored=len(probe.cases),
        unreadable=unreadable,
        note="; ".join(said),
        date=time.strftime("%Y-%m-%d", time.gmtime()),
    )


def _score(path: Path, probe: Probe) -> tuple[Interval | None, int]:
    """Ask the file as the expert is asked."""
    from slm_core.engine import open_local
    from slm_finetune.measure import measure
    from slm_finetune.metrics import confidence
    from slm_finetune.model_answers import Whole

    if not probe.cases:
        return None, 0
    engine = open_local(probe.settings, str(path), {})
    try:
        measured = measure(probe.task, Whole(engine, probe.task), probe.cases)
    finally:
        engine.close()
    unreadable = sum(answer.items is None for answer in measured.answers)
    return confidence(measured.counts, probe.task.metric), unreadable


def kinds_of(path: Path) -> dict[str, int]:
    """Return the bytes of a file by kind of tensor, the largest first."""
    from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

    sums: Counter[str] = Counter()
    for tensor in read_header(path).tensors.values():
        kind = GGMLQuantizationType(tensor.kind)
        block, size = GGML_QUANT_SIZES[kind]
        sums[kind.name] += int(np.prod(tensor.sizes)) // block * size
    return dict(sums.most_common())
