"""How fast files run beside each other, and what memory each takes, every run in a process of its own.

A machine that other work shares is slow for minutes at a time, so the files take turns and each is held
against the first in the same round. Run as `python -m slm_finetune.gain.speed FILE [--adapter FILE]
--threads N < prompt`, it prints one JSON line. The memory is that of the whole process after a prompt and a
reply (llama.cpp maps the file: pages it touched count).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from slm_core.errors import CouldNot

CONTEXT, WARM, PROMPT, REPLY, ROUNDS = 1024, 16, 256, 48, 5
_FOREVER_S = 1800


@dataclass(frozen=True)
class Run:
    """Resident bytes of the process, prefill and decode tokens/s."""

    resident: int
    prefill: float
    decode: float


@dataclass(frozen=True)
class Speed:
    """Medians of the rounds, and medians of each round's ratio to the first file."""

    resident: int
    prefill: float
    decode: float
    prefill_ratio: float
    decode_ratio: float


def measure_speeds(
    paths: Sequence[Path],
    text: str,
    threads: int,
    rounds: int = ROUNDS,
    adapters: Sequence[Path | None] | None = None,
) -> list[Speed]:
    """Run the files in turns, in each round a prompt of 256 tokens and 48 tokens of reply.

    Args:
        paths: the first is what the others are held against.
        text: what prompts are cut from.
        threads: of llama.cpp.
        rounds: of which medians are taken.
        adapters: LoRA file in force on each of the paths; default none.

    Raises:
        CouldNot: a file does not run; llama.cpp's words are in the message.
    """
    runs: list[list[Run]] = []
    each_with = list(zip(paths, adapters or [None] * len(paths), strict=True))
    for number in range(rounds):
        print(f"speed: round {number + 1} of {rounds}, {len(paths)} files in turn", file=sys.stderr)
        runs.append([_in_a_process(path, text, threads, adapter) for path, adapter in each_with])
    first = [each[0] for each in runs]
    return [_medians(mine, first) for mine in zip(*runs, strict=True)]


def _medians(mine: Sequence[Run], first: Sequence[Run]) -> Speed:
    return Speed(
        int(median(run.resident for run in mine)),
        median(run.prefill for run in mine),
        median(run.decode for run in mine),
        median(run.prefill / peer.prefill for run, peer in zip(mine, first, strict=True)),
        median(run.decode / peer.decode for run, peer in zip(mine, first, strict=True)),
    )


def _in_a_process(path: Path, text: str, threads: int, adapter: Path | None) -> Run:
    command = [sys.executable, "-m", "slm_finetune.gain.speed", str(path), "--threads", str(threads)]
    command += ["--adapter", str(adapter)] if adapter else []
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=_FOREVER_S)
    if done.returncode:
        what = f"{path} with {adapter}" if adapter else str(path)
        raise CouldNot(f"{what} does not run: {done.stderr.strip()[-400:]}")
    return Run(**json.loads(done.stdout.splitlines()[-1]))


def _run(path: Path, text: str, threads: int, adapter: Path | None) -> Run:
    from slm_core.engine.server import LlamaServer

    adapters = [adapter] if adapter else []
    server = LlamaServer(path, adapters=adapters, slots=1, context=CONTEXT, threads=threads)
    tokens = server.tokenize(text)
    prompt = (tokens * (PROMPT // len(tokens) + 1))[:PROMPT]
    fields = {"temperature": 0.0, "ignore_eos": True, "cache_prompt": False}
    server.complete({**fields, "prompt": prompt[:WARM], "max_tokens": 1})  # the file's pages come in
    timings = server.complete({**fields, "prompt": prompt, "max_tokens": REPLY})["timings"]
    run = Run(
        _resident(),
        1000 * timings["prompt_n"] / timings["prompt_ms"],
        1000 * timings["predicted_n"] / timings["predicted_ms"],
    )
    server.close()
    return run


def _resident() -> int:
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0  # no Linux: the table shows a dash
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))


def _main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("path", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--adapter", type=Path)
    args = parser.parse_args()
    try:
        run = _run(args.path, sys.stdin.read(), args.threads, args.adapter)
    except CouldNot as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(json.dumps(vars(run)))
    return 0


if __name__ == "__main__":
    raise SystemExit(_main())
