"""What `slm plan` shows: a plan with the reason of every figure, the known devices, a calibration."""

from __future__ import annotations

import json
import textwrap
from dataclasses import asdict
from pathlib import Path
from typing import Any

from slm_core.plan.calibration import Calibration, calibration_path
from slm_core.plan.claims import check_claim
from slm_core.plan.devices import Device, load_devices
from slm_core.plan.memories import Memory, load_memories
from slm_core.plan.planning import Answer, Plan
from slm_core.plan.recommend import Recommendation

_WIDTH = 108


def print_calibration(found: Calibration, home: Path, as_json: bool) -> None:
    """Print what was measured, how noisy it was and where it is kept."""
    if as_json:
        print(found.model_dump_json(indent=1))
        return
    rows = [
        ("machine", f"{found.processor}, {found.threads} threads, {found.memory_bytes / 1e9:.1f} GB"),
        ("copy", f"{found.copy_gb_s} GB/s"),
        ("triad", f"{found.triad_gb_s} GB/s"),
        ("read", f"{found.read_gb_s} GB/s"),
        ("float32", f"{found.matmul_gflops} GFLOPS, matrix products of NumPy"),
    ]
    for probe in found.probes:
        name = f"{probe.model} {probe.quantization}"
        rows += [
            ("prefill", f"{probe.prefill} tokens/s, {name} in llama.cpp, prompt of {probe.prompt}"),
            ("decode", f"{probe.decode} tokens/s"),
        ]
    if not found.probes:
        rows.append(("llama.cpp", "no model is here to run: slm models pull smollm2-135m-instruct"))
    rows.append(
        ("noise", "a figure has less than 3 runs or spreads over more than 20%" if found.noisy else "quiet")
    )
    rows.append(("kept in", str(calibration_path(home))))
    for label, text in rows:
        print(f"{label:<10} {text}")


def print_list(as_json: bool) -> None:
    """Print the known devices and memories."""
    devices = load_devices()
    memories = load_memories()
    if as_json:
        value = {
            "devices": [device.model_dump(mode="json") for device in devices.values()],
            "memories": [memory.model_dump(mode="json") for memory in memories.values()],
        }
        print(json.dumps(value, ensure_ascii=False, indent=1))
        return
    for device in devices.values():
        power = f"{device.watts:g} W" if device.watts else "? W"
        compute = f"{device.compute_tops:>6g} TOPS {device.compute_precision:<5} {device.runtime}"
        print(f"{_room(device, device.memory_gb)} {compute} {power:>6}  {device.title}")
    for memory in memories.values():
        market = "" if memory.on_market else "  (not on the market)"
        print(f"{_room(memory, memory.capacity_gb)}  {memory.title}{market}")


def _room(each: Device | Memory, gb: float) -> str:
    return f"{each.name:<20} {gb:>5g} GB {each.bandwidth_gb_s:>8,g} GB/s"


def print_json(plan: Plan, advice: Recommendation) -> None:
    """Print one JSON value."""
    place = plan.place
    answers = [*plan.answers(), advice.answer(), advice.pulled()]
    value: dict[str, Any] = {
        "device": place.device.model_dump(mode="json"),
        "memory": place.memory.model_dump(mode="json") if place.memory else None,
        "model": plan.model.name,
        "quantization": plan.weights.quantization,
        "need": asdict(plan.need),
        "answers": {
            each.name: {"value": each.value, "unit": each.unit, "reason": each.reason} for each in answers
        },
        "candidates": [_candidate(each) for each in _candidates(advice)],
        "left_out": {each.model: each.reason for each in advice.refused},
    }
    if place.memory and place.memory.claim:
        value["claim"] = [asdict(reading) for reading in check_claim(place.memory)]
    print(json.dumps(value, ensure_ascii=False, indent=1))


def _candidates(advice: Recommendation) -> list[Plan]:
    return ([advice.choice] if advice.choice else []) + advice.others


def _candidate(plan: Plan) -> dict[str, Any]:
    return {
        "model": plan.model.name,
        "quantization": plan.weights.quantization,
        "licence": plan.model.licence,
        "commercial": plan.model.commercial,
        "gb": round(plan.bytes / 1e9, 2),
        "first_token_s": round(plan.first_token_s, 2),
        "again_s": round(plan.again_s, 2),
        "tokens_s": round(plan.tokens_s, 1),
        f"{plan.fertility.unit}s_s": round(plan.units_s, 1),
    }


def print_plan(plan: Plan, advice: Recommendation) -> None:
    """Print a plan for a reader: label, value, reason."""
    device, memory = plan.place.device, plan.place.memory
    _row("device", device.name, f"{device.title}; {device.bandwidth_gb_s:.4g} GB/s; {device.source}")
    if device.note:
        _row("", "", f"note: {device.note}")
    if memory:
        sold = "" if memory.on_market else "; not on the market"
        _row("memory", memory.name, f"what if: {memory.title}, {memory.unit}{sold}; {memory.source}")
    if memory and memory.note:
        _row("", "", f"note: {memory.note}")
    restricted = "" if plan.model.commercial else ", NON-COMMERCIAL use only"
    _row("model", plan.model.name, f"{plan.weights.quantization}, {plan.model.licence}{restricted}")
    for answer in plan.answers():
        _row(answer.name.replace("_", " "), _value(answer), answer.reason)
    for answer in (advice.answer(), advice.pulled()):
        _row(answer.name.replace("_", " "), _value(answer), answer.reason)
    for other in _candidates(advice):
        first = f"first token {other.first_token_s:.2f} s, again {other.again_s:.2f} s"
        speed = f"{first}, {other.tokens_s:.1f} tokens/s"
        figures = f"{other.bytes / 1e9:.2f} GB, {speed}"
        licence = other.model.licence if other.model.commercial else f"{other.model.licence}, NON-COMMERCIAL"
        _row("  would do", other.model.name, f"{other.weights.quantization}, {figures}, {licence}")
    for left in advice.refused:
        _row("  left out", left.model, left.reason)
    if memory and memory.claim:
        _print_claim(memory)


def _print_claim(memory: Memory) -> None:
    claim = memory.claim
    assert claim is not None
    said = f"{claim.times_faster:g} times as fast as a GPU system at {claim.power_share:.0%} of its power"
    _row("claim", claim.model, f"{said} ({claim.source}). {claim.note}")
    for reading in check_claim(memory):
        stands = "stands" if reading.consistent else "does not stand"
        _row("  assumed", f"{reading.times:.1f} times", f"{reading.assumption}: the claim {stands}")
    _row("", "", "power cannot be checked: neither side's watts are published")


def _value(answer: Answer) -> str:
    if answer.value is None:
        return "not known" if answer.name == "energy" else "none"
    if isinstance(answer.value, bool):
        return "yes" if answer.value else "no"
    shown = f"{answer.value:g}" if isinstance(answer.value, float) else str(answer.value)
    return f"{shown} {answer.unit}".strip()


def _row(label: str, value: str, text: str) -> None:
    head = f"{label:<13}{value:<30} "
    room = max(40, _WIDTH - len(head))
    lines = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) or [""]
    print((head + lines[0]).rstrip())
    for line in lines[1:]:
        print(" " * len(head) + line)
