"""One quantity over time in equal steps: what a meter said, what a forecast expects, what a plan does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import isnan

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Series:
    """Values at equal steps.

    Args:
        name: of the quantity, as the user calls it.
        unit: `kW` is the mean power of a step, `kWh` the energy within it; also `°C`, `W/m2`, `won/kWh`, ...
        start: beginning of the first step, with a zone.
        step: length of one step.
        values: one a step; NaN where there is none.
    """

    name: str
    unit: str
    start: datetime
    step: timedelta
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if self.start.tzinfo is None:
            raise ValueError(f"{self.name}: a start without zone says nothing")
        if self.step <= timedelta(0):
            raise ValueError(f"{self.name}: a step must be longer than nothing")

    def __len__(self) -> int:
        return len(self.values)

    @property
    def end(self) -> datetime:
        """The end of the last step."""
        return self.at(len(self.values))

    @property
    def hours(self) -> float:
        """The length of one step in hours."""
        return self.step / HOUR

    @property
    def missing(self) -> int:
        """How many steps have no value."""
        return sum(isnan(value) for value in self.values)

    def at(self, number: int) -> datetime:
        """Return the beginning of a step by its number, in the zone of the start."""
        # In UTC, since wall clocks skip and repeat an hour where there is summer time.
        return (self.start.astimezone(UTC) + self.step * number).astimezone(self.start.tzinfo)

    def times(self) -> Iterator[datetime]:
        """Yield the beginning of each step."""
        return (self.at(number) for number in range(len(self.values)))

    def from_step(self, first: int, last: int | None = None) -> Series:
        """Return the steps from one number to before another, as of a list."""
        return replace(self, start=self.at(first), values=self.values[first:last])

    def between(self, start: datetime, end: datetime) -> Series:
        """Return the steps that begin at or after `start` and before `end`."""
        own, since, until = (each.astimezone(UTC) for each in (self.start, start, end))
        first = max(0, -((own - since) // self.step))
        last = max(first, min(len(self.values), -((own - until) // self.step)))
        return self.from_step(first, last)

    def with_values(self, values: Sequence[float]) -> Series:
        """Return the same steps with other values.

        Raises:
            ValueError: there are more or fewer of them.
        """
        if len(values) != len(self.values):
            raise ValueError(f"{self.name}: {len(values)} values for {len(self.values)} steps")
        return replace(self, values=tuple(float(value) for value in values))
