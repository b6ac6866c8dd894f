"""Bills of calendar months: base + energy + climate + fuel, VAT and fund, with KEPCO's rounding."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

from slm_core.errors import UserError
from slm_energy.tariff.by_hour import hourly_lines
from slm_energy.tariff.days import first_of_month
from slm_energy.tariff.finding import id_of, with_id
from slm_energy.tariff.lines import Bill, Line, taxed
from slm_energy.tariff.metered import Metered
from slm_energy.tariff.reading import read_book
from slm_energy.tariff.residential import residential_lines
from slm_energy.tariff.table import Progressive

__all__ = ["Bill", "Line", "bill"]


def bill(
    tariff_name: str,
    month: date,
    usage: Decimal | int | float | Metered,
    folder: Path | None = None,
    as_of: date | None = None,
) -> Bill:
    """Return the bill of a calendar month.

    Args:
        tariff_name: id or title.
        month: its first day; periods between two readings are not computed.
        usage: kWh of the month for a residential tariff, what was metered for a time-of-use one.
        folder: of a user's tables.
        as_of: a day whose tables price the whole month (time-of-use only); season, day types and hours stay
            those of the month itself.

    Raises:
        UserError: an unknown tariff, a day without table, use of the wrong kind or of another month.
    """
    book = read_book(folder)
    id_ = id_of(book, tariff_name)
    tariff = with_id(book, id_, as_of or first_of_month(month))
    if isinstance(tariff, Progressive):
        if isinstance(usage, Metered) or as_of:
            raise UserError(f"{id_!r} is billed by the kWh of a month", expected="kWh, and no other date")
        lines, notes = residential_lines(book, id_, first_of_month(month), Decimal(str(usage)))
    else:
        if not isinstance(usage, Metered):
            raise UserError(f"{id_!r} is billed by hour and demand", expected="Metered use, step by step")
        lines, notes = hourly_lines(book, id_, first_of_month(month), usage, as_of)
    done = taxed(book, as_of or month, lines)
    return Bill(id_, tariff.title, month, done, done[-1].won, tuple(notes), as_of)
