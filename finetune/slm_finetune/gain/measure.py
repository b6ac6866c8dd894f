"""One file measured: what it weighs, how fast it is, how far from its reference, how good at the task."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
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
    from slm_core.settings import Settings
    from slm_finetune.gain.speed import Speed


@dataclass(frozen=True)
class Candidate:
    """One file of a comparison.

    Args:
        name: the row of the table.
        path: the file.
        note: stands in the table.
        vocabulary: id in the reference of each token of the file, for a trimmed one.
        adapter: of the domain, in force on it; None where the expert is in the file.
    """

    name: str
    path: Path
    note: str = ""
    vocabulary: NDArray[np.int64] | None = None
    adapter: Adapter | None = None

    @property
    def lora(self) -> Path | None:
        """The adapter's file."""
        return self.adapter.path if self.adapter else None

    def key(self, settings: Settings) -> str:
        """Identify the bytes that are asked."""
        from slm_core.catalog.verify import known_sha256

        own = known_sha256(self.path, settings)[:16]
        return f"{own}+{self.adapter.sha256[:16]}" if self.adapter else own


@dataclass(frozen=True)
class Gain:
    """What was measured of one file.

    Args:
        name: the row of the table.
        bytes: on disk, of file and adapter.
        kinds: bytes of the file by kind of tensor, e.g. `{"Q8_0": ...}`, the largest first.
        resident: bytes of a process that runs it.
        prefill, decode: tokens/s, medians of the rounds.
        prefill_ratio, decode_ratio: to the first file, medians of each round's.
        threads: that these speeds were measured with.
        perplexity, kl: over the reply tokens (closeness.py, also for the KL of a trimmed file); kl is None
            without a reference.
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
    prefill_ratio: float
    decode_ratio: float
    threads: int
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


def measure_files(
    files: Sequence[Candidate], probe: Probe, *, reference: Candidate | None = None
) -> list[Gain]:
    """Measure GGUF files beside each other: how good each is, then how fast they all are, in turns.

    What was found of the quality of the same bytes before is taken from SLM_HOME/cache/gain. Speed is
    measured anew each time: it belongs to this hour of this machine.

    Args:
        files: the first is what sizes and speeds of the others are held against.
        probe: the rows.
        reference: what KL compares with.

    Raises:
        CouldNot: llama.cpp cannot run a file, or no row is read as the same tokens by file and reference.
    """
    from slm_core.engine.threads import choose_threads
    from slm_finetune.gain.speed import measure_speeds

    threads = choose_threads(probe.settings)[0]
    qualities = [_quality(file, probe, reference, threads) for file in files]
    text = "\n".join(row.user for row in probe.rows)
    paths, adapters = [file.path for file in files], [file.lora for file in files]
    speeds = measure_speeds(paths, text, threads, adapters=adapters)
    each = zip(files, qualities, speeds, strict=True)
    return [_gain(file, probe, quality, speed, threads) for file, quality, speed in each]


def _quality(file: Candidate, probe: Probe, reference: Candidate | None, threads: int) -> dict[str, Any]:
    home, own = probe.settings.home / "cache" / "gain", file.key(probe.settings)
    against = reference.key(probe.settings) if reference else "alone"
    key = f"{against}-{probe.key}"
    what = "quality" if file.vocabulary is None else "trimmed"  # whose KL is another
    return _kept(
        home / f"{own}-{key}-{what}.json",
        lambda: _near(file, probe, threads, reference, home / f"{key}.npz") | _score(file, probe),
    )


def _gain(file: Candidate, probe: Probe, quality: dict[str, Any], speed: Speed, threads: int) -> Gain:
    said = [part for part in (file.note, quality["note"]) if part]
    score = quality["score"]
    return Gain(
        name=file.name,
        bytes=file.path.stat().st_size + (file.lora.stat().st_size if file.lora else 0),
        kinds=kinds_of(file.path),
        **asdict(speed),
        threads=threads,
        perplexity=quality["perplexity"],
        kl=quality["kl"],
        score=Interval(**score) if score else None,
        metric=probe.task.metric,
        scored=len(probe.cases),
        unreadable=quality["unreadable"],
        note="; ".join(said),
        date=time.strftime("%Y-%m-%d", time.gmtime()),
    )


def _kept(path: Path, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what was measured of these bytes before, else measure and keep it."""
    if path.is_file():
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found
    found = measure()
    write_atomically(path, json.dumps(found, ensure_ascii=False).encode())
    return found


def _near(
    file: Candidate, probe: Probe, threads: int, reference: Candidate | None, states: Path
) -> dict[str, Any]:
    from slm_finetune.gain.closeness import closeness

    print(f"{file.name}: perplexity and KL over {len(probe.rows)} rows", file=sys.stderr)
    same = reference is not None and (reference.path, reference.lora) == (file.path, file.lora)
    other = None if same else reference
    near = closeness(
        file.path,
        probe.rows,
        threads,
        reference=other.path if other else None,
        states=states if other else None,
        vocabulary=file.vocabulary,
        adapter=file.lora,
        reference_adapter=other.lora if other else None,
    )
    said = [f"{near.skipped} rows read as other tokens or too long, left out"] if near.skipped else []
    if file.vocabulary is not None:
        said.append(
            f"the reference gives {near.outside:.4f} to tokens this file has not; KL of it from the reference"
        )
    return {"perplexity": near.perplexity, "kl": 0.0 if same else near.kl, "note": "; ".join(said)}


def _score(file: Candidate, probe: Probe) -> dict[str, Any]:
    if not probe.cases:
        return {"score": None, "unreadable": 0}
    interval, unreadable = ask_probe(file.path, probe, file.adapter)
    return {"score": asdict(interval), "unreadable": unreadable}


def ask_probe(path: Path, probe: Probe, adapter: Adapter | None = None) -> tuple[Interval, int]:
    """Ask the questions of a probe, and return the score and how many replies were no reply.

    Args:
        path: the file.
        probe: with at least one question.
        adapter: of the domain; None where the expert is in the file.
    """
    from slm_core.engine import open_local
    from slm_finetune.measure import measure
    from slm_finetune.metrics import confidence
    from slm_finetune.model_answers import Expert

    task, name = probe.task, probe.domain.name if adapter else None
    engine = open_local(probe.settings, str(path), {name: adapter} if name and adapter else {})
    try:
        expert = Expert(engine, task, name, engine.bias(name, task.name))
        measured = measure(task, expert, probe.cases)
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
