"""What a meter says of one month, as a bill needs it: energy by step, contract power, earlier peaks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from math import isnan

from slm_core.errors import UserError
from slm_energy.series import Series
from slm_energy.tariff.days import local, next_month
from slm_energy.tariff.demand import Kw

QUARTER = timedelta(minutes=15)


@dataclass(frozen=True)
class Metered:
    """The use of one calendar month by steps that lie within an hour.

    Args:
        steps: beginning of each step with a zone, and the kWh within it.
        step: length of a step.
        contract_kw: contract power; None leaves its floor out of the base charge, and the bill says so.
        peaks: first day of earlier months to their highest demand in mid and peak hours, kW.
    """

    steps: tuple[tuple[datetime, Decimal], ...]
    step: timedelta
    contract_kw: Kw | None = None
    peaks: Mapping[date, Kw] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.step <= timedelta(0) or timedelta(hours=1) % self.step:
            raise UserError(
                f"a step of {self.step} does not divide an hour", expected="15, 30 or 60 minutes, ..."
            )
        if not self.steps:
            raise UserError("nothing was metered", expected="at least one step of the month")
        times = [local(time) for time, _ in self.steps]
        for time, (_, kwh) in zip(times, self.steps, strict=True):
            if (time.year, time.month) != (self.month.year, self.month.month):
                raise UserError(
                    f"{time.isoformat()} lies outside {self.month:%Y-%m}", expected="one month, Korean time"
                )
            if not kwh.is_finite() or kwh < 0:
                raise UserError(f"{kwh} kWh at {time.isoformat()}", expected="kWh bought, zero or more")
        if len(set(times)) != len(times):
            twice = next(time for time in times if times.count(time) > 1)
            raise UserError(f"{twice.isoformat()} is there twice", expected="one value a step")

    @classmethod
    def from_series(
        cls, load: Series, contract_kw: Kw | None = None, peaks: Mapping[date, Kw] | None = None
    ) -> Metered:
        """Take a series of one month, in kW or kWh.

        Raises:
            UserError: another unit, or steps without a value; says how many and which is the first.
        """
        if load.unit not in ("kW", "kWh"):
            raise UserError(f"{load.name} is in {load.unit}", expected="kW or kWh")
        if load.missing:
            first = next(time for time, value in zip(load.times(), load.values, strict=True) if isnan(value))
            raise UserError(
                f"{load.missing} of {len(load)} steps of {load.name} are empty, first {first.isoformat()}",
                mend="fill or leave out what is missing first, so that the bill says what it rests on",
            )
        factor = Decimal(str(load.hours)) if load.unit == "kW" else Decimal(1)
        kwh = (Decimal(str(value)) * factor for value in load.values)
        return cls(tuple(zip(load.times(), kwh, strict=True)), load.step, contract_kw, peaks or {})

    @property
    def month(self) -> date:
        """First day of the month, in Korean time."""
        return local(self.steps[0][0]).date().replace(day=1)

    @property
    def expected_steps(self) -> int:
        """How many steps the whole month has."""
        return int((next_month(self.month) - self.month) / self.step)

    @property
    def kwh(self) -> Decimal:
        """All energy of the month."""
        return sum((kwh for _, kwh in self.steps), Decimal(0))

    def kw(self, kwh: Decimal) -> Decimal:
        """Return the mean power of a step with that energy."""
        return kwh * Decimal(int(timedelta(hours=1) / self.step))
