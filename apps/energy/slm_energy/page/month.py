"""What was bought in the running month: as it was run, and before that load less panels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import isnan

from slm_core.errors import CouldNot
from slm_energy.ems.book import Book
from slm_energy.series import Series
from slm_energy.tariff import Metered


@dataclass(frozen=True)
class Month:
    """kW bought in each step from `bought.start` on; NaN where nobody knows."""

    bought: Series

    @property
    def missing(self) -> int:
        """How many steps are not known."""
        return self.bought.missing

    @property
    def kwh(self) -> float:
        """Energy of the steps that are known."""
        return sum(kw for kw in self.bought.values if not isnan(kw)) * self.bought.hours

    def metered(self, contract_kw: float | None, peaks: Mapping[date, float]) -> Metered:
        """Return it as a bill needs it; steps that are not known are left out.

        Raises:
            CouldNot: no step is known.
        """
        hours = Decimal(str(self.bought.hours))
        steps = tuple(
            (at, Decimal(str(round(kw, 4))) * hours)
            for at, kw in zip(self.bought.times(), self.bought.values, strict=True)
            if not isnan(kw)
        )
        if not steps:
            raise CouldNot("nothing was metered in this month yet")
        first = self.bought.start.date().replace(day=1)
        earlier = {month: kw for month, kw in peaks.items() if month < first}
        return Metered(steps, self.bought.step, contract_kw, earlier)


def month_so_far(book: Book, now: datetime, *, whole_days: bool = False) -> Month:
    """Return what was bought since the first of the month, from the first step that is known on.

    Args:
        book: of the site.
        now: a moment of the month; on its first day `whole_days` takes the month before.
        whole_days: without the day that is not over.
    """
    today = book.today(now)
    end = book.midnight(today) if whole_days else book.floor(now)
    last = end.astimezone(UTC) - timedelta(seconds=1)
    start = book.midnight(book.today(last).replace(day=1))
    ran, load = book.history("buy", start, end), book.history("load", start, end)
    pv = book.history("pv", start, end) if book.meters("pv") else load.with_values([0.0] * len(load))
    values = [_bought(*each) for each in zip(ran.values, load.values, pv.values, strict=True)]
    series = ran.with_values(values)
    known = next((step for step, value in enumerate(values) if not isnan(value)), 0)
    return Month(series.from_step(known))


def _bought(ran: float, used: float, given: float) -> float:
    """As it was run; before anything was run, load less panels; NaN where the load is not known."""
    if not isnan(ran):
        return ran
    return used if isnan(used) else max(0.0, used - (0.0 if isnan(given) else given))
