"""The lines of a time-of-use bill: base charge on the billing demand, energy by band, discounts of hours."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby

from slm_core.errors import UserError
from slm_energy.tariff.days import local, next_month
from slm_energy.tariff.demand import BillingDemand, demand_in
from slm_energy.tariff.finding import time_of_use, with_id
from slm_energy.tariff.lines import Line, both, cut, number
from slm_energy.tariff.metered import QUARTER, Metered
from slm_energy.tariff.prices import Price, prices_of_day
from slm_energy.tariff.reading import Book
from slm_energy.tariff.table import BANDS, Language, TimeOfUse, Title

BAND_TITLES = {
    "off": Title(ko="경부하", en="off-peak"),
    "mid": Title(ko="중간부하", en="mid-peak"),
    "peak": Title(ko="최대부하", en="on-peak"),
}
NOT_APPLIED = Title(
    ko="적용하지 않음: 역률요금(약관 제43조), 초과사용부가금(제67조의3), 복지·특례할인, 수요관리형 선택요금,"
    " 제주의 시간대",
    en="not applied: power factor (terms, article 43), the surcharge for exceeding the contract power (67-3),"
    " welfare and special discounts, demand-side options, the hours of Jeju",
)


@dataclass(frozen=True)
class _Span:
    """Days of the month in which the same table holds."""

    tariff: TimeOfUse
    days: int


@dataclass(frozen=True)
class _Use:
    """Energy at one price."""

    price: Price
    kwh: Decimal


def hourly_lines(
    book: Book, id_: str, month: date, metered: Metered, as_of: date | None
) -> tuple[list[Line], list[Title]]:
    """Return the lines before tax and the notes.

    Args:
        as_of: a day whose tables price the whole month; None prices each day by its own.

    Raises:
        UserError: the use is of another month, or a table is lacking.
    """
    if metered.month != month:
        raise UserError(f"the use is of {metered.month:%Y-%m}", expected=f"use of {month:%Y-%m}")
    spans = _spans(book, id_, month, as_of)
    rule = spans[0].tariff.demand_rule
    uses, peak = _priced(book, id_, metered, rule, as_of)
    demand = demand_in(book, rule, {**metered.peaks, month: peak}, metered.contract_kw, month, as_of or month)
    lines = [
        _base(book, spans, demand),
        _energy(book, spans, uses),
        *_discounts(book, spans, uses),
        *(_per_kwh(book, key, uses, as_of or month) for key in ("climate", "fuel")),
    ]
    return lines, _notes(metered, demand, peak)


def _spans(book: Book, id_: str, month: date, as_of: date | None) -> list[_Span]:
    days = [month + timedelta(days=count) for count in range((next_month(month) - month).days)]
    tables = groupby(time_of_use(with_id(book, id_, as_of or day)) for day in days)
    return [_Span(tariff, len(list(same))) for tariff, same in tables]


def _sources(book: Book, keys: Iterable[str]) -> Title:
    found = [book.source(key) for key in dict.fromkeys(keys)]
    return Title(ko="; ".join(each.ko for each in found), en="; ".join(each.en for each in found))


def _base(book: Book, spans: list[_Span], demand: BillingDemand) -> Line:
    """Return the base charge; where its rate changes within the month, each counts by its days."""
    days = sum(span.days for span in spans)
    won = sum((span.tariff.demand_rate * span.days for span in spans), Decimal(0))
    rates = list(dict.fromkeys(span.tariff.demand_rate for span in spans))
    by_days = " + ".join(f"{number(span.tariff.demand_rate)} × {span.days}/{days}" for span in spans)
    text = number(rates[0]) if len(rates) == 1 else f"({by_days})"
    return Line(
        "base",
        Title(ko="기본요금", en="Base charge"),
        cut(demand.kw * won / days),
        Title(ko=f"{_kw(demand, 'ko')} × {text}", en=f"{_kw(demand, 'en')} × {text}"),
        _sources(book, (span.tariff.source for span in spans)),
    )


def _priced(
    book: Book, id_: str, metered: Metered, rule_id: str, as_of: date | None
) -> tuple[list[_Use], Decimal]:
    """Return the energy at each price, and the highest demand in the bands that count."""
    rule = book.standing(book.demand_rules, rule_id, as_of or metered.month, "demand rule")
    days: dict[date, tuple[Price, ...]] = {}
    sums: defaultdict[Price, Decimal] = defaultdict(Decimal)
    peak = Decimal(0)
    for time, kwh in ((local(time), kwh) for time, kwh in metered.steps):
        day = time.date()
        if day not in days:
            days[day] = prices_of_day(book, id_, day, as_of or day)
        price = days[day][time.hour]
        sums[price] += kwh
        if price.band in rule.bands:
            peak = max(peak, metered.kw(kwh))
    return [_Use(price, kwh) for price, kwh in sums.items()], peak


def _energy(book: Book, spans: list[_Span], uses: list[_Use]) -> Line:
    rates: defaultdict[tuple[str, Decimal], Decimal] = defaultdict(Decimal)
    for use in uses:
        rates[use.price.band, use.price.part("energy")] += use.kwh
    rows = sorted(rates.items(), key=lambda row: (BANDS.index(row[0][0]), row[0][1]))

    def said(lang: Language) -> str:
        return " + ".join(
            f"{BAND_TITLES[band].said(lang)} {number(kwh)} kWh × {number(won)}" for (band, won), kwh in rows
        )

    won = sum((kwh * price for (_, price), kwh in rows), Decimal(0))
    title = Title(ko="전력량요금", en="Energy charge")
    basis = Title(ko=said("ko"), en=said("en"))
    return Line("energy", title, cut(won), basis, _sources(book, (span.tariff.source for span in spans)))


def _discounts(book: Book, spans: list[_Span], uses: list[_Use]) -> list[Line]:
    off = [use for use in uses if use.price.part("discount")]
    if not off:
        return []
    names = {name for span in spans for name in span.tariff.discounts}
    rules = [each for each in book.discounts if each.id in names]
    won = sum((use.kwh * use.price.part("discount") for use in off), Decimal(0))
    basis = " + ".join(
        f"{number(use.kwh)} kWh × {number(use.price.part('discount'))}"
        for use in sorted(off, key=lambda use: use.price.part("discount"))
    )
    sources = _sources(book, (each.source for each in rules))
    titles = {each.id: each.title for each in rules}.values()
    title = Title(ko=" + ".join(each.ko for each in titles), en=" + ".join(each.en for each in titles))
    return [Line("discount", title, cut(won), both(basis), sources)]


def _per_kwh(book: Book, key: str, uses: list[_Use], day: date) -> Line:
    title = {
        "climate": Title(ko="기후환경요금", en="Climate charge"),
        "fuel": Title(ko="연료비조정액", en="Fuel adjustment"),
    }[key]
    rates: defaultdict[Decimal, Decimal] = defaultdict(Decimal)
    for use in uses:
        rates[use.price.part(key)] += use.kwh
    won = sum((kwh * price for price, kwh in rates.items()), Decimal(0))
    basis = " + ".join(f"{number(kwh)} kWh × {number(price)}" for price, kwh in rates.items())
    table = book.standing(book.charges, key, day, "charge")
    return Line(key, title, cut(won), both(basis), book.source(table.source))


def _kw(demand: BillingDemand, lang: Language) -> str:
    if demand.set_by is None:
        return (
            f"{number(demand.kw)} kW ({'계약전력 하한' if lang == 'ko' else 'floor of the contract power'})"
        )
    return f"{number(demand.kw)} kW ({demand.set_by:%Y-%m})"


def _notes(metered: Metered, demand: BillingDemand, peak: Decimal) -> list[Title]:
    notes = [NOT_APPLIED, Title(ko=demand.text("ko"), en=demand.text("en"))]
    if len(metered.steps) != metered.expected_steps:
        have, whole = len(metered.steps), metered.expected_steps
        notes.append(
            Title(
                ko=f"{whole}개 구간 중 {have}개만 계량됨: 한 달 전체의 요금이 아님",
                en=f"{have} of {whole} steps were metered: this is not the bill of the whole month",
            )
        )
    if metered.step > QUARTER:
        minutes = int(metered.step.total_seconds() // 60)
        notes.append(
            Title(
                ko=f"최대수요는 {minutes}분 평균: 15분 최대수요는 더 클 수 있음",
                en=f"the peak is a mean of {minutes} minutes: that of 15 minutes may be higher",
            )
        )
    if metered.contract_kw is not None and peak > Decimal(str(metered.contract_kw)):
        notes.append(
            Title(
                ko=f"최대수요 {number(peak)} kW가 계약전력 {metered.contract_kw} kW를 초과",
                en=f"the peak of {number(peak)} kW exceeds the contract power of {metered.contract_kw} kW",
            )
        )
    return notes
