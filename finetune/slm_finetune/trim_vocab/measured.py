"""What trimming gained: the table of all tools, how texts are read, and the short page beside the file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from slm_core.gguf_head import read_header
from slm_finetune.gain import Candidate, Gain, Probe, gain_table, measure_files
from slm_finetune.gain.measure import ask_probe
from slm_finetune.trim_vocab.reading import Reading, compare, tokenizer
from slm_finetune.trim_vocab.texts import held_out_texts
from slm_finetune.trim_vocab.vocabulary import Kept

if TYPE_CHECKING:
    from slm_core.engine.adapter import Adapter
    from slm_finetune.trim_vocab.command import Job

SEEN = 1000  # held-out texts that are read by both files


def reread(job: Job) -> Reading:
    """Read held-out texts of all installed domains with both files."""
    texts = sorted(set(held_out_texts(job.settings, job.datasets)))
    tokens = read_header(job.path).tokens, read_header(job.out).tokens
    with tokenizer(job.path, tokens[0]) as old, tokenizer(job.out, tokens[1]) as new:
        return compare(old, new, texts[:: max(len(texts) // SEEN, 1)])


def measured(job: Job, kept: Kept, probe: Probe, adapter: Adapter | None) -> list[Gain]:
    """Measure both files; where there is an adapter the score is the expert's, and all else the base's.

    Args:
        job: what was asked for.
        kept: the tokens that stayed.
        probe: the rows.
        adapter: of the domain, for the score.
    """
    bare = replace(probe, cases=()) if adapter else probe
    whole = Candidate("before", job.path)
    trimmed = Candidate("trimmed", job.out, vocabulary=np.asarray(kept.ids))
    before, after = measure_files([whole, trimmed], bare, reference=whole)
    if adapter is None:
        return [before, after]
    return [_scored(before, job.path, adapter, probe), _scored(after, job.out, adapter, probe)]


def report(job: Job, kept: Kept, before: int, reading: Reading, gains: Sequence[Gain]) -> str:
    """Return the page that lies beside the file."""
    lines = [
        f"# {job.out.name}",
        "",
        f"{job.path.name} with {len(kept.ids):,} of its {before:,} tokens",
        f"languages: {', '.join(job.languages)}",
        f"sha256 of the base: {job.sha256}",
        "",
        *(f"- {count:,} tokens: {reason}" for reason, count in kept.reasons.items()),
        *(f"- {line}" for line in reading.lines()),
        "",
        gain_table(gains),
    ]
    return "\n".join(lines) + "\n"


def _scored(gain: Gain, path: Path, adapter: Adapter, probe: Probe) -> Gain:
    """Ask the file with the adapter, as `slm ask` does."""
    note = "; ".join(part for part in (gain.note, "score with the adapter, all else without") if part)
    if not probe.cases:
        return replace(gain, note=note)
    interval, unreadable = ask_probe(path, probe, adapter)
    return replace(gain, score=interval, scored=len(probe.cases), unreadable=unreadable, note=note)
