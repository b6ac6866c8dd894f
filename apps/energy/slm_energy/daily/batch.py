"""`slm batch energy site.toml meter.csv ... OUT`: a day-ahead plan with what it costs before and after.

OUT gets `report.<lang>.md`, `.html` and `.pdf`, `plan.csv` (one row a step) and `findings.csv` (every fault
of every file with its row).
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from slm_core.dataset.source import Rejected
from slm_core.domain import Batch, BatchOptions
from slm_core.errors import CouldNot, SlmError, UserError
from slm_core.event import Scratch
from slm_energy.daily.report import document
from slm_energy.ems.book import METERED, Book
from slm_energy.ems.brief import amount
from slm_energy.ems.peaks import peaks_of_history
from slm_energy.ems.planning import ask
from slm_energy.meter.finding import Metered
from slm_energy.plan.comparing import compare, peaks
from slm_energy.plan.safe import failed
from slm_energy.plan.schedule import Schedule
from slm_energy.refusals import refused
from slm_energy.said import Said
from slm_energy.site import Site, read_site

_SITES = (".toml", ".json")
_METERS = (".csv", ".tsv", ".txt")
NO_COLUMN = "no file has a column of the load"


@dataclass(frozen=True)
class Day:
    """What came of the files: the readings by file and quantity, the plan or why there is none."""

    site: Site
    metered: tuple[tuple[str, str, Metered], ...]
    plan: Schedule | None
    notes: tuple[dict[str, str], ...]
    refused: Said | None = None


def batch(paths: Sequence[Path], options: BatchOptions) -> Batch:
    """Plan the day after the readings of the files.

    Raises:
        UserError: there is no site or no meter file among them, or one cannot be read.
    """
    sites, meters = _sorted(paths)
    if len(sites) != 1:
        named = ", ".join(str(path) for path in sites) or "none"
        raise UserError(f"one site is needed, given: {named}", expected="a site.toml (docs/energy.md)")
    if not meters:
        raise UserError("no meter file is given", expected="CSV files (docs/energy-data.md)")
    site = read_site(sites[0])
    rejected = list[Rejected]()
    metered = tuple(_read(meters, site, options, rejected))
    if not metered:
        raise UserError("no meter file could be read", where=rejected[0].where, expected=rejected[0].reason)
    day = _planned(site, metered)
    files: dict[str, bytes] = {"findings.csv": _findings(metered)}
    if day.plan is not None and day.plan.flows is not None:
        files["plan.csv"] = _steps(day.plan)
    for lang in options.languages:
        files |= _report(day, lang)
    rejected += [
        Rejected(f"{name}:{each.rows}", each.line("en"))
        for name, _, one in metered
        for each in one.findings
        if each.severity == "error"
    ]
    lines = tuple(_lines(day, options.languages[0]))
    fault = "" if "plan.csv" in files else "no plan was made; the report says why"
    return Batch(files, _summary(day), lines, tuple(rejected), fault)


def _sorted(paths: Iterable[Path]) -> tuple[list[Path], list[Path]]:
    """Return sites and meter files; of a folder those of its first floor."""
    sites, meters = [], []
    for path in paths:
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        for each in inside:
            if each.suffix.lower() in _SITES:
                sites.append(each)
            elif each.suffix.lower() in _METERS:
                meters.append(each)
            elif not path.is_dir():
                raise UserError(
                    "no site and no meter file", where=each, expected=", ".join((*_SITES, *_METERS))
                )
    return sites, meters


def _read(
    paths: Iterable[Path], site: Site, options: BatchOptions, rejected: list[Rejected]
) -> Iterator[tuple[str, str, Metered]]:
    """Yield what each file holds; one that cannot be read does not keep the others from it."""
    from slm_energy.meter.columns import read_meter_map
    from slm_energy.meter.reading import read_meters

    given = read_meter_map(options.map) if options.map else None
    for path in paths:
        try:
            found = read_meters(path, given, site=site)
        except UserError as error:
            rejected.append(Rejected(str(path), str(error).replace("\n", " ")))
            continue
        for quantity, metered in found.items():
            yield path.name, quantity, metered


def _planned(site: Site, metered: Sequence[tuple[str, str, Metered]]) -> Day:
    from slm_energy.meter.steps import resampled
    from slm_energy.plan.rolling import next_plan

    book, ends = Book(Scratch()), list[datetime]()
    book.learn(site)
    for name, quantity, one in metered:
        if quantity not in METERED:
            continue
        series = resampled(one.series, book.step)
        book.put_all(quantity, name, series.start, series.values)
        if quantity == "load":
            ends.append(series.end)
    if not ends:
        return Day(site, tuple(metered), None, (), refused(CouldNot(NO_COLUMN)))
    first = min(one.series.start for _, quantity, one in metered if quantity == "load")
    peaks_of_history(book, first, max(ends))
    try:
        asked = ask(book, book.floor(max(ends).astimezone(UTC)))
    except SlmError as error:
        return Day(site, tuple(metered), None, (), refused(error))
    return Day(site, tuple(metered), next_plan(asked.problem), tuple(dict(note) for note in asked.notes))


def _report(day: Day, lang: str) -> dict[str, bytes]:
    from slm_core.report.html import html
    from slm_core.report.markdown import markdown
    from slm_core.report.pdf import pdf

    made = document(day, lang)
    return {
        f"report.{lang}.md": markdown(made).encode(),
        f"report.{lang}.html": html(made).encode(),
        f"report.{lang}.pdf": pdf(made, "energy"),
    }


def _findings(metered: Sequence[tuple[str, str, Metered]]) -> bytes:
    rows = [
        (name, quantity, each.rows, each.code, each.severity, each.line("ko"), each.line("en"))
        for name, quantity, one in metered
        for each in one.findings
    ]
    return _csv(("file", "quantity", "rows", "code", "severity", "ko", "en"), rows)


def _steps(plan: Schedule) -> bytes:
    flows, problem = plan.flows, plan.problem
    assert flows is not None
    named = {"load_kw": problem.load, "pv_kw": problem.pv, f"price_{problem.price.unit}": problem.price}
    named |= {"buy_kw": flows.buy, "sell_kw": flows.sell, "charge_kw": flows.charge}
    named |= {"discharge_kw": flows.discharge, "soc_kwh": flows.soc}
    for kind in (flows.cars, flows.loads, flows.rooms):
        named |= {f"{name}_kw": each for name, each in kind.items()}
    named |= {f"{name}_C": each for name, each in flows.temperature.items()}
    values = zip(*(each.values for each in named.values()), strict=True)
    rows = ((at.isoformat(), *row) for at, row in zip(problem.load.times(), values, strict=True))
    return _csv(("start", *named), rows)


def _csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_plain(cell) for cell in row] for row in rows)
    return out.getvalue().encode("utf-8-sig")  # so that a spreadsheet shows Korean


def _plain(cell: Any) -> Any:
    """A text that a spreadsheet would take for a formula is marked as text."""
    if isinstance(cell, float):
        return round(cell, 4)
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in "=+-@" else cell


def _summary(day: Day) -> dict[str, Any]:
    plan = day.plan
    figures: dict[str, Any] = {
        "status": plan.status if plan else "none",
        "refused": day.refused.en if day.refused else "",
    }
    if plan is not None:
        figures |= {"cost_before": compare(plan).before, "peak_before_kw": plan.cost_before.peak_kw}
        figures |= {"seconds": round(plan.seconds, 3), "start": plan.problem.start.isoformat()}
    if plan is not None and plan.cost is not None:
        figures |= {"cost_after": compare(plan).after, "peak_after_kw": plan.cost.peak_kw}
    findings = sum(len(one.findings) for _, _, one in day.metered)
    return {**figures, "site": day.site.name, "currency": day.site.currency, "findings": findings}


def _lines(day: Day, lang: str) -> Iterator[str]:
    ko = lang == "ko"
    for name, quantity, one in day.metered:
        said = f"{one.used}/{one.rows}행" if ko else f"{one.used} of {one.rows} rows"
        yield f"{name}: {quantity}, {said}, {len(one.findings)} {'건의 지적' if ko else 'findings'}"
    counted = Counter(quantity for _, quantity, _ in day.metered)
    for quantity in (each for each, files in counted.items() if files > 1):
        several = f"{quantity}: 파일 {counted[quantity]}개를 더함"
        yield several if ko else f"{quantity}: {counted[quantity]} files are added up"
    plan = day.plan
    if plan is None:
        assert day.refused is not None
        yield f"{'계획 없음' if ko else 'no plan'}: {day.refused.of(lang)}"
    elif plan.cost is None:
        yield f"{'계획 없음' if ko else 'no plan'}: {failed(plan).of(lang)}"
    else:
        costs, money = compare(plan), day.site.currency
        first, then = costs.before - costs.demand_before, (costs.after or 0.0) - costs.demand_after
        yield f"{'비용' if ko else 'cost'}: {amount(first, money)} -> {amount(then, money)}"
        if costs.demand_before or costs.demand_after:
            said = "이달 기본요금 증가분" if ko else "rise of this month's demand charge"
            yield f"{said}: {amount(costs.demand_before, money)} -> {amount(costs.demand_after, money)}"
        most = peaks(plan)
        said = f"{most.before:.1f} -> {most.after:.1f} kW"
        yield f"{'최대' if ko else 'peak'}: {said} ({plan.seconds:.1f} s)"
