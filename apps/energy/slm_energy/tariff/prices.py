"""What one more kWh costs, before VAT and fund: by the hour, or by the step that a month has reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

from slm_core.errors import UserError
from slm_energy.tariff.days import band_at, day_type_in, local, season_in
from slm_energy.tariff.finding import id_of, in_book, progressive, time_of_use, with_id
from slm_energy.tariff.reading import Book, read_book
from slm_energy.tariff.table import Progressive, hours_of

NOTHING = Decimal(0)


@dataclass(frozen=True)
class Price:
    """The price of one kWh in won, without VAT and fund.

    Args:
        band: `off`, `mid` or `peak`; of a residential tariff `step 1`, `step 2`, ...
        parts: what it is made of: energy, discount (not above zero), climate, fuel.
    """

    won_per_kwh: Decimal
    band: str
    season: str
    parts: tuple[tuple[str, Decimal], ...]

    def part(self, name: str) -> Decimal:
        """Return one of the parts."""
        return dict(self.parts)[name]


def prices(tariff_name: str, times: Sequence[datetime], folder: Path | None = None) -> tuple[Price, ...]:
    """Return the price at each of the times, which carry a zone.

    Raises:
        UserError: an unknown or residential tariff, a day without table, a season without hours, no zone.
    """
    book = read_book(folder)
    id_ = id_of(book, tariff_name)
    days: dict[date, tuple[Price, ...]] = {}
    found = []
    for time in (local(each) for each in times):
        if time.date() not in days:
            days[time.date()] = prices_of_day(book, id_, time.date(), time.date())
        found.append(days[time.date()][time.hour])
    return tuple(found)


def prices_of_day(book: Book, id_: str, day: date, as_of: date) -> tuple[Price, ...]:
    """Return the price of each hour of `day` by the tables that hold on `as_of`."""
    tariff = time_of_use(with_id(book, id_, as_of))
    hours = book.hours[tariff.hours]
    when, kind = season_in(book, tariff, day), day_type_in(book, day)
    if when not in tariff.energy:
        raise UserError(
            f"{tariff.id!r} has no price with a source for {when!r}",
            expected="one of " + ", ".join(sorted(tariff.energy)),
            mend="add a TOML with this table and its source to your folder of tariffs (docs/tariffs.md)",
        )
    discounts = [
        each
        for each in book.discounts
        if each.id in tariff.discounts
        and each.stands(as_of)
        and when in each.seasons
        and kind in each.day_types
    ]
    found = []
    for hour in range(24):
        band = band_at(book, hours, when, kind, hour)
        energy = tariff.energy[when][band]
        off = sum((energy * each.share for each in discounts if hour in hours_of(each.hours)), NOTHING)
        found.append(_price(book, as_of, band, when, energy, -off))
    return tuple(found)


def marginal_price(tariff_name: str, day: date, used_kwh: Decimal | int, folder: Path | None = None) -> Price:
    """Return what the next kWh of a month costs where `used_kwh` are used already.

    The base charge and a deduction that a step ends are not in it: `bill` has them.

    Raises:
        UserError: an unknown or time-of-use tariff, a day without table.
    """
    book = read_book(folder)
    tariff = progressive(in_book(book, tariff_name, day))
    when = season_in(book, tariff, day)
    step = sum(used_kwh >= limit for limit in tariff.limits[when])
    return _price(book, day, f"step {step + 1}", when, tariff.energy[step], NOTHING)


def steps_of(tariff: Progressive, when: str, kwh: int) -> tuple[tuple[int, Decimal], ...]:
    """Return how many kWh of a month fall into each step, and its price; the last is the one reached."""
    ends = [limit for limit in tariff.limits[when] if limit < kwh] + [kwh]
    starts = [0, *ends[:-1]]
    return tuple((end - start, price) for start, end, price in zip(starts, ends, tariff.energy, strict=False))


def per_kwh(book: Book, id_: str, day: date) -> Decimal:
    """Return won a kWh of the climate or fuel charge on a day.

    Raises:
        UserError: none is known for the day.
    """
    return book.standing(book.charges, id_, day, "charge").per_kwh


def _price(book: Book, day: date, band: str, when: str, energy: Decimal, discount: Decimal) -> Price:
    parts = (
        ("energy", energy),
        ("discount", discount),
        ("climate", per_kwh(book, "climate", day)),
        ("fuel", per_kwh(book, "fuel", day)),
    )
    return Price(sum((won for _, won in parts), NOTHING), band, when, parts)
