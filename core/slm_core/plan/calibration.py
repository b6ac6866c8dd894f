"""What this machine reaches, measured in seconds: memory, matrix products and, handed in, a run of llama.cpp.

Memory: the kernels copy (a = b) and triad (a = b + s * c) of McCalpin's STREAM (1995), and a plain sum,
which only reads as decoding does; each thread works on its own part of arrays much larger than a cache.
Counted are the bytes that the kernel names, not the extra read that a write may cost. Matrix products:
float32 through NumPy's BLAS (2 n^3 operations); NumPy has no fast int8 product, so the int8 rate is what
llama.cpp's prompt reading shows. Every figure is the median of its runs, with the spread of the middle
half.
"""

from __future__ import annotations

import datetime
import os
import platform
import re
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from slm_core.files import write_atomically
from slm_core.plan.devices import GB, Device
from slm_core.plan.planning import Run
from slm_core.plan.roofline import Efficiency

SECONDS = 20.0  # of a whole calibration
_ARRAY = 64 << 20  # bytes of each of the three arrays: more than the caches of the devices it is made for
_SIDE = 768  # of the matrices
Arrays = tuple[Any, ...]
_KERNEL_S = 1.2  # seconds for each kernel


class Figure(BaseModel):
    """The median of several runs, half the width of their middle half, the best, and how many there were."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: float
    spread: float
    best: float
    runs: int

    @classmethod
    def of(cls, runs: Sequence[float]) -> Figure:
        """Sum up runs."""
        low, _, high = quantiles(runs, n=4) if len(runs) > 1 else (runs[0],) * 3
        return cls(value=median(runs), spread=(high - low) / 2, best=max(runs), runs=len(runs))

    def __str__(self) -> str:
        if self.runs == 1:
            return f"{self.value:.3g} (one run)"
        spread = f"± {self.spread / self.value:.0%}"
        return f"{self.value:.3g} {spread} (median of {self.runs}, best {self.best:.3g})"


class Probe(BaseModel):
    """A run of llama.cpp with a model that is here: tokens a second, and what they read and compute."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    quantization: str
    prompt: int
    prefill: Figure
    decode: Figure
    read_bytes: float
    prompt_operations: float


class Calibration(BaseModel):
    """What was measured on a machine, kept in SLM_HOME."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    machine: str
    processor: str
    date: datetime.datetime
    threads: int
    memory_bytes: int
    copy_gb_s: Figure
    triad_gb_s: Figure
    read_gb_s: Figure
    matmul_gflops: Figure
    probes: tuple[Probe, ...] = ()

    @property
    def bandwidth(self) -> Figure:
        """The kernel with the best run; a peak is the best that was seen, as STREAM reports it."""
        return max((self.copy_gb_s, self.triad_gb_s, self.read_gb_s), key=lambda figure: figure.best)

    def with_runs_of(self, before: Calibration) -> Calibration:
        """Return it with the runs of models that only an earlier one has."""
        own = {probe.model for probe in self.probes}
        kept = tuple(probe for probe in before.probes if probe.model not in own)
        return self.model_copy(update={"probes": self.probes + kept})

    @property
    def noisy(self) -> bool:
        """Whether a figure has less than three runs, or a middle half wider than a fifth of it."""
        figures = [self.bandwidth, self.matmul_gflops]
        figures += [figure for probe in self.probes for figure in (probe.prefill, probe.decode)]
        return any(figure.runs < 3 or 2 * figure.spread > 0.2 * figure.value for figure in figures)


def machine_name() -> str:
    """Return the name that a calibration is kept under."""
    return re.sub(r"[^\w.-]", "-", platform.node() or "machine")


def calibration_path(home: Path) -> Path:
    """Return where this machine's calibration is kept (a home may be shared by several machines)."""
    return home / "plan" / f"calibration-{machine_name()}.json"


def load_calibration(home: Path) -> Calibration | None:
    """Return the calibration of this machine, or None where there is none or an older form of it."""
    try:
        return Calibration.model_validate_json(calibration_path(home).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def save_calibration(found: Calibration, home: Path) -> Path:
    """Keep a calibration and return its path."""
    path = calibration_path(home)
    write_atomically(path, found.model_dump_json(indent=1).encode())
    return path


def measure(threads: int, seconds: float = _KERNEL_S) -> Calibration:
    """Measure memory and matrix products for about four times `seconds`."""
    import numpy as np

    share = min(_ARRAY, _available() // 8) // 8 // threads
    parts = [tuple(np.full(share, value) for value in (0.0, 1.0, 2.0)) for _ in range(threads)]
    size = share * 8 * threads / GB

    def copy(part: Arrays) -> None:
        np.copyto(part[0], part[1])

    def triad(part: Arrays) -> None:
        np.multiply(part[2], 3.0, out=part[0])
        np.add(part[0], part[1], out=part[0])

    def read(part: Arrays) -> None:
        part[1].sum()

    with ThreadPoolExecutor(threads) as pool:
        rates = [
            Figure.of([moved * size / t for t in _timed(partial(_all, pool, kernel, parts), seconds)])
            # NumPy has no fused triad: it writes and reads its result once more, five passes for three
            for kernel, moved in ((copy, 2), (triad, 5), (read, 1))
        ]
    left, right = (np.random.default_rng(0).standard_normal((_SIDE, _SIDE), dtype=np.float32) for _ in "ab")
    products = [2 * _SIDE**3 / t / GB for t in _timed(lambda: left @ right, seconds)]
    return Calibration(
        machine=machine_name(),
        processor=_processor(),
        date=datetime.datetime.now(datetime.UTC).replace(microsecond=0),
        threads=threads,
        memory_bytes=_total(),
        copy_gb_s=rates[0],
        triad_gb_s=rates[1],
        read_gb_s=rates[2],
        matmul_gflops=Figure.of(products),
    )


def runs_here(found: Calibration) -> tuple[Run, ...]:
    """Return what llama.cpp reached on this machine with each model that it ran."""
    return tuple(_run_of(probe, found) for probe in found.probes)


def _run_of(probe: Probe, found: Calibration) -> Run:
    reading = probe.decode.value * probe.read_bytes / (found.bandwidth.best * GB)
    operations = probe.prefill.value / probe.prompt * probe.prompt_operations
    computing = operations / (found.matmul_gflops.best * GB)
    name = f"{probe.model} {probe.quantization}"
    reason = f"llama.cpp here: {name} reads {probe.prefill} and writes {probe.decode} tokens/s"
    return Run(probe.read_bytes, Efficiency(reading, computing, 0.0, reason))


def _all(pool: ThreadPoolExecutor, kernel: Callable[[Arrays], None], parts: Sequence[Arrays]) -> None:
    for _ in pool.map(kernel, parts):
        pass


def this_machine(found: Calibration, watts: float | None = None) -> Device:
    """Return this machine as a device, with the memory that is available now.

    Args:
        found: its calibration.
        watts: what the user says that it draws; a container cannot see it.
    """
    total = found.memory_bytes
    day = found.date.date()
    return Device(
        name="this",
        title=f"{found.processor}, {found.threads} threads ({found.machine})",
        memory_gb=total / GB,
        usable=min(1.0, _available() / total),
        bandwidth_gb_s=found.bandwidth.best,
        runtime="cpu",
        compute_tops=found.matmul_gflops.best / 1000,
        compute_precision="fp32, measured",
        watts=watts,
        source=f"measured here on {day}: memory {found.bandwidth} GB/s, float32 {found.matmul_gflops} GFLOPS",
        date=day,
        note="noisy: other work ran beside it" if found.noisy else "",
    )


def _timed(work: Callable[[], object], seconds: float) -> list[float]:
    """Run until `seconds` are over, at least three times after one that warms up."""
    work()
    times: list[float] = []
    end = time.monotonic() + seconds
    while len(times) < 3 or time.monotonic() < end:
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return times


def _memory(line: str) -> int | None:
    """A figure of the kernel's, in bytes (Linux)."""
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
    except OSError:
        return None
    found = re.search(rf"^{line}:\s+(\d+)", text, re.M)
    return int(found[1]) * 1024 if found else None


def _total() -> int:
    known = _memory("MemTotal")
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if known is None else known


def _available() -> int:
    """What may be taken now; half of all where the system does not say."""
    known = _memory("MemAvailable")
    return _total() // 2 if known is None else known


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    found = re.search(r"^(?:model name|Model)\s*:\s*(.+)$", text, re.M)
    return found[1] if found else platform.processor() or platform.machine()
