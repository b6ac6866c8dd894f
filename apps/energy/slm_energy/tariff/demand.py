"""The demand that sets the base charge (요금적용전력), and what a running month will make of it.

KEPCO terms, article 68 (1): of the twelve months to the month billed, the highest 15-minute demand of
December, January, February, July, August, September and of the month itself, at least 30 % of the contract
power. Annex 3, proviso 2: only peaks of mid and peak hours count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from slm_core.errors import UserError
from slm_energy.tariff.days import first_of_month
from slm_energy.tariff.finding import in_book, time_of_use
from slm_energy.tariff.lines import number
from slm_energy.tariff.reading import Book, read_book
from slm_energy.tariff.table import DemandRule, Language, Title

Kw = Decimal | float | int
DEFAULT_RULE = "kepco-68"


@dataclass(frozen=True)
class BillingDemand:
    """The demand a month is billed for.

    Args:
        month: that is billed.
        kw: the demand.
        set_by: month whose peak it is; None where the floor of the contract power is higher.
        floor_kw: that floor; None where no contract power was given.
        missing: months that count and for which no peak was given.
        holds_to: last month for which this month's own peak will count.
        source: of the rule.
    """

    month: date
    kw: Decimal
    set_by: date | None
    floor_kw: Decimal | None
    missing: tuple[date, ...]
    holds_to: date
    source: Title

    def text(self, lang: Language) -> str:
        """Say it with what set it, and what was not known."""
        month = f"{self.month:%Y-%m}"
        if lang == "ko":
            why = f"{self.set_by:%Y-%m} 최대수요" if self.set_by else "계약전력 하한"
            said = f"{month} 요금적용전력 {number(self.kw)} kW ({why}), "
            said += f"이 달의 최대수요는 {self.holds_to:%Y-%m}까지 반영"
            lacks = f"; 최대수요를 모르는 달 {len(self.missing)}개: " if self.missing else ""
            none = "" if self.floor_kw is not None else "; 계약전력이 없어 하한을 적용하지 않음"
        else:
            why = f"peak of {self.set_by:%Y-%m}" if self.set_by else "floor of the contract power"
            said = f"billing demand of {month}: {number(self.kw)} kW ({why}); "
            said += f"this month's peak counts to {self.holds_to:%Y-%m}"
            lacks = f"; {len(self.missing)} months without a known peak: " if self.missing else ""
            none = "" if self.floor_kw is not None else "; no contract power given, so no floor applied"
        return said + lacks + ", ".join(f"{each:%Y-%m}" for each in self.missing) + none


def billing_demand(
    peaks_by_month: Mapping[date, Kw], contract_kw: Kw | None, month: date, folder: Path | None = None
) -> BillingDemand:
    """Return the demand that `month` is billed for.

    Args:
        peaks_by_month: first day of a month to its highest 15-minute demand in mid and peak hours, kW; the
            billed month itself must be among them.
        contract_kw: contract power; None leaves the floor out, and the result says so.
        month: first day of the month billed.
        folder: of a user's tables.

    Raises:
        UserError: no peak of the month itself, a negative one, or no rule known for the month.
    """
    return demand_in(read_book(folder), DEFAULT_RULE, peaks_by_month, contract_kw, month, month)


def demand_in(
    book: Book, rule_id: str, peaks: Mapping[date, Kw], contract_kw: Kw | None, month: date, as_of: date
) -> BillingDemand:
    """Return the demand of `month` by the rule that holds on `as_of`; see `billing_demand`."""
    rule = book.standing(book.demand_rules, rule_id, as_of, "demand rule")
    known = {first_of_month(each): _kw(value, f"peak of {each:%Y-%m}") for each, value in peaks.items()}
    if first_of_month(month) not in known:
        raise UserError(f"no peak of {month:%Y-%m} itself is given", expected="kW of the month billed")
    counted = _counted(rule, month)
    highest = max((each for each in counted if each in known), key=lambda each: (known[each], each))
    floor = None if contract_kw is None else _kw(contract_kw, "contract power") * rule.floor
    lifted = floor is not None and floor > known[highest]
    return BillingDemand(
        month=month,
        kw=floor if floor is not None and lifted else known[highest],
        set_by=None if lifted else highest,
        floor_kw=floor,
        missing=tuple(each for each in counted if each not in known),
        holds_to=_back(month, 1 - rule.window) if month.month in rule.months else month,
        source=book.source(rule.source),
    )


@dataclass(frozen=True)
class RunningMonth:
    """A month that is not over: what it is billed for by now, and what the forecast makes of it.

    Args:
        so_far, expected: with the peak measured by now, and with the forecast one.
        room_kw: how much higher than the peak by now the month may still go before the base charge rises.
        won_per_kw: base charge of one kW and month.
    """

    so_far: BillingDemand
    expected: BillingDemand
    room_kw: Decimal
    won_per_kw: Decimal

    @property
    def rise_won(self) -> Decimal:
        """Base charge a month that the forecast adds, before VAT and fund."""
        return (self.expected.kw - self.so_far.kw) * self.won_per_kw

    def text(self, lang: Language) -> str:
        """Say both, and the room in between."""
        if lang == "ko":
            return (
                f"현재: {self.so_far.text(lang)}\n예상: {self.expected.text(lang)}\n"
                f"여유 {number(self.room_kw)} kW, "
                f"예상 증가 기본요금 월 {self.rise_won:,.0f}원 (부가세·기금 별도)"
            )
        return (
            f"now: {self.so_far.text(lang)}\nforecast: {self.expected.text(lang)}\n"
            f"room {number(self.room_kw)} kW; "
            f"the forecast adds {self.rise_won:,.0f} won a month of base charge, before tax"
        )


def running_month(
    tariff_name: str,
    month: date,
    measured_kw: Kw,
    forecast_kw: Kw,
    peaks_by_month: Mapping[date, Kw],
    contract_kw: Kw | None,
    folder: Path | None = None,
) -> RunningMonth:
    """Return what a running month will be billed for.

    Args:
        tariff_name: of a time-of-use tariff.
        month: first day of the running month.
        measured_kw: highest 15-minute demand by now, in mid and peak hours.
        forecast_kw: highest one expected in the rest of the month.
        peaks_by_month: of the months before.
        contract_kw: contract power, or None.
        folder: of a user's tables.

    Raises:
        UserError: as for `billing_demand` and `find_tariff`.
    """
    book = read_book(folder)
    tariff = time_of_use(in_book(book, tariff_name, month))
    now, later = _kw(measured_kw, "measured peak"), _kw(forecast_kw, "forecast peak")
    at = [
        demand_in(book, tariff.demand_rule, {**peaks_by_month, month: kw}, contract_kw, month, month)
        for kw in (now, max(now, later))
    ]
    return RunningMonth(at[0], at[1], at[0].kw - now, tariff.demand_rate)


def _counted(rule: DemandRule, month: date) -> tuple[date, ...]:
    """Return the months whose peaks count: the one billed first, then those of the rule, newest first."""
    before = [_back(month, count) for count in range(1, rule.window)]
    return (month, *(each for each in before if each.month in rule.months))


def _back(month: date, count: int) -> date:
    number = month.year * 12 + month.month - 1 - count
    return date(number // 12, number % 12 + 1, 1)


def _kw(value: Kw, what: str) -> Decimal:
    number = Decimal(str(value))
    if not number.is_finite() or number < 0:
        raise UserError(f"{what} is {value}", expected="kW, zero or more")
    return number
