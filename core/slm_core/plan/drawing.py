"""Rooflines as pictures: of a device with a plan, and of all published points with their predictions.

Matplotlib (extra `plot`) writes SVG; nothing here opens a window.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slm_core.errors import MissingExtra
from slm_core.files import write_atomically
from slm_core.plan.devices import GB
from slm_core.plan.fit import BILLION, RUNTIMES, Judged
from slm_core.plan.footprint import read_by_prompt
from slm_core.plan.planning import Plan
from slm_core.plan.points import load_points

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = {"cpu": "#1b6ca8", "gpu": "#2e8540", "npu": "#b8522a"}
_GREY = "#8a8f98"


def draw_plan(plan: Plan, path: Path) -> None:
    """Draw the roofline of a plan's device: its roofs, the step and the prompt of the plan, published points.

    Raises:
        MissingExtra: Matplotlib is not installed.
    """
    figure, axes = _figure("slm plan --plot", 1)
    axis, machine, form = axes[0], plan.place.machine, plan.efficiency
    intensities = [10 ** (k / 20) for k in range(-20, 81)]
    for share_b, share_c, style, label in (
        (1.0, 1.0, "--", "peak"),
        (form.bandwidth, form.compute, "-", "reached"),
    ):
        roof = [min(share_b * machine.bandwidth * x, share_c * machine.compute) / GB for x in intensities]
        axis.plot(intensities, roof, style, color=_GREY if label == "peak" else "black", label=label)
    for name, operations, read, seconds, marker in _works(plan):
        axis.plot(operations / read, operations / seconds / GB, marker, ms=9, label=name, color="#c0392b")
    for point in load_points():
        if point.device == plan.place.device.name and point.runtime == plan.place.device.runtime:
            operations = 2 * point.parameters * BILLION
            axis.plot(
                operations / (point.read_gb * GB), operations * point.tokens_s / GB, "x", color=_GREY, ms=6
            )
    axis.plot([], [], "x", color=_GREY, label="published speeds")
    axis.set(xscale="log", yscale="log", xlabel="operations a byte", ylabel="10⁹ operations a second")
    axis.set_title(f"{plan.place.device.title}: {plan.model.name} {plan.weights.quantization}", fontsize=9)
    axis.legend(fontsize=8)
    _save(figure, path)


def draw_points(judged: Sequence[Judged], path: Path) -> None:
    """Draw every published point beside its prediction, and decode speed against bytes read.

    Raises:
        MissingExtra: Matplotlib is not installed.
    """
    figure, (left, right) = _figure("the picture of the points", 2)
    _against(left, judged)
    _over_bytes(right, judged)
    _save(figure, path)


def _against(axis: Axes, judged: Sequence[Judged]) -> None:
    span = [1.5, 320]
    axis.fill_between(span, [0.75 * x for x in span], [1.25 * x for x in span], color="#e6e9ee", lw=0)
    axis.plot(span, span, color=_GREY, lw=1)
    for each in judged:
        held_out = each.half == "held out"
        colour = _COLOURS[each.point.runtime]
        axis.plot(
            each.point.tokens_s, each.tokens_s, "o", ms=5, mec=colour, mfc="none" if held_out else colour
        )
    for runtime in RUNTIMES:
        axis.plot([], [], "o", color=_COLOURS[runtime], label=runtime)
    axis.plot([], [], "o", mec=_GREY, mfc=_GREY, label="fitted on")
    axis.plot([], [], "o", mec=_GREY, mfc="none", label="held out")
    axis.set(xscale="log", yscale="log", xlabel="published tokens/s", ylabel="predicted tokens/s")
    axis.set_title("grey band: within 25%", fontsize=9)
    axis.legend(fontsize=8)


def _over_bytes(axis: Axes, judged: Sequence[Judged]) -> None:
    for device in dict.fromkeys((each.point.device, each.point.runtime) for each in judged):
        own = sorted(
            (each for each in judged if (each.point.device, each.point.runtime) == device),
            key=lambda each: each.point.read_gb,
        )
        colour = _COLOURS[device[1]]
        axis.plot([e.point.read_gb for e in own], [e.tokens_s for e in own], "-", color=colour, lw=1)
        axis.plot([e.point.read_gb for e in own], [e.point.tokens_s for e in own], "x", color=colour, ms=5)
        axis.annotate(device[0], (own[-1].point.read_gb, own[-1].tokens_s), fontsize=6, color=colour)
    axis.set(xscale="log", yscale="log", xlabel="GB of weights read a token", ylabel="tokens/s")
    axis.set_title("lines: predicted; crosses: published", fontsize=9)


def _works(plan: Plan) -> list[tuple[str, float, float, float, str]]:
    """Name, operations, bytes, seconds and marker of the plan's step and prompt."""
    architecture, seen = plan.architecture, plan.need.prompt + plan.need.reply // 2
    step_bytes = plan.weights.read + architecture.kv_bytes(seen)
    prompt = architecture.prefill_flops(plan.need.prompt)
    prompt_bytes = read_by_prompt(plan.weights, architecture, plan.need.prompt)
    return [
        ("a step", architecture.decode_flops(seen), step_bytes, plan.step.seconds, "o"),
        (f"a prompt of {plan.need.prompt}", prompt, prompt_bytes, plan.prompt.seconds, "s"),
    ]


def _figure(part: str, panels: int) -> tuple[Any, Any]:
    try:
        from matplotlib import rcParams
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtra(part, "plot") from error
    rcParams["svg.hashsalt"] = "slm"  # the same points give the same file
    figure = Figure(figsize=(5.2 * panels, 4.2), layout="constrained")
    return figure, [figure.add_subplot(1, panels, number + 1) for number in range(panels)]


def _save(figure: Any, path: Path) -> None:
    picture = BytesIO()
    figure.savefig(picture, format="svg", metadata={"Date": None})
    write_atomically(path, picture.getvalue())
