"""What a network may not exceed, and where it does: voltage bands, loading, supply."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from slm_core.errors import UserError, did_you_mean
from slm_energy.grid.flow import BRANCHES, Bus, Flow
from slm_energy.grid.network import Element, Lang, Network

if TYPE_CHECKING:
    from pandapower import pandapowerNet

Quantity = Literal["low_voltage", "high_voltage", "loading", "supply"]
SLIGHT = {"pu": 1e-5, "%": 1e-3, "MW": 1e-9}  # what rounding of a set voltage may add


@dataclass(frozen=True)
class Band:
    """A voltage band in per unit, for buses up to a nominal voltage, and the rule it comes from."""

    name: str
    low: float
    high: float
    up_to_kv: float
    source_ko: str
    source_en: str

    def source(self, lang: Lang) -> str:
        """Return the rule in a language."""
        return self.source_ko if lang == "ko" else self.source_en


@dataclass(frozen=True)
class Limits:
    """The limits in force: a voltage band; `own`: limits that the network carries come before it.

    Loading: a branch's own `max_loading_percent` where `own`, else `loading_percent`.
    """

    band: Band
    own: bool = True
    loading_percent: float = 100.0

    @classmethod
    def of(cls, band: str = "plan", *, own: bool | None = None, loading_percent: float = 100.0) -> Limits:
        """Return limits with a band by name; the network's own come first with the planning band only.

        Raises:
            UserError: unknown band, or a loading that is no positive number.
        """
        if band not in bands():
            raise UserError(
                f"no voltage band is called {band!r}",
                expected=", ".join(bands()),
                mend=did_you_mean(band, bands()),
            )
        if not 0 < loading_percent <= 1000:
            raise UserError(f"loading limit {loading_percent}", expected="a percentage above 0, up to 1000")
        return cls(bands()[band], band == "plan" if own is None else own, loading_percent)


@dataclass(frozen=True)
class Violation:
    """A limit that is broken.

    `value` and `limit` are in `unit` (pu, %, MW); `basis` is "own" for a limit of the network itself, the
    name of the band, or "fixed"; `severity` 1 to 3.
    """

    element: Element
    quantity: Quantity
    value: float
    limit: float
    unit: str
    basis: str
    severity: int

    @property
    def key(self) -> tuple[str, int, str]:
        """What is broken, whatever the value."""
        return self.element.kind, self.element.id, self.quantity

    @property
    def excess(self) -> float:
        """How far past the limit, in percent of the limit or of nominal voltage; lost supply counts 100."""
        if self.unit == "MW":
            return 100.0
        over = abs(self.value - self.limit)
        return over * 100 if self.unit == "pu" else over / self.limit * 100


@cache
def bands() -> dict[str, Band]:
    """Return the voltage bands by name."""
    return {
        name: Band(
            name, row["low"], row["high"], row.get("up_to_kv", math.inf), row["source_ko"], row["source_en"]
        )
        for name, row in _rules()["band"].items()
    }


@cache
def _rules() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "limits.toml").read_text(encoding="utf-8"))


def violations(flow: Flow, network: Network, limits: Limits | None = None) -> tuple[Violation, ...]:
    """Return what is broken, the gravest first; nothing can be said of a flow that did not converge."""
    return broken(flow, network.net, limits or Limits.of())


def broken(flow: Flow, net: pandapowerNet, limits: Limits) -> tuple[Violation, ...]:
    """Return what is broken, of a network that is no `Network` but a private copy."""
    if not flow.converged:
        return ()
    found = [*_supply(flow, net), *_voltages(flow, net, limits), *_loadings(flow, net, limits)]
    return tuple(sorted(found, key=lambda each: (-each.severity, -each.excess, each.element)))


def total_excess(found: Sequence[Violation]) -> float:
    """Return the sum of the excesses."""
    return sum(each.excess for each in found)


def _supply(flow: Flow, net: pandapowerNet) -> Iterator[Violation]:
    isolated = {each.id: each for each in flow.isolated}
    load = net.load[net.load.in_service.astype(bool) & net.load.bus.isin(isolated)]
    for bus, power in (load.p_mw * load.scaling).groupby(load.bus).sum().items():
        yield Violation(isolated[int(bus)], "supply", float(power), 0.0, "MW", "fixed", 3)


def _voltages(flow: Flow, net: pandapowerNet, limits: Limits) -> Iterator[Violation]:
    own = _own_bands(net) if limits.own else {}
    for bus in flow.buses:
        if bus.vm_pu is None:
            continue
        low, high, basis = _band(bus, own, limits)
        if bus.vm_pu < low - SLIGHT["pu"]:
            yield _voltage(bus, "low_voltage", bus.vm_pu, low, basis)
        elif bus.vm_pu > high + SLIGHT["pu"]:
            yield _voltage(bus, "high_voltage", bus.vm_pu, high, basis)


def _own_bands(net: pandapowerNet) -> dict[int, tuple[float, float]]:
    """Return the bands that a network carries; 0 and 2 per unit are some cases' way to say "none"."""
    if not {"min_vm_pu", "max_vm_pu"} <= set(net.bus.columns):
        return {}
    rows = zip(net.bus.index.tolist(), net.bus.min_vm_pu.tolist(), net.bus.max_vm_pu.tolist(), strict=True)
    return {index: (low, high) for index, low, high in rows if 0.5 <= low < high <= 1.5}


def _band(bus: Bus, own: Mapping[int, tuple[float, float]], limits: Limits) -> tuple[float, float, str]:
    if bus.element.id in own:
        return *own[bus.element.id], "own"
    band = limits.band if bus.vn_kv <= limits.band.up_to_kv else bands()["plan"]
    return band.low, band.high, band.name


def _voltage(bus: Bus, quantity: Quantity, value: float, limit: float, basis: str) -> Violation:
    steps = _rules()["severity"]["voltage"]
    grade = 1 + sum(abs(value - limit) > step for step in steps)
    return Violation(bus.element, quantity, value, limit, "pu", basis, grade)


def band_of(flow: Flow, net: pandapowerNet, limits: Limits) -> dict[int, tuple[float, float]]:
    """Return lowest and highest voltage by bus id, in per unit."""
    own = _own_bands(net) if limits.own else {}
    return {bus.element.id: _band(bus, own, limits)[:2] for bus in flow.buses}


def _loadings(flow: Flow, net: pandapowerNet, limits: Limits) -> Iterator[Violation]:
    steps = _rules()["severity"]["loading"]
    own = loading_limits(net, limits)
    for branch in flow.branches:
        value = branch.loading_percent
        limit, basis = own.get((branch.element.kind, branch.element.id), (limits.loading_percent, "fixed"))
        if value is not None and value > limit + SLIGHT["%"]:
            grade = 1 + sum(value - limit > step for step in steps)
            yield Violation(branch.element, "loading", value, limit, "%", basis, grade)


def loading_limits(net: pandapowerNet, limits: Limits) -> dict[tuple[str, int], tuple[float, str]]:
    """Return the highest loadings in percent that the network itself gives, by kind and id."""
    found: dict[tuple[str, int], tuple[float, str]] = {}
    for kind in BRANCHES:
        if limits.own and "max_loading_percent" in net[kind]:
            rows = zip(net[kind].index.tolist(), net[kind].max_loading_percent.tolist(), strict=True)
            found |= {(kind, index): (value, "own") for index, value in rows if 0 < value <= 1000}
    return found
