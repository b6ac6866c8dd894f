"""Where each bus stands in the drawing: at its coordinates where the network has them, else laid out."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from slm_energy.grid.topology import SOURCE, graph

if TYPE_CHECKING:
    import networkx as nx
    from pandapower import pandapowerNet

Place = tuple[float, float]
MOST_SPRUNG = 150


def places(net: pandapowerNet) -> tuple[dict[int, Place], bool]:
    """Return (x, y) of each bus, y upwards, and whether these are the network's own coordinates."""
    buses = [int(each) for each in net.bus.index]
    own = _own(net)
    if buses and own.keys() >= set(buses) and len(set(own.values())) > len(buses) / 2:
        return own, True
    return _laid_out(net, buses), False


def _own(net: pandapowerNet) -> dict[int, Place]:
    found: dict[int, Place] = {}
    if "geo" not in net.bus:
        return found
    for index, text in zip(net.bus.index.tolist(), net.bus.geo.tolist(), strict=True):
        if (place := _point(text)) is not None:
            found[int(index)] = place
    return found


def _point(geo: Any) -> Place | None:
    """Return the place of a GeoJSON point, as pandapower keeps it: a text or what was read from one."""
    try:
        value = json.loads(geo) if isinstance(geo, str) else geo
        x, y = (float(each) for each in value["coordinates"][:2])
    except (TypeError, ValueError, KeyError):
        return None
    return (x, y) if math.isfinite(x) and math.isfinite(y) else None


def _laid_out(net: pandapowerNet, buses: list[int]) -> dict[int, Place]:
    """Lay the graph out, always alike: a tree downwards from the source, or springs where it is meshed."""
    import networkx as nx

    found = nx.Graph(graph(net))
    found.add_nodes_from(buses)
    whole = nx.Graph()
    whole.add_nodes_from([SOURCE, *buses])
    whole.add_edges_from(sorted(found.edges, key=str))
    rings = whole.number_of_edges() - whole.number_of_nodes() + nx.number_connected_components(whole)
    if rings or len(buses) < 8:
        return _sprung(whole, buses)
    return _tree(whole, buses)


def _sprung(whole: nx.Graph[Any], buses: list[int]) -> dict[int, Place]:
    import networkx as nx

    whole.remove_node(SOURCE)
    start = nx.circular_layout(whole)
    if len(buses) <= MOST_SPRUNG and nx.is_connected(whole):
        placed: Mapping[Any, Any] = nx.kamada_kawai_layout(whole, pos=start)
    else:
        placed = nx.spring_layout(whole, pos=start, seed=1, iterations=60)
    return {bus: (float(placed[bus][0]), float(placed[bus][1])) for bus in buses}


def _tree(whole: nx.Graph[Any], buses: list[int]) -> dict[int, Place]:
    """A column a leaf, a row for each branch away from the source; what is cut off hangs from the top too."""
    import networkx as nx

    for part in list(nx.connected_components(whole)):
        if SOURCE not in part:
            whole.add_edge(SOURCE, min(part))
    tree = nx.bfs_tree(whole, SOURCE, sort_neighbors=lambda each: sorted(each, key=str))
    depth = nx.shortest_path_length(tree, SOURCE)
    across: dict[Any, float] = {}
    leaves = 0
    for node in nx.dfs_postorder_nodes(tree, SOURCE):
        below = [across[each] for each in tree.successors(node)]
        across[node] = sum(below) / len(below) if below else float(leaves)
        leaves += not below
    tallest = max(depth.values()) or 1
    return {bus: (across[bus] / max(1, leaves) * 1.6, -depth[bus] / tallest) for bus in buses}
