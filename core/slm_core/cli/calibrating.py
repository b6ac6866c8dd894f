"""The measuring of this machine for `slm plan`: memory and products by `plan.calibration`, llama.cpp here.

The engine and the plan stand on the same floor and do not know each other, so the run of a model is made
here and handed over as figures.
"""

from __future__ import annotations

import sys
import time
from contextlib import closing
from pathlib import Path

from slm_core.catalog import Model, find_model, load_catalog
from slm_core.catalog.fetch import locate
from slm_core.engine.threads import choose_threads
from slm_core.errors import SlmError, UserError
from slm_core.plan.architecture import Architecture
from slm_core.plan.calibration import SECONDS, Calibration, Figure, Probe, measure
from slm_core.plan.footprint import weights_of
from slm_core.settings import Settings

PROMPT, REPLY = 96, 16  # tokens of a run
_MOST_RUNS = 7


def calibrate(settings: Settings, model: Model | None = None) -> Calibration:
    """Measure this machine in about twenty seconds at most; progress goes to stderr.

    Args:
        settings: threads, and where models lie.
        model: what llama.cpp runs; left out, the model of the settings, else any that is here.

    Raises:
        UserError: the model asked for is not here.
    """
    end = time.monotonic() + SECONDS
    threads, reason = choose_threads(settings)
    _say(f"measuring with {threads} threads ({reason}): memory, matrix products, a model in llama.cpp")
    found = measure(threads)
    probe = _probe(settings, model, threads, end)
    _say(f"measured in {SECONDS + time.monotonic() - end:.0f} s")
    return found.model_copy(update={"probes": (probe,) if probe else ()})


def _probe(settings: Settings, model: Model | None, threads: int, end: float) -> Probe | None:
    chosen = _choose(settings, model)
    if chosen is None:
        _say("no model is here, so llama.cpp is not run: slm models pull smollm2-135m-instruct")
        return None
    try:
        return _run(*chosen, threads, end)
    except SlmError as error:
        if model is not None:
            raise
        _say(f"llama.cpp is not measured: {error}")
        return None


def _choose(settings: Settings, model: Model | None) -> tuple[Model, Path] | None:
    if model is not None:
        path = locate(model, settings)
        if path is None:
            raise UserError(f"{model.name} is not here", mend=f"slm models pull {model.name}")
        return model, path
    wanted = [find_model(settings.model), *load_catalog().values()]
    return next(((each, path) for each in wanted if (path := locate(each, settings))), None)


def _run(model: Model, path: Path, threads: int, end: float) -> Probe:
    """Run as often as there is time for, at least once; the first, cold run counts only where it is alone."""
    from slm_core.engine.server import LlamaServer

    architecture = Architecture.of(model)
    weights = weights_of(model, architecture)
    prefill: list[float] = []
    decode: list[float] = []
    last = 0.0
    server = LlamaServer(path, adapters=[], slots=1, context=PROMPT + REPLY + 8, threads=threads)
    with closing(server):
        tokens = (server.tokenize("The quick brown fox and 빠른 갈색 여우 3.14 ") * PROMPT)[:PROMPT]
        while not decode or (len(decode) <= _MOST_RUNS and time.monotonic() + last < end):
            begun = time.monotonic()
            timings = server.complete(_request(tokens))["timings"]
            last = time.monotonic() - begun
            prefill.append(1000 * timings["prompt_n"] / timings["prompt_ms"])
            decode.append(1000 * timings["predicted_n"] / timings["predicted_ms"])
    cold = 1 if len(decode) > 1 else 0
    return Probe(
        model=model.name,
        quantization=weights.quantization,
        prompt=PROMPT,
        prefill=Figure.of(prefill[cold:]),
        decode=Figure.of(decode[cold:]),
        read_bytes=weights.read + architecture.kv_bytes(PROMPT),
        prompt_operations=architecture.prefill_flops(PROMPT),
    )


def _request(tokens: list[int]) -> dict[str, object]:
    return {
        "prompt": tokens,
        "max_tokens": REPLY,
        "temperature": 0.0,
        "ignore_eos": True,
        "cache_prompt": False,
        "id_slot": 0,
    }


def _say(line: str) -> None:
    print(line, file=sys.stderr)
