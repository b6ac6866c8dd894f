"""A maker's claim for a memory held against the bandwidth model: AiMX on OPT-13B, the paper's chapter III.2.

The time of one token is taken as its bytes over a bandwidth, or its operations over what computes them,
whichever is longer. Four readings of it are computed, because the claim names neither the GPU nor what it
counts.
"""

from __future__ import annotations

from dataclasses import dataclass

from slm_core.errors import UserError
from slm_core.plan.devices import GB, load_devices
from slm_core.plan.fit import reached
from slm_core.plan.memories import Claim, Memory
from slm_core.plan.roofline import TERA


@dataclass(frozen=True)
class Reading:
    """How many times faster the memory is under one assumption, and whether the claim stands under it."""

    assumption: str
    times: float
    consistent: bool


def check_claim(memory: Memory) -> list[Reading]:
    """Return the claim of a memory under four assumptions.

    Raises:
        UserError: no claim is known for this memory.
    """
    claim = memory.claim
    if claim is None:
        raise UserError(f"no claim is known for {memory.name}", expected="PIM")
    gpu = load_devices()[claim.baseline]
    form = reached(gpu.name, gpu.runtime)
    work, operations = claim.weights + claim.cache, 2.0 * claim.parameters
    inner = max(
        work / (claim.cards * memory.bandwidth_gb_s * GB),
        operations / (claim.cards * (memory.compute_tops or 0) * TERA),
    )
    outer = work / (claim.cards * (memory.link_gb_s or 0) * GB)
    peak = work / (gpu.bandwidth_gb_s * GB)
    usual = peak / form.bandwidth + form.step_s
    return [
        _reading(
            claim, f"both at their peaks, {gpu.name} against the bandwidth inside the chips", peak / inner
        ),
        _reading(claim, f"{gpu.name} as published points show it, the memory at its peak", usual / inner),
        _reading(
            claim,
            f"the same, and a step costs {1000 * form.step_s:.1f} ms on the memory's side too",
            usual / (inner + form.step_s),
        ),
        _reading(claim, "both at their peaks, the memory only as fast as its outside", peak / outer),
    ]


def _reading(claim: Claim, assumption: str, times: float) -> Reading:
    return Reading(assumption, times, times >= claim.times_faster)
