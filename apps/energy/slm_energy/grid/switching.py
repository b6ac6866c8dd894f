"""Switching: ties to close, rings to open again, lines to take out or back; and transformer taps to step.

A branch exchange (Civanlar et al. 1988, Baran and Wu 1989): close a tie, open one switch of the ring that it
makes, so that a radial network stays radial. Where the network models switches only these are moved; one
without any, as most test cases, is taken to have a breaker at every line.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slm_energy.grid.flow import ENDS, SWITCHED
from slm_energy.grid.limits import Violation
from slm_energy.grid.measure import Step
from slm_energy.grid.network import Network
from slm_energy.grid.topology import distances, graph, path_between, ring_edges

if TYPE_CHECKING:
    from pandapower import pandapowerNet

Candidate = tuple[Step, ...]
FAR = 10**6
MOST_OPENINGS = 40
_TABLE_OF = {letter: kind for kind, letter in SWITCHED.items()} | {"b": "bus"}


@dataclass(frozen=True)
class Tie:
    """A branch that does not connect now and the steps that make it: `ends` are its two buses."""

    steps: Candidate
    ends: tuple[int, int]


def switching(network: Network, found: Sequence[Violation]) -> list[Candidate]:
    """Return the switchings to try, those near what is broken first."""
    net = network.net
    connected = graph(net)
    near = distances(connected, buses_of(net, found))
    exchanges = sorted(ties(network), key=lambda tie: min(near.get(bus, FAR) for bus in tie.ends))
    candidates: list[Candidate] = [tie.steps for tie in exchanges]
    for tie in exchanges:
        ring = path_between(connected, *tie.ends)
        candidates += [(*tie.steps, step) for step in _openings(network, ring)]
    return [*candidates, *_single_openings(network, connected, near)]


def _single_openings(network: Network, connected: Any, near: dict[Any, int]) -> list[Candidate]:
    edges = [key for key in ring_edges(connected) if key[0] == "line"]
    edges.sort(key=lambda key: (min(near.get(bus, FAR) for bus in _ends(network.net, *key)), key))
    return [(step,) for step in _openings(network, edges[:MOST_OPENINGS])]


def buses_of(net: pandapowerNet, found: Iterable[Violation]) -> set[int]:
    """Return the buses of what is broken."""
    return {bus for each in found for bus in _ends(net, each.element.kind, each.element.id)}


def _ends(net: pandapowerNet, kind: str, index: int) -> tuple[int, ...]:
    if kind == "bus":
        return (index,)
    if kind == "switch":
        return int(net.switch.at[index, "bus"]), int(net.switch.at[index, "element"])
    return tuple(int(net[kind].at[index, end]) for end in ENDS[kind])


def ties(network: Network) -> Iterator[Tie]:
    """Yield what could be closed: branches with open switches, lines out of service, open bus couplers."""
    net = network.net
    opened = net.switch[~net.switch.closed.astype(bool)]
    for kind in ("line", "trafo"):
        switches = opened[opened.et == SWITCHED[kind]]
        waiting = set(switches.element.tolist())
        if kind == "line":
            waiting |= set(net.line.index[~net.line.in_service.astype(bool)].tolist())
        for index in sorted(each for each in waiting if (kind, each) not in network.out):
            steps = [_switch(network, each, close=True) for each in switches.index[switches.element == index]]
            if not net[kind].at[index, "in_service"]:
                if kind != "line":
                    continue
                steps.insert(0, Step("connect", network.element("line", index), 0, 1))
            one, other = _ends(net, kind, index)[:2]
            yield Tie(tuple(steps), (one, other))
    for index in opened.index[opened.et == "b"].tolist():
        one, other = _ends(net, "switch", index)
        yield Tie((_switch(network, index, close=True),), (one, other))


def _openings(network: Network, branches: Iterable[tuple[str, int]]) -> Iterator[Step]:
    """Yield for each line or bus coupler one step that opens it."""
    net = network.net
    closed = net.switch[net.switch.closed.astype(bool)]
    for kind, index in branches:
        if kind == "switch":
            yield _switch(network, index, close=False)
        elif kind == "line":
            at_line = closed.index[(closed.et == "l") & (closed.element == index)]
            if len(at_line):
                yield _switch(network, int(at_line[0]), close=False)
            elif not len(net.switch):
                yield Step("disconnect", network.element("line", index), 1, 0)


def _switch(network: Network, index: int, *, close: bool) -> Step:
    row = network.net.switch.loc[index]
    at = network.element(_TABLE_OF[row.et], row.element)
    return Step("close" if close else "open", network.element("switch", index), not close, close, at=at)


def taps(network: Network) -> list[Candidate]:
    """Return tap steps to try, small ones first: transformers side by side together, and all of one kind."""
    net = network.net
    groups: dict[Any, list[int]] = {}
    for row in net.trafo[net.trafo.in_service.astype(bool)].itertuples():
        if _has_taps(row) and ("trafo", row.Index) not in network.out:
            groups.setdefault((row.hv_bus, row.lv_bus), []).append(row.Index)
    every: dict[Any, list[int]] = {}
    for members in groups.values():
        first = net.trafo.loc[members[0]]
        every.setdefault((float(first.vn_hv_kv), float(first.vn_lv_kv)), []).extend(members)
    sets = [
        *groups.values(),
        *(each for each in every.values() if len(each) > 1 and each not in groups.values()),
    ]
    found = [
        (abs(change), number, -change, tuple(_tap(network, index, change) for index in members))
        for number, members in enumerate(sets)
        for change in _changes(net, members)
    ]
    return [steps for *_, steps in sorted(found, key=lambda each: each[:3])]


def untappable(net: pandapowerNet) -> int:
    """Return how many transformers in service have no known tap range."""
    rows = net.trafo[net.trafo.in_service.astype(bool)].itertuples()
    return sum(not _has_taps(row) for row in rows)


def _has_taps(row: Any) -> bool:
    values = [
        float(getattr(row, each, math.nan)) for each in ("tap_pos", "tap_min", "tap_max", "tap_step_percent")
    ]
    return all(map(math.isfinite, values)) and values[3] != 0


def _changes(net: pandapowerNet, members: Sequence[int]) -> Iterator[int]:
    rows = net.trafo.loc[list(members)]
    down = int((rows.tap_min - rows.tap_pos).max())
    up = int((rows.tap_max - rows.tap_pos).min())
    yield from (change for change in range(down, up + 1) if change)


def _tap(network: Network, index: int, change: int) -> Step:
    position = float(network.net.trafo.at[index, "tap_pos"])
    return Step("tap", network.element("trafo", index), position, position + change, "tap")
