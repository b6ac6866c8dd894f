"""Which measures help, ranked: found on a bench, then each verified by a power flow on a fresh copy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, zip_longest

from slm_energy.grid.dispatch import TIERS, Known, proposal
from slm_energy.grid.flow import Flow, flow_of, run
from slm_energy.grid.limits import Limits, Violation, broken, total_excess
from slm_energy.grid.measure import (
    KINDS,
    Bench,
    Fault,
    Kind,
    Option,
    Step,
    apply,
    fault,
    heaviest,
    moved,
    operations,
    verified,
)
from slm_energy.grid.network import Network
from slm_energy.grid.switching import Candidate, switching, taps

MOST = 200
DEPTH = 3
BEAM = 2
_SHOWN: dict[Kind, int] = {
    "switching": 5,
    "tap": 3,
    "reactive": 1,
    "redispatch": 1,
    "opening": 2,
    "curtailment": 1,
    "load": 1,
}
SHOWN_REJECTED = 3
Stop = Callable[[], bool]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Options:
    """What can be done, the best first, each verified; some of what was `rejected`, with why.

    `tried` power flows were run for it; `rejected_count` candidates make a new or worse violation
    or have no solution, `left_out` were not tried. `stopped`: somebody ended the search.
    """

    ranked: tuple[Option, ...]
    rejected: tuple[Option, ...] = ()
    tried: int = 0
    rejected_count: int = 0
    left_out: int = 0
    stopped: bool = False


@dataclass(frozen=True)
class _Trial:
    steps: Candidate
    fault: Fault
    after: tuple[Violation, ...]
    losses_mw: float

    @property
    def rank(self) -> tuple[object, ...]:
        return _rank(self.steps, self.after, self.losses_mw, meshes=_closes_only(self.steps))


def options(
    network: Network,
    flow: Flow,
    found: tuple[Violation, ...],
    limits: Limits,
    *,
    most: int = MOST,
    progress: Progress | None = None,
    stop: Stop | None = None,
) -> Options:
    """Return measures against what is broken; none where nothing is.

    Order: what clears everything before what clears a part, rings stay open before a ring is closed, then the
    order of `KINDS`, few operations, few MW. Load is touched only if nothing else clears all, and comes last.

    Args:
        network: as it is operated; it is not changed.
        flow: its solved state.
        found: its violations by `limits`.
        limits: those in force.
        most: how many power flows the search may take for switching and taps.
        progress: called with how many candidates are done, and of how many at most.
        stop: asked before each; True ends the search with what is found so far.
    """
    if not found or not flow.converged:
        return Options(())
    search = _Search(network, Bench(network, flow, found, limits), most, progress, stop or (lambda: False))
    search.switch()
    search.dispatch(limits)
    return search.result(limits)


class _Search:
    """The candidates tried so far."""

    def __init__(
        self, network: Network, bench: Bench, most: int, progress: Progress | None, stop: Stop
    ) -> None:
        self.network, self.bench, self.most, self.progress, self.stop = network, bench, most, progress, stop
        self.trials: list[_Trial] = []
        self.left_out = 0
        self.stopped = False

    def switch(self) -> None:
        """Try switchings and taps alone, then those that help a part together with others."""
        volts = any(each.unit == "pu" for each in self.bench.before)
        singles = list(
            _in_turn(switching(self.network, self.bench.before), taps(self.network) if volts else [])
        )
        self._try(singles)
        for _ in range(DEPTH - 1):
            best = self._best()[:BEAM]
            if not best or not best[0].after or self.stopped:
                return
            self._try(list(_in_turn(*([*_joined(each.steps, singles)] for each in best))))

    def _try(self, candidates: Sequence[Candidate]) -> None:
        known = {frozenset(each.steps) for each in self.trials}
        for number, steps in enumerate(candidates):
            if frozenset(steps) in known:
                continue
            if self.bench.tried >= self.most or self.stop():
                self.stopped = self.bench.tried < self.most
                self.left_out += len(candidates) - number
                return
            known.add(frozenset(steps))
            self._add(steps)
            if self.progress is not None:
                self.progress(self.bench.tried, self.most)

    def _add(self, steps: Candidate) -> None:
        flow, after = self.bench.outcome(steps)
        self.trials.append(_Trial(steps, fault(self.bench.before, after, flow), after, flow.losses_mw))

    def dispatch(self, limits: Limits) -> None:
        """Move set values: from the network as it is, then on top of the best that leaves a part."""
        gentle: list[Kind] = [kind for kind in TIERS if kind != "load"]
        self._dispatch((), gentle, limits)
        if (best := self._best()) and not self._cleared():
            self._dispatch(best[0].steps, [*gentle, "load"], limits)
        if not self._cleared():
            self._dispatch((), ["load"], limits)

    def _dispatch(self, base: Candidate, kinds: Iterable[Kind], limits: Limits) -> None:
        network, bench = self.network, self.bench
        if base:
            net = network.copy()
            apply(net, base)
            network = replace(network, net=net)
            flow = flow_of(net, run(net))
            bench = Bench(network, flow, broken(flow, net, limits), limits)
        known: Known = {}
        for kind in kinds:
            if self.stop():
                self.stopped = True
                return
            if kind == "load" and self._cleared():
                break
            if steps := proposal(network, bench, kind, limits, known):
                self._add((*base, *steps))
        if base:
            self.bench.tried += bench.tried

    def _best(self) -> list[_Trial]:
        return sorted((each for each in self.trials if not each.fault), key=lambda each: each.rank)

    def _cleared(self) -> bool:
        return any(not each.fault and not each.after for each in self.trials)

    def result(self, limits: Limits) -> Options:
        """Verify the best on fresh copies and rank them."""
        good = self._best()
        bad = [each for each in self.trials if each.fault in ("new", "worse", "no_solution")]
        bad.sort(key=lambda each: (each.fault == "no_solution", total_excess(each.after), each.rank))
        shown = [self._verified(each, limits) for each in _few(good)]
        kept = sorted((each for each in shown if not each.rejected), key=_option_rank)
        refused = [
            *(each for each in shown if each.rejected),
            *(self._verified(each, limits) for each in bad[:SHOWN_REJECTED]),
        ]
        tried = self.bench.tried + len(shown) + min(len(bad), SHOWN_REJECTED)
        return Options(tuple(kept), tuple(refused), tried, len(bad), self.left_out, self.stopped)

    def _verified(self, trial: _Trial, limits: Limits) -> Option:
        return verified(self.network, trial.steps, self.bench.before, self.bench.flow, limits)


def _few(ranked: Iterable[_Trial]) -> Iterator[_Trial]:
    """Yield the best of each kind of measure, so that one kind does not hide the others."""
    seen = dict.fromkeys(KINDS, 0)
    for trial in ranked:
        kind = heaviest(trial.steps)
        seen[kind] += 1
        if seen[kind] <= _SHOWN[kind]:
            yield trial


def _joined(steps: Candidate, singles: Iterable[Candidate]) -> Iterator[Candidate]:
    """Yield steps with each other candidate; one line is taken out of a mesh, never two."""
    used = {step.element for step in steps}
    opens = heaviest(steps) == "opening"
    for each in singles:
        if not used & {step.element for step in each} and not (opens and heaviest(each) == "opening"):
            yield (*steps, *each)


def _in_turn(*lists: Sequence[Candidate]) -> Iterator[Candidate]:
    """Take from each list in turn, so that the bound cuts none of them off whole."""
    return (each for each in chain.from_iterable(zip_longest(*lists)) if each is not None)


def _closes_only(steps: Iterable[Step]) -> bool:
    actions = [step.action for step in steps]
    return ("close" in actions or "connect" in actions) and not {"open", "disconnect"} & set(actions)


def _option_rank(option: Option) -> tuple[object, ...]:
    return _rank(option.steps, option.after, option.flow.losses_mw, meshes=option.meshes)


def _rank(
    steps: Sequence[Step], after: Sequence[Violation], losses_mw: float, *, meshes: bool
) -> tuple[object, ...]:
    kind = heaviest(steps)
    left = round(total_excess(after), 3)
    place = (
        kind == "load",
        bool(after),
        left,
        meshes,
        KINDS.index(kind),
        operations(steps),
        round(moved(steps), 6),
    )
    return (*place, round(losses_mw, 6), [(step.element.kind, step.element.id) for step in steps])
