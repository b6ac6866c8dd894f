"""The whole look at a network in one call: state, what is broken, outages, measures; and the same as JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from slm_energy.grid.convergence import Hint, hints
from slm_energy.grid.flow import Flow, solve
from slm_energy.grid.limits import Limits, Violation, violations
from slm_energy.grid.measure import Option, Step
from slm_energy.grid.network import Lang, Network, at_load, load_network
from slm_energy.grid.options import Options, options
from slm_energy.grid.outages import Outage, Outages
from slm_energy.grid.outages import outages as try_outages
from slm_energy.grid.switching import untappable

Progress = Callable[[str, int, int], None]
Stop = Callable[[], bool]
OF_JSON = 50


@dataclass(frozen=True, eq=False)
class GridReport:
    """What was found about a network; `outages` is None where they were not asked for."""

    network: Network
    lang: Lang
    limits: Limits
    flow: Flow
    violations: tuple[Violation, ...]
    hints: tuple[Hint, ...]
    outages: Outages | None
    options: Options
    untappable: int

    @property
    def unrated(self) -> int:
        """How many lines and transformers have no usable rating."""
        return sum(not branch.rated for branch in self.flow.branches)


def grid_report(
    name: str | Path | Network,
    scale: float = 1.0,
    lang: Lang = "ko",
    outages: bool = True,
    *,
    limits: Limits | None = None,
    most_outages: int | None = None,
    most_options: int | None = None,
    progress: Progress | None = None,
    stop: Stop | None = None,
) -> GridReport:
    """Look at a network whole. Nothing is switched or set: all of it are calculations on copies.

    Args:
        name: a name of `networks()`, a pandapower JSON file, or a network at hand.
        scale: load times this.
        lang: language of the note and the drawing.
        outages: whether every line and transformer is tried out of service.
        limits: those in force; none: the network's own, else the planning band and 100 % loading.
        most_outages: bound of outages tried.
        most_options: bound of the power flows that the search for measures takes.
        progress: called with "outages" or "options", how many are done and of how many.
        stop: asked all along; True ends the rest early, and the report says so.

    Raises:
        UserError: unknown network, unreadable file, scale out of range.
    """
    network = name if isinstance(name, Network) else load_network(name)
    network = at_load(network, scale) if scale != 1.0 else network
    limits = limits or Limits.of()
    flow = solve(network)
    found = violations(flow, network, limits)
    tried = None
    if outages:
        bound = {} if most_outages is None else {"most": most_outages}
        tried = try_outages(network, flow, limits, progress=_of(progress, "outages"), stop=stop, **bound)
    bound = {} if most_options is None else {"most": most_options}
    chosen = options(network, flow, found, limits, progress=_of(progress, "options"), stop=stop, **bound)
    return GridReport(
        network, lang, limits, flow, found, hints(network, flow), tried, chosen, untappable(network.net)
    )


def _of(progress: Progress | None, phase: str) -> Callable[[int, int], None] | None:
    return None if progress is None else lambda done, total: progress(phase, done, total)


def in_language(report: GridReport, lang: Lang) -> GridReport:
    """Return the same report for readers of a language."""
    return replace(report, lang=lang)


def as_json(report: GridReport) -> dict[str, Any]:
    """Return what a program reads: plain values, at most `OF_JSON` of each list, with how many there are."""
    flow, network = report.flow, report.network
    return {
        "network": network.name,
        "scale": network.scale,
        "measured_loads": network.readings,
        "actuates": False,
        "converged": flow.converged,
        "algorithm": flow.algorithm,
        "load_mw": flow.load_mw,
        "losses_mw": flow.losses_mw,
        "lost_mw": flow.lost_mw,
        "isolated_buses": [each.id for each in flow.isolated[:OF_JSON]],
        "counts": _counts(report),
        "limits": {"band": report.limits.band.name, "own": report.limits.own},
        "hints": [asdict(each) for each in report.hints],
        "violations": [_violation(each) for each in report.violations[:OF_JSON]],
        "outages": _outages(report.outages),
        "options": [_option(each) for each in report.options.ranked],
        "rejected": [_option(each) for each in report.options.rejected],
    }


def _counts(report: GridReport) -> dict[str, int]:
    flow, net = report.flow, report.network.net
    return {
        "buses": len(flow.buses),
        "lines": len(net.line),
        "transformers": len(net.trafo) + len(net.trafo3w),
        "isolated_buses": len(flow.isolated),
        "violations": len(report.violations),
        "unrated": report.unrated,
        "without_tap_range": report.untappable,
        "options_tried": report.options.tried,
        "options_rejected": report.options.rejected_count,
        "options_left_out": report.options.left_out,
    }


def _violation(each: Violation) -> dict[str, Any]:
    return {**asdict(each), "excess_percent": each.excess}


def _outages(found: Outages | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "tried": len(found.tried),
        "insecure": len(found.insecure),
        "left_out": found.left_out,
        "stopped": found.stopped,
        "worst": [_outage(each) for each in found.insecure[:OF_JSON]],
    }


def _outage(each: Outage) -> dict[str, Any]:
    return {
        "element": asdict(each.element),
        "converged": each.converged,
        "lost_buses": len(each.lost),
        "lost_mw": each.lost_mw,
        "violations": len(each.violations),
        "worst": _violation(each.worst) if each.worst else None,
    }


def _option(each: Option) -> dict[str, Any]:
    return {
        "kind": each.kind,
        "steps": [asdict(step) for step in each.steps],
        "operations": each.operations,
        "moved_mw": each.moved_mw,
        "clears_all": each.clears_all,
        "cleared": len(each.cleared),
        "left": _all(each.after),
        "new": _all(each.new),
        "worse": _all(each.worse),
        "rejected": each.rejected,
        "rings": list(each.loops),
        "losses_before_mw": each.losses_before_mw,
        "losses_mw": each.flow.losses_mw,
    }


def _all(found: Sequence[Violation]) -> list[dict[str, Any]]:
    return [_violation(each) for each in found[:OF_JSON]]


def named_steps(option: Option) -> tuple[Step, ...]:
    """Return the steps of an option, the largest change of each action first."""
    return tuple(sorted(option.steps, key=lambda each: (each.action, -abs(each.after - each.before))))
