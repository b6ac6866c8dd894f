"""What a kWh and a kW cost in the hours ahead: by the site's tariff, or by prices that were sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from math import isnan

from slm_core.errors import CouldNot
from slm_energy.ems.book import Book
from slm_energy.series import Series

GIVEN = "given"
COUNTED = ("mid", "peak")  # KEPCO's terms, annex 3: a peak in light-load hours is not billed


@dataclass(frozen=True)
class Pricing:
    """Prices of the steps ahead.

    Args:
        price: of one kWh bought.
        demand_price: of one kW by which the peak passes `peak_so_far_kw`, in this month.
        peak_so_far_kw: demand that this month is billed for already.
        note: where the prices come from.
        billed: whether the mean power of a step counts for that demand; None where all do.
    """

    price: Series
    demand_price: float
    peak_so_far_kw: float
    note: str
    billed: tuple[bool, ...] | None = None


def pricing(book: Book, start: datetime, steps: int) -> Pricing:
    """Return the prices of `steps` steps from `start`.

    Raises:
        CouldNot: the site has no tariff and no prices were sent for these hours.
        UserError: no table of the tariff holds on one of the days.
    """
    site = book.site
    assert site is not None
    if site.tariff == GIVEN:
        return _given(book, start, steps)
    from slm_energy.tariff import Progressive, find_tariff

    shape = book.history("price", start, start + book.step * steps)
    today = book.today(start)
    tariff = find_tariff(site.tariff, today)
    if isinstance(tariff, Progressive):
        return Pricing(shape.with_values(_stepped(book, start, steps)), 0.0, 0.0, tariff.id)
    from slm_energy.tariff import prices

    found = prices(site.tariff, list(shape.times()))
    won = shape.with_values([float(price.won_per_kwh) for price in found])
    billed = tuple(price.band in COUNTED for price in found)
    return Pricing(won, float(tariff.demand_rate), billed_kw(book, today), tariff.id, billed)


def billed_kw(book: Book, day: date) -> float:
    """Return the demand that the month of a day is billed for by now; 0 while nothing was measured."""
    from slm_energy.tariff import billing_demand

    month, peaks = day.replace(day=1), peaks_of(book)
    assert book.site is not None
    demand = billing_demand({month: 0.0, **peaks}, book.site.contract_kw, month)
    return float(demand.kw)


def _bought(bought: float, load: float, pv: float) -> float:
    """kW bought in a step: as it was run, else by load and panels; 0 where nothing is known."""
    if not isnan(bought):
        return bought
    return 0.0 if isnan(load) else max(0.0, load - (0.0 if isnan(pv) else pv))


def peaks_of(book: Book) -> dict[date, float]:
    """Return the highest billed mean of each month, kW: of what was run and of the history that was sent."""
    peaks = history_peaks(book)
    for key, kw in book.kept("peak/"):
        month = date.fromisoformat(key.split("/")[1])
        peaks[month] = max(float(kw), peaks.get(month, 0.0))
    return dict(sorted(peaks.items()))


def history_peaks(book: Book) -> dict[date, float]:
    """Return those of the history that was sent, before anything was run."""
    return {date.fromisoformat(key.split("/")[1]): float(kw) for key, kw in book.kept("past_peak/")}


def _given(book: Book, start: datetime, steps: int) -> Pricing:
    price = book.history("price", start, start + book.step * steps)
    if price.missing:
        first = next(at for at, value in zip(price.times(), price.values, strict=True) if isnan(value))
        raise CouldNot(
            f"no price was sent for {first:%Y-%m-%d %H:%M}; the site's tariff is {GIVEN!r}: send price/in, "
            "or name a tariff in the site (for a recording: a site.toml beside it)"
        )
    return Pricing(price, 0.0, 0.0, GIVEN)


def _stepped(book: Book, start: datetime, steps: int) -> list[float]:
    """What the next kWh costs at the step of the progressive tariff that the month has reached by now."""
    from slm_energy.tariff import marginal_price

    assert book.site is not None
    first = book.midnight(book.today(start).replace(day=1))
    bought, load = book.history("buy", first, start), book.history("load", first, start)
    pv = book.history("pv", first, start) if book.meters("pv") else load.with_values([0.0] * len(load))
    used = load.hours * sum(
        _bought(*each) for each in zip(bought.values, load.values, pv.values, strict=True)
    )
    price = marginal_price(book.site.tariff, book.today(start), round(used))
    return [float(price.won_per_kwh)] * steps
