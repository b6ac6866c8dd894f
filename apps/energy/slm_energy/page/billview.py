"""How a tariff, a bill, a reform and the days that are over are shown."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from html import escape
from itertools import groupby

from slm_core.errors import SlmError, UserError
from slm_energy.page.month import Month
from slm_energy.page.room import Snapshot
from slm_energy.page.shown import empty, fault, heading, listed, quiet, section, table
from slm_energy.page.words import Words
from slm_energy.tariff import Bill, Price, Progressive, Replay, bill, day_type, prices, running_month
from slm_energy.tariff.days import KOREA
from slm_energy.tariff.reading import read_book
from slm_energy.tariff.replay import ORDER
from slm_energy.tariff.table import BANDS, Tariff, TimeOfUse

MOST_DAYS = 31


def tariff_view(tariff: Tariff, day: date, words: Words) -> str:
    """Return what a tariff says on a day: how long it holds, prices, hours of the bands, source."""
    holds = words["holds"].format(first=tariff.valid_from, last=tariff.valid_to)
    parts = [heading(tariff.title.said(words.lang)), f'<p class="slm-ready">{escape(holds)}</p>']
    parts += _steps(tariff, words) if isinstance(tariff, Progressive) else _hours(tariff, day, words)
    return section(*parts, quiet(f"{words['source']}: {read_book().source(tariff.source).said(words.lang)}"))


def _hours(tariff: TimeOfUse, day: date, words: Words) -> list[str]:
    rates = [
        (words.of("season", season), *(f"{by_band[band]:,}" for band in BANDS))
        for season, by_band in tariff.energy.items()
    ]
    header = (words["season_of"], *(words.of("band", band) for band in BANDS))
    base = words["demand_rate"].format(won=f"{tariff.demand_rate:,}")
    parts = [quiet(f"{base} · {words['energy_rate']}"), table(header, rates)]
    start = datetime.combine(day, time(0), KOREA)
    try:
        found = prices(tariff.id, [start + timedelta(hours=hour) for hour in range(24)])
    except SlmError as error:  # a season whose hours nobody has published
        return [*parts, fault(error, words.lang)]
    kind = words.of("day_type", day_type(day))
    title = words["hours_of_day"].format(day=day, kind=kind)
    return [*parts, heading(title), _strip(found, words), _by_band(found, words)]


def _strip(found: tuple[Price, ...], words: Words) -> str:
    """The day as a strip of 24 hours, each with its hour and a pattern besides its colour."""
    cells = "".join(
        f'<i class="slm-band-{price.band}" title="{escape(words.of("band", price.band))}">{hour}</i>'
        for hour, price in enumerate(found)
    )
    return f'<div class="slm-strip" aria-hidden="true">{cells}</div>'


def _by_band(found: tuple[Price, ...], words: Words) -> str:
    rows = []
    numbered = sorted(
        enumerate(found), key=lambda each: (BANDS.index(each[1].band), -each[1].won_per_kwh, each[0])
    )
    for (band, won), hours in groupby(numbered, key=lambda each: (each[1].band, each[1].won_per_kwh)):
        rows.append((words.of("band", band), _spans([hour for hour, _ in hours]), f"{won:,}"))
    return table((words["band_of"], words["hours"], words["all_in"]), rows, 2)


def _spans(hours: list[int]) -> str:
    spans: list[list[int]] = []
    for hour in hours:
        if spans and spans[-1][1] == hour:
            spans[-1][1] = hour + 1
        else:
            spans.append([hour, hour + 1])
    return ", ".join(f"{first:02d}–{last:02d}" for first, last in spans)


def _steps(tariff: Progressive, words: Words) -> list[str]:
    rows = []
    for season, limits in tariff.limits.items():
        ends = [*(f"{limit:,}" for limit in limits), ""]
        for step, end in enumerate(ends):
            used = f"{ends[step - 1] if step else 0}–{end} kWh"
            rows.append(
                (words.of("season", season), used, f"{tariff.base[step]:,}", f"{tariff.energy[step]:,}")
            )
    header = tuple(words[name] for name in ("season_of", "step", "base_won", "energy_rate"))
    return [table(header, rows, 2)]


def month_view(name: str, tariff: Tariff, month: Month, snapshot: Snapshot, words: Words) -> str:
    """Return the bill of the month as far as it was metered, and what its demand will be billed for.

    Raises:
        SlmError: nothing was metered, or no table holds.
    """
    assert snapshot.site is not None
    first = month.bought.start.date().replace(day=1)
    if isinstance(tariff, Progressive):
        found = bill(name, first, round(month.kwh))
    else:
        found = bill(name, first, month.metered(snapshot.site.contract_kw, snapshot.peaks))
    title = words["bill_of"].format(month=f"{first:%Y-%m}", kwh=words.amount(month.kwh, "kWh"))
    demand = "" if isinstance(tariff, Progressive) else _demand(name, first, snapshot, words)
    return section(heading(title), _basis(month, words), _lines(found, words), demand)


def _basis(month: Month, words: Words) -> str:
    told = words["metered_from"].format(
        first=words.clock(month.bought.start), last=words.clock(month.bought.end)
    )
    if month.missing:
        told += " " + words["steps_missing"].format(n=month.missing)
    return quiet(told)


def _lines(found: Bill, words: Words) -> str:
    rows = [
        (line.title.said(words.lang), line.basis.said(words.lang), words.amount(line.won, "원"))
        for line in found.lines
    ]
    notes = listed(each.said(words.lang) for each in found.notes)
    told = dict.fromkeys(line.source for line in found.lines if line.source)
    sources = listed(each.said(words.lang) for each in told)
    folded = f"<details><summary>{escape(words['sources'])}</summary>{sources}</details>"
    return table((words["line"], words["basis"], words["amount"]), rows, 2, total=True) + notes + folded


def _demand(name: str, first: date, snapshot: Snapshot, words: Words) -> str:
    """What the peak by now and the plan's make of the demand that is billed."""
    assert snapshot.site is not None
    now = snapshot.peaks.get(first, 0.0)
    plan = snapshot.plan
    ahead = plan.cost.peak_kw if plan is not None and plan.cost is not None else now
    earlier = {each: kw for each, kw in snapshot.peaks.items() if each < first}
    try:
        found = running_month(name, first, now, max(now, ahead), earlier, snapshot.site.contract_kw)
    except SlmError as error:
        return fault(error, words.lang)
    return heading(words["demand"]) + listed(found.text(words.lang).split("\n"))


def replay_view(found: Replay, month: Month, words: Words) -> str:
    """Return two bills of one load side by side; only the tables differ."""
    titles = {line.key: line.title for each in (found.before, found.after) for line in each.lines}
    rows = [
        (
            titles[key].said(words.lang),
            words.amount(found.before.won(key), "원"),
            words.amount(found.after.won(key), "원"),
            words.amount(found.after.won(key) - found.before.won(key), "원", signed=True),
        )
        for key in ORDER
        if key in titles
    ]
    header = (words["line"], f"{found.before.as_of}", f"{found.after.as_of}", words["difference"])
    same = quiet(words["same_tables"]) if not found.difference else ""
    return section(
        heading(words["replay_of"].format(title=found.before.title.said(words.lang))),
        _basis(month, words),
        table(header, rows, total=True),
        same,
        quiet(words["replay_note"]),
    )


def account_list(snapshot: Snapshot, words: Words) -> str:
    """Return the days that are over: as they were run beside the same days without planning."""
    site, days = snapshot.site, snapshot.accounts[-MOST_DAYS:]
    if site is None or not days:
        return section(heading(words["accounts"]), empty(words["no_accounts"]))
    money = site.currency
    rows = [
        (
            f"{each.day}",
            words.amount(each.cost_before, money),
            words.amount(each.cost, money),
            words.amount(each.cost - each.cost_before, money, signed=True),
            f"{each.peak_before_kw:.1f} → {each.peak_kw:.1f}",
        )
        for each in reversed(days)
    ]
    header = tuple(words[name] for name in ("day", "before", "as_run", "difference", "peak_kw_of"))
    return section(heading(words["accounts"]), table(header, rows), quiet(words["accounts_note"]))


def required(value: str | None, words: Words) -> str:
    """Return the tariff that was chosen.

    Raises:
        UserError: none was.
    """
    if not value:
        raise UserError(words["choose_tariff"])
    return value
