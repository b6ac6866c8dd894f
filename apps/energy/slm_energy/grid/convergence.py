"""Why a power flow has no solution: what can be found out by asking it easier questions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from slm_energy.grid.flow import Flow, run
from slm_energy.grid.network import Element, Network

STEPS = 7


@dataclass(frozen=True)
class Hint:
    """A finding about a network without solution.

    `no_source`: nothing in service feeds it. `islands`: `elements` are buses that no source feeds.
    `solves_at`: it has a solution with `value` times the load, found by power flows to within 1/128.
    `not_even_empty`: it has none without load either, so the data are at fault, not the load.
    """

    kind: Literal["no_source", "islands", "solves_at", "not_even_empty"]
    value: float | None = None
    elements: tuple[Element, ...] = ()


def hints(network: Network, flow: Flow) -> tuple[Hint, ...]:
    """Return what is known of a flow that did not converge; nothing of one that did."""
    if flow.converged:
        return ()
    buses = {bus.element.id for bus in flow.buses}
    if buses <= {each.id for each in flow.isolated}:
        return (Hint("no_source"),)
    islands = (Hint("islands", elements=flow.isolated),) if flow.isolated else ()
    return (*islands, _load(network))


def _load(network: Network) -> Hint:
    """Halve the gap between a load that solves and one that does not."""
    low, high = 0.0, 1.0
    if not _solves(network, low):
        return Hint("not_even_empty")
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if _solves(network, middle) else (low, middle)
    return Hint("solves_at", low)


def _solves(network: Network, share: float) -> bool:
    net = network.copy()
    net.load["scaling"] = net.load.scaling * share
    return bool(run(net))
