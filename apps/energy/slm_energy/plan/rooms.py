"""How a room's temperature follows its heater or cooler, exactly for power that is constant within a step.

One resistance and one capacity, C dT/dt = (T_out - T) / R + q (ISO 52016-1's idea reduced to one node; the
exact step is textbook zero-order hold): T' = a T + (1 - a) (T_out + R q) with a = exp(-dt / (R C)). Between
two steps the temperature moves one way only, so that keeping the band at both ends keeps it throughout.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp

from slm_energy.plan.problem import Problem
from slm_energy.plan.windows import occupied
from slm_energy.site import Room


@dataclass(frozen=True)
class Thermal:
    """A room over the steps of a plan.

    Args:
        start: degrees Celsius at the start.
        keep: a; the share of a temperature difference that is left after one step.
        gain: K by which one kW of electricity raises (cooling: lowers, negative) the end of the step.
        drive: what the weather adds to each step, K.
        low, high: bounds of the end of each step; None where there is none.
    """

    start: float
    keep: float
    gain: float
    drive: tuple[float, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]

    def path(self, power: Sequence[float]) -> list[float]:
        """Return the temperature at the end of each step for kW of electricity in each."""
        found, at = [], self.start
        for drive, kw in zip(self.drive, power, strict=True):
            at = self.keep * at + drive + self.gain * kw
            found.append(at)
        return found


def thermal(problem: Problem, room: Room) -> Thermal:
    """Return how the room behaves in the hours of a plan and what it must keep.

    The side that its power works towards (low of a heated room) holds from the beginning to the end of each
    occupied step; a room that starts beyond it has as long as full power needs to come back. The other side
    holds always, as far as the weather leaves it.
    """
    if problem.outdoor is None:
        raise ValueError(f"{room.name}: a room needs the outdoor temperature")
    keep = exp(-room.loss_kw_per_k * problem.load.hours / room.capacity_kwh_per_k)
    sign = 1.0 if room.mode == "heat" else -1.0
    gain = sign * room.cop / room.loss_kw_per_k * (1 - keep)
    drive = tuple((1 - keep) * outdoor for outdoor in problem.outdoor.values)
    start = start_of(room)
    bare = Thermal(start, keep, gain, drive, (None,) * len(drive), (None,) * len(drive))
    near = _near(problem, room, bare, sign)
    far_at = room.high if room.mode == "heat" else room.low
    free = bare.path([0.0] * len(drive))
    far = tuple(sign * max(sign * far_at, sign * at) for at in free)
    low, high = (near, far) if room.mode == "heat" else (far, near)
    return Thermal(start, keep, gain, drive, low, high)


def start_of(room: Room) -> float:
    """Return the temperature at the start: the middle of the band where nobody measured."""
    return (room.low + room.high) / 2 if room.now is None else room.now


def _near(problem: Problem, room: Room, bare: Thermal, sign: float) -> tuple[float | None, ...]:
    at = room.low if room.mode == "heat" else room.high
    inside = occupied(problem, room.from_, room.to)
    # The end of a step is the beginning of the next.
    needed = [here or following for here, following in zip(inside, [*inside[1:], False], strict=True)]
    full = bare.path([room.kw] * len(inside))
    reached = next((step for step, value in enumerate(full) if sign * value >= sign * at), None)
    if sign * bare.start >= sign * at or reached is None:
        reached = 0
    bounds = []
    for step, (wanted, best) in enumerate(zip(needed, full, strict=True)):
        bounds.append((best if step < reached else at) if wanted else None)
    return tuple(bounds)
