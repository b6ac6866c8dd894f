"""The power flow of a network: AC, by pandapower, and plain values of what it found."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slm_energy.grid.network import Element, Network, elements_of

if TYPE_CHECKING:
    import numpy as np
    from pandapower import pandapowerNet

BRANCHES = ("line", "trafo", "trafo3w")
UNRATED_LINE_KA = 20.0
UNRATED_TRAFO_MVA = 5000.0
SWITCHED = {"line": "l", "trafo": "t", "trafo3w": "t3"}
ENDS = {
    "line": ("from_bus", "to_bus"),
    "trafo": ("hv_bus", "lv_bus"),
    "trafo3w": ("hv_bus", "mv_bus", "lv_bus"),
}


@dataclass(frozen=True)
class Bus:
    """A bus in service: nominal voltage in kV, voltage in per unit of it (None: not supplied)."""

    element: Element
    vn_kv: float
    vm_pu: float | None


@dataclass(frozen=True)
class Branch:
    """A line or transformer: its buses, loading in percent of its rating, MW that enter at the first bus.

    `rated` is False where the network gives no usable rating, so that its loading says nothing; `on` is False
    where it is out of service or carries nothing because an end is open or not supplied.
    """

    element: Element
    buses: tuple[int, ...]
    loading_percent: float | None
    p_mw: float
    rated: bool
    on: bool


@dataclass(frozen=True)
class Source:
    """What an external grid or generator puts in: MW and Mvar; `beyond_q`: past its reactive limits."""

    element: Element
    bus: int
    p_mw: float
    q_mvar: float
    slack: bool
    beyond_q: bool = False


@dataclass(frozen=True)
class Flow:
    """The state of a network. Not converged: `buses` have no voltage and the other values are empty or zero.

    `isolated` are buses in service that no source feeds, and `lost_mw` is the load there.
    """

    converged: bool
    algorithm: str
    buses: tuple[Bus, ...]
    branches: tuple[Branch, ...]
    sources: tuple[Source, ...]
    load_mw: float
    losses_mw: float
    isolated: tuple[Element, ...]
    lost_mw: float

    @property
    def slack(self) -> tuple[Source, ...]:
        """The sources that balance the network."""
        return tuple(source for source in self.sources if source.slack)

    def bus(self, index: int) -> Bus | None:
        """Return a bus by its id."""
        return next((bus for bus in self.buses if bus.element.id == index), None)

    def branch(self, kind: str, index: int) -> Branch | None:
        """Return a line or transformer by its id."""
        wanted = (kind, index)
        return next((each for each in self.branches if (each.element.kind, each.element.id) == wanted), None)


@dataclass(frozen=True)
class Start:
    """The voltages of a solved state, from which a neighbouring one is found in fewer steps."""

    vm_pu: np.ndarray[Any, Any]
    va_degree: np.ndarray[Any, Any]

    @classmethod
    def of(cls, net: pandapowerNet) -> Start:
        """Take the voltages of a network that is solved."""
        return cls(net.res_bus.vm_pu.fillna(1.0).to_numpy(), net.res_bus.va_degree.fillna(0.0).to_numpy())


def solve(network: Network) -> Flow:
    """Return the state of a network, which itself is not touched. Not converging is a finding, no error."""
    net = network.copy()
    return flow_of(net, run(net))


def run(net: pandapowerNet, start: Start | None = None) -> str:
    """Run the power flow on a private copy and return how it converged, "" where it did not.

    Newton-Raphson from `start` or from a DC solution, then from a flat start. (Iwamoto's step size and the
    backward/forward sweep were tried: they solve nothing that these leave.)
    """
    import numpy as np
    import pandapower
    from scipy.sparse.linalg import MatrixRankWarning

    tries: dict[str, dict[str, Any]] = {"nr, dc start": {"init": "dc"}, "nr, flat start": {"init": "flat"}}
    if start is not None and not len(net.trafo3w) and not len(net.xward):  # these add buses of their own
        tries = {"nr, warm start": {"init_vm_pu": start.vm_pu, "init_va_degree": start.va_degree}, **tries}
    for name, begin in tries.items():
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                # A diverging try overflows or ends in a singular matrix; that it has not converged is told.
                warnings.simplefilter("ignore", MatrixRankWarning)
                pandapower.runpp(net, numba=False, max_iteration=25, **begin)
        except (pandapower.LoadflowNotConverged, ArithmeticError, np.linalg.LinAlgError):
            continue
        except UserWarning:  # raised where no bus has a source
            return ""
        if net.converged:
            return name
    return ""


def flow_of(net: pandapowerNet, algorithm: str) -> Flow:
    """Return the values of a network on which `run` gave `algorithm`."""
    dark = set(unsupplied(net))
    buses = tuple(_buses(net, solved=bool(algorithm)))
    isolated = tuple(bus.element for bus in buses if bus.element.id in dark)
    lost = _load(net, dark)
    if not algorithm:
        return Flow(False, "", buses, (), (), _load(net), 0.0, isolated, lost)
    branches = tuple(each for kind in BRANCHES for each in _branches(net, kind))
    kinds = [kind for kind in (*BRANCHES, "impedance") if len(net[kind])]
    losses = sum(float(net[f"res_{kind}"].pl_mw.fillna(0).sum()) for kind in kinds)
    return Flow(
        True, algorithm, buses, branches, tuple(_sources(net)), _load(net) - lost, losses, isolated, lost
    )


def unsupplied(net: pandapowerNet) -> list[int]:
    """Return the ids of buses in service that no external grid or slack generator feeds."""
    from pandapower.topology import unsupplied_buses

    found = unsupplied_buses(net)
    return sorted(int(each) for each in found if net.bus.at[each, "in_service"])


def _buses(net: pandapowerNet, *, solved: bool) -> Iterator[Bus]:
    table = net.bus
    values = net.res_bus.vm_pu.tolist() if solved else [math.nan] * len(table)
    rows = zip(elements_of(net, "bus"), table.vn_kv.tolist(), table.in_service.tolist(), values, strict=True)
    for element, vn_kv, in_service, value in rows:
        if in_service:
            yield Bus(element, vn_kv, value if math.isfinite(value) else None)


def _branches(net: pandapowerNet, kind: str) -> Iterator[Branch]:
    table, results, opened = net[kind], net[f"res_{kind}"], _open_ends(net, kind)
    ends = zip(*(table[end].tolist() for end in ENDS[kind]), strict=True)
    power = results["p_from_mw" if kind == "line" else "p_hv_mw"]
    columns = (table.in_service, _rated(table, kind), results.loading_percent, power)
    rows = zip(elements_of(net, kind), ends, *(each.tolist() for each in columns), strict=True)
    for element, buses, in_service, rated, loading, p_mw in rows:
        on = bool(in_service) and element.id not in opened and math.isfinite(loading)
        p = p_mw if on and math.isfinite(p_mw) else 0.0
        yield Branch(element, buses, loading if on and rated else None, p, rated, on)


def _open_ends(net: pandapowerNet, kind: str) -> set[int]:
    switches = net.switch[(net.switch.et == SWITCHED[kind]) & ~net.switch.closed.astype(bool)]
    return set(switches.element.tolist())


def _rated(table: Any, kind: str) -> Any:
    """Whether the rating means something: test cases write 9900 MVA or 99999 kA for "no limit known"."""
    if kind == "line":
        return table.max_i_ka.between(0, UNRATED_LINE_KA, inclusive="neither")
    rating = table.sn_hv_mva if kind == "trafo3w" else table.sn_mva
    return rating.between(0, UNRATED_TRAFO_MVA, inclusive="neither")


def _sources(net: pandapowerNet) -> Iterator[Source]:
    for kind in ("ext_grid", "gen"):
        results, named = net[f"res_{kind}"], dict(zip(net[kind].index, elements_of(net, kind), strict=True))
        for row in net[kind][net[kind].in_service.astype(bool)].itertuples():
            p, q = float(results.at[row.Index, "p_mw"]), float(results.at[row.Index, "q_mvar"])
            if not math.isfinite(p):
                continue
            low, high = (float(getattr(row, each, math.nan)) for each in ("min_q_mvar", "max_q_mvar"))
            beyond = q < low - 1e-3 or q > high + 1e-3  # NaN, no limit, compares as False
            slack = kind == "ext_grid" or bool(getattr(row, "slack", False))
            yield Source(named[row.Index], int(row.bus), p, q, slack, beyond)


def _load(net: pandapowerNet, at: set[int] | None = None) -> float:
    """Return the MW that loads in service ask for, at some buses only where `at` is given."""
    load = net.load[net.load.in_service.astype(bool)]
    if at is not None:
        load = load[load.bus.isin(at)]
    return float((load.p_mw * load.scaling).sum())
