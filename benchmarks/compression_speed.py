"""Speed and memory of many files of one expert in the same minutes: each is held against the first, in turns.

    python benchmarks/compression_speed.py float32=EXPERT-f32.gguf q4_0=X-q4_0.gguf layers=small.gguf

`finetune quantize`, `prune` and `trim-vocab` measure their own files so; this puts files of several of them
into one comparison. One JSON line a file: tokens/s of a prompt of 256 and a reply of 48 tokens (medians of
the rounds), the medians of each round's ratio to the first file, and resident bytes of the process.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from slm_core.engine.threads import choose_threads
from slm_core.settings import load_settings
from slm_finetune.gain.speed import ROUNDS, measure_speeds

TEXT = "강릉시 옥계면이 침수되어 2명이 실종되었습니다. We need water and tents for forty people."


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", metavar="NAME=FILE", help="the first is the peer of all others")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"default: {ROUNDS}")
    args = parser.parse_args()
    files = {name: Path(path) for name, _, path in (each.partition("=") for each in args.files)}
    missing = [str(path) for path in files.values() if not path.is_file()]
    if missing:
        parser.error(f"no such file: {', '.join(missing)}")
    threads = choose_threads(load_settings())[0]
    for name, speed in zip(files, measure_speeds([*files.values()], TEXT, threads, args.rounds), strict=True):
        print(json.dumps({"name": name, "threads": threads, **asdict(speed)}))


if __name__ == "__main__":
    main()
