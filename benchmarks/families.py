"""Every family on the device: how far llama.cpp is from Transformers, with and without an adapter.

    python benchmarks/families.py [FAMILY ...] [--json]
    python benchmarks/families.py --round-trip MODEL

The first form makes the tiny random models of tests/test_families.py and prints their table. The second
takes real weights round: the GGUF file that MODEL names in the catalog, dequantized to a Transformers folder,
converted to GGUF (float32), and both compared tensor by tensor and on the next token of a few prompts.

Exit code 1 where a bar of the tests is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from slm_core.errors import GateFailed, SlmError

if TYPE_CHECKING:
    from family_proof import Measured

CLOSE, FAR = 1e-3, 0.1  # nat
FLAT = 0.9  # entropy over log V: from there on any two models agree
HEAD = (
    "| family | entropy / log V | KL to llama.cpp | with an adapter | on/off | wrong on purpose | its KL |\n"
    "|---|---|---|---|---|---|---|"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("family", nargs="*", help="default: all")
    parser.add_argument("--round-trip", metavar="MODEL", help="real weights: GGUF, Transformers, GGUF")
    parser.add_argument("--json", action="store_true", help="print rows as JSON")
    args = parser.parse_args(argv)
    try:
        return _round_trip(args.round_trip) if args.round_trip else _families(args.family, args.json)
    except SlmError as error:
        print(error, file=sys.stderr)
        return error.exit_code


def _families(names: list[str], as_json: bool) -> int:
    from family_proof import MISTAKES, measure

    rows = []
    for name in names or MISTAKES:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(measure(name, Path(folder)))
        print(f"{name} measured", file=sys.stderr)
    print(json.dumps([asdict(row) for row in rows]) if as_json else "\n".join([HEAD, *map(_line, rows)]))
    missed = [row.family for row in rows if not _meets(row)]
    if missed:
        said = f"KL not under {CLOSE}, a change not over {FAR}, or an entropy not under {FLAT}"
        raise GateFailed(f"{', '.join(missed)}: {said}")
    return 0


def _meets(row: Measured) -> bool:
    """Every bar by itself, so that a figure that is no number meets none."""
    near = row.kl < CLOSE and row.lora < CLOSE
    return near and row.wrong > FAR and row.on_off > FAR and row.entropy < FLAT


def _line(row: Measured) -> str:
    with_adapter = f"{row.lora:.6f} ({row.adapted.partition(':')[0]})"
    return (
        f"| {row.family} | {row.entropy:.2f} | {row.kl:.6f} | {with_adapter} | {row.on_off:.2f} "
        f"| {row.mistake} | {row.wrong:.2f} |"
    )


def _round_trip(model: str) -> int:
    import numpy as np
    from family_proof import PROMPTS

    from slm_core.catalog import Bar, ensure
    from slm_core.catalog.verify import known_sha256
    from slm_core.engine.llama import LlamaEngine
    from slm_core.settings import load_settings
    from slm_finetune.base import dequantized_base
    from slm_finetune.convert.checkpoint import Checkpoint
    from slm_finetune.convert.command import write
    from slm_finetune.convert.proof import divergence
    from slm_finetune.convert.tokenizer import load_tokenizer
    from slm_finetune.gguf_file import read_file
    from slm_finetune.training import load_base

    settings = load_settings(model=model)
    source = ensure(model, settings, Bar())
    folder = dequantized_base(source, known_sha256(source, settings), settings.home)
    checkpoint = Checkpoint.of(folder)
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "again.gguf"
        print(write(checkpoint, "f32", file))
        before, after = read_file(source).tensors, read_file(file).tensors
        equal = sum(np.array_equal(before[name].floats(), after[name].floats()) for name in before)
        print(f"tensors equal to the dequantized file's: {equal} of {len(before)}")
        hf = load_base(folder)[0].eval()
        tokenizer = load_tokenizer(checkpoint)
        for label, path in (("the file itself", source), ("converted, float32", file)):
            with LlamaEngine(path) as engine:
                kl = divergence(hf, tokenizer, engine, None, PROMPTS)
            print(f"KL(Transformers || llama.cpp) on {label}: {kl:.6f} nat over {len(PROMPTS)} prompts")
    if equal < len(before):
        raise GateFailed(f"{len(before) - equal} tensors are not what they were")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
