"""The gate of a dataset: every row valid, no personal data, no leak between its sides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from slm_core.dataset.contract import DomainShape
from slm_core.dataset.leakage import BAR, Leak, leaks
from slm_core.dataset.row import Row
from slm_core.dataset.scrub import personal_left
from slm_core.dataset.validity import Validity


@dataclass(frozen=True)
class Verdict:
    """What was found: each fault with its place, the worst pair, and the pairs beyond the bar."""

    rows: Mapping[str, int]
    invalid: tuple[str, ...]
    personal: tuple[str, ...]
    worst: Leak | None
    leaking: tuple[Leak, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing was found."""
        return not (self.invalid or self.personal or self.leaking)


def check(sides: Mapping[str, Sequence[Row]], domain: DomainShape) -> Verdict:
    """Check rows by side (or file); the sides' names say where a fault lies."""
    validity = Validity(domain)
    invalid: list[str] = []
    personal: list[str] = []
    for side, rows in sides.items():
        for number, row in enumerate(rows, 1):
            if (reason := validity.fault(row)) is not None:
                invalid.append(f"{side} row {number} ({row.id}): {reason}")
            personal += [
                f"{side} row {number} ({row.id}): {kind} {text}" for kind, text in personal_left(row)
            ]
    pairs = leaks(sides)
    return Verdict(
        rows={side: len(rows) for side, rows in sides.items()},
        invalid=tuple(invalid),
        personal=tuple(personal),
        worst=pairs[0] if pairs else None,
        leaking=tuple(pair for pair in pairs if pair.similarity > BAR),
    )
