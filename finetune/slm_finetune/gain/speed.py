"""How fast a file runs and what memory it takes, in a process of its own.

Run as `python -m slm_finetune.gain.speed FILE --threads N < prompt`, it prints one JSON line. The memory is
that of the whole process after a prompt and a reply (llama.cpp maps the file: pages it touched count).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from slm_core.errors import CouldNot

CONTEXT, PROMPT, REPLY, TRIES = 1024, 256, 48, 3
_FOREVER_S = 1800


@dataclass(frozen=True)
class Speed:
    """Resident bytes of the process, prefill and decode tokens/s (medians of three)."""

    resident: int
    prefill: float
    decode: float


def measure_speed(path: Path, text: str, threads: int) -> Speed:
    """Run a file in a child process: a prompt of 256 tokens, then 48 tokens.

    Raises:
        CouldNot: it does not run; llama.cpp's words are in the message.
    """
    command = [sys.executable, "-m", "slm_finetune.gain.speed", str(path), "--threads", str(threads)]
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=_FOREVER_S)
    if done.returncode:
        raise CouldNot(f"{path} does not run: {done.stderr.strip()[-400:]}")
    return Speed(**json.loads(done.stdout.splitlines()[-1]))


def _run(path: Path, text: str, threads: int) -> Speed:
    from slm_core.engine.server import LlamaServer

    server = LlamaServer(path, adapters=(), slots=1, context=CONTEXT, threads=threads)
    tokens = server.tokenize(text)
    prompt = (tokens * (PROMPT // len(tokens) + 1))[:PROMPT]
    runs = []
    for _ in range(TRIES):
        request = {"prompt": prompt, "max_tokens": REPLY, "temperature": 0.0, "ignore_eos": True}
        runs.append(server.complete({**request, "cache_prompt": False})["timings"])
    speed = Speed(
        _resident(),
        median(1000 * run["prompt_n"] / run["prompt_ms"] for run in runs),
        median(1000 * run["predicted_n"] / run["predicted_ms"] for run in runs),
    )
    server.close()
    return speed


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
    args = parser.parse_args()
    try:
        speed = _run(args.path, sys.stdin.read(), args.threads)
    except CouldNot as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(json.dumps(vars(speed)))
    return 0


if __name__ == "__main__":
    raise SystemExit(_main())
