"""Which tariff a name and a day mean. A day without a table is refused, never guessed."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from slm_core.errors import UserError, nearest
from slm_energy.tariff.reading import Book, read_book
from slm_energy.tariff.table import Progressive, Tariff, TimeOfUse


def tariff_names(folder: Path | None = None) -> tuple[str, ...]:
    """Return the ids of all tariffs, in order."""
    return tuple(sorted({each.id for each in read_book(folder).tariffs}))


def find_tariff(name: str, day: date, folder: Path | None = None) -> Tariff:
    """Return the table of a tariff that holds on a day.

    Args:
        name: id such as `general-b-hv-a-1`, or the Korean or English title.
        day: any day, in Korean time.
        folder: more tables, as `*.toml` of the same form.

    Raises:
        UserError: no tariff of that name (the nearest is named), or none for the day (its days are named).
    """
    return in_book(read_book(folder), name, day)


def in_book(book: Book, name: str, day: date) -> Tariff:
    """Return the table of `name` that holds on `day`; see `find_tariff`."""
    return with_id(book, id_of(book, name), day)


def with_id(book: Book, id_: str, day: date) -> Tariff:
    """Return the table of the tariff with that id that holds on `day`; see `find_tariff`."""
    return book.standing(book.tariffs, id_, day, "tariff")


def id_of(book: Book, name: str) -> str:
    """Return the id that a name or title means.

    Raises:
        UserError: nothing is called so.
    """
    wanted = _plain(name)
    names = {_plain(known): each.id for each in book.tariffs for known in (each.title.ko, each.title.en)}
    # Ids last: they are exact, and the twins of a deferral share a title with the tariff itself.
    names |= {_plain(each.title.ko): each.id for each in book.tariffs if not each.id.endswith("-deferred")}
    names |= {_plain(each.title.en): each.id for each in book.tariffs if not each.id.endswith("-deferred")}
    names |= {_plain(each.id): each.id for each in book.tariffs}
    if wanted not in names:
        near = nearest(wanted, names)
        raise UserError(
            f"no tariff is called {name!r}",
            expected="one of " + ", ".join(sorted(set(names.values()))),
            mend=f"did you mean {names[near[0]]}?" if near else None,
        )
    return names[wanted]


def time_of_use(tariff: Tariff) -> TimeOfUse:
    """Return the tariff, or refuse it where hours have no prices of their own.

    Raises:
        UserError: it is a residential one.
    """
    if isinstance(tariff, Progressive):
        raise UserError(
            f"{tariff.id!r} has no price by the hour: a kWh costs what the step of the month says",
            mend="use marginal_price for a residential tariff",
        )
    return tariff


def progressive(tariff: Tariff) -> Progressive:
    """Return the tariff, or refuse one that is billed by the hour.

    Raises:
        UserError: it is a time-of-use one.
    """
    if isinstance(tariff, TimeOfUse):
        raise UserError(
            f"{tariff.id!r} has no steps: a kWh costs what its hour says", mend="use prices for such a tariff"
        )
    return tariff


def _plain(name: str) -> str:
    return "".join(name.casefold().split()).translate(str.maketrans("ⅰⅱⅲ", "123"))
