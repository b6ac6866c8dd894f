"""How fast a model runs where the bytes and the operations are known: a roofline with a fixed cost a step.

    step(decode)    = max( bytes / (e_b * B),  operations / (e_c * C) ) + t0
    first token     = max( weights / (e_b * B), operations of the prompt / (e_c * C) ) + t0

B and C are the peaks of device and runtime; e_b, e_c (shares of the peaks that a runtime reaches) and t0
(seconds a step costs whatever the model: launches, synchronisation, sampling) are fitted for each class of
runtime, see `fit.py`. The bytes of a step are the weights that it reads and the keys and values of the
tokens it sees.

Source: Williams, Waterman, Patterson, "Roofline: an insightful visual performance model", CACM 52(4), 2009
(the maximum of two times); Pope et al., "Efficiently scaling transformer inference", MLSys 2023,
arXiv:2211.05102, section 2 (which bytes and operations a step has, at batch 1). Not covered: batches,
speculation, thermal throttling.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from slm_core.plan.devices import GB, Device, Runtime
from slm_core.plan.memories import Memory

TERA = 1e12


@dataclass(frozen=True)
class Efficiency:
    """What a class of runtime reaches of a device's peaks.

    Args:
        bandwidth: share of the memory's peak, e_b.
        compute: share of the peak operations, e_c.
        step_s: seconds that every step costs besides, t0.
        reason: where the three come from.
    """

    bandwidth: float
    compute: float
    step_s: float
    reason: str


@dataclass(frozen=True)
class Machine:
    """What the roofline knows of a device.

    Args:
        bandwidth: bytes a second out of the memory that holds the model.
        compute: operations a second.
        runtime: the class whose efficiency applies.
        room: bytes that a model and its parts may take.
        near: bytes of that which lie in the device's own memory; the rest is read through the link.
        link: bytes a second through the link to memory outside; 0 where there is none.
        inner_compute: operations a second of a memory that computes itself, which it does for single steps;
            a prompt is computed by the device, which reads the weights through the link.
        weights_stay: whether the memory's cells multiply, so that weights are never read.
    """

    bandwidth: float
    compute: float
    runtime: Runtime
    room: float
    near: float
    link: float = 0.0
    inner_compute: float = 0.0
    weights_stay: bool = False

    @classmethod
    def of(cls, device: Device, memory: Memory | None = None) -> Machine:
        """Return a device, with another memory where one is given."""
        room, compute = device.room, device.compute_tops * TERA
        own = cls(device.bandwidth_gb_s * GB, compute, device.runtime, room, room)
        if memory is None:
            return own
        if memory.kind == "holds":
            return replace(own, weights_stay=True, room=float("inf"), near=float("inf"))
        added, bandwidth = memory.capacity_gb * GB, memory.bandwidth_gb_s * GB
        if memory.kind == "expands":
            return replace(own, room=room + added, link=bandwidth)
        other = replace(own, bandwidth=bandwidth, room=added, near=added)
        if memory.kind == "replaces":
            return other
        link, inner = (memory.link_gb_s or 0.0) * GB, (memory.compute_tops or 0.0) * TERA
        return replace(other, link=link, inner_compute=inner)

    def reading_s(self, weights: float, cache: float, stored: float) -> float:
        """Return the seconds that the reading of one step takes at the peak.

        Args:
            weights: bytes of weights that are read.
            cache: bytes of keys and values that are read.
            stored: bytes of everything that lies in memory; what is beyond `near` is read through the link.
        """
        if self.weights_stay:
            return cache / self.bandwidth
        far = self._far(stored)
        through_link = far * weights / self.link if far else 0.0
        return ((1 - far) * weights + cache) / self.bandwidth + through_link

    def prompt_reading_s(self, weights: float, stored: float) -> float:
        """Return the seconds that reading the weights once for a prompt takes at the peak."""
        return weights / self.link if self.inner_compute and self.link else self.reading_s(weights, 0, stored)

    def _far(self, stored: float) -> float:
        """The share of what is stored that lies behind the link."""
        outside = self.link and not self.inner_compute and stored > self.near
        return (stored - self.near) / stored if outside else 0.0


@dataclass(frozen=True)
class Work:
    """What a step or a prompt takes.

    Args:
        reading_s: seconds of reading, at what is reached of the memory's peak.
        computing_s: seconds of computing, at what is reached of the peak operations.
        step_s: what it costs besides.
        memory_share: what is reached of the memory's peak.
        compute_share: what is reached of the peak operations.
    """

    reading_s: float
    computing_s: float
    step_s: float
    memory_share: float
    compute_share: float

    @property
    def seconds(self) -> float:
        """The roofline: the longer of the two, and the fixed cost."""
        return max(self.reading_s, self.computing_s) + self.step_s

    @property
    def bound(self) -> str:
        """`memory` or `compute`, whichever takes longer."""
        return "memory" if self.reading_s >= self.computing_s else "compute"

    @property
    def share(self) -> float:
        """What is reached of the peak of whatever is the bound."""
        return self.memory_share if self.bound == "memory" else self.compute_share


def step(reading_s: float, operations: float, machine: Machine, reached: Efficiency) -> Work:
    """Return the work of one generated token; `reading_s` at the peak, see `Machine.reading_s`."""
    if machine.inner_compute:  # sized for the memory's own bandwidth, so no share of it is lost to reuse
        return _work(reading_s, operations / machine.inner_compute, 1.0, reached)
    return prompt(reading_s, operations, machine, reached)


def prompt(reading_s: float, operations: float, machine: Machine, reached: Efficiency) -> Work:
    """Return the work until the first token of a reply.

    The weights are read once for the whole prompt, which holds for prompts of one batch.
    """
    return _work(reading_s, operations / machine.compute, reached.compute, reached)


def _work(reading_s: float, computing_s: float, compute: float, reached: Efficiency) -> Work:
    """From the seconds at both peaks."""
    return Work(
        reading_s / reached.bandwidth, computing_s / compute, reached.step_s, reached.bandwidth, compute
    )
