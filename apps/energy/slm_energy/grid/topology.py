"""The network as a graph: what is connected, which rings there are and which switches open or close them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import networkx as nx
    from pandapower import pandapowerNet

SOURCE = "source"


def graph(net: pandapowerNet) -> nx.MultiGraph[Any]:
    """Return buses and closed branches, keys (table, id), with one node `SOURCE` behind all slack sources.

    A tie between the feeders of two sources then closes a ring just as one between two feeders of one source.
    """
    from pandapower.topology import create_nxgraph

    found = create_nxgraph(net, multi=True)
    found.add_node(SOURCE)
    for kind in ("ext_grid", "gen"):
        table = net[kind][net[kind].in_service.astype(bool)]
        if kind == "gen":
            table = table[table.slack.astype(bool)] if "slack" in table else table.iloc[:0]
        for bus in table.bus.tolist():
            if net.bus.at[bus, "in_service"]:
                found.add_edge(SOURCE, bus, key=(SOURCE, bus))
    return found


def distances(found: nx.MultiGraph[Any], buses: Iterable[int]) -> dict[Any, int]:
    """Return how many branches each bus is away from the nearest of some buses; SOURCE is no way through."""
    import networkx as nx

    without = found.subgraph([each for each in found if each != SOURCE])
    starts = {bus for bus in buses if bus in without}
    return dict(nx.multi_source_dijkstra_path_length(without, starts, weight=None)) if starts else {}


def ring_edges(found: nx.MultiGraph[Any]) -> list[tuple[str, int]]:
    """Return the branches that lie on a ring: without them all stays connected."""
    import networkx as nx

    bridges = {frozenset(each) for each in nx.bridges(nx.Graph(found))}
    return [
        key
        for one, other, key in found.edges(keys=True)
        if key[0] != SOURCE
        and (frozenset((one, other)) not in bridges or found.number_of_edges(one, other) > 1)
    ]


def path_between(found: nx.MultiGraph[Any], one: Any, other: Any) -> list[tuple[str, int]]:
    """Return the branches on a shortest way between two buses, SOURCE included; [] where there is none."""
    import networkx as nx

    try:
        nodes = nx.shortest_path(found, one, other)
    except nx.NetworkXNoPath:
        return []
    edges = [next(iter(found[a][b])) for a, b in pairwise(nodes)]
    return [key for key in edges if key[0] != SOURCE]
