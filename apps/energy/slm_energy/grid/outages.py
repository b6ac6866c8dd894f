"""N-1: every line and transformer out of service in turn, each by a power flow, the gravest first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from slm_energy.grid.flow import Branch, Flow, Start, flow_of, run
from slm_energy.grid.limits import Limits, Violation, broken, total_excess
from slm_energy.grid.network import Element, Network

if TYPE_CHECKING:
    from pandapower import pandapowerNet

MOST = 250
Progress = Callable[[int, int], None]
Stop = Callable[[], bool]


@dataclass(frozen=True)
class Outage:
    """What follows when one element is out, before anybody acts.

    `lost` are buses that lose supply by it and `lost_mw` the load there (an island with generators but no
    slack counts as lost); `violations` are new ones and those that it makes worse, the gravest first.
    """

    element: Element
    converged: bool
    lost: tuple[Element, ...] = ()
    lost_mw: float = 0.0
    violations: tuple[Violation, ...] = ()

    @property
    def secure(self) -> bool:
        """Whether it is survived without a new violation or lost load."""
        return self.converged and not self.violations and self.lost_mw == 0

    @property
    def worst(self) -> Violation | None:
        """The gravest violation."""
        return self.violations[0] if self.violations else None


@dataclass(frozen=True)
class Outages:
    """The outages that were tried, the gravest first; `left_out` were not, `stopped`: somebody ended it."""

    tried: tuple[Outage, ...]
    left_out: int = 0
    stopped: bool = False

    @property
    def insecure(self) -> tuple[Outage, ...]:
        """Those that are not survived."""
        return tuple(each for each in self.tried if not each.secure)


def outages(
    network: Network,
    flow: Flow,
    limits: Limits,
    *,
    most: int = MOST,
    progress: Progress | None = None,
    stop: Stop | None = None,
) -> Outages:
    """Return what each outage of a line or transformer does to a network with the given flow.

    Args:
        network: as it is operated.
        flow: its solved state; one that did not converge has no outages to speak of.
        limits: those in force.
        most: how many are tried, those that carry the most MW first.
        progress: called with how many are done, and of how many.
        stop: asked before each; True ends it with what is done so far.
    """
    carrying = sorted((each for each in flow.branches if each.on), key=lambda each: -abs(each.p_mw))
    if not flow.converged:
        return Outages(())
    chosen = carrying[:most]
    net = network.copy()
    run(net)
    start = Start.of(net)
    before = {each.key: each for each in broken(flow, network.net, limits)}
    supplied = {each.id for each in flow.isolated}
    found: list[Outage] = []
    for done, branch in enumerate(chosen):
        if stop is not None and stop():
            return Outages(_ranked(found), len(carrying) - done, stopped=True)
        found.append(_outage(net, branch, start, limits, before, supplied))
        if progress is not None:
            progress(done + 1, len(chosen))
    return Outages(_ranked(found), len(carrying) - len(chosen))


def _outage(
    net: pandapowerNet,
    branch: Branch,
    start: Start,
    limits: Limits,
    before: dict[tuple[str, int, str], Violation],
    dark: set[int],
) -> Outage:
    element = branch.element
    net[element.kind].at[element.id, "in_service"] = False
    try:
        flow = flow_of(net, run(net, start))
        lost = tuple(each for each in flow.isolated if each.id not in dark)
        new = tuple(
            each
            for each in broken(flow, net, limits)
            if each.key not in before or each.excess > before[each.key].excess + 0.1
        )
    finally:
        net[element.kind].at[element.id, "in_service"] = True
    load = sum(each.value for each in new if each.quantity == "supply")
    return Outage(element, flow.converged, lost, load, new)


def _ranked(found: list[Outage]) -> tuple[Outage, ...]:
    """No solution first, then by lost load, then by how far limits are passed."""
    return tuple(
        sorted(
            found,
            key=lambda each: (each.converged, -each.lost_mw, -total_excess(each.violations), each.element),
        )
    )
