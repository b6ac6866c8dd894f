"""Where each number of a saving comes from: its formula, the rows of the file, the source of the method."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from slm_energy.said import Said
from slm_energy.saving.measuring import CONFIDENCE, Period, Saving

_G14 = "ASHRAE Guideline 14-2014"
_IPMVP = "IPMVP Core Concepts 2022, Option C"


@dataclass(frozen=True)
class Number:
    """One number: its id, what it is, its value and unit, and by what it can be found again."""

    id: str
    name: Said
    value: str
    unit: str
    formula: str
    source: str


def numbers(saving: Saving) -> tuple[Number, ...]:
    """Return every number that a report of the saving says, in the order of its sentences."""
    found = [*_energy(saving), *_money(saving), *_model(saving)]
    return tuple(Number(f"N{n}", *rest) for n, rest in enumerate(found, 1))


_Row = tuple[Said, str, str, str, str]


def _energy(saving: Saving) -> Iterator[_Row]:
    load = saving.sources[0]
    model = saving.baseline
    yield (
        Said("보고 기간 사용량", "metered energy of the reporting period"),
        f"{saving.metered_kwh:,.0f}", "kWh", "Σ kWh(day)", f"{load}: {_rows(saving.after)}",
    )  # fmt: skip
    yield (
        Said("보정 기준 사용량", "adjusted baseline"),
        f"{saving.adjusted_kwh:,.0f}", "kWh", _equation(saving), f"{_IPMVP}; {', '.join(saving.sources)}",
    )  # fmt: skip
    yield (
        Said("절감량", "saving"), f"{saving.saved_kwh:,.0f}", "kWh", "N2 - N1", _IPMVP,
    )  # fmt: skip
    yield (
        Said("절감률", "saving as a share"), f"{saving.share:.1%}".rstrip("%"), "%", "N3 / N2", _IPMVP,
    )  # fmt: skip
    yield (
        Said("절감량 불확도", "uncertainty of the saving"),
        f"{saving.half_kwh:,.0f}",
        "kWh",
        f"t({CONFIDENCE:.0%}) · 1.26 · CV · √(n/n′ · (1+2/n′) / m) · N2, "
        f"n={model.days}, r={model.correlation:.2f}, m={len(saving.after.days)}",
        f"{_G14}, Annex B",
    )


def _money(saving: Saving) -> Iterator[_Row]:
    if saving.money is None or saving.half_money is None or saving.price is None:
        return
    price = f"{saving.price:g} {saving.currency}/kWh"
    unit = saving.currency
    yield (
        Said("절감 금액", "money saved"), f"{saving.money:,.0f}", unit, f"N3 · {price}", "price",
    )  # fmt: skip
    yield (
        Said("절감 금액 불확도", "uncertainty of the money"),
        f"{saving.half_money:,.0f}", unit, f"N5 · {price}", "price",
    )  # fmt: skip


def _model(saving: Saving) -> Iterator[_Row]:
    model = saving.baseline
    rows = f"{saving.sources[0]}: {_rows(saving.before)}"
    yield (
        Said("기준 기간 일수", "days of the baseline"), f"{model.days}", "d", "", rows,
    )  # fmt: skip
    yield (
        Said("보고 기간 일수", "days reported"),
        f"{len(saving.after.days)}", "d", "", f"{saving.sources[0]}: {_rows(saving.after)}",
    )  # fmt: skip
    for check, formula in zip(
        saving.checks,
        (
            f"√(Σe² / (n - p)) / mean, n={model.days}, p={model.parameters}",
            "Σe / (n - p) / mean",
            "t(68%) · 1.26 · CV · √(…) / share",
        ),
        strict=True,
    ):
        yield check.name, f"{check.value:.1%}".rstrip("%"), "%", formula, f"{_G14}; {rows}"


def _equation(saving: Saving) -> str:
    model = saving.baseline
    terms = [f"{model.base:.1f}"]
    if model.off:
        terms.append(f"{model.off:+.1f}·off")
    if model.heat_below is not None:
        terms.append(f"{model.heat:+.2f}·max(0, {model.heat_below:.1f} - T)")
    if model.cool_above is not None:
        terms.append(f"{model.cool:+.2f}·max(0, T - {model.cool_above:.1f})")
    return f"Σ({' '.join(terms)}) [{model.form}]"


def _rows(period: Period) -> str:
    if not period.first_line:
        return f"{period.start} – {period.end}"
    return f"{period.first_line}–{period.last_line} ({period.start} – {period.end})"
