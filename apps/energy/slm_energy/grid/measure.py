"""A measure that an operator could take, and what a new power flow says it would do. Nothing here actuates.

Steps are applied to private copies of a network only; what comes out are values to read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from slm_energy.grid.flow import Flow, Start, flow_of, run
from slm_energy.grid.limits import Limits, Violation, broken, total_excess
from slm_energy.grid.network import Element, Network
from slm_energy.grid.topology import SOURCE, graph

if TYPE_CHECKING:
    from pandapower import pandapowerNet

Action = Literal[
    "close", "open", "connect", "disconnect", "tap", "voltage", "reactive", "redispatch", "curtail", "shed"
]
Kind = Literal["switching", "tap", "reactive", "redispatch", "opening", "curtailment", "load"]
Fault = Literal["", "no_solution", "new", "worse", "no_help"]
# In the order of use. Taking lines out of a mesh ("opening") costs security, so it comes after redispatch.
KINDS: tuple[Kind, ...] = (
    "switching", "tap", "reactive", "redispatch", "opening", "curtailment", "load",
)  # fmt: skip
WORSE = 0.1  # percent of the limit, or a thousandth of nominal voltage
HELPS = 0.02  # share of the excess that has to go for a measure to be worth telling
_KIND_OF: dict[Action, Kind] = {
    **dict.fromkeys(("close", "open", "connect", "disconnect"), "switching"),
    **{"tap": "tap", "voltage": "reactive", "reactive": "reactive"},
    **{"redispatch": "redispatch", "curtail": "curtailment", "shed": "load"},
}
_COLUMN: dict[Action, str] = {
    **dict.fromkeys(("close", "open"), "closed"),
    **dict.fromkeys(("connect", "disconnect"), "in_service"),
    **{"tap": "tap_pos", "voltage": "vm_pu", "reactive": "q_mvar"},
    **dict.fromkeys(("redispatch", "curtail", "shed"), "p_mw"),
}


@dataclass(frozen=True)
class Step:
    """One thing to do: `before` and `after` in `unit` ("" for a switch: 0 open, 1 closed; "tap": position).

    `at` is the line, transformer or bus that a switch is at, or the bus of a generator or load.
    """

    action: Action
    element: Element
    before: float
    after: float
    unit: str = ""
    at: Element | None = None


@dataclass(frozen=True)
class Option:
    """Steps with the violations before and after them, both from power flows.

    `loops` counts closed rings before and after (parallel lines make none, two sources of one part do).
    `rejected` says why it is none to recommend: no solution, a new violation, a worse one, or no help.
    """

    steps: tuple[Step, ...]
    before: tuple[Violation, ...]
    after: tuple[Violation, ...]
    flow: Flow
    losses_before_mw: float
    loops: tuple[int, int]
    rejected: Fault

    @property
    def kind(self) -> Kind:
        """The heaviest kind of measure among the steps."""
        return heaviest(self.steps)

    @property
    def new(self) -> tuple[Violation, ...]:
        """Violations that were not there before."""
        known = {each.key for each in self.before}
        return tuple(each for each in self.after if each.key not in known)

    @property
    def worse(self) -> tuple[Violation, ...]:
        """Violations that the steps make worse."""
        return worse(self.before, self.after)

    @property
    def cleared(self) -> tuple[Violation, ...]:
        """Violations that are gone."""
        left = {each.key for each in self.after}
        return tuple(each for each in self.before if each.key not in left)

    @property
    def clears_all(self) -> bool:
        """Whether nothing is broken afterwards."""
        return self.flow.converged and not self.after

    @property
    def operations(self) -> int:
        """How many switches are moved and taps stepped."""
        return operations(self.steps)

    @property
    def moved_mw(self) -> float:
        """How many MW are shifted, curtailed or shed together, without what the slack balances."""
        return moved(self.steps)

    @property
    def meshes(self) -> bool:
        """Whether it closes a ring that was open, for which protection may not be set."""
        return self.loops[1] > self.loops[0]


def heaviest(steps: Sequence[Step]) -> Kind:
    """Return the kind of measure that comes last in the order of use."""
    closes = any(step.action in ("close", "connect") for step in steps)
    kinds = [_KIND_OF[step.action] for step in steps]
    return max(("opening" if each == "switching" and not closes else each for each in kinds), key=KINDS.index)


def operations(steps: Iterable[Step]) -> int:
    """Return the number of switches moved and tap positions passed."""
    return sum(
        round(abs(step.after - step.before)) if step.action == "tap" else 1
        for step in steps
        if _KIND_OF[step.action] in ("switching", "tap")
    )


def moved(steps: Iterable[Step]) -> float:
    """Return the MW moved."""
    return sum(abs(step.after - step.before) for step in steps if _COLUMN[step.action] == "p_mw")


def worse(before: Sequence[Violation], after: Sequence[Violation]) -> tuple[Violation, ...]:
    """Return the violations that are in both and further past their limit afterwards."""
    known = {each.key: each for each in before}
    return tuple(
        each
        for each in after
        if each.key in known
        and (each.excess > known[each.key].excess + WORSE or _more_dark(each, known[each.key]))
    )


def _more_dark(after: Violation, before: Violation) -> bool:
    return after.unit == "MW" and after.value > before.value


def fault(before: Sequence[Violation], after: Sequence[Violation], flow: Flow) -> Fault:
    """Return why steps with this outcome are not to be recommended, "" if they are."""
    if not flow.converged:
        return "no_solution"
    if {each.key for each in after} - {each.key for each in before}:
        return "new"
    if worse(before, after):
        return "worse"
    wanted = (1 - HELPS) * total_excess(before)
    return "" if total_excess(after) < wanted else "no_help"


Written = list[tuple[str, int, str, object]]


def apply(net: pandapowerNet, steps: Iterable[Step]) -> Written:
    """Write steps into a private copy and return what stood there, to put it back.

    Power in MW is as it takes effect, so `scaling` is divided out; shed load keeps its power factor.
    """
    written: Written = []
    for step in steps:
        table, column, index = net[step.element.kind], _COLUMN[step.action], step.element.id
        value: float | bool = bool(step.after) if column in ("closed", "in_service") else step.after
        if column in ("p_mw", "q_mvar"):
            value = step.after / float(table.at[index, "scaling"])
        if step.action == "shed":
            reactive = table.at[index, "q_mvar"]
            written.append((step.element.kind, index, "q_mvar", reactive))
            table.at[index, "q_mvar"] = reactive * step.after / step.before
        written.append((step.element.kind, index, column, table.at[index, column]))
        table.at[index, column] = value
    return written


def put_back(net: pandapowerNet, written: Written) -> None:
    """Undo `apply`."""
    for kind, index, column, value in reversed(written):
        net[kind].at[index, column] = value


def verified(
    network: Network, steps: Sequence[Step], before: tuple[Violation, ...], flow: Flow, limits: Limits
) -> Option:
    """Return what steps do to a fresh copy of the network, by a power flow of its own."""
    net = network.copy()
    loops = rings(net)
    apply(net, steps)
    after_flow = flow_of(net, run(net))
    after = broken(after_flow, net, limits)
    return Option(
        tuple(steps),
        before,
        after,
        after_flow,
        flow.losses_mw,
        (loops, rings(net)),
        fault(before, after, after_flow),
    )


def rings(net: pandapowerNet) -> int:
    """Return how many closed rings are supplied: edges less nodes plus parts, sources taken as one node."""
    import networkx as nx

    found = nx.Graph(graph(net))
    part = found.subgraph(nx.node_connected_component(found, SOURCE))
    return int(part.number_of_edges() - part.number_of_nodes() + 1)


class Bench:
    """One private copy on which many steps are tried and taken back."""

    def __init__(self, network: Network, flow: Flow, before: tuple[Violation, ...], limits: Limits) -> None:
        """Solve the copy once, so that the trials start near."""
        self.flow, self.before, self.limits = flow, before, limits
        self._net = network.copy()
        run(self._net)
        self._start = Start.of(self._net)
        self.tried = 0

    def outcome(self, steps: Sequence[Step]) -> tuple[Flow, tuple[Violation, ...]]:
        """Return the flow and what is broken after steps."""
        self.tried += 1
        written = apply(self._net, steps)
        try:
            flow = flow_of(self._net, run(self._net, self._start))
            return flow, broken(flow, self._net, self.limits)
        finally:
            put_back(self._net, written)
