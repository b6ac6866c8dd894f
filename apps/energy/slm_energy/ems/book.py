"""What a site at work remembers: its description, readings by local day, prices, plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from math import isfinite, nan
from typing import Any
from zoneinfo import ZoneInfo

from slm_core.event import Memory
from slm_energy.series import Series
from slm_energy.site import Site, parse_site

METERED = {
    "load": "kW",
    "pv": "kW",
    "grid": "kW",
    "outdoor": "°C",
    "soc": "kWh",
    "ghi": "W/m2",
    "price": "",
}
# What was run; running.py keeps account of it.
_RUN = {"buy": "kW", "sell": "kW", "battery": "kW", "charge": "kWh", "part": "kW"}
QUANTITIES = METERED | _RUN
KEPT_DAYS = 400
GONE_DAYS = 7  # without a word, while others speak: longer than a holiday weekend
SUMMED = ("load", "pv", "grid")
_DAY = timedelta(days=1)


class Book:
    """The memory of one site.

    Readings are kept by quantity, meter and local day, one value for each step of the day; steps are counted
    from local midnight in elapsed time, so a day of 23 or 25 hours has fewer or more of them.
    """

    def __init__(self, memory: Memory) -> None:
        """`memory` is the domain's."""
        self._memory = memory
        # Names with their last day of readings, by prefix of the days: to find them every day that is kept is
        # read, and one event asks often.
        self._names: dict[str, dict[str, date]] = {}
        self.site: Site | None = None
        kept = memory.get("site")
        if kept is not None:
            self.site = parse_site(kept, "memory")

    @property
    def zone(self) -> ZoneInfo:
        """Where the site's clock stands; Korea until a site is known."""
        return ZoneInfo(self.site.zone if self.site else "Asia/Seoul")

    @property
    def step(self) -> timedelta:
        """Length of the steps in which readings are kept and plans are made."""
        return timedelta(minutes=self.site.step_minutes if self.site else 15)

    @property
    def _days(self) -> str:
        return f"day{self.step // timedelta(minutes=1)}/"

    def learn(self, site: Site) -> None:
        """Take a site. Readings of another step are kept apart, and serve again when that step comes back."""
        self.site = site
        self._memory.put("site", site.model_dump(mode="json", by_alias=True))

    def put(self, quantity: str, meter: str, at: datetime, value: float) -> None:
        """Keep the value of the step that begins at `at`."""
        self.put_all(quantity, meter, at, (value,))

    def put_all(self, quantity: str, meter: str, start: datetime, values: Sequence[float]) -> None:
        """Keep the values of the steps from `start` on; one that is no number is left as it was."""
        days: dict[str, list[float | None]] = {}
        for number, value in enumerate(values):
            key, index, length = self._slot(quantity, meter, start.astimezone(UTC) + self.step * number)
            if key not in days:
                days[key] = list(self._memory.get(key) or [None] * length)
            if isfinite(value):
                days[key][index] = round(float(value), 4)
        known = self._names.get(f"{self._days}{quantity}/")
        for key, kept in days.items():
            self._memory.put(key, kept)
            if known is not None and _said_something(kept):
                day = _day_of(key)
                known[meter] = max(day, known.get(meter, day))

    def meters(self, quantity: str) -> list[str]:
        """Return the names of the meters of a quantity, sorted."""
        return sorted(self._last_days(quantity))

    def gone_since(self, quantity: str) -> dict[str, date]:
        """Return the meters that count as taken away, with their last day of readings.

        A meter of a sum that said nothing for `GONE_DAYS` while another of the same quantity went on would
        leave the sum without a value for as long as it is remembered.
        """
        if quantity not in SUMMED:
            return {}
        last = self._last_days(quantity)
        newest = max(last.values(), default=date.min)
        return {name: day for name, day in last.items() if newest - day >= timedelta(days=GONE_DAYS)}

    def _last_days(self, quantity: str) -> dict[str, date]:
        prefix = f"{self._days}{quantity}/"
        if prefix not in self._names:
            found = self._names.setdefault(prefix, {})
            for key, kept in self._memory.items(prefix):
                if _said_something(kept):
                    found[key.split("/")[2]] = _day_of(key)  # in the order of their days
        return self._names[prefix]

    def history(self, quantity: str, start: datetime, end: datetime, meter: str | None = None) -> Series:
        """Return the readings from `start` to `end`: of one meter, or of all of them together.

        A step in which one of several meters said nothing is missing: a sum with a hole is no sum. A meter
        that was taken away (`gone_since`) counts up to its last day.
        """
        names = [meter] if meter else self.meters(quantity)
        steps = max(0, (end.astimezone(UTC) - start.astimezone(UTC)) // self.step)
        sums = [0.0 if names else nan] * steps
        gone = {} if meter else self.gone_since(quantity)
        for name in names:
            ends = steps
            if name in gone:
                end_of = self.midnight(gone[name] + _DAY).astimezone(UTC)
                ends = max(0, min(steps, (end_of - start.astimezone(UTC)) // self.step))
            for number, value in enumerate(self._values(quantity, name, start, ends)):
                sums[number] += value
        return Series(quantity, self._unit(quantity), start.astimezone(self.zone), self.step, tuple(sums))

    def days(self, quantity: str) -> list[date]:
        """Return the local days of which there are readings, oldest first."""
        return sorted(
            {
                date.fromisoformat(key.rsplit("/", 1)[1])
                for key, _ in self._memory.items(f"{self._days}{quantity}/")
            }
        )

    def forget(self, before: date) -> None:
        """Give up the days before `before`."""
        self._names.clear()
        for key, _ in list(self._memory.items("day")):
            if date.fromisoformat(key.rsplit("/", 1)[1]) < before:
                self._memory.put(key, None)

    def midnight(self, day: date) -> datetime:
        """Return the beginning of a local day."""
        return datetime.combine(day, time(0), self.zone)

    def today(self, now: datetime) -> date:
        """Return the local day of a moment."""
        return now.astimezone(self.zone).date()

    def floor(self, now: datetime) -> datetime:
        """Return the beginning of the step that a moment lies in, in local time."""
        midnight = self.midnight(self.today(now)).astimezone(UTC)
        return (midnight + (now - midnight) // self.step * self.step).astimezone(self.zone)

    def get(self, key: str) -> Any:
        """Return a remembered value, or None."""
        return self._memory.get(key)

    def keep(self, key: str, value: Any) -> None:
        """Remember a JSON value; None forgets it."""
        self._memory.put(key, value)

    def kept(self, prefix: str) -> Iterator[tuple[str, Any]]:
        """Yield what is remembered below a prefix, in the order of its keys."""
        yield from self._memory.items(prefix)

    def _values(self, quantity: str, meter: str, start: datetime, steps: int) -> Iterator[float]:
        days: dict[str, list[float | None]] = {}
        first = start.astimezone(UTC)
        for number in range(steps):
            key, index, _ = self._slot(quantity, meter, first + self.step * number)
            if key not in days:
                days[key] = self._memory.get(key) or []
            value = days[key][index] if index < len(days[key]) else None
            yield nan if value is None else value

    def _slot(self, quantity: str, meter: str, at: datetime) -> tuple[str, int, int]:
        day = at.astimezone(self.zone).date()
        midnight, next_one = (self.midnight(each).astimezone(UTC) for each in (day, day + _DAY))
        return (
            f"{self._days}{quantity}/{meter}/{day.isoformat()}",
            (at - midnight) // self.step,
            (next_one - midnight) // self.step,
        )

    def _unit(self, quantity: str) -> str:
        return QUANTITIES[quantity] or f"{self.site.currency if self.site else '원'}/kWh"


def _said_something(kept: Sequence[float | None]) -> bool:
    return any(value is not None for value in kept)


def _day_of(key: str) -> date:
    return date.fromisoformat(key.rsplit("/", 1)[1])
