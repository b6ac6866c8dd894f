"""What a pinned slot per adapter saves: two adapters asked in turn, in one slot and each in its own.

    python benchmarks/adapter_slots.py [--model M] [--pairs N] [--json]

Both layouts get the same requests: a long head that all share (a domain's instructions) and a short text that
is new each time. `reread` are the prompt tokens computed, `prompt_ms` the time to the first token. The
adapters are made here (random, r 8, on the attention): their sense does not matter for the cost. The layouts
take turns request by request, so that a busy machine slows both alike; read the ratio, not the milliseconds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from slm_core.catalog import ensure
from slm_core.engine.prompt import PromptFormat
from slm_core.engine.server import LlamaServer
from slm_core.engine.threads import choose_threads
from slm_core.gguf_head import Header, read_header
from slm_core.settings import load_settings

RANK, CONTEXT, SPREAD = 8, 1024, 0.01
HEAD = (
    "Read a report about a disaster or hazard, Korean or English, and write its situation record as one "
    "JSON object. Leave out every key that the report does not give. Every quote is copied exactly from "
    "the report. Keys, in this order: hazard (earthquake, tsunami, flood, heavy rain, storm, strong wind,"
    " landslide, wildfire, fire, collapse), place, time, dead, missing, injured, needs (medical help, "
    "search and rescue, water, food, shelter, clothing), infrastructure (road, bridge, railway, power, "
    "water supply, gas, telecom, building, hospital, school), level, stage."
)
TEXTS = (
    "강릉시 옥계면 침수로 2명 실종.",
    "Road closed, we need water.",
    "산불이 번져 주민 대피 중.",
    "Power is out downtown.",
)


@dataclass(frozen=True)
class Cost:
    """Of one request: prompt tokens computed, milliseconds to the first token."""

    reread: int
    prompt_ms: float


def main() -> int:
    """Measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="smollm2-135m-instruct", help="catalog name or .gguf file")
    parser.add_argument(
        "--pairs", type=int, default=8, help="rounds; each asks both adapters once (default: 8)"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object")
    args = parser.parse_args()
    settings = load_settings(model=args.model)
    threads, why = choose_threads(settings)
    print(f"threads {threads}: {why}", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        costs = measure(ensure(args.model, settings), Path(folder), args.pairs, threads)
    result = summary(costs) | {"model": args.model, "requests": 2 * args.pairs, "threads": threads}
    print(json.dumps(result) if args.json else table(result))
    return 0


def measure(model: Path, folder: Path, pairs: int, threads: int) -> dict[str, list[Cost]]:
    """Return the costs of every request after the first of each slot, by layout."""
    header = read_header(model)
    adapters = [make_adapter(folder / f"{seed}.gguf", header, seed) for seed in (1, 2)]
    layouts = {
        name: LlamaServer(model, adapters=adapters, slots=slots, context=CONTEXT, threads=threads)
        for name, slots in (("one slot", 1), ("slot per adapter", 2))
    }
    costs: dict[str, list[Cost]] = {name: [] for name in layouts}
    format_ = PromptFormat.of(header)
    for number in range(2 * (pairs + 1)):
        text = f"{TEXTS[number // 2 % len(TEXTS)]} ({number // 2})"
        prompt = format_.render([{"role": "system", "content": HEAD}, {"role": "user", "content": text}])
        for name, server in layouts.items():
            cost = ask(server, prompt, number % 2, number % 2 if name != "one slot" else 0)
            if number > 1:  # the first of each slot reads its head in either layout
                costs[name].append(cost)
    for server in layouts.values():
        server.close()
    return costs


def ask(server: LlamaServer, prompt: str, adapter: int, slot: int) -> Cost:
    """One request of one token."""
    request = {
        "prompt": server.tokenize(prompt),
        "max_tokens": 1,
        "temperature": 0.0,
        "id_slot": slot,
        "lora": [{"id": id_, "scale": float(id_ == adapter)} for id_ in (0, 1)],
    }
    begun = time.monotonic()
    timings = server.complete(request)["timings"]
    return Cost(timings["prompt_n"], 1000 * (time.monotonic() - begun))


def make_adapter(path: Path, header: Header, seed: int) -> Path:
    """Write a random LoRA on q and output of every layer."""
    from gguf import GGUFWriter

    width, layers = header.of_architecture("embedding_length"), header.of_architecture("block_count")
    random = np.random.default_rng(seed)
    writer = GGUFWriter(path, header.architecture)
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(RANK))
    for layer in range(layers):
        for name in (f"blk.{layer}.attn_q.weight", f"blk.{layer}.attn_output.weight"):
            for part, shape in (("lora_a", (RANK, width)), ("lora_b", (width, RANK))):
                writer.add_tensor(f"{name}.{part}", random.normal(0, SPREAD, shape).astype(np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def summary(costs: dict[str, list[Cost]]) -> dict[str, Any]:
    """Return medians by layout and their ratios."""
    medians = {
        name: {
            "reread": statistics.median(cost.reread for cost in each),
            "prompt_ms": round(statistics.median(cost.prompt_ms for cost in each), 1),
        }
        for name, each in costs.items()
    }
    one, own = medians["one slot"], medians["slot per adapter"]
    return {"medians": medians, "ratio": {key: round(one[key] / own[key], 1) for key in one}}


def table(result: dict[str, Any]) -> str:
    """Return the summary as lines."""
    rows = [("layout", "reread", "prompt_ms")]
    rows += [(name, f"{m['reread']:g}", f"{m['prompt_ms']:g}") for name, m in result["medians"].items()]
    rows.append(("ratio", f"{result['ratio']['reread']:g}", f"{result['ratio']['prompt_ms']:g}"))
    lines = [f"{name:<18}{reread:>8}{ms:>12}" for name, reread, ms in rows]
    return "\n".join(
        [f"{result['model']}, {result['requests']} requests, {result['threads']} threads", *lines]
    )


if __name__ == "__main__":
    raise SystemExit(main())
