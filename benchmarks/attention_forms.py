"""What MHA, GQA, MQA and a sliding window cost at 4,000 tokens: cache and decode speed of four random twins.

    python benchmarks/attention_forms.py [--rounds N] [--tokens N] [--json]

The twins are made here: Gemma 3's tensors (llama.cpp runs them with and without a window), 8 layers of width
512, 16 heads of 64, an MLP of 512 and 258 tokens, so that the cache is most of what a token reads. They
differ in their KV heads (16, 4, 1) or see a window of 512 in every layer. Weights are random: only the cost
is real.

`cache` is what llama.cpp allocates from the 256th to the 4,096th token: by the formula of slm_core.kv_cache,
and measured as resident memory of a process of its own that loaded the file with 4,096 tokens, less one with
256. `read` are the bytes of weights and cache that a new token reads, by formula. `tok/s` is the median of
rounds that take turns, so that a busy machine slows all alike; read the ratios to MHA. Not covered: quality,
other engines, a GPU.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from slm_core.engine.server import LlamaServer
from slm_core.engine.threads import choose_threads
from slm_core.errors import CouldNot
from slm_core.gguf_head import read_header
from slm_core.kv_cache import KvCache
from slm_core.plan.architecture import Architecture
from slm_core.settings import load_settings
from slm_finetune.trim_vocab.byte_level import alphabet

WIDTH, LAYERS, HEADS, HEAD, HIDDEN = 512, 8, 16, 64, 512
PROMPT, CONTEXT, SHORT = 4000, 4096, 256
LOADED = """
import sys
from pathlib import Path
from slm_core.engine.server import LlamaServer
server = LlamaServer(Path(sys.argv[1]), adapters=[], slots=1, context=int(sys.argv[2]), threads=1)
lines = Path("/proc/self/status").read_text().splitlines()
print(next(line.split()[1] for line in lines if line.startswith("VmRSS")))
server.close()
"""


@dataclass(frozen=True)
class Twin:
    """One of the four: its KV heads, and its window (0: none)."""

    name: str
    kv_heads: int
    window: int = 0


TWINS = (Twin("MHA", 16), Twin("GQA", 4), Twin("MQA", 1), Twin("MHA, window 512", 16, 512))


def main() -> int:
    """Measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7, help="requests to each twin (default: 7)")
    parser.add_argument("--tokens", type=int, default=32, help="new tokens of a request (default: 32)")
    parser.add_argument("--json", action="store_true", help="one JSON value")
    args = parser.parse_args()
    threads, why = choose_threads(load_settings())
    print(f"threads {threads}: {why}", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        files = {
            twin.name: write_twin(Path(folder) / f"{twin.kv_heads}-{twin.window}.gguf", twin)
            for twin in TWINS
        }
        speeds = decode_speeds(files, threads, args.rounds, args.tokens)
        rows = [row(name, path, speeds[name]) for name, path in files.items()]
    print(json.dumps(rows, indent=1) if args.json else table(rows))
    return 0


def write_twin(path: Path, twin: Twin) -> Path:
    """Write a random model in float16."""
    from gguf import GGUFWriter

    writer = GGUFWriter(path, "gemma3")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(twin.kv_heads)
    writer.add_key_length(HEAD)
    writer.add_value_length(HEAD)
    writer.add_rope_freq_base(10_000.0)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_final_logit_softcapping(30.0)
    if twin.window:
        writer.add_sliding_window(twin.window)
        writer.add_array("gemma3.attention.sliding_window_pattern", [True] * LAYERS)
    tokens = add_tokenizer(writer)
    random = np.random.default_rng(0)
    for name, shape in shapes(twin, tokens).items():
        vector = len(shape) == 1
        numbers = np.ones(shape) if vector else random.normal(0, shape[1] ** -0.5, shape)
        writer.add_tensor(name, numbers.astype(np.float32 if vector else np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def shapes(twin: Twin, tokens: int) -> dict[str, tuple[int, ...]]:
    """Return the tensors of a twin with their shapes, rows first."""
    queries, keys = HEADS * HEAD, twin.kv_heads * HEAD
    layer: dict[str, tuple[int, ...]] = {
        **{f"{name}_norm": (WIDTH,) for name in ("attn", "post_attention", "ffn", "post_ffw")},
        **{f"attn_{name}_norm": (HEAD,) for name in ("q", "k")},
        "attn_q": (queries, WIDTH),
        "attn_k": (keys, WIDTH),
        "attn_v": (keys, WIDTH),
        "attn_output": (WIDTH, queries),
        "ffn_gate": (HIDDEN, WIDTH),
        "ffn_up": (HIDDEN, WIDTH),
        "ffn_down": (WIDTH, HIDDEN),
    }
    each = {f"blk.{n}.{name}.weight": shape for n in range(LAYERS) for name, shape in layer.items()}
    return {"token_embd.weight": (tokens, WIDTH), "output_norm.weight": (WIDTH,)} | each


def add_tokenizer(writer: Any) -> int:
    """Add a vocabulary of bytes, as GPT-2 spells them, and an end; return its size."""
    spelled = {byte: letter for letter, byte in alphabet().items()}
    tokens = [*(spelled[byte] for byte in range(256)), spelled[32] + "a", "<end>"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([*([1] * (len(tokens) - 1)), 3])
    writer.add_token_merges([f"{spelled[32]} a"])
    writer.add_bos_token_id(len(tokens) - 1)
    writer.add_eos_token_id(len(tokens) - 1)
    writer.add_add_bos_token(False)
    return len(tokens)


def decode_speeds(
    files: Mapping[str, Path], threads: int, rounds: int, tokens: int
) -> dict[str, list[float]]:
    """Return tokens per second of every round after the first, which reads the prompt."""
    prompt = np.random.default_rng(1).integers(0, 256, PROMPT).tolist()
    servers = {
        name: LlamaServer(path, adapters=[], slots=1, context=CONTEXT, threads=threads)
        for name, path in files.items()
    }
    speeds: dict[str, list[float]] = {name: [] for name in servers}
    for number in range(rounds + 1):
        for name, server in servers.items():
            timings = decode(server, prompt, tokens)
            speed = timings["predicted_per_second"]
            read = f"read {timings['prompt_n']} tokens in {timings['prompt_ms'] / 1000:.1f} s"
            print(f"round {number} of {rounds}, {name}: {read}, {speed:.1f} tok/s", file=sys.stderr)
            if number:
                speeds[name].append(speed)
    for server in servers.values():
        server.close()
    return speeds


def decode(server: LlamaServer, prompt: list[int], tokens: int) -> Mapping[str, float]:
    """Ask for new tokens after a prompt that the slot keeps; return llama.cpp's own times."""
    request = {
        "prompt": prompt,
        "max_tokens": tokens,
        "temperature": 0.0,
        "ignore_eos": True,
        "id_slot": 0,
        "cache_prompt": True,
    }
    timings: Mapping[str, float] = server.complete(request)["timings"]
    if timings["predicted_n"] < tokens:
        raise CouldNot(f"llama.cpp stopped after {timings['predicted_n']} tokens")
    return timings


def row(name: str, path: Path, speeds: list[float]) -> dict[str, Any]:
    """Return the figures of a twin."""
    header = read_header(path)
    model, cache = Architecture.of_header(header, name), KvCache.of_header(header)
    return {
        "name": name,
        "parameters": header.parameters,
        "formula": cache.allocated(CONTEXT) - cache.allocated(SHORT),
        "measured": resident(path, CONTEXT) - resident(path, SHORT),
        "needed": cache.bytes_at(PROMPT),
        "read": model.bytes_read_per_token("F16") + cache.bytes_at(PROMPT),
        "speed": statistics.median(speeds),
        "slowest": min(speeds),
        "fastest": max(speeds),
    }


def resident(path: Path, context: int) -> int:
    """Return the resident bytes of a process that loaded the file, before any prompt."""
    command = [sys.executable, "-c", LOADED, str(path), str(context)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout.split()[-1]) * 1024


def table(rows: list[dict[str, Any]]) -> str:
    """Return the figures as lines, with ratios to the first."""
    first = rows[0]
    heads = ("twin", "cache MiB", "formula", "ratio", "read MiB", "ratio", "tok/s (range)", "ratio")
    lines = [heads]
    for each in rows:
        lines.append(
            (
                each["name"],
                f"{each['measured'] / 2**20:.1f}",
                f"{each['formula'] / 2**20:.1f}",
                f"{each['measured'] / first['measured']:.3f}",
                f"{each['read'] / 2**20:.1f}",
                f"{each['read'] / first['read']:.3f}",
                f"{each['speed']:.1f} ({each['slowest']:.1f}-{each['fastest']:.1f})",
                f"{each['speed'] / first['speed']:.2f}",
            )
        )
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if not n else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )


if __name__ == "__main__":
    raise SystemExit(main())
