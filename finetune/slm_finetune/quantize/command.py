"""`finetune quantize`: the merged expert in several types of file, each measured against its float32."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from slm_core.errors import MissingExtra
from slm_finetune.gain import Candidate, Gain, add_gain_flags, gain_table, measure_files
from slm_finetune.quantize.kinds import DEFAULT, FILE_TYPES, find_type
from slm_finetune.quantize.series import job_of

EPILOG = f"""\
examples:
  finetune quantize --domain disaster --out quantized/
  finetune quantize --domain disaster --type q8_0 --type q4_0 --imatrix --no-score --out quantized/
  finetune quantize --domain disaster --model smollm2-135m-instruct --adapter none --no-score --out quantized/

types: {", ".join(FILE_TYPES)}
q6_k, q5_k_m and q4_k_m need llama-cpp-python: pip install 'ondevice-slm[quantize]'. It is compiled (about 10
minutes, with a C++ compiler); without it their rows say so and the others are made.

Without --imatrix and --no-imatrix every type that an importance matrix changes is made both ways. Ctrl-C and
the same command again: files that were made and what was measured of them, but for speed, are kept.
"""


def register(subparsers: Any) -> None:
    """Add the verb to `finetune`."""
    parser = subparsers.add_parser(
        "quantize",
        help="make an expert smaller, measured against its float32",
        description="Write the merged expert in several quantized types and measure each against float32.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--domain", required=True, metavar="D", help="an installed domain, e.g. disaster")
    add("--model", metavar="M", help="base of the catalog or a .gguf file (default: the one in settings)")
    add(
        "--adapter",
        metavar="A",
        help="adapter to merge in (default: the installed one); none: the base itself",
    )
    add(
        "--type",
        action="append",
        metavar="T",
        help=f"type to make (repeatable; default: {', '.join(DEFAULT)})",
    )
    add(
        "--imatrix",
        action=argparse.BooleanOptionalAction,
        help="only with, only without an importance matrix (default: both)",
    )
    add(
        "--calibration-rows",
        type=int,
        default=256,
        metavar="N",
        help="train rows that the importance matrix is collected on (default: 256)",
    )
    add("--out", type=Path, required=True, metavar="DIR", help="folder of the files")
    add("--json", action="store_true", help="print the rows as JSON, one object a line")
    add_gain_flags(parser)


def run(args: argparse.Namespace) -> int:
    """Make and measure the files, print the table.

    Raises:
        UserError: wrong flags, no rows, no adapter.
        CouldNot: llama.cpp failed, or too little disk.
    """
    job = job_of(args, [find_type(name) for name in args.type or DEFAULT])
    files, absent = [Candidate("float32", job.source, job.origin)], {}
    for step in job.steps:
        try:
            path = job.made(step)
        except MissingExtra as error:
            absent[step.name] = " ".join(str(error).split())
            print(f"{step.name}: {absent[step.name]}", file=sys.stderr)
            continue
        files.append(Candidate(step.name, path, step.note))
    gains = measure_files(files, job.probe, reference=files[0])
    text = report(gains, absent)
    job.write_report(text)
    print("\n".join(json.dumps(gain.as_dict(), ensure_ascii=False) for gain in gains) if args.json else text)
    return 0


def report(gains: Sequence[Gain], absent: dict[str, str]) -> str:
    """Return the table, with a row for each file that could not be made, and the kinds in each file."""
    lines = gain_table(gains).splitlines()
    columns = lines[0].count("|") - 1
    end = 2 + len(gains)
    lines[end:end] = [f"| {name} |{' - |' * (columns - 2)} {why} |" for name, why in absent.items()]
    lines += ["", "bytes by kind of tensor:"]
    lines += [f"- {gain.name}: {_kinds(gain)}" for gain in gains]
    return "\n".join(lines)


def _kinds(gain: Gain) -> str:
    return ", ".join(f"{kind} {size / 1e6:.1f} MB" for kind, size in gain.kinds.items())
