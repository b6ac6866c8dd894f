"""The roofline of `slm plan` held against published speeds: fitted on half the devices, tested on the rest.

    python benchmarks/plan_points.py [--plot docs/pictures/plan-points.svg] [--json]

Prints every point of `plan/points.toml` with its prediction, the median relative error of both halves for
the form in force and for the plain one (one number a class), by point and by device, without the points of
which a figure is only remembered, and how well the speed of prompts is met. Which device is in which half
is a rule that was fixed first, see `plan/fit.py`. The bar: a median error under 25% on the half that was
not fitted on; the exit code is 0 where it is met, else 1.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from slm_core.plan.fit import RUNTIMES, Half, Judged, efficiency, judge, median_error, predicted_prefill

BAR = 0.25
HALVES: tuple[Half, ...] = ("fitted", "held out")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--plot", type=Path, metavar="F.svg", help="draw predicted and published points")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)
    judged = judge()
    if args.plot:
        from slm_core.plan.drawing import draw_points

        draw_points(judged, args.plot)
    if args.json:
        print(json.dumps(_summary(judged), ensure_ascii=False, indent=1))
    else:
        _print_points(judged)
        _print_summary(judged)
    return 0 if median_error(judged, "held out") < BAR else 1


def _summary(judged: list[Judged]) -> dict[str, object]:
    sure = [each for each in judged if not each.point.recalled]
    plain = judge(plain=True)
    return {
        "points": len(judged),
        "recalled": sum(each.point.recalled for each in judged),
        "devices": len({each.point.device for each in judged}),
        "median_error": {half: median_error(judged, half) for half in HALVES},
        "median_error_of_sourced_points": {half: median_error(sure, half) for half in HALVES},
        "median_error_by_device": {half: _by_device(judged, half) for half in HALVES},
        "within_25_percent": {half: _within(judged, half) for half in HALVES},
        "median_error_of_the_plain_form": {half: median_error(plain, half) for half in HALVES},
        "prefill_median_error": {half: _prefill(judged, half) for half in HALVES},
        "worst": {half: _worst(judged, half) for half in HALVES},
    }


def _by_device(judged: list[Judged], half: Half) -> float:
    """Each device and runtime counts once."""
    groups: dict[tuple[str, str], list[float]] = {}
    for each in judged:
        if each.half == half:
            groups.setdefault((each.point.device, each.point.runtime), []).append(each.error)
    return median(median(errors) for errors in groups.values())


def _within(judged: list[Judged], half: Half) -> str:
    errors = [each.error for each in judged if each.half == half]
    return f"{sum(error <= BAR for error in errors)} of {len(errors)}"


def _prefill(judged: list[Judged], half: Half) -> float:
    return median(
        abs(predicted_prefill(each.point, efficiency(each.point.runtime)) / each.point.prefill_tokens_s - 1)
        for each in judged
        if each.half == half and each.point.prefill_tokens_s
    )


def _worst(judged: list[Judged], half: Half) -> str:
    worst = max((each for each in judged if each.half == half), key=lambda each: each.error)
    point = worst.point
    figures = f"{point.tokens_s:g} published, {worst.tokens_s:.1f} predicted"
    return f"{point.device}, {point.model} {point.quantization}: {figures}"


def _print_points(judged: list[Judged]) -> None:
    print("| half | device | by | model | GB read | published | predicted | error |")
    print("|---|---|---|---|---|---|---|---|")
    for each in sorted(judged, key=lambda each: (each.half, each.point.runtime, each.point.device)):
        point = each.point
        model = f"{point.model} {point.quantization}" + (" *" if point.recalled else "")
        figures = f"{point.read_gb:.2f} | {point.tokens_s:g} | {each.tokens_s:.1f} | {each.error:.0%}"
        print(f"| {each.half} | {point.device} | {point.runtime} | {model} | {figures} |")
    print("\n* a figure of it is from memory")


def _print_summary(judged: list[Judged]) -> None:
    for runtime in RUNTIMES:
        form = efficiency(runtime)
        shares = f"{form.bandwidth:.0%} of bandwidth, {form.compute:.0%} of compute"
        print(f"{runtime}: {shares}, {1000 * form.step_s:.1f} ms a step ({form.reason})")
    for name, value in _summary(judged).items():
        shown = (
            "; ".join(f"{half} {_shown(each)}" for half, each in value.items())
            if isinstance(value, dict)
            else value
        )
        print(f"{name.replace('_', ' ')}: {shown}")


def _shown(value: object) -> str:
    return f"{value:.1%}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    raise SystemExit(main())
