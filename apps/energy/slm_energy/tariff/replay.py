"""The same load under the tables of two days: what a reform does to a bill."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from slm_energy.tariff.bill import bill
from slm_energy.tariff.lines import Bill
from slm_energy.tariff.metered import Metered
from slm_energy.tariff.table import Language

ORDER = ("base", "energy", "discount", "climate", "fuel", "sum", "vat", "fund", "total")


@dataclass(frozen=True)
class Replay:
    """Two bills of one load; all that differs are the tables."""

    before: Bill
    after: Bill

    @property
    def difference(self) -> int:
        """Won that the later tables cost more (below zero: less)."""
        return self.after.total - self.before.total

    def text(self, lang: Language) -> str:
        """Return both bills line by line, and the difference."""
        won = "원" if lang == "ko" else " won"
        present = {line.key for each in (self.before, self.after) for line in each.lines}
        keys = [key for key in ORDER if key in present]
        titles = {line.key: line.title for each in (self.before, self.after) for line in each.lines}
        rows = [
            f"- {titles[key].said(lang)}: {self.before.won(key):,} -> {self.after.won(key):,}{won}"
            f" ({self.after.won(key) - self.before.won(key):+,})"
            for key in keys
        ]
        days = f"{self.before.as_of} -> {self.after.as_of}"
        head = f"{self.before.title.said(lang)}, {self.before.month:%Y-%m}: {days}"
        return "\n".join([head, *rows, "", self.before.text(lang), "", self.after.text(lang)])


def replay(tariff_name: str, metered: Metered, days: tuple[date, date], folder: Path | None = None) -> Replay:
    """Return the bills of one month of load by the tables of two days.

    The load keeps its own calendar: season, weekdays and holidays are those of its month. Rates, band hours,
    discounts, charges and taxes are those of each day.

    Raises:
        UserError: as for `bill`.
    """
    first, second = (bill(tariff_name, metered.month, metered, folder, as_of=day) for day in days)
    return Replay(first, second)
