"""One file measured: what it weighs, how fast it is, how far from its reference, how good at the task."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from slm_core.files import write_atomically
from slm_core.gguf_head import read_header
from slm_finetune.gain.probe import Probe
from slm_finetune.metrics import Interval

if TYPE_CHECKING:
    from slm_core.engine.adapter import Adapter


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
    from slm_core.engine.threads import choose_threads

    settings = probe.settings
    home, own = settings.home / "cache" / "gain", known_sha256(path, settings)[:16]
    against = known_sha256(reference, settings)[:16] if reference else "alone"
    key = f"{against}-{probe.key}"
    threads = choose_threads(settings)[0]
    speed = _kept(home / f"{own}-{threads}-threads-speed.json", lambda: _speed(path, probe, threads))
    near = _kept(
        home / f"{own}-{key}-quality.json",
        lambda: _near(path, probe, threads, reference, home / f"{key}.npz", vocabulary) | _score(path, probe),
    )
    score = near.pop("score")
    notes = [part for part in (note, near.pop("note")) if part]
    return Gain(
        name=name or path.stem,
        bytes=path.stat().st_size,
        kinds=kinds_of(path),
        score=Interval(**score) if score else None,
        metric=probe.task.metric,
        scored=len(probe.cases),
        note="; ".join(notes),
        **speed,
        **near,
    )


def _kept(file: Path, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what was measured of these bytes before, else measure and keep it.

    Speed and quality are kept apart: on a busy machine speed has to be measured again, quality has not.
    """
    if file.is_file():
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return found
    found = measure()
    write_atomically(file, json.dumps(found, ensure_ascii=False).encode())
    return found


def _speed(path: Path, probe: Probe, threads: int) -> dict[str, Any]:
    from slm_finetune.gain.speed import measure_speed

    print(f"{path.name}: speed and memory", file=sys.stderr)
    text = "\n".join(row.user for row in probe.rows)
    measured = asdict(measure_speed(path, text, threads))
    return {**measured, "date": time.strftime("%Y-%m-%d", time.gmtime())}


def _near(
    path: Path,
    probe: Probe,
    threads: int,
    reference: Path | None,
    states: Path,
    vocabulary: NDArray[np.int64] | None,
) -> dict[str, Any]:
    from slm_finetune.gain.closeness import closeness

    print(f"{path.name}: perplexity and KL over {len(probe.rows)} rows", file=sys.stderr)
    other = None if reference == path else reference
    near = closeness(
        path, probe.rows, threads, reference=other, states=states if other else None, vocabulary=vocabulary
    )
    said = [f"{near.skipped} rows read as other tokens or too long, left out"] if near.skipped else []
    if vocabulary is not None:
        said.append(f"the reference gives {near.outside:.4f} to tokens this file has not")
    kl = 0.0 if reference == path else near.kl
    return {"perplexity": near.perplexity, "kl": kl, "note": "; ".join(said)}


def _score(path: Path, probe: Probe) -> dict[str, Any]:
    if not probe.cases:
        return {"score": None, "unreadable": 0}
    interval, unreadable = ask_probe(path, probe)
    return {"score": asdict(interval), "unreadable": unreadable}


def ask_probe(path: Path, probe: Probe, adapter: Adapter | None = None) -> tuple[Interval, int]:
    """Ask the questions of a probe, and return the score and how many replies were no reply.

    Args:
        path: the file.
        probe: with at least one question.
        adapter: of the domain; None where the expert is in the file.
    """
    from slm_core.engine import open_local
    from slm_finetune.measure import System, measure
    from slm_finetune.metrics import confidence
    from slm_finetune.model_answers import Expert, Whole

    name, task = probe.domain.name, probe.task
    engine = open_local(probe.settings, str(path), {name: adapter} if adapter else {})
    try:
        bias = engine.bias(name, task.name) if adapter else 0.0
        system: System = Expert(engine, task, name, bias) if adapter else Whole(engine, task)
        measured = measure(task, system, probe.cases)
    finally:
        engine.close()
    unreadable = sum(answer.items is None for answer in measured.answers)
    return confidence(measured.counts, task.metric), unreadable


def kinds_of(path: Path) -> dict[str, int]:
    """Return the bytes of a file by kind of tensor, the largest first."""
    from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

    sums: Counter[str] = Counter()
    for tensor in read_header(path).tensors.values():
        kind = GGMLQuantizationType(tensor.kind)
        block, size = GGML_QUANT_SIZES[kind]
        sums[kind.name] += int(np.prod(tensor.sizes)) // block * size
    return dict(sums.most_common())
