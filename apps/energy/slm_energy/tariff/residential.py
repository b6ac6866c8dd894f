"""The lines of a residential bill. Where the tables change within the month, each counts by its days.

So KEPCO bills it (its example of April 2022: 200 kWh x 88.3 x 21/31 + 200 kWh x 93.2 x 10/31 + ..., cut).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_DOWN, Decimal
from itertools import groupby

from slm_core.errors import UserError
from slm_energy.tariff.days import next_month, season_in
from slm_energy.tariff.finding import progressive, with_id
from slm_energy.tariff.lines import Line, cut, number
from slm_energy.tariff.prices import per_kwh, steps_of
from slm_energy.tariff.reading import Book
from slm_energy.tariff.table import Deduction, Progressive, Title

NOT_APPLIED = Title(
    ko="적용하지 않음: 복지할인(장애인·유공자·기초생활·차상위), "
    "대가족·3자녀·출산·생명유지장치 할인, 200 kWh 이하 감액, 취약계층 요금 동결, 에너지캐시백, "
    "자동이체 할인, TV 수신료, 비주거용, 아파트 공동설비",
    en="not applied: welfare discounts (disability, merit, basic living, near poor), discounts for large "
    "families, three children, a birth and life support, the cut up to 200 kWh, the freeze for the "
    "vulnerable, cashback, the direct debit discount, the TV fee, non-residential use, shared "
    "installations of flats",
)


@dataclass(frozen=True)
class _Span:
    """Days of the month in which the same tables hold."""

    tariff: Progressive
    climate: Decimal
    fuel: Decimal
    days: int


def residential_lines(book: Book, id_: str, month: date, used: Decimal) -> tuple[list[Line], list[Title]]:
    """Return the lines before tax and the notes.

    Args:
        used: kWh of the month; KEPCO bills whole ones, so a fraction is cut.

    Raises:
        UserError: less than nothing was used, or a day of the month has no table.
    """
    if not used.is_finite() or used < 0:
        raise UserError(f"a use of {used} kWh", expected="kWh of the month, zero or more")
    kwh = int(used.to_integral_value(ROUND_DOWN))
    spans = _spans(book, id_, month)
    when = season_in(book, spans[0].tariff, month)
    lines = _charges(book, spans, when, kwh, month)
    notes = [NOT_APPLIED]
    if kwh != used:
        notes.append(
            Title(ko=f"{used} kWh 중 {kwh} kWh만 계산", en=f"of {used} kWh the whole {kwh} are billed")
        )
    deduction = _deduction(book, spans[0].tariff, month)
    if deduction:
        lines += _deducted(book, deduction, kwh, sum(line.won for line in lines))
    elif spans[0].tariff.deduction:
        notes.append(_deduction_ended(book, spans[0].tariff))
    return lines + _minimum(book, spans[0].tariff, sum(line.won for line in lines)), notes


def _spans(book: Book, id_: str, month: date) -> list[_Span]:
    days = [month + timedelta(days=count) for count in range((next_month(month) - month).days)]

    def tables(day: date) -> tuple[Progressive, Decimal, Decimal]:
        return (
            progressive(with_id(book, id_, day)),
            per_kwh(book, "climate", day),
            per_kwh(book, "fuel", day),
        )

    return [_Span(*key, days=len(list(group))) for key, group in groupby(days, key=tables)]


def _charges(book: Book, spans: list[_Span], when: str, kwh: int, month: date) -> list[Line]:
    found = []
    for key, title in (
        ("base", Title(ko="기본요금", en="Base charge")),
        ("energy", Title(ko="전력량요금", en="Energy charge")),
        ("climate", Title(ko="기후환경요금", en="Climate charge")),
        ("fuel", Title(ko="연료비조정액", en="Fuel adjustment")),
    ):
        terms = [_terms(span, key, when, kwh) for span in spans]
        days = sum(span.days for span in spans)
        won = sum((amount * span.days for span, (amount, _) in zip(spans, terms, strict=True)), Decimal(0))
        texts = [
            text if len(spans) == 1 else f"({text}) × {span.days}/{days}"
            for span, (_, text) in zip(spans, terms, strict=True)
        ]
        basis = " + ".join(texts)
        source = spans[-1].tariff.source if key in ("base", "energy") else _charge_source(book, key, month)
        both_ways = Title(ko=basis.replace("step", "단계"), en=basis)
        found.append(Line(key, title, cut(won / days), both_ways, book.source(source)))
    return found


def _terms(span: _Span, key: str, when: str, kwh: int) -> tuple[Decimal, str]:
    """Return what a whole month of these tables would cost, and how."""
    steps = steps_of(span.tariff, when, kwh)
    if key == "base":
        won = span.tariff.base[len(steps) - 1]
        return won, f"step {len(steps)}: {number(won)}"
    if key == "energy":
        text = " + ".join(f"{part} kWh × {number(price)}" for part, price in steps)
        return sum((part * price for part, price in steps), Decimal(0)), text
    price = span.climate if key == "climate" else span.fuel
    return kwh * price, f"{kwh} kWh × {number(price)}"


def _charge_source(book: Book, key: str, month: date) -> str:
    last = next_month(month) - timedelta(days=1)
    return book.standing(book.charges, key, last, "charge").source


def _deduction(book: Book, tariff: Progressive, month: date) -> Deduction | None:
    return next(
        (each for each in book.deductions if each.id == tariff.deduction and each.stands(month)), None
    )


def _deducted(book: Book, rule: Deduction, kwh: int, before: int) -> list[Line]:
    won = max(Decimal(0), min(rule.at_most, before - rule.leaves)) if kwh <= rule.up_to_kwh else Decimal(0)
    if not won:
        return []
    basis = Title(
        ko=f"{rule.up_to_kwh} kWh 이하, {number(rule.at_most)}원 한도, {number(rule.leaves)}원은 남김",
        en=f"up to {rule.up_to_kwh} kWh, at most {number(rule.at_most)}, {number(rule.leaves)} remain",
    )
    return [Line("deduction", rule.title, -cut(won), basis, book.source(rule.source))]


def _deduction_ended(book: Book, tariff: Progressive) -> Title:
    last = max(
        (each for each in book.deductions if each.id == tariff.deduction), key=lambda each: each.valid_to
    )
    return Title(
        ko=f"{last.title.ko}는 {last.valid_to}까지: 일반 가구에는 없음",
        en=f"{last.title.en} held to {last.valid_to}: none for general households",
    )


def _minimum(book: Book, tariff: Progressive, before: int) -> list[Line]:
    short = tariff.minimum - before
    if short <= 0:
        return []
    least = number(tariff.minimum)
    basis = Title(ko=f"월간 최저요금 {least}원까지", en=f"up to the least sum of {least} a month")
    return [
        Line(
            "minimum",
            Title(ko="최저요금", en="Minimum charge"),
            cut(short),
            basis,
            book.source(tariff.source),
        )
    ]
