"""An anomaly: what was found, where, with which figures, and which causes are to be looked into first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from slm_energy.said import Said

Kind = Literal["after_hours", "stuck_meter", "phase_swap", "step_change", "night_creep", "reactive"]


@dataclass(frozen=True)
class Fact:
    """A figure that a note may say, by its id."""

    id: str
    name: Said
    value: float
    unit: str

    def written(self) -> str:
        """Return value and unit, as a note says them."""
        return f"{self.value:,.1f} {self.unit}".strip() if self.unit != "%" else f"{self.value:.0f}%"


@dataclass(frozen=True)
class Cause:
    """What may be behind it, and by which condition it stands at its place."""

    id: str
    said: Said
    because: Said


@dataclass(frozen=True)
class Anomaly:
    """One thing that is unusual.

    Args:
        kind: by which rule.
        start, end: when.
        value, expected, unit: what was found and what is usual.
        facts: every figure of the note.
        causes: the likeliest first; equipment is named only where the site has it.
        severity: 1 to be looked at, 2 soon.
    """

    kind: Kind
    start: datetime
    end: datetime
    value: float
    expected: float
    unit: str
    facts: tuple[Fact, ...]
    causes: tuple[Cause, ...] = ()
    severity: int = 1
