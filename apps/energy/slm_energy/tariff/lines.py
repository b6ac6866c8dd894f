"""A bill: its lines, KEPCO's rounding, and how it reads.

The rounding is that of KEPCO's bill calculator (PRM033D00, PRM004D00): base, energy, climate and fuel charge
are cut to whole won each; VAT is rounded to the won, halves up; fund and total are cut to tens of won.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

from slm_energy.tariff.reading import Book
from slm_energy.tariff.table import Language, Title

TEN = Decimal(10)


@dataclass(frozen=True)
class Line:
    """One line of a bill.

    Args:
        key: what it is: base, energy, discount, climate, fuel, deduction, minimum, sum, vat, fund, total.
        won: amount, below zero where it is taken off.
        basis: the quantities it comes from.
        source: of the table behind it; None for sums.
    """

    key: str
    title: Title
    won: int
    basis: Title
    source: Title | None = None


@dataclass(frozen=True)
class Bill:
    """What one month costs.

    Args:
        tariff: id of it.
        month: first day.
        lines: in the order of a printed bill; `sum` is the sum before tax.
        total: what is to pay, won.
        notes: what the bill leaves out or rests on.
        as_of: day whose tables were used, where that was asked for.
    """

    tariff: str
    title: Title
    month: date
    lines: tuple[Line, ...]
    total: int
    notes: tuple[Title, ...]
    as_of: date | None = None

    def won(self, key: str) -> int:
        """Return the amount of a line; 0 where the bill has no such line."""
        return sum(line.won for line in self.lines if line.key == key)

    def text(self, lang: Language) -> str:
        """Return the bill as it is read: lines with their quantities, what is left out, sources."""
        words = {"ko": ("요금표 기준일", "원", "참고", "출처"), "en": ("tables of", " won", "Note", "Source")}
        of, won, note, source = words[lang]
        head = f"{self.title.said(lang)}, {self.month:%Y-%m}" + (
            f" ({of} {self.as_of})" if self.as_of else ""
        )
        rows = [f"- {line.title.said(lang)}: {line.won:,}{won}" + _of(line, lang) for line in self.lines]
        notes = [f"{note}: {each.said(lang)}" for each in self.notes]
        told = dict.fromkeys(line.source for line in self.lines if line.source)
        sources = [f"{source}: {each.said(lang)}" for each in told]
        return "\n".join([head, *rows, *notes, *sources])


def _of(line: Line, lang: Language) -> str:
    basis = line.basis.said(lang)
    return f" = {basis}" if basis else ""


def cut(won: Decimal) -> int:
    """Cut to whole won."""
    return int(won.to_integral_value(ROUND_DOWN))


def cut_tens(won: Decimal) -> int:
    """Cut to tens of won."""
    return int((won / TEN).to_integral_value(ROUND_DOWN) * TEN)


def half_up(won: Decimal) -> int:
    """Round to the won, halves up."""
    return int(won.to_integral_value(ROUND_HALF_UP))


def number(value: Decimal | int) -> str:
    """Write a quantity without needless zeros: 1,234.5."""
    value = Decimal(value)
    return f"{value:,.0f}" if value == value.to_integral_value() else f"{value.normalize():,f}"


def both(text: str) -> Title:
    """Say the same in both languages: for formulas."""
    return Title(ko=text, en=text)


def taxed(book: Book, day: date, lines: list[Line]) -> tuple[Line, ...]:
    """Return the lines with sum, VAT, fund and total, by the shares that hold on `day`."""
    before = sum(line.won for line in lines)
    vat, fund = (book.standing(book.charges, id_, day, "charge") for id_ in ("vat", "fund"))
    vat_won, fund_won = half_up(before * vat.share), cut_tens(before * fund.share)
    return (
        *lines,
        Line("sum", Title(ko="전기요금계", en="Sum before tax"), before, both("")),
        Line(
            "vat",
            Title(ko="부가가치세", en="VAT"),
            vat_won,
            Title(
                ko=f"{before:,} × {number(vat.share * 100)} % (원 미만 반올림)",
                en=f"{before:,} × {number(vat.share * 100)} %, halves up",
            ),
            book.source(vat.source),
        ),
        Line(
            "fund",
            Title(ko="전력산업기반기금", en="Electricity industry fund"),
            fund_won,
            Title(
                ko=f"{before:,} × {number(fund.share * 100)} % (10원 미만 절사)",
                en=f"{before:,} × {number(fund.share * 100)} %, cut to tens",
            ),
            book.source(fund.source),
        ),
        Line(
            "total",
            Title(ko="청구금액", en="To pay"),
            cut_tens(Decimal(before + vat_won + fund_won)),
            Title(ko="10원 미만 절사", en="cut to tens"),
        ),
    )
